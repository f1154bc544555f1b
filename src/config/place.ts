import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** What a path that somebody wrote is relative to. Absolute paths. */
export interface Place {
  readonly cwd: string;
  /** What a leading `~` stands for. */
  readonly home: string;
}

/** Absolute path of what somebody wrote: `~`, `~/…`, relative or absolute. */
export function resolvePath(written: string, place: Place): string {
  if (written === '~') return place.home;
  if (/^~[/\\]/.test(written)) return resolve(place.home, written.slice(2));
  return resolve(place.cwd, written);
}

/** What is at a path now, symbolic links followed. What may not be looked at counts as missing. */
export function kindOf(path: string): 'directory' | 'file' | 'missing' {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'file';
  } catch {
    return 'missing';
  }
}

/** Why a file cannot be read, in a few words; null when it can. */
export function unreadableReason(path: string): string | null {
  try {
    if (statSync(path).isDirectory()) return 'it is a folder';
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

/** A few plain words for the common errors of a file system. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'no permission to read it';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return code === '' ? 'unknown reason' : code;
  }
}

/** True when `inner` is `outer` or lies in it, links followed as far as the paths exist. */
export function isWithin(inner: string, outer: string): boolean {
  const path = relative(realPath(outer), realPath(inner));
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}

/** The path without links; parts that do not exist yet stay as written. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
