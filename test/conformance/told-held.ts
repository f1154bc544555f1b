import type { AssetFacts } from '../../src/model/asset.ts';
import type { Held, ScanEvent, WriteEvent } from '../../src/provider/provider.ts';
import { NOTHING_HELD } from '../../src/source/source.ts';

/** Facts of assets by the names on the way to them. */
export function assetsByPath(events: readonly ScanEvent[]): Map<string, AssetFacts> {
  const pathByRef = new Map<string | null, string>([[null, '']]);
  const found = new Map<string, AssetFacts>();
  for (const event of events) {
    if (event.kind === 'collection')
      pathByRef.set(event.ref, join(pathByRef.get(event.parent) ?? '', event.name));
    else if (event.kind === 'asset')
      found.set(join(pathByRef.get(event.collection) ?? '', event.name), event.facts);
  }
  return found;
}

interface Place {
  readonly ref: string;
  /** Null for a collection. */
  readonly facts: AssetFacts | null;
  readonly collection: string | null;
  readonly name: string;
}

/** What a catalog would hold of a source of albums that tells what its writes do. No name comes twice in it. */
export class ToldHeld {
  readonly #places = new Map<string, Place>();

  constructor(events: readonly ScanEvent[]) {
    for (const event of events) if (event.kind === 'collection' || event.kind === 'asset') this.take(event);
  }

  readonly held: Held = {
    ...NOTHING_HELD,
    refAt: async (path) => this.#places.get(path)?.ref ?? null,
    factsOf: async (ref) => [...this.#places.values()].find((place) => place.ref === ref)?.facts ?? null,
    placesOf: async (ref, album) =>
      [...this.#places].flatMap(([path, { name, collection, ...place }]) =>
        place.ref === ref && collection === album ? [{ path, name }] : [],
      ),
  };

  take(event: WriteEvent): void {
    if (event.kind === 'gone') this.#places.delete(event.path);
    else if (event.kind === 'removed') {
      for (const [path, { ref, collection }] of this.#places)
        if (ref === event.ref || collection === event.ref) this.#places.delete(path);
    } else if (event.kind === 'collection') this.#takeCollection(event.ref, event.name);
    else {
      const { collection, name, facts, takes } = event;
      const above = [...this.#places].find(([, { ref }]) => ref === collection)?.[0] ?? '';
      if (takes !== undefined) this.#places.delete(takes);
      this.#places.set(join(above, name), { ref: facts.ref.id, facts, collection, name });
    }
  }

  /** Albums lie at the top; one that has another name now takes its members along. */
  #takeCollection(ref: string, name: string): void {
    for (const [path, place] of [...this.#places]) {
      const isOwn = place.ref === ref;
      if (!isOwn && place.collection !== ref) continue;
      this.#places.delete(path);
      if (!isOwn) this.#places.set(join(name, place.name), place);
    }
    this.#places.set(name, { ref, facts: null, collection: null, name });
  }
}

function join(above: string, name: string): string {
  return above === '' ? name : `${above}/${name}`;
}
