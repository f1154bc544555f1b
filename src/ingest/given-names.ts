import type { Catalog, GivenName, GivenPlace } from '../catalog/catalog.ts';
import type { PlaceEvent, UnchangedEvent } from '../provider/provider.ts';
import type { NamedEvent } from './layout.ts';

export interface GivenNamesOptions {
  readonly catalog: Pick<Catalog, 'reader' | 'writer'>;
  readonly sourceId: () => Promise<number>;
}

interface Given extends GivenPlace {
  readonly names: readonly string[];
}

/** What was given in one collection. */
class CollectionNames {
  readonly #byRef = new Map<string, Given>();
  /** How many hide an asset: asked for each asset of a scan, so never looked for among all names. */
  readonly #hiders = new Map<string, number>();

  all(): Given[] {
    return [...this.#byRef.values()];
  }

  get(ref: string): Given | undefined {
    return this.#byRef.get(ref);
  }

  hides(ref: string): boolean {
    return this.#hiders.has(ref);
  }

  set(given: Given): void {
    this.delete(given.ref);
    this.#byRef.set(given.ref, given);
    if (given.hides !== null) this.#hiders.set(given.hides, (this.#hiders.get(given.hides) ?? 0) + 1);
  }

  delete(ref: string): void {
    const hidden = this.#byRef.get(ref)?.hides ?? null;
    this.#byRef.delete(ref);
    if (hidden === null) return;
    const left = (this.#hiders.get(hidden) ?? 1) - 1;
    if (left > 0) this.#hiders.set(hidden, left);
    else this.#hiders.delete(hidden);
  }
}

/** So long an asset of the source stays hidden behind what was never filled. */
const LONGEST_HIDING_MS = 24 * 3_600_000;

/**
 * Names that clients gave to assets of a source that cannot keep them, and what a client has begun to write and the source
 * does not know yet. Whatever a scan tells is shown accordingly. Held in memory: only what was renamed is in it.
 */
export class GivenNames {
  readonly #options: GivenNamesOptions;
  /** By ref of the collection. */
  #given = new Map<string, CollectionNames>();

  constructor(options: GivenNamesOptions) {
    this.#options = options;
  }

  /** Reads them anew: at the start, and after a scan, which forgets what was begun for assets that are gone. */
  async load(): Promise<void> {
    const { catalog, sourceId } = this.#options;
    const given = new Map<string, CollectionNames>();
    for (const row of await catalog.reader.givenNames(await sourceId())) add(given, row);
    this.#given = given;
  }

  /** @param names none: it goes by its own name again. */
  async give(place: GivenPlace, names: readonly string[]): Promise<void> {
    const { catalog, sourceId } = this.#options;
    const { collection, ref } = place;
    const known = this.#given.get(collection)?.get(ref);
    if (known === undefined && names.length === 0) return;
    await catalog.writer.giveNames(await sourceId(), place, names);
    const ofCollection = this.#given.get(collection) ?? new CollectionNames();
    if (names.length === 0) ofCollection.delete(ref);
    else ofCollection.set({ ...place, names });
    this.#given.set(collection, ofCollection);
  }

  /** What is to be shown for what the source tells, in order. */
  async shown(event: PlaceEvent | UnchangedEvent): Promise<readonly (NamedEvent | UnchangedEvent)[]> {
    if (this.#given.size === 0) return [event];
    if (event.kind === 'collection') return [event, ...(await this.#heldBackIn(event.ref))];
    if (event.kind !== 'asset' || event.collection === null) return [event];
    const ofCollection = this.#given.get(event.collection);
    if (ofCollection === undefined) return [event];
    const { id } = event.facts.ref;
    if (ofCollection.hides(id)) return [];
    const names = ofCollection.get(id)?.names;
    return names === undefined ? [event] : named(event, names);
  }

  async #heldBackIn(collection: string): Promise<NamedEvent[]> {
    const { catalog, sourceId } = this.#options;
    const events: NamedEvent[] = [];
    for (const given of this.#given.get(collection)?.all() ?? []) {
      if (!given.isHeldBack) continue;
      const facts = await catalog.reader.asset(await sourceId(), given.ref);
      if (facts === null) continue;
      const isOver = given.hides !== null && Date.now() - (facts.createdMs ?? 0) > LONGEST_HIDING_MS;
      if (isOver) await this.give(given, []);
      else for (const name of given.names) events.push({ kind: 'asset', collection, name, facts });
    }
    return events;
  }
}

/** One event a name. */
export function named(event: NamedEvent & { kind: 'asset' }, names: readonly string[]): NamedEvent[] {
  return names.map((name) => {
    const otherNames = names.filter((other) => other !== name);
    return { ...event, name, otherNames, ownName: event.name };
  });
}

function add(given: Map<string, CollectionNames>, { name, ...place }: GivenName): void {
  const ofCollection = given.get(place.collection) ?? new CollectionNames();
  const names = [...(ofCollection.get(place.ref)?.names ?? []), name];
  ofCollection.set({ ...place, names });
  given.set(place.collection, ofCollection);
}
