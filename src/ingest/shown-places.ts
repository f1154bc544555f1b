import type { Catalog } from '../catalog/catalog.ts';
import { CodedError } from '../model/coded-error.ts';
import type { AssetNode, CollectionNode, Node } from '../model/node.ts';
import type { HeldPlace } from '../provider/provider.ts';

export interface ShownPlacesOptions {
  readonly catalog: Pick<Catalog, 'reader'>;
  /** See `sourcePrefix`. */
  readonly prefix: readonly string[];
  readonly sourceId: () => Promise<number>;
}

/** Other places of one asset, at most. */
const MAX_PLACES = 100;

/** A source by the names that are shown: where its own may repeat, only those lead to one thing. */
export class ShownPlaces {
  readonly #options: ShownPlacesOptions;

  constructor(options: ShownPlacesOptions) {
    this.#options = options;
  }

  /** What is at a path below the top of the source, or null. */
  async nodeAt(path: string): Promise<Node | null> {
    const { catalog, prefix, sourceId } = this.#options;
    let node: Node | null = await catalog.reader.root(await sourceId());
    const names = path === '' ? prefix : [...prefix, ...path.split('/')];
    for (const name of names) {
      node = node?.kind === 'collection' ? await catalog.reader.child(node.id, name) : null;
    }
    return node;
  }

  async refAt(path: string): Promise<string | null> {
    const node = await this.nodeAt(path);
    return node?.kind === 'asset' ? node.asset.ref.id : (node?.ref ?? null);
  }

  /** Places of an asset in collections of the source; what a layout has made up is none. */
  async placesOf(refId: string): Promise<readonly HeldPlace[]> {
    const { prefix, catalog } = this.#options;
    const { reader } = catalog;
    const places: HeldPlace[] = [];
    for (const { node, collection } of await this.nodesOf(refId)) {
      const names = await reader.pathOf(node.id);
      // A view beside what can be written to shows it too.
      if (prefix.some((name, at) => names[at] !== name)) continue;
      const path = names.slice(prefix.length).join('/');
      if (collection.ref !== null) places.push({ collection: collection.ref, path, name: node.storedName });
    }
    return places;
  }

  async nodesOf(refId: string): Promise<{ node: AssetNode; collection: CollectionNode }[]> {
    const { catalog, sourceId } = this.#options;
    const found: { node: AssetNode; collection: CollectionNode }[] = [];
    for (const node of await catalog.reader.placesOf(await sourceId(), refId, MAX_PLACES)) {
      const collection = node.parentId === null ? null : await catalog.reader.node(node.parentId);
      if (collection?.kind === 'collection' && collection.ref !== null) found.push({ node, collection });
    }
    return found;
  }

  /**
   * Rejects `denied` when something has the name but for its case: no two names of a collection differ by that alone.
   * @param except what is at this path goes from there.
   */
  async checkName(path: string, except: string | null = null): Promise<void> {
    if ((await this.nodeAt(path)) !== null) return;
    const at = path.lastIndexOf('/');
    const above = await this.nodeAt(path.slice(0, Math.max(at, 0)));
    if (above?.kind !== 'collection') return;
    const namesake = await this.#options.catalog.reader.namesake(above.id, path.slice(at + 1));
    if (namesake === null) return;
    if (except !== null && (await this.nodeAt(except))?.id === namesake.id) return;
    const text = `Names in an album have to differ by more than case, and "${namesake.name}" is there already.`;
    throw new CodedError('denied', text);
  }
}
