import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Held } from '../../src/provider/provider.ts';
import { type Folder, isSystemName, type Root } from './entry.ts';
import { deviceIn } from './file-facts.ts';

/**
 * An empty folder where another disk was mounted when it was last told is that disk, not mounted now.
 * @returns the ref it was told under then, or null when the folder is just empty.
 */
export async function unmountedRef(
  folder: Pick<Folder, 'path' | 'device' | 'parentDevice'>,
  held: Held,
): Promise<string | null> {
  if (folder.path === '' || folder.device !== folder.parentDevice) return null;
  const ref = await held.refAt(folder.path);
  if (ref === null) return null;
  const parentPath = folder.path.slice(0, Math.max(folder.path.lastIndexOf('/'), 0));
  const parentRef = parentPath === '' ? null : await held.refAt(parentPath);
  return deviceIn(ref) === deviceIn(parentRef) ? null : ref;
}

/** Reads no further than to the first name that a person gave. */
export async function isEmptyFolder(root: Root, folder: Pick<Folder, 'path'>): Promise<boolean> {
  for await (const { name } of await opendir(join(root.path, folder.path))) {
    if (!isSystemName(name)) return false;
  }
  return true;
}
