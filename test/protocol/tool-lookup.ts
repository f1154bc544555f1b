import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** What a suite cannot do without, beside programs on the PATH. */
export const FUSE = 'FUSE';
export const MOUNT_RIGHTS = 'the right to mount';
/** The part of gvfs that speaks WebDAV. */
export const GVFS_DAV = 'gvfs-backends';
/** Linux's account of what a process has open and has read. */
export const PROC = '/proc';

export interface Requirements {
  readonly areMissing: boolean;
  /** For the suite's title: names what is missing, so that a skipped suite says why. */
  readonly note: string;
}

/** Looks up programs by name, and the needs above. */
export function lookUp(...needs: readonly string[]): Requirements {
  const missing = needs.filter((need) => !isThere(need));
  const note = missing.length === 0 ? '' : ` [skipped, missing: ${missing.join(', ')}]`;
  return { areMissing: missing.length > 0, note };
}

/** Is there a program of that name? Those for administrators count too. */
export function hasTool(name: string): boolean {
  return toolFolders().some((folder) => isExecutable(join(folder, name)));
}

/** The PATH for clients: the one of this process, and where administrators' programs are. */
export function toolPath(): string {
  return toolFolders().join(delimiter);
}

function isThere(need: string): boolean {
  if (need === FUSE) return existsSync('/dev/fuse');
  if (need === GVFS_DAV) return existsSync('/usr/share/gvfs/mounts/dav.mount');
  if (need === PROC) return existsSync('/proc/self/io');
  return need === MOUNT_RIGHTS ? mayMount() : hasTool(need);
}

function toolFolders(): string[] {
  const own = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...new Set([...own, '/usr/local/sbin', '/usr/sbin', '/sbin'])];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Only trying tells: a container may run as root and still not be allowed to. */
function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'mediadav-mount-'));
  try {
    const { status } = spawnSync('mount', ['-t', 'tmpfs', 'none', folder], { stdio: 'ignore' });
    return status === 0 && spawnSync('umount', [folder], { stdio: 'ignore' }).status === 0;
  } finally {
    rmdirSync(folder);
  }
}
