import type { PlaceEvent, ScanCall } from '../../src/provider/provider.ts';
import { type Disk, DiskError } from './disk.ts';
import type { Root } from './disk-messages.ts';
import { type EntryFound, entriesAt, type Folder, isStillAt, refOf } from './entry.ts';
import { type FolderPart, FolderReading } from './folder-reading.ts';
import { hasOtherNames } from './stat-facts.ts';
import { isMissing, translateFileError } from './translate-error.ts';
import { unmountedRef } from './unmounted.ts';
import type { Leftovers } from './write/staging-name.ts';

/** How many of the folders that come next are being read already. */
const FOLDERS_AHEAD = 8;
export const MAX_DEPTH = 128;

/** Learns what is about to be read, so that whoever watches it from then on misses nothing. */
export interface WalkListener {
  /**
   * A folder is read next.
   * @param identity differs when another folder is at the same path.
   */
  entering(path: string, identity: string): void;
  /**
   * A file was looked at that has other names too: what is done under those does not show in its folder.
   * @returns whether it is listened to only from now on, so that it has to be looked at again.
   */
  sharing(path: string, identity: string): boolean;
  /**
   * A folder that was read before has been moved here. What went from it in between went from where it was: no hint leads
   * here, and what has been told of it before still holds for whoever was told.
   */
  metAgain(path: string): void;
}

/** What a walk needs beside the folder it begins with. */
export interface WalkPlace {
  readonly disk: Disk;
  readonly root: Root;
  readonly call: ScanCall;
  readonly listener: WalkListener | null;
  /** Of uploads, to be removed on the way; null where nothing is written. */
  readonly leftovers: Leftovers | null;
}

/**
 * Walks a tree from `top` on, a folder's files before its sub-folders, both by name, so that two walks of one tree
 * tell the same story. A folder that cannot be read is told as kept; a link to a file is followed when it stays
 * inside the root; a link to a folder never, because it may lead in circles.
 */
export async function* walk(place: WalkPlace, top: Folder): AsyncGenerator<PlaceEvent> {
  const { call } = place;
  const waiting: Folder[] = [top];
  const readings = new FoldersAhead(place);
  /** Where each folder was entered, by ref. */
  const entered = new Map<string | null, Folder>();
  try {
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      call.signal.throwIfAborted();
      const ref = refOf(folder);
      const before = entered.get(ref);
      // One that was moved to where the walk was still to come is told again: nobody has watched that place yet.
      if (before !== undefined && (await isStillAt(place.disk, place.root, before, call.signal))) {
        call.warn('a folder that is mounted twice', folder.path);
        continue;
      }
      if (before !== undefined) place.listener?.metAgain(folder.path);
      entered.set(ref, folder);
      if (folder.depth > MAX_DEPTH) {
        call.warn('a folder that is nested too deep', folder.path);
        if (folder.event !== null) yield folder.event;
        continue;
      }
      const reading = await readings.take(folder);
      readings.begin(waiting.slice(-FOLDERS_AHEAD).filter((next) => !entered.has(refOf(next))));
      const first = await firstPart(reading, folder, call);
      if (first === 'vanished') {
        // Maybe told already at another place, which telling it here would undo. The folder above tells what became of it.
        if (ref !== null && (await call.held.refAt(folder.path)) === ref)
          yield { kind: 'kept', collection: ref };
        continue;
      }
      if (first !== 'unreadable' && first?.isEmpty === true) {
        const heldRef = await unmountedRef(folder, call.held);
        if (heldRef !== null && folder.event !== null) {
          call.warn('a disk that is not mounted', folder.path);
          yield { ...folder.event, ref: heldRef };
          yield { kind: 'kept', collection: heldRef };
          continue;
        }
      }
      if (folder.event !== null) yield folder.event;
      if (first === 'unreadable') {
        yield { kind: 'kept', collection: ref };
        continue;
      }
      const folders: Folder[] = [];
      for (let part = first; part !== null; part = await reading.next()) {
        for (const found of part.entries) {
          const entry = isShared(found, place) ? await heard(place, folder, found) : found;
          if (entry?.kind === 'folder') folders.push(entry);
          else if (entry !== null) yield entry;
        }
      }
      // The stack hands out the last one first.
      waiting.push(...folders.reverse());
    }
  } finally {
    await readings.close();
  }
}

/** What is behind one name; what has other names is listened to from then on. */
export async function entryHeard(place: WalkPlace, folder: Folder, name: string): Promise<EntryFound> {
  const { disk, root, call } = place;
  const [entry = null] = await entriesAt(disk, root, folder, [name], call);
  return isShared(entry, place) ? await heard(place, folder, entry) : entry;
}

type AssetFound = Extract<EntryFound, { kind: 'asset' }>;

function isShared(entry: EntryFound, { listener }: WalkPlace): entry is AssetFound {
  return listener !== null && entry?.kind === 'asset' && hasOtherNames(entry.facts.ref.id);
}

async function heard(place: WalkPlace, folder: Folder, entry: AssetFound): Promise<EntryFound> {
  const { disk, root, call, listener } = place;
  if (listener?.sharing(entry.facts.ref.path, entry.facts.ref.id) !== true) return entry;
  const [again = null] = await entriesAt(disk, root, folder, [entry.name], call);
  return again;
}

/** `vanished`: it is not at this path any more. The root must be readable. */
async function firstPart(
  reading: FolderReading,
  folder: Folder,
  call: ScanCall,
): Promise<FolderPart | null | 'vanished' | 'unreadable'> {
  try {
    return await reading.next();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    if (folder.path === '') throw translateFileError(error);
    if (isMissing(error)) return 'vanished';
    call.warn('a folder that could not be read', folder.path);
    return 'unreadable';
  }
}

/** Readings of folders that are begun before their turn comes. */
class FoldersAhead {
  readonly #place: WalkPlace;
  readonly #readings = new Map<Folder, FolderReading>();
  #taken: FolderReading | null = null;

  constructor(place: WalkPlace) {
    this.#place = place;
  }

  /** The reading of the folder whose turn it is; that of the one before is over. */
  async take(folder: Folder): Promise<FolderReading> {
    this.begin([folder]);
    await this.#taken?.close();
    const reading = this.#readings.get(folder);
    if (reading === undefined) throw new Error('a reading that was just begun is not there');
    this.#readings.delete(folder);
    this.#taken = reading;
    return reading;
  }

  /** @param folders the one whose turn comes next is the last. */
  begin(folders: readonly Folder[]): void {
    const { root, listener } = this.#place;
    for (const folder of folders.toReversed()) {
      if (folder.depth > MAX_DEPTH || this.#readings.has(folder)) continue;
      listener?.entering(folder.path, identityOf(folder, root));
      this.#readings.set(folder, new FolderReading(this.#place, folder));
    }
  }

  async close(): Promise<void> {
    const readings = [...this.#readings.values(), ...(this.#taken === null ? [] : [this.#taken])];
    await Promise.all(readings.map((reading) => reading.close()));
  }
}

function identityOf(folder: Folder, root: Root): string {
  return refOf(folder) ?? `${root.device}-${root.inode}`;
}
