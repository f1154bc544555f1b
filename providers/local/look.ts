import type { AssetEvent, CollectionEvent, LookEvent, ScanCall } from '../../src/provider/provider.ts';
import { type Folder, pathIn, refOf, topOf } from './entry.ts';
import { isSystemName } from './names.ts';
import { fileIn, hasOtherNames } from './stat-facts.ts';
import { translateFileError } from './translate-error.ts';
import { isEmptyFolder, unmountedRef } from './unmounted.ts';
import { entryHeard, MAX_DEPTH, type WalkPlace, walk } from './walk.ts';

export interface Look extends WalkPlace {
  /** What to throw when the root is empty: a disk that is not mounted holds nothing. */
  emptyRoot(): Error;
}

type Found = Folder | AssetEvent;

/** A folder can hold any number of files with names elsewhere, as backups do; a scan sees to the rest of them. */
const MAX_FILES_WITH_NAMES = 1_000;

/** See `Provider.look`. */
export async function* look(here: Look, path: string): AsyncGenerator<LookEvent> {
  const { held } = here.call;
  const files = new Set<string>();
  const found = yield* lookAtPlace(here, path);
  if (found?.kind === 'folder') {
    for await (const event of walk(here, found)) {
      if (event.kind === 'asset' && hasOtherNames(event.facts.ref.id)) files.add(fileIn(event.facts.ref.id));
      yield event;
    }
  } else {
    const refId = found === null ? await held.refAt(path) : found.facts.ref.id;
    if (refId !== null) files.add(fileIn(refId));
  }
  yield* lookAtOtherNames(here, path, [...files].slice(0, MAX_FILES_WITH_NAMES));
}

/**
 * Other places of the same files, which a change has touched without a hint of their own: hard links, and links that
 * lead there.
 */
async function* lookAtOtherNames(
  here: Look,
  path: string,
  files: readonly string[],
): AsyncGenerator<LookEvent> {
  for (const file of files) {
    for (const other of await here.call.held.pathsOf(file)) {
      if (other === path || other.startsWith(`${path}/`)) continue;
      // What is a folder by now has nothing to do with the file any more, and is hinted at itself.
      const place = yield* lookAtPlace(here, other);
      if (place?.kind === 'folder') here.call.warn('a file that became a folder', other);
    }
  }
}

/** Tells the folders above and, unless it is a folder, what is there. @returns what is there. */
async function* lookAtPlace(here: Look, path: string): AsyncGenerator<LookEvent, Found | null> {
  const { call } = here;
  const names = path.split('/');
  if (names.length > MAX_DEPTH || names.some((name) => name === '' || isSystemName(name))) return null;
  const above: CollectionEvent[] = [];
  let folder = topOf();
  for (const [at, name] of names.entries()) {
    const isLast = at === names.length - 1;
    const place = pathIn(folder, name);
    const entry = await entryHeard(here, folder, name);
    if (entry?.kind === 'kept') {
      yield* above;
      yield entry;
      return null;
    }
    if (entry === null || isHidden(entry, place, call)) {
      yield* nothingAt(here, place, folder, above);
      return null;
    }
    if (entry.kind === 'asset') {
      // Also where a folder was looked for: it took the place of that.
      yield* above;
      yield entry;
      return entry;
    }
    if (isLast) {
      yield* above;
      return entry;
    }
    if (entry.event !== null) above.push(entry.event);
    folder = entry;
  }
  return null;
}

function isHidden(entry: Found, place: string, call: ScanCall): boolean {
  return entry.kind === 'folder' ? !call.enters(place) : !call.accepts(place);
}

/** Nothing is there; unless that is because a disk is not mounted, it is gone. */
async function* nothingAt(
  { disk, root, call, emptyRoot }: Look,
  place: string,
  folder: Folder,
  above: readonly CollectionEvent[],
): AsyncGenerator<LookEvent> {
  let isEmpty: boolean;
  try {
    isEmpty = await isEmptyFolder(disk, root, folder, call);
  } catch (error) {
    if (folder.event === null) throw emptyRoot();
    const { code } = translateFileError(error);
    if (code === 'unavailable') throw translateFileError(error);
    // The folder went, too, in this very moment, or cannot be read: it is hinted at itself.
    yield* above;
    yield { kind: 'kept', collection: refOf(folder) };
    return;
  }
  // Where nothing was held, nothing can be missing: the last file may have been removed through us.
  if (isEmpty && folder.event === null && (await call.held.refAt(place)) !== null) throw emptyRoot();
  const heldRef = isEmpty ? await unmountedRef(folder, call.held) : null;
  if (heldRef !== null && folder.event !== null) {
    yield* above.slice(0, -1);
    yield { ...folder.event, ref: heldRef };
    yield { kind: 'kept', collection: heldRef };
    return;
  }
  yield* above;
  yield { kind: 'gone', path: place };
}
