import { join } from 'node:path';
import type { Held, ScanCall } from '../../src/provider/provider.ts';
import type { Disk } from './disk.ts';
import type { Root } from './disk-messages.ts';
import type { Folder } from './entry.ts';
import { deviceIn } from './stat-facts.ts';

/**
 * An empty folder where another disk was mounted when it was last told is that disk, not mounted now.
 * @returns the ref it was told under then, or null when the folder is just empty.
 */
export async function unmountedRef(
  folder: Pick<Folder, 'path' | 'device' | 'parentDevice'>,
  held: Held,
): Promise<string | null> {
  if (folder.path === '' || folder.device !== folder.parentDevice) return null;
  return await otherDiskRef(folder.path, held);
}

/** The ref of a folder that was another disk than the folder it is in when it was last told; else null. */
export async function otherDiskRef(path: string, held: Held): Promise<string | null> {
  if (path === '') return null;
  const ref = await held.refAt(path);
  if (ref === null) return null;
  const parentPath = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
  const parentRef = parentPath === '' ? null : await held.refAt(parentPath);
  return deviceIn(ref) === deviceIn(parentRef) ? null : ref;
}

/** Reads no further than to the first name that a person gave. */
export async function isEmptyFolder(
  disk: Disk,
  root: Root,
  folder: Folder,
  call: ScanCall,
): Promise<boolean> {
  return await disk.ask('isEmpty', { path: join(root.path, folder.path) }, call.signal);
}
