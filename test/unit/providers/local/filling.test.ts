import { execFileSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PoolShare } from '../../../../providers/local/pool-share.ts';
import { ContentPieces } from '../../../../providers/local/write/content-pieces.ts';
import { Filling } from '../../../../providers/local/write/filling.ts';
import { CodedError } from '../../../../src/model/coded-error.ts';

const { signal } = new AbortController();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-filling-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const piecesOf = (bytes: Buffer) => new ContentPieces(Readable.from([bytes], { objectMode: false }), signal);

async function isOpen(path: string): Promise<boolean> {
  for (const descriptor of await readdir('/proc/self/fd')) {
    if ((await readlink(`/proc/self/fd/${descriptor}`).catch(() => '')) === path) return true;
  }
  return false;
}

it('writes all that comes', async () => {
  const bytes = Buffer.alloc(3_000_000, 'photo');
  const path = join(folder, 'large');
  const file = await open(path, 'w');
  const filling = new Filling({ fd: file.fd, share: new PoolShare(), signal });
  expect(await filling.fill(piecesOf(bytes), 1_000_000)).toBe(bytes.length);
  expect(filling.isAtDisk).toBe(false);
  expect((await file.stat()).mtimeMs).toBe(1_000_000);
  await file.close();
  expect((await readFile(path)).equals(bytes)).toBe(true);
});

it('tells what failed first, also when the disk refuses what was written before', async () => {
  // It takes everything, and syncs nothing.
  const file = await open('/dev/null', 'w');
  const large = Buffer.alloc(1024 * 1024);
  const content = Readable.from(
    (function* () {
      for (let count = 0; count < 40; count += 1) yield large;
      throw new CodedError('invalid', 'The digest is another one.');
    })(),
    { objectMode: false },
  );
  const filling = new Filling({ fd: file.fd, share: new PoolShare(), signal });
  await expect(filling.fill(new ContentPieces(content, signal), null)).rejects.toMatchObject({
    code: 'invalid',
  });
  await file.close();
});

it('is refused by a disk that hangs, and leaves nothing there when it answers again', async () => {
  // A pipe takes 64 KiB; whoever writes more to it waits until somebody reads, and nothing ends that call.
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, 'r+');
  const reader = await open(pipe, 'r+');
  const filling = new Filling({ fd, share: new PoolShare({ patienceMs: 50 }), signal });
  const bytes = Buffer.alloc(200_000, 'photo');
  await expect(filling.fill(piecesOf(bytes), null)).rejects.toMatchObject({ code: 'unavailable' });
  expect(filling.isAtDisk).toBe(true);
  filling.removeLater(pipe);
  // A number that is closed now could be another file's when the call at last begins to write.
  expect(await readdir(folder)).toEqual(['pipe']);
  expect(await isOpen(pipe)).toBe(true);

  for (let leftBytes = bytes.length; leftBytes > 0; ) {
    leftBytes -= (await reader.read(Buffer.alloc(65_536))).bytesRead;
  }
  await reader.close();
  await expect.poll(() => readdir(folder)).toEqual([]);
  expect(await isOpen(`${pipe} (deleted)`)).toBe(false);
});
