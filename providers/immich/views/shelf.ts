import type { AssetFacts } from '../../../src/model/asset.ts';
import type { ScanEvent } from '../../../src/provider/provider.ts';
import { AlbumAssets } from '../album-assets.ts';
import type { ImmichAsset } from '../api-answers.ts';
import { readAhead } from '../read-ahead.ts';
import type { AlbumReader } from '../read-album.ts';
import { conclude, type Doubts, type ReadPlace, readTime } from './emptiness.ts';
import type { Filter, LibrarySearch } from './library-search.ts';

/** Shelves that are read at once. */
const SHELVES_AT_ONCE = 2;

/** A folder of a view that is read as one: a person, a tag, a memory. */
export interface Shelf {
  readonly ref: string;
  readonly parent: string | null;
  readonly name: string;
  /** Another one whenever its content may be. */
  readonly state: string;
  read(): Promise<ShelfContent>;
}

export interface ShelfContent {
  readonly assets: Iterable<AssetFacts>;
  /** False: what is not among the assets may still be there. */
  readonly isComplete: boolean;
}

/** What telling needs of the scan it is part of. */
export interface Telling extends Doubts {
  readonly reader: AlbumReader;
  readonly search: LibrarySearch;
  /** What was read before this is read anew, in milliseconds since 1970. */
  readonly staleMs: number;
  /** See `Held.versionOf`. */
  heldVersion(collection: string): Promise<string | null>;
}

/** What came of telling some shelves. */
export interface ShelvesTold {
  readonly isComplete: boolean;
  /** When the oldest of the readings was that are held now, in milliseconds since 1970. */
  readonly oldestReadMs: number;
}

/** Shelves with what is on them, parents first; those that are as they were without it. */
export async function* tellShelves(
  shelves: readonly Shelf[],
  telling: Telling,
): AsyncGenerator<ScanEvent, ShelvesTold, undefined> {
  let oldestReadMs = telling.startedMs;
  let isComplete = true;
  const unread: Shelf[] = [];
  const readTimes = await readTimesOf(shelves, telling);
  for (const shelf of shelves) {
    yield folder(shelf);
    const readMs = readTimes.get(shelf.ref);
    if (readMs === undefined) unread.push(shelf);
    else {
      oldestReadMs = Math.min(oldestReadMs, readMs);
      yield { kind: 'unchanged', collection: shelf.ref };
    }
  }
  const limits = { maxReads: SHELVES_AT_ONCE, weightOf: () => 1, maxWeight: SHELVES_AT_ONCE };
  const read = async (shelf: Shelf) => ({ shelf, content: await shelf.read() });
  for await (const { shelf, content } of readAhead(unread, read, limits)) {
    const isTold = yield* tellContent(telling, { ...shelf, mark: shelf.ref }, content);
    isComplete &&= isTold;
  }
  return { isComplete, oldestReadMs };
}

/**
 * When those were read that need not be read again, in milliseconds since 1970, by their ref. What is unchanged covers the
 * shelves in it, so one that holds another that has to be read has to be read, too.
 */
async function readTimesOf(shelves: readonly Shelf[], telling: Telling): Promise<Map<string, number>> {
  const readTimes = new Map<string, number>();
  const unreadParents = new Set<string>();
  for (const { ref, parent, state } of shelves.toReversed()) {
    const readMs = await readTime(telling, ref, state);
    if (readMs !== null && !unreadParents.has(ref)) readTimes.set(ref, readMs);
    else if (parent !== null) unreadParents.add(parent);
  }
  return readTimes;
}

/** @returns whether what was told is all that is there. */
export async function* tellContent(
  telling: Telling,
  place: ReadPlace & { readonly state: string },
  content: ShelfContent,
): AsyncGenerator<ScanEvent, boolean, undefined> {
  let isEmpty = true;
  for (const facts of content.assets) {
    isEmpty = false;
    yield { kind: 'asset', collection: place.ref, name: facts.ref.path, facts };
  }
  if (content.isComplete) return yield* conclude(telling, { ...place, isEmpty });
  yield { kind: 'kept', collection: place.ref };
  return false;
}

export function folder({ ref, parent, name }: Pick<Shelf, 'ref' | 'parent' | 'name'>): ScanEvent {
  // Their times are those of their last changes, which the catalog knows.
  return { kind: 'collection', ref, parent, name, modifiedMs: 0, createdMs: null, made: 'group' };
}

/**
 * Everything that matches, read twice: with exif, and then without for those that have none. Both readings have to be of
 * the same state, so it is tried once more when something came in between. Incomplete when that does not help.
 * @param isMember what the server answers is not always what was asked for.
 */
export async function readMatches(
  { reader, search }: Telling,
  filter: Filter,
  isMember: (asset: ImmichAsset) => boolean,
): Promise<ShelfContent> {
  for (let tries = 0; tries < 2; tries += 1) {
    const found = new AlbumAssets(reader.choice);
    const [withExif, all] = [new Set<string>(), new Set<string>()];
    const into = (ids: Set<string>) => (asset: ImmichAsset) => {
      if (!isMember(asset)) return;
      ids.add(asset.id);
      found.take(asset);
    };
    await search.find(filter, true, into(withExif));
    await search.find(filter, false, into(all));
    if ([...withExif].every((id) => all.has(id))) return await finish(reader, found);
  }
  return { assets: [], isComplete: false };
}

/** Asks for what no list tells of the assets. */
export async function finish(reader: AlbumReader, found: AlbumAssets): Promise<ShelfContent> {
  const isComplete = await reader.details.complete(found);
  for (const name of found.badDates) reader.warn('an asset with a time that makes no sense', name);
  return { isComplete, assets: found.facts.inTimeOrder() };
}
