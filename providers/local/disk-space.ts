import { statfs } from 'node:fs/promises';
import type { Space } from '../../src/model/space.ts';
import type { Root } from './entry.ts';
import { translateFileError } from './translate-error.ts';

/** Space of the disk that the folder is on, as `df` tells it: what only the administrator may use is not available. */
export async function diskSpaceOf(root: Pick<Root, 'path' | 'device'>): Promise<Space> {
  try {
    const { bsize, blocks, bfree, bavail } = await statfs(root.path);
    return {
      availableBytes: bavail * bsize,
      usedBytes: (blocks - bfree) * bsize,
      volume: `disk ${root.device}`,
    };
  } catch (error) {
    throw translateFileError(error);
  }
}
