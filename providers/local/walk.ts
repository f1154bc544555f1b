import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { AssetEvent, CollectionEvent, ScanCall, ScanEvent } from '../../src/provider/provider.ts';
import { birthMsOf, fileFactsOf, refIdOf, toMs } from './file-facts.ts';
import { errnoOf, translateFileError } from './translate-error.ts';

/** How many `lstat` calls are under way at once; more only queue in Node's thread pool. */
const STATS_AT_ONCE = 32;
const MAX_DEPTH = 128;

/** Folders that systems make for themselves. Hidden names (with a leading dot) are left out beside these. */
const SYSTEM_FOLDERS = new Set([
  '$RECYCLE.BIN',
  '#recycle',
  '@eaDir',
  '@Recycle',
  'lost+found',
  'System Volume Information',
]);

/** Where the walk starts: the resolved path of the root and what `stat` said of it. */
export interface WalkRoot {
  readonly path: string;
  readonly device: bigint;
}

interface Folder {
  /** Relative to the root; `''` for the root. */
  readonly path: string;
  readonly ref: string | null;
  readonly depth: number;
}

/**
 * Walks a tree, a folder's files before its sub-folders, both by name, so that two scans of one tree tell the
 * same story. A folder that cannot be read is told as kept; a link to a file is followed when it stays inside
 * the root; a link to a folder never, because it may lead in circles.
 */
export async function* walk(root: WalkRoot, call: ScanCall): AsyncGenerator<ScanEvent> {
  const waiting: Folder[] = [{ path: '', ref: null, depth: 0 }];
  const entered = new Set<string>();
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    call.signal.throwIfAborted();
    const entries = await readFolder(root, folder, call);
    if (entries === null) {
      yield { kind: 'kept', collection: folder.ref };
      continue;
    }
    const folders: CollectionEvent[] = [];
    for (let at = 0; at < entries.length; at += STATS_AT_ONCE) {
      const some = entries.slice(at, at + STATS_AT_ONCE);
      for (const event of await Promise.all(some.map((entry) => look(root, folder, entry, call)))) {
        if (event === null) continue;
        if (event.kind === 'collection') folders.push(event);
        else yield event;
      }
    }
    for (const event of folders) {
      if (entered.has(event.ref)) {
        call.warn('a folder that is mounted twice', event.name);
        continue;
      }
      entered.add(event.ref);
      yield event;
    }
    // The stack hands out the last one first.
    for (const event of folders.reverse()) {
      const path = pathIn(folder, event.name);
      if (folder.depth < MAX_DEPTH) waiting.push({ path, ref: event.ref, depth: folder.depth + 1 });
      else call.warn('a folder that is nested too deep', event.name);
    }
  }
}

/** The visible entries by name, or null when the folder cannot be read. The root must be readable. */
async function readFolder(root: WalkRoot, folder: Folder, call: ScanCall): Promise<Dirent[] | null> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root.path, folder.path), { withFileTypes: true });
  } catch (error) {
    if (folder.path === '') throw translateFileError(error);
    call.warn('a folder that could not be read', folder.path);
    return null;
  }
  const visible = entries.filter((entry) => isVisible(entry, folder, call));
  return visible.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isVisible(entry: Dirent, folder: Folder, call: ScanCall): boolean {
  if (entry.name.startsWith('.')) {
    call.warn('a hidden name', entry.name);
    return false;
  }
  if (entry.isDirectory()) {
    return !SYSTEM_FOLDERS.has(entry.name) && call.enters(pathIn(folder, entry.name));
  }
  // Some file systems tell no type; `lstat` will.
  const mayBeFile = entry.isFile() || entry.isSymbolicLink() || !isSpecial(entry);
  return mayBeFile && call.accepts(pathIn(folder, entry.name));
}

function isSpecial(entry: Dirent): boolean {
  return entry.isFIFO() || entry.isSocket() || entry.isBlockDevice() || entry.isCharacterDevice();
}

async function look(
  root: WalkRoot,
  folder: Folder,
  entry: Dirent,
  call: ScanCall,
): Promise<ScanEvent | null> {
  const path = pathIn(folder, entry.name);
  const absolute = join(root.path, path);
  try {
    const stats = await lstat(absolute, { bigint: true });
    if (stats.isDirectory()) return folderEvent(root, folder, entry.name, stats);
    if (stats.isSymbolicLink()) return await linkEvent(root, folder, path, call);
    return stats.isFile() ? fileEvent(root, folder, path, stats) : null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      // Gone between the two calls; or a name of bytes that are no UTF-8, which Node cannot ask for.
      if (entry.name.includes('\ufffd')) call.warn('a name that is not UTF-8', path);
      return null;
    }
    call.warn('an entry that could not be read', path);
    return { kind: 'kept', collection: folder.ref };
  }
}

/** A link is shown with the facts of the file it leads to, and an id of its own. */
async function linkEvent(
  root: WalkRoot,
  folder: Folder,
  path: string,
  call: ScanCall,
): Promise<ScanEvent | null> {
  const target = await realpath(join(root.path, path));
  if (!isWithin(root.path, target)) {
    call.warn('a link that leads out of the source', path);
    return null;
  }
  const stats = await stat(target, { bigint: true });
  if (!stats.isFile()) {
    call.warn('a link to a folder', path);
    return null;
  }
  return fileEvent(root, folder, path, asHardLink(stats));
}

/** A link and the file it leads to are two places of one content, as two hard links are. */
function asHardLink(stats: BigIntStats): BigIntStats {
  return Object.assign(Object.create(Object.getPrototypeOf(stats)), stats, { nlink: 2n });
}

function fileEvent(root: WalkRoot, folder: Folder, path: string, stats: BigIntStats): AssetEvent {
  const facts = fileFactsOf(stats, root.device, path);
  return { kind: 'asset', collection: folder.ref, name: path.slice(path.lastIndexOf('/') + 1), facts };
}

function folderEvent(root: WalkRoot, folder: Folder, name: string, stats: BigIntStats): CollectionEvent {
  return {
    kind: 'collection',
    ref: refIdOf(stats, root.device, pathIn(folder, name)),
    parent: folder.ref,
    name,
    modifiedMs: toMs(stats.mtimeNs),
    createdMs: birthMsOf(stats),
  };
}

/** Is `path` the root or below it? Both are absolute and resolved. */
export function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function pathIn(folder: Folder, name: string): string {
  return folder.path === '' ? name : `${folder.path}/${name}`;
}
