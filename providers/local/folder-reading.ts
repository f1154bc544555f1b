import { join } from 'node:path';
import type { NamesPart } from './disk-messages.ts';
import { type EntryFound, entriesAt, type Folder, visibleNames } from './entry.ts';
import type { WalkPlace } from './walk.ts';

/** Some of what is in a folder, by name over all parts. */
export interface FolderPart {
  /** There is no name in the whole folder that a person has given. */
  readonly isEmpty: boolean;
  readonly entries: readonly EntryFound[];
}

type Outcome = { readonly result: IteratorResult<FolderPart> } | { readonly error: unknown };

/**
 * The parts of one folder. One part is always on its way while another is being worked on: the disk and the catalog
 * would wait for each other otherwise. Whoever makes one calls `close`.
 */
export class FolderReading {
  readonly #parts: AsyncGenerator<FolderPart>;
  #ahead: Promise<Outcome>;

  /** Begins at once. */
  constructor(place: WalkPlace, folder: Folder) {
    this.#parts = partsOf(place, folder);
    this.#ahead = this.#readOne();
  }

  /** @returns null after the last part. Rejects `DiskError` when the folder cannot be read. */
  async next(): Promise<FolderPart | null> {
    const outcome = await this.#ahead;
    if ('error' in outcome) throw outcome.error;
    if (outcome.result.done === true) return null;
    this.#ahead = this.#readOne();
    return outcome.result.value;
  }

  async close(): Promise<void> {
    await this.#parts.return(undefined);
  }

  /** Settles whatever comes, because it may be that nobody asks for it. */
  #readOne(): Promise<Outcome> {
    return this.#parts.next().then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
  }
}

async function* partsOf(place: WalkPlace, folder: Folder): AsyncGenerator<FolderPart> {
  const { disk, root, call, leftovers } = place;
  const path = join(root.path, folder.path);
  let listing = await disk.ask('list', { path }, call.signal);
  // Their names come first of all.
  if ((await leftovers?.bringBack(path, listing.names)) === true) {
    if (listing.restId !== null) await disk.ask('dropRest', { restId: listing.restId }, call.signal);
    listing = await disk.ask('list', { path }, call.signal);
  }
  const { isEmpty } = listing;
  let part: NamesPart = listing;
  let restId: number | null = listing.restId;
  try {
    for (;;) {
      if (leftovers !== null) await leftovers.removeAbandoned(path, part.names);
      const names = visibleNames(part, folder, call);
      yield { isEmpty, entries: await entriesAt(disk, root, folder, names, call) };
      if (restId === null) return;
      part = await disk.ask('listRest', { restId }, call.signal);
      restId = part.restId;
    }
  } finally {
    // Who aborts is closing the source, and the thread with it.
    if (restId !== null && !call.signal.aborted) await disk.ask('dropRest', { restId }, call.signal);
  }
}
