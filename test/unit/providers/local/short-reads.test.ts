import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Disk } from '../../../../providers/local/disk.ts';
import { PoolShare } from '../../../../providers/local/pool-share.ts';
import { ShortReads } from '../../../../providers/local/short-reads.ts';

const SILENT = new URL('./silent-disk-thread.ts', import.meta.url);
const MANY = 100;

let folder: string;
let disk: Disk;
let reads: ShortReads;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-short-'));
  for (let at = 0; at < MANY; at++) await writeFile(pathOf(at), `content ${at}`);
});
afterEach(async () => {
  reads.close();
  await rm(folder, { recursive: true, force: true });
});

const pathOf = (at: number) => join(folder, `${at}.jpg`);
const askFor = (at: number) => ({ path: pathOf(at), startByte: 8, lengthBytes: `${at}`.length });

async function readMany(): Promise<void> {
  const found = await Promise.all(Array.from({ length: MANY }, (_, at) => reads.read(askFor(at))));
  expect(found.map(({ bytes }) => Buffer.from(bytes ?? []).toString())).toEqual(
    Array.from({ length: MANY }, (_, at) => `${at}`),
  );
  expect(found.map(({ path }) => path)).toEqual(Array.from({ length: MANY }, (_, at) => pathOf(at)));
  expect(new Set(found.map(({ version }) => version)).size).toBe(MANY);
  expect(found.every(({ isFile }) => isFile)).toBe(true);
}

describe('short reads', () => {
  it('give the same by both ways, of which the thread is begun when many are wanted', async () => {
    disk = new Disk();
    reads = new ShortReads(new PoolShare(), disk);
    const [alone] = await Promise.all([reads.read(askFor(7))]);
    expect(disk.isRunning).toBe(false);
    await readMany();
    expect(disk.isRunning).toBe(true);
    const asked = vi.spyOn(disk, 'ask');
    await vi.waitFor(async () => {
      await readMany();
      expect(asked.mock.calls.length).toBeGreaterThan(MANY / 2);
    }, 20_000);
    const { tookMs: _, ...before } = alone;
    const { tookMs: __, ...after } = await reads.read(askFor(7));
    expect({ ...after, bytes: Buffer.from(after.bytes ?? []) }).toEqual({
      ...before,
      bytes: Buffer.from(before.bytes ?? []),
    });
  });

  it('end with the file, tell of a folder that it is none, and fail as the disk does, by both ways', async () => {
    disk = new Disk();
    reads = new ShortReads(new PoolShare(), disk);
    await mkdir(join(folder, 'b'));
    for (const read of [(ask: Parameters<ShortReads['read']>[0]) => reads.read(ask), askThread]) {
      const short = await read({ path: pathOf(1), startByte: 8, lengthBytes: 50 });
      expect(Buffer.from(short.bytes ?? []).toString()).toBe('1');
      const none = await read({ path: join(folder, 'b'), startByte: 0, lengthBytes: 5 });
      expect(none).toMatchObject({ bytes: null, isFile: false });
      const gone = read({ path: join(folder, 'gone'), startByte: 0, lengthBytes: 5 });
      await expect(gone).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  it('wait for no thread whose disk does not answer', async () => {
    disk = new Disk({ entry: SILENT });
    reads = new ShortReads(new PoolShare(), disk);
    await readMany();
    // What the thread was given is waited for by whoever asked for it; it is one read at most.
    let unanswered = 0;
    await vi.waitFor(async () => {
      const read = reads.read(askFor(3)).then(() => true);
      read.catch(() => undefined);
      if (!(await Promise.race([read, sleep(200, false)]))) unanswered += 1;
      expect(unanswered).toBe(1);
    }, 20_000);
    await readMany();
  });
});

const askThread = (ask: Parameters<ShortReads['read']>[0]) => disk.ask('read', ask);
