import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { WriteCall } from '../../../src/provider/provider.ts';
import type { Root } from '../disk-messages.ts';
import { isSystemName, isWithin } from '../names.ts';
import { errnoOf } from '../translate-error.ts';
import type { HeldPlace } from './held-folder.ts';

/** A pipe in the place of a file must not hold the call for ever. */
const TO_READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** The file that a name is shown as, behind a link too; null when it is not shown as a file. */
export async function shownFile(
  root: Root,
  place: HeldPlace,
  there: BigIntStats,
): Promise<BigIntStats | null> {
  if (!there.isSymbolicLink()) return there.isFile() ? there : null;
  try {
    const target = await realpath(place.folder.at(place.name));
    if (!isWithin(root.path, target)) return null;
    const stats = await stat(target, { bigint: true });
    return stats.isFile() ? stats : null;
  } catch (error) {
    if (errnoOf(error) === '') throw error;
    return null;
  }
}

/** As a scan would have it. */
export async function isShown(
  root: Root,
  place: HeldPlace,
  there: BigIntStats,
  call: WriteCall,
): Promise<boolean> {
  if (isSystemName(place.name)) return false;
  if (there.isDirectory()) return call.enters(place.path);
  return call.accepts(place.path) && (await shownFile(root, place, there)) !== null;
}

/**
 * Opens what is shown as a file, for reading; the caller closes it. `path` leads to exactly what is open.
 * @throws CodedError `not-found`; `denied` when a link was put in the way at this very moment.
 */
export async function openShownFile(
  root: Root,
  place: HeldPlace,
): Promise<{ handle: FileHandle; path: string; stats: BigIntStats }> {
  const there = await place.folder.member(place.name);
  if (there === null || (await shownFile(root, place, there)) === null) throw missing();
  const handle = await open(place.folder.at(place.name), TO_READ);
  try {
    const isLinux = process.platform === 'linux';
    const path = isLinux ? `/proc/self/fd/${handle.fd}` : await realpath(place.folder.at(place.name));
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw missing();
    if (isWithin(root.path, isLinux ? await readlink(path) : path)) return { handle, path, stats };
    throw new CodedError('denied', 'The file is not inside its source.');
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export function missing(): CodedError {
  return new CodedError('not-found', 'It is not there any more.');
}
