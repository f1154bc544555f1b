import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlaceEvent, ScanCall } from '../../src/provider/provider.ts';
import { type EntryFound, entryAt, type Folder, isSystemName, isVisible, type Root, refOf } from './entry.ts';
import { hasOtherNames } from './file-facts.ts';
import { translateFileError } from './translate-error.ts';
import { unmountedRef } from './unmounted.ts';

/** How many `lstat` calls are under way at once; more only queue in Node's thread pool. */
const STATS_AT_ONCE = 32;
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
}

interface Reading {
  /** What is to be looked at, by name. */
  readonly visible: readonly Dirent[];
  readonly isEmpty: boolean;
}

/**
 * Walks a tree from `top` on, a folder's files before its sub-folders, both by name, so that two walks of one tree
 * tell the same story. A folder that cannot be read is told as kept; a link to a file is followed when it stays
 * inside the root; a link to a folder never, because it may lead in circles.
 */
export async function* walk(
  root: Root,
  top: Folder,
  call: ScanCall,
  listener: WalkListener | null,
): AsyncGenerator<PlaceEvent> {
  const waiting: Folder[] = [top];
  const entered = new Set<string | null>();
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    call.signal.throwIfAborted();
    const ref = refOf(folder);
    if (entered.has(ref)) {
      call.warn('a folder that is mounted twice', folder.path);
      continue;
    }
    entered.add(ref);
    if (folder.depth > MAX_DEPTH) {
      call.warn('a folder that is nested too deep', folder.path);
      if (folder.event !== null) yield folder.event;
      continue;
    }
    listener?.entering(folder.path, identityOf(folder, root));
    const reading = await readFolder(root, folder, call);
    if (reading?.isEmpty === true) {
      const heldRef = await unmountedRef(folder, call.held);
      if (heldRef !== null && folder.event !== null) {
        call.warn('a disk that is not mounted', folder.path);
        yield { ...folder.event, ref: heldRef };
        yield { kind: 'kept', collection: heldRef };
        continue;
      }
    }
    if (folder.event !== null) yield folder.event;
    if (reading === null) {
      yield { kind: 'kept', collection: ref };
      continue;
    }
    const folders: Folder[] = [];
    for (let at = 0; at < reading.visible.length; at += STATS_AT_ONCE) {
      const some = reading.visible.slice(at, at + STATS_AT_ONCE);
      const looks = some.map(({ name }) => entryHeard(root, folder, name, call, listener));
      for (const entry of await Promise.all(looks)) {
        if (entry?.kind === 'folder') folders.push(entry);
        else if (entry !== null) yield entry;
      }
    }
    // The stack hands out the last one first.
    waiting.push(...folders.reverse());
  }
}

/** As `entryAt`; what has other names is listened to from then on. */
export async function entryHeard(
  root: Root,
  folder: Folder,
  name: string,
  call: ScanCall,
  listener: WalkListener | null,
): Promise<EntryFound> {
  const entry = await entryAt(root, folder, name, call);
  if (listener === null || entry?.kind !== 'asset' || !hasOtherNames(entry.facts.ref.id)) return entry;
  const isNew = listener.sharing(entry.facts.ref.path, entry.facts.ref.id);
  return isNew ? await entryAt(root, folder, name, call) : entry;
}

function identityOf(folder: Folder, root: Root): string {
  return refOf(folder) ?? `${root.device}-${root.inode}`;
}

/** Null when the folder cannot be read. The root must be readable. */
async function readFolder(root: Root, folder: Folder, call: ScanCall): Promise<Reading | null> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root.path, folder.path), { withFileTypes: true });
  } catch (error) {
    if (folder.path === '') throw translateFileError(error);
    call.warn('a folder that could not be read', folder.path);
    return null;
  }
  const visible = entries.filter((entry) => isVisible(entry, folder, call));
  visible.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { visible, isEmpty: entries.every(({ name }) => isSystemName(name)) };
}
