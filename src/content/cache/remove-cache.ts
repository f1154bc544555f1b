import { opendir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../model/coded-error.ts';
import type { Logger } from '../../model/logger.ts';
import { INDEX_NAME } from './block-index.ts';
import { FILES } from './block-store.ts';

/**
 * Gives back the room of a cache that is off now: what was kept is removed, in small steps, and nothing else that lies in
 * the folder. Never rejects. What a stop leaves there goes at the next start.
 */
export async function removeCache(folder: string, logger: Logger): Promise<void> {
  const files = join(folder, FILES);
  try {
    // Without the list nothing of the rest is ever taken for kept.
    for (const ending of ['', '-wal', '-shm']) await rm(join(folder, INDEX_NAME + ending), { force: true });
    for await (const { name } of await opendir(files)) await rm(join(files, name), { force: true });
    await rmdir(files);
    await rmdir(folder);
    logger.info('the cache of remote bytes is off, and what it had kept is removed');
  } catch (error) {
    // There was none; or something of somebody else's is in there, and stays.
    const isExpected = ['ENOENT', 'ENOTDIR', 'ENOTEMPTY'].includes(
      String((error as { code?: unknown }).code),
    );
    if (!isExpected)
      logger.warn('what the cache had kept could not be removed', { reason: messageOf(error) });
  }
}
