import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface DiskFile {
  readonly sizeBytes: number;
  /** Whole seconds since 1970. */
  readonly modifiedSeconds: number;
}

/** Every file below `root` by its relative path, mounted or on disk. */
export async function filesBelow(root: string): Promise<Map<string, DiskFile>> {
  const files = new Map<string, DiskFile>();
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        await visit(path);
      } else {
        const { size, mtimeMs } = await stat(join(root, path));
        files.set(path, { sizeBytes: size, modifiedSeconds: Math.floor(mtimeMs / 1000) });
      }
    }
  };
  await visit('');
  return files;
}

/** SHA-1 of every file below `root`, by relative path. */
export async function digestsBelow(root: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const path of (await filesBelow(root)).keys()) digests.set(path, await sha1OfFile(join(root, path)));
  return digests;
}

export async function sha1OfFile(path: string): Promise<string> {
  const hash = createHash('sha1');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

export function sha1Of(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}
