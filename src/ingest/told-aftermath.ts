import type { Scan } from '../catalog/catalog.ts';
import { codeOf, type ErrorCode, messageOf } from '../model/coded-error.ts';
import { lastNameOf } from '../model/name.ts';
import type { AssetNode, CollectionNode, Node } from '../model/node.ts';
import type { WriteEvent, WrittenEvent } from '../provider/provider.ts';
import type { Aftermath, AftermathOptions, Change } from './aftermath.ts';
import { type GivenNames, named } from './given-names.ts';
import { createLayout, type NamedEvent } from './layout.ts';
import type { ShownPlaces } from './shown-places.ts';

export interface ToldAftermathOptions extends AftermathOptions {
  readonly names: GivenNames;
  readonly shown: ShownPlaces;
  /** Called when it is not known what became of a write: only a scan helps. */
  readonly onMissed: () => void;
}

/** After these it is not certain what the source holds now, or it was something else than the catalog thought. */
const UNCERTAIN: readonly ErrorCode[] = ['unavailable', 'throttled', 'changed', 'corrupt', 'internal'];

interface Applying {
  readonly sourceId: number;
  readonly scan: Scan;
}

/** Takes the word of a source that cannot be looked at by path, and keeps the names it does not keep. */
export class ToldAftermath implements Aftermath {
  readonly paths = 'shown';
  /** A name is free or not by what the one before has taken. */
  readonly atOnce = 1;
  readonly #options: ToldAftermathOptions;

  constructor(options: ToldAftermathOptions) {
    this.#options = options;
  }

  async check(path: string, except?: string): Promise<void> {
    await this.#options.shown.checkName(path, except);
  }

  async follow({ told }: Change): Promise<void> {
    const { catalog, openScan, onApplied } = this.#options;
    const sourceId = await this.#options.sourceId();
    const scan = catalog.writer.beginScan(sourceId, openScan()?.scan);
    for (const event of told) await this.#apply(event, { sourceId, scan });
    await catalog.writer.settle(scan);
    onApplied();
  }

  async followFailure(change: Change, error: unknown): Promise<void> {
    const { logger, onMissed } = this.#options;
    let isMissed = UNCERTAIN.includes(codeOf(error));
    try {
      await this.follow(change);
    } catch (second) {
      logger.warn('what a write has changed could not be taken in', { reason: messageOf(second) });
      isMissed = true;
    }
    if (isMissed) onMissed();
  }

  async #apply(event: WriteEvent, to: Applying): Promise<void> {
    const { catalog, names, openScan, shown } = this.#options;
    const touched = openScan()?.refs;
    if (event.kind === 'collection') {
      touched?.noteCollection(event.ref);
      for (const each of await names.shown(event)) if (each.kind !== 'unchanged') await this.#place(each, to);
    } else if (event.kind === 'removed') {
      touched?.noteRemoved(event.ref);
      await catalog.writer.removeRef(to.sourceId, event.ref);
    } else if (event.kind === 'gone') {
      const node = await shown.nodeAt(event.path);
      if (node === null) return;
      if (node.kind === 'collection') touched?.noteRemoved(node.ref ?? '');
      else await this.#takeName(node, to);
      await catalog.writer.removeNode(to.sourceId, node.id);
    } else await this.#write(event, to);
  }

  /** Another name for an asset that the collection shows already, or a new member of it. */
  async #write(event: WrittenEvent, to: Applying): Promise<void> {
    const { catalog, names, onAsset, openScan, shown } = this.#options;
    const { collection, facts, name, isHeldBack = false, hides = null } = event;
    if (collection === null) throw new Error('an asset was written to where no collection is');
    const { id } = facts.ref;
    onAsset(facts, true);
    const taken = event.takes === undefined ? null : await shown.nodeAt(event.takes);
    const places = await this.#placesIn(collection, id, taken);
    const others = places.map(({ storedName }) => storedName).filter((other) => other !== name);
    if (taken?.kind === 'asset' && !(await this.#isPlaceOf(taken, collection, id)))
      await this.#takeName(taken, to);
    const all = [...others, name];
    const ownName = lastNameOf(facts.ref.path);
    const isOwn = !isHeldBack && all.every((each) => each === ownName);
    await names.give({ collection, ref: id, isHeldBack, hides }, isOwn ? [] : all);
    openScan()?.refs.noteMember(collection, id);
    for (const each of named({ kind: 'asset', collection, name: ownName, facts }, all)) {
      const takes = each.kind === 'asset' && each.name === name && taken !== null ? { takes: taken.id } : {};
      await this.#place({ ...each, ...takes }, to);
    }
    if (taken === null) return;
    // It was there under this name already, beside the other that had it.
    const twins = places.filter(({ storedName }) => storedName === name);
    for (const twin of twins) await catalog.writer.removeNode(to.sourceId, twin.id);
  }

  /** The asset keeps the other names that it has in that collection. */
  async #takeName(node: AssetNode, to: Applying): Promise<void> {
    const { names, openScan } = this.#options;
    const collection = await this.#collectionOf(node);
    if (collection?.ref == null) return;
    const { facts, id } = { facts: node.asset, id: node.asset.ref.id };
    const rest = (await this.#placesIn(collection.ref, id, node)).map(({ storedName }) => storedName);
    const ownName = lastNameOf(facts.ref.path);
    const isOwn = rest.every((name) => name === ownName);
    const place = { collection: collection.ref, ref: id, isHeldBack: false, hides: null };
    await names.give(place, isOwn ? [] : rest);
    openScan()?.refs.noteMember(collection.ref, id);
    const event = { kind: 'asset', collection: collection.ref, name: ownName, facts } as const;
    for (const each of named(event, rest)) await this.#place(each, to);
  }

  /** @param except a place that does not count. */
  async #placesIn(collection: string, refId: string, except: Node | null): Promise<AssetNode[]> {
    const places = await this.#options.shown.nodesOf(refId, collection);
    return places.filter(({ id }) => id !== except?.id);
  }

  async #isPlaceOf(node: AssetNode, collection: string, refId: string): Promise<boolean> {
    return node.asset.ref.id === refId && (await this.#collectionOf(node))?.ref === collection;
  }

  async #collectionOf({ parentId }: AssetNode): Promise<CollectionNode | null> {
    const node = parentId === null ? null : await this.#options.catalog.reader.node(parentId);
    return node?.kind === 'collection' ? node : null;
  }

  async #place(event: NamedEvent, { sourceId, scan }: Applying): Promise<void> {
    const { catalog, layout, places } = this.#options;
    const entries = await places.entriesOf(createLayout(layout), event);
    await catalog.writer.apply(sourceId, entries, scan);
  }
}
