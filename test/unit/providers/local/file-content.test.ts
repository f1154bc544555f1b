import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileContent } from '../../../../providers/local/file-content.ts';
import { PoolShare } from '../../../../providers/local/pool-share.ts';
import { versionOf } from '../../../../providers/local/stat-facts.ts';

const SIZE = 5_000_000;

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-content-'));
  file = join(folder, 'a.mp4');
  await writeFile(file, Buffer.alloc(SIZE, 'old'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function contentOf(start: number, end: number): Promise<FileContent> {
  const handle = await open(file);
  return new FileContent(
    handle,
    { start, end },
    versionOf(await stat(file, { bigint: true })),
    new PoolShare(),
  );
}

describe('FileContent', () => {
  it('gives exactly the range', async () => {
    const whole = Buffer.alloc(SIZE, 'old');
    for (const [start, end] of [
      [0, SIZE - 1],
      [1_048_575, 1_048_577],
      [SIZE - 1, SIZE - 1],
    ] as const) {
      const bytes = Buffer.concat(await (await contentOf(start, end)).toArray());
      expect(bytes.equals(whole.subarray(start, end + 1))).toBe(true);
    }
  });

  it('gives nothing of an empty file', async () => {
    await writeFile(file, '');
    expect(await (await contentOf(0, -1)).toArray()).toEqual([]);
  });

  it('does not pass a mixture of two contents off as one', async () => {
    const content = await contentOf(0, SIZE - 1);
    const chunks = content[Symbol.asyncIterator]();
    await chunks.next();
    await writeFile(file, Buffer.alloc(SIZE, 'new'));
    const rest = (async () => {
      while (!(await chunks.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'changed' });
  });
});
