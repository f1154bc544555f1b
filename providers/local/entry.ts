import { lastNameOf } from '../../src/model/name.ts';
import type { AssetEvent, CollectionEvent, KeptEvent, ScanCall } from '../../src/provider/provider.ts';
import type { Disk } from './disk.ts';
import { FOUND, type FoundColumns, factsAt, LISTED, type NamesPart, type Root } from './disk-messages.ts';
import { fileFactsOf } from './file-facts.ts';
import { isSystemFolder } from './names.ts';
import { deviceIn, type StatFacts } from './stat-facts.ts';
import { isAsideName, isAsideNow, isStagingName } from './write/staging-name.ts';

/** A folder that may be entered. */
export interface Folder {
  readonly kind: 'folder';
  /** Relative to the root; `''` for the root. */
  readonly path: string;
  /** 0 for the root. */
  readonly depth: number;
  /** As refs name it. */
  readonly device: string;
  /** Of the folder it is in; its own for the root. */
  readonly parentDevice: string;
  /** How it is told; null for the root, which is not. */
  readonly event: CollectionEvent | null;
}

/** What is behind a name; null: nothing that could be shown. */
export type EntryFound = Folder | AssetEvent | KeptEvent | null;

export function topOf(): Folder {
  const device = deviceIn(null);
  return { kind: 'folder', path: '', depth: 0, device, parentDevice: device, event: null };
}

/** How its members name it. */
export function refOf(folder: Folder): string | null {
  return folder.event?.ref ?? null;
}

/** The names that are to be looked at. Decides by the name and by what the listing tells of the type. */
export function visibleNames({ names, types }: NamesPart, folder: Folder, call: ScanCall): string[] {
  return names.filter((name, at) => {
    if (isStagingName(name)) return false;
    if (isAsideName(name)) {
      if (!isAsideNow(name)) call.warn('set aside by a write that was cut short', pathIn(folder, name));
      return false;
    }
    if (name.startsWith('.')) {
      call.warn('a hidden name', pathIn(folder, name));
      return false;
    }
    const type = types[at];
    if (type === LISTED.folder) return !isSystemFolder(name) && call.enters(pathIn(folder, name));
    // Some file systems tell no type; looking there will.
    return type !== LISTED.special && call.accepts(pathIn(folder, name));
  });
}

/**
 * What is behind names in a folder, in their order: null when there is nothing (any more) that could be shown, `kept`
 * when that cannot be told.
 */
export async function entriesAt(
  disk: Disk,
  root: Root,
  folder: Folder,
  names: readonly string[],
  call: ScanCall,
): Promise<EntryFound[]> {
  if (names.length === 0) return [];
  const ask = { rootPath: root.path, rootDevice: root.device, folderPath: folder.path, names };
  const found = await disk.ask('look', ask, call.signal);
  return names.map((name, at) => entryOf(found, at, folder, name, call));
}

/** Is the folder where it was found before? */
export async function isStillAt(
  disk: Disk,
  root: Root,
  { path, event }: Folder,
  signal: AbortSignal,
): Promise<boolean> {
  if (event === null) return true;
  const folderPath = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  const names = [lastNameOf(path)];
  const ask = { rootPath: root.path, rootDevice: root.device, folderPath, names };
  const found = await disk.ask('look', ask, signal);
  // What cannot be asked may be there: entering it twice would be worse than not at all.
  if (found.types[0] === FOUND.unreadable) return true;
  return found.types[0] === FOUND.folder && found.refIds[0] === event.ref;
}

function entryOf(found: FoundColumns, at: number, folder: Folder, name: string, call: ScanCall): EntryFound {
  const path = pathIn(folder, name);
  switch (found.types[at]) {
    case FOUND.file:
      return { kind: 'asset', collection: refOf(folder), name, facts: fileFactsOf(factsAt(found, at), path) };
    case FOUND.folder:
      return folderOf(factsAt(found, at), folder, name, path);
    case FOUND.unreadable:
      call.warn('an entry that could not be read', path);
      return { kind: 'kept', collection: refOf(folder) };
    case FOUND.linkOutside:
      call.warn('a link that leads out of the source', path);
      return null;
    case FOUND.linkToFolder:
      call.warn('a link to a folder', path);
      return null;
    case FOUND.nameNotUtf8:
      call.warn('a name that is not UTF-8', path);
      return null;
    default:
      return null;
  }
}

function folderOf(facts: StatFacts, parent: Folder, name: string, path: string): Folder {
  const { refId, modifiedMs, createdMs } = facts;
  const event: CollectionEvent = {
    ...{ kind: 'collection', ref: refId, parent: refOf(parent), name, modifiedMs, createdMs },
  };
  const { depth, device: parentDevice } = parent;
  return { kind: 'folder', path, depth: depth + 1, device: deviceIn(refId), parentDevice, event };
}

export function pathIn(folder: Folder, name: string): string {
  return folder.path === '' ? name : `${folder.path}/${name}`;
}
