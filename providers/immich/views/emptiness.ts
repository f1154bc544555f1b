import type { ScanEvent } from '../../../src/provider/provider.ts';
import { type AlbumReading, parseReading, writeReading } from '../album-version.ts';
import type { Shelf, Telling } from './shelf.ts';

/** Ends the state of a collection that was found to be empty. */
const EMPTY = ' (empty)';
/** A reading that nothing is ever compared with: it only tells whether the collection held something. */
const NEVER_CURRENT = 0;

/** What a reading of a collection has come to, after what is in it was told. */
export interface Outcome {
  /** Null: it stands alone, and whoever reads the source sees that it is suddenly empty. */
  readonly ref: string | null;
  /** For people, in a warning. */
  readonly name: string;
  readonly state: string;
  readonly isEmpty: boolean;
}

/**
 * Ends the telling of a collection that was read without error. A valid answer with nothing in it, where there was
 * something when it was last read, may be an outage (an index that is being built, a proxy): what is held is kept, and
 * the same said again by the next reading is believed, for the version that is compared with is gone by then.
 *
 * @returns whether the answer was believed.
 */
export async function* conclude(
  telling: Telling,
  { ref, name, state, isEmpty }: Outcome,
): AsyncGenerator<ScanEvent, boolean, undefined> {
  if (ref === null) return true;
  telling.settled.add(ref);
  if (isEmpty) {
    const held = parseReading(await telling.toldVersion(ref));
    if (held !== null && !held.state.endsWith(EMPTY)) {
      telling.reader.warn('an answer that is suddenly empty', name);
      yield { kind: 'kept', collection: ref, mayHeal: true };
      return false;
    }
  }
  yield complete(ref, { readMs: telling.startedMs, state: isEmpty ? state + EMPTY : state });
  return true;
}

/** After a reading that failed: what is held stays, and so does the knowledge whether that is something. */
export async function* keep(
  toldVersion: Telling['toldVersion'],
  ref: string | null,
  mayHeal: boolean,
): AsyncGenerator<ScanEvent, void, undefined> {
  yield { kind: 'kept', collection: ref, mayHeal };
  if (ref !== null) yield* remember(toldVersion, ref);
}

/** Only the knowledge, where the collection is in one that is kept. */
export async function* remember(
  toldVersion: Telling['toldVersion'],
  ref: string,
): AsyncGenerator<ScanEvent, void, undefined> {
  const held = parseReading(await toldVersion(ref));
  if (held !== null) yield complete(ref, { ...held, readMs: NEVER_CURRENT });
}

/** The state of a view that is made of folders: which there are, for when nobody can tell that. */
export function shelvesText(shelves: readonly Pick<Shelf, 'ref'>[]): string {
  return shelves.map(({ ref }) => ref).join(' ');
}

/** Refs of the folders that the view had when it was last read. */
export async function toldShelves(
  toldVersion: Telling['toldVersion'],
  view: string | null,
): Promise<readonly string[]> {
  const state = view === null ? '' : (parseReading(await toldVersion(view))?.state ?? '');
  return state.split(' ').filter((ref) => ref.startsWith('~'));
}

/** When a collection was read that is still in this state, in milliseconds since 1970; null: it has to be read. */
export async function readTime(telling: Telling, ref: string, state: string): Promise<number | null> {
  const reading = parseReading(await telling.heldVersion(ref));
  if (reading?.state !== state && reading?.state !== state + EMPTY) return null;
  if (reading.readMs <= telling.staleMs) return null;
  telling.settled.add(ref);
  return reading.readMs;
}

function complete(collection: string, reading: AlbumReading): ScanEvent {
  return { kind: 'complete', collection, version: writeReading(reading) };
}
