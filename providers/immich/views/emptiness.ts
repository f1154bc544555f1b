import type { CompleteEvent, ScanEvent } from '../../../src/provider/provider.ts';
import { type AlbumReading, parseReading, writeReading } from '../album-version.ts';
import type { Telling } from './shelf.ts';

/** Ends the state of a collection that was found to be empty. */
const EMPTY = ' (empty)';
/** Begins the state of one that is said to be empty, and is not believed to be yet; since when follows. */
const DOUBTED = '(doubted since) ';
/** A reading that nothing is ever compared with: it only tells whether the collection held something. */
const NEVER_CURRENT = 0;

/** What doubting needs of the scan it is part of. */
export interface Doubts {
  /** When the scan began, in milliseconds since 1970. */
  readonly startedMs: number;
  /** See `Limits.doubtMs`. */
  readonly doubtMs: number;
  /** See `Held.toldVersionOf`. */
  toldVersion(collection: string): Promise<string | null>;
  warn(reason: string, name: string): void;
}

/** A collection that was read. */
export interface ReadPlace {
  /** Null: it stands alone, and is the top of the source. */
  readonly ref: string | null;
  /** What is known of it is kept under this: its ref, or what that is where it does not stand alone. */
  readonly mark: string;
  /** For people, in a warning. */
  readonly name: string;
}

/** What a reading of a collection has come to, after what is in it was told. */
export interface Outcome extends ReadPlace {
  readonly state: string;
  /** When what is told was read, in milliseconds since 1970; absent: in this scan. */
  readonly readMs?: number;
  readonly isEmpty: boolean;
}

/**
 * Ends the telling of a collection that was read without error. A valid answer with nothing in it, where there was
 * something when it was last read, may be an outage (an index that is being built, a proxy): what is held is kept until
 * the same is said again by a reading that is `doubtMs` later than the first that said so. What could not be read in
 * between changes nothing in that. A source that is empty as a whole is not doubted here: nothing is removed of one that is
 * suddenly empty (`SourceIngest`), however often it says so.
 *
 * @returns whether the answer was believed.
 */
export async function* conclude(
  doubts: Doubts,
  { ref, mark, name, state, readMs = doubts.startedMs, isEmpty }: Outcome,
): AsyncGenerator<ScanEvent, boolean, undefined> {
  if (!isEmpty) {
    yield complete(mark, { readMs, state });
    return true;
  }
  const told = ref === null ? null : (parseReading(await doubts.toldVersion(mark))?.state ?? null);
  const doubtedMs = doubtedSince(told);
  // A clock that was set back since would have it doubted until it is as late as that again.
  const sinceMs = Math.min(doubtedMs ?? doubts.startedMs, doubts.startedMs);
  const isBelieved = doubtedMs !== null && doubts.startedMs - sinceMs >= doubts.doubtMs;
  if (told !== null && !told.endsWith(EMPTY) && !isBelieved) {
    doubts.warn('an answer that is suddenly empty', name);
    yield { kind: 'kept', collection: ref, mayHeal: true };
    yield complete(mark, { readMs: NEVER_CURRENT, state: DOUBTED + sinceMs });
    return false;
  }
  yield complete(mark, { readMs, state: state + EMPTY });
  return true;
}

/** To be told of what was not read to its end: if it never was, it is known from now on that it is shown. */
export async function* begin(
  doubts: Pick<Doubts, 'toldVersion'>,
  { ref, mark }: ReadPlace,
): AsyncGenerator<ScanEvent, void, undefined> {
  if (ref === null || (await doubts.toldVersion(mark)) !== null) return;
  yield complete(mark, { readMs: NEVER_CURRENT, state: '' });
}

/** When a collection was read that is still in this state, in milliseconds since 1970; null: it has to be read. */
export async function readTime(telling: Telling, ref: string, state: string): Promise<number | null> {
  const reading = parseReading(await telling.heldVersion(ref));
  if (reading?.state !== state && reading?.state !== state + EMPTY) return null;
  return reading.readMs <= telling.staleMs ? null : reading.readMs;
}

/** In milliseconds since 1970; null: it is not doubted. */
function doubtedSince(state: string | null): number | null {
  return state?.startsWith(DOUBTED) ? Number(state.slice(DOUBTED.length)) : null;
}

function complete(collection: string, reading: AlbumReading): CompleteEvent {
  return { kind: 'complete', collection, version: writeReading(reading) };
}
