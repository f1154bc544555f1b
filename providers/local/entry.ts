import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { AssetEvent, CollectionEvent, KeptEvent, ScanCall } from '../../src/provider/provider.ts';
import { birthMsOf, fileFactsOf, refIdOf, toMs } from './file-facts.ts';
import { errnoOf } from './translate-error.ts';
import { isStagingName } from './write/staging-name.ts';

/** Folders that systems make for themselves. Hidden names (with a leading dot) are left out beside these. */
const SYSTEM_FOLDERS = new Set([
  '$RECYCLE.BIN',
  '#recycle',
  '@eaDir',
  '@Recycle',
  'lost+found',
  'System Volume Information',
]);

/** The resolved path of the source's top and what `stat` said of it. */
export interface Root {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** A folder that may be entered. */
export interface Folder {
  readonly kind: 'folder';
  /** Relative to the root; `''` for the root. */
  readonly path: string;
  /** 0 for the root. */
  readonly depth: number;
  readonly device: bigint;
  /** Of the folder it is in; its own for the root. */
  readonly parentDevice: bigint;
  /** How it is told; null for the root, which is not. */
  readonly event: CollectionEvent | null;
}

/** What is behind a name; null: nothing that could be shown. */
export type EntryFound = Folder | AssetEvent | KeptEvent | null;

export function topOf(root: Root): Folder {
  const { device } = root;
  return { kind: 'folder', path: '', depth: 0, device, parentDevice: device, event: null };
}

/** How its members name it. */
export function refOf(folder: Folder): string | null {
  return folder.event?.ref ?? null;
}

/** Names that are there without a person having put anything there: a folder with no others counts as empty. */
export function isSystemName(name: string): boolean {
  return name.startsWith('.') || SYSTEM_FOLDERS.has(name);
}

/** Is the entry to be looked at? Decides by its name and by what the listing tells of its type. */
export function isVisible(entry: Dirent, folder: Folder, call: ScanCall): boolean {
  if (isStagingName(entry.name)) return false;
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

/**
 * What is behind a name in a folder: null when there is nothing (any more) that could be shown, `kept` when that
 * cannot be told.
 */
export async function entryAt(root: Root, folder: Folder, name: string, call: ScanCall): Promise<EntryFound> {
  const path = pathIn(folder, name);
  try {
    const stats = await lstat(join(root.path, path), { bigint: true });
    if (stats.isDirectory()) return folderAt(root, folder, name, stats);
    if (stats.isSymbolicLink()) return await linkEvent(root, folder, path, call);
    return stats.isFile() ? fileEvent(root, folder, path, stats) : null;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') {
      // Gone between the two calls; or a name of bytes that are no UTF-8, which Node cannot ask for.
      if (name.includes('\ufffd')) call.warn('a name that is not UTF-8', path);
      return null;
    }
    call.warn('an entry that could not be read', path);
    return { kind: 'kept', collection: refOf(folder) };
  }
}

/** A link is shown with the facts of the file it leads to, and an id of its own. */
async function linkEvent(
  root: Root,
  folder: Folder,
  path: string,
  call: ScanCall,
): Promise<AssetEvent | null> {
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

function fileEvent(root: Root, folder: Folder, path: string, stats: BigIntStats): AssetEvent {
  const facts = fileFactsOf(stats, root.device, path);
  return { kind: 'asset', collection: refOf(folder), name: path.slice(path.lastIndexOf('/') + 1), facts };
}

function folderAt(root: Root, folder: Folder, name: string, stats: BigIntStats): Folder {
  const path = pathIn(folder, name);
  const event: CollectionEvent = {
    kind: 'collection',
    ref: refIdOf(stats, root.device, path),
    parent: refOf(folder),
    name,
    modifiedMs: toMs(stats.mtimeNs),
    createdMs: birthMsOf(stats),
  };
  const { depth, device: parentDevice } = folder;
  return { kind: 'folder', path, depth: depth + 1, device: stats.dev, parentDevice, event };
}

/** Is `path` the root or below it? Both are absolute and resolved. */
export function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

export function pathIn(folder: Folder, name: string): string {
  return folder.path === '' ? name : `${folder.path}/${name}`;
}
