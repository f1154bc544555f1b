import { constants } from 'node:fs';
import { join } from 'node:path';
import type { FolderAsk } from '../disk-messages.ts';

/** For a folder that something is changed in: never what a link leads to. */
export const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * A path for the system that leads to a member of exactly this folder, wherever it is by now. Where there is no `/proc`
 * its own path has to do.
 */
export function memberPath({ fd, path }: FolderAsk, name: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}/${name}` : join(path, name);
}
