import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CatalogWriter, Entry, Scan } from '../catalog/catalog.ts';
import type { AssetFacts } from '../model/asset.ts';
import type { LookEvent, PlaceEvent } from '../provider/provider.ts';
import type { Warn } from '../source/source.ts';
import type { Layout } from './layout.ts';
import type { ScanRemarks } from './scan-remarks.ts';
import type { TimePlaces } from './time-places.ts';

export interface PathReadingOptions {
  readonly writer: CatalogWriter;
  readonly sourceId: number;
  readonly scan: Scan;
  readonly layout: Layout;
  readonly places: TimePlaces;
  readonly remarks: ScanRemarks;
  /** See `Source.look`. */
  readonly look: (path: string, warn: Warn) => AsyncGenerator<LookEvent>;
  /** Called for each asset that was told. */
  readonly onAsset: (facts: AssetFacts) => void;
}

/** Entries of one transaction: a few milliseconds of work. */
const BATCH_ENTRIES = 256;
const LOOKS_AT_ONCE = 16;

/**
 * Looks at paths of a source and brings the catalog in line with what is there. What is there no longer is only
 * noted: it may have moved to where another hint leads.
 */
export class PathReading {
  /** Paths at which nothing was; the catalog may still hold something there. */
  readonly gone = new Set<string>();
  readonly #options: PathReadingOptions;
  #scan: Scan;
  #batch: Entry[] = [];

  constructor(options: PathReadingOptions) {
    this.#options = options;
    this.#scan = options.scan;
  }

  /**
   * First what is at the paths themselves, in as few transactions as may be, then what is below those that are
   * collections: so that two that swapped names, or one that was moved and replaced, are known by what they are.
   * @param paths outermost first, none below another.
   */
  async read(paths: readonly string[]): Promise<void> {
    const collections: FoundCollection[] = [];
    const warn = this.#options.remarks.ofLook(paths);
    try {
      for (let at = 0; at < paths.length; at += LOOKS_AT_ONCE) {
        const some = paths.slice(at, at + LOOKS_AT_ONCE);
        const looks = await Promise.all(some.map((path) => beginLook(path, this.#options.look(path, warn))));
        for (const { events, collection } of looks) {
          if (collection !== null) collections.push(collection);
          for (const event of events) await this.#take(event);
        }
      }
      await this.#flush();
      for (const collection of collections) await this.#readBelow(collection);
    } finally {
      await Promise.all(collections.map(({ rest }) => rest.return(undefined)));
    }
  }

  /**
   * Takes in what is known to be at some paths, without looking. It is stored with the next `read`.
   * @param placed what a look at each would tell.
   */
  async take(placed: ReadonlyMap<string, readonly PlaceEvent[]>): Promise<void> {
    this.#options.remarks.ofLook([...placed.keys()]);
    // The same for all that are in one collection; the last look at it counts.
    const above = new Map<string, PlaceEvent>();
    const assets: PlaceEvent[] = [];
    for (const event of [...placed.values()].flat()) {
      if (event.kind === 'collection') above.set(event.ref, event);
      else assets.push(event);
    }
    for (const event of above.values()) await this.#take(event);
    for (const event of assets) await this.#take(event);
  }

  /** What is in a collection; members that the catalog holds and that were not told are gone. */
  async #readBelow({ path, ref, rest }: FoundCollection): Promise<void> {
    const { writer, scan, layout, sourceId } = this.#options;
    // What was seen before this may be gone again, with its collection in another place: a hint with a path of old.
    this.#scan = writer.beginScan(sourceId, scan);
    const pathByRef = new Map([[ref, path]]);
    const kept = new Set<string | null>();
    for await (const event of rest) {
      if (event.kind === 'kept') kept.add(event.collection);
      const parentPath = event.kind === 'collection' ? pathByRef.get(event.parent ?? '') : undefined;
      if (event.kind === 'collection' && parentPath !== undefined) {
        pathByRef.set(event.ref, `${parentPath}/${event.name}`);
      }
      await this.#take(event);
    }
    await this.#flush();
    if (layout.prefix === null) return;
    for (const [told, toldPath] of pathByRef) {
      if (kept.has(told)) continue;
      for (const name of await writer.unseenMembers(this.#scan, told)) this.gone.add(`${toldPath}/${name}`);
    }
  }

  async #take(event: LookEvent): Promise<void> {
    if (event.kind === 'gone') {
      this.gone.add(event.path);
      return;
    }
    if (event.kind === 'asset') this.#options.onAsset(event.facts);
    const { layout, places } = this.#options;
    this.#batch.push(...(await places.entriesOf(layout, event)));
    if (this.#batch.length >= BATCH_ENTRIES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const { writer, sourceId } = this.#options;
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length === 0) return;
    await writer.apply(sourceId, batch, this.#scan);
    await yieldToEventLoop();
  }
}

/** A collection that was told; what is in it is still to be read. */
interface FoundCollection {
  readonly path: string;
  readonly ref: string;
  readonly rest: AsyncGenerator<LookEvent>;
}

interface BegunLook {
  readonly events: readonly LookEvent[];
  readonly collection: FoundCollection | null;
}

/** Reads on to what is at the path itself; if that is no collection, to the end. */
async function beginLook(path: string, rest: AsyncGenerator<LookEvent>): Promise<BegunLook> {
  const events: LookEvent[] = [];
  // The collections above come first, one a level.
  let levelsLeft: number | null = path.split('/').length;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    const event = next.value;
    events.push(event);
    if (levelsLeft === null) continue;
    levelsLeft -= 1;
    if (event.kind === 'gone' || event.kind === 'kept') levelsLeft = null;
    else if (levelsLeft === 0) {
      if (event.kind === 'collection') return { events, collection: { path, ref: event.ref, rest } };
      levelsLeft = null;
    }
  }
  return { events, collection: null };
}
