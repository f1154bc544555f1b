import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MediaJob } from '../../../src/enrich/media-job.ts';
import { WorkerLostError } from '../../../src/enrich/pool-worker.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../../src/enrich/worker-pool.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import { pictureOf } from './look-into.ts';

/** A thread that does what its job's type says: see there. */
const BAD_WORKER = new URL('./bad-worker.ts', import.meta.url);

let folder: string;
let pools: WorkerPool[];
let files: FileHandle[];
let fileCount = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-pool-'));
  pools = [];
  files = [];
});
afterEach(async () => {
  for (const pool of pools) await pool.close();
  for (const file of files) await file.close();
  await rm(folder, { recursive: true, force: true });
});

function poolOf(options: WorkerPoolOptions = {}): WorkerPool {
  const pool = new WorkerPool({ size: 2, ...options });
  pools.push(pool);
  return pool;
}

const never = new AbortController().signal;

function jobFor(content: Buffer, namedType: string | null = null): MediaJob {
  return { sizeBytes: content.length, algorithms: ['sha256', 'sha1', 'md5'], namedType };
}

function digestsOf(content: Buffer) {
  const digest = (algorithm: string) => createHash(algorithm).update(content).digest('hex');
  return { sha256: digest('sha256'), sha1: digest('sha1'), md5: digest('md5') };
}

async function fdOf(content: Buffer): Promise<{ fd: number; path: string }> {
  fileCount += 1;
  const path = join(folder, `${fileCount}`);
  await writeFile(path, content);
  const file = await open(path);
  files.push(file);
  return { fd: file.fd, path };
}

/** In pieces that fit no boundary. */
function streamOf(content: Buffer): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += 100_003) pieces.push(content.subarray(at, at + 100_003));
  return Readable.from(pieces);
}

describe('digests', () => {
  it.each([0, 1, 1_048_576, 1_048_577, 5_000_000])('of %i bytes, both ways', async (size) => {
    const content = randomBytes(size);
    const pool = poolOf();
    const { fd } = await fdOf(content);
    const job = jobFor(content);
    const digests = digestsOf(content);
    const fromFile = await pool.run({ job, bytes: { fd }, signal: never });
    expect(fromFile).toEqual({ digests, found: null, problem: null });
    const open = async () => streamOf(content);
    expect((await pool.run({ job, bytes: { open }, signal: never })).digests).toEqual(digests);
  });

  it('only those that are wanted', async () => {
    const content = Buffer.from('abc');
    const job: MediaJob = { ...jobFor(content), algorithms: ['sha256'] };
    const { fd } = await fdOf(content);
    const { digests } = await poolOf().run({ job, bytes: { fd }, signal: never });
    expect(digests).toEqual({ sha256: digestsOf(content).sha256 });
  });

  it('come with what the content shows, both ways', async () => {
    const content = await pictureOf('jpeg');
    const pool = poolOf();
    const { fd } = await fdOf(content);
    const job = jobFor(content, 'image/jpeg');
    const fromFile = await pool.run({ job, bytes: { fd }, signal: never });
    expect(fromFile.found).toMatchObject({ contentType: 'image/jpeg', media: { width: 40, height: 30 } });
    const fromStream = await pool.run({ job, bytes: { open: async () => streamOf(content) }, signal: never });
    expect(fromStream).toEqual(fromFile);
  });

  it('of many at once are not mixed up', async () => {
    const pool = poolOf();
    const contents = Array.from({ length: 30 }, (_, at) => randomBytes(at * 40_000));
    const found = await Promise.all(
      contents.map(async (content, at) => {
        const bytes = at % 2 === 0 ? await fdOf(content) : { open: async () => streamOf(content) };
        return (await pool.run({ job: jobFor(content), bytes, signal: never })).digests;
      }),
    );
    expect(found).toEqual(contents.map(digestsOf));
  });

  it('can be watched on their way', async () => {
    const content = randomBytes(20_000_000);
    const { fd } = await fdOf(content);
    const seen: number[] = [];
    const onStart = (bytesRead: () => number) => {
      const timer = setInterval(() => seen.push(bytesRead()), 1);
      setTimeout(() => clearInterval(timer), 2_000).unref();
    };
    await poolOf().run({ job: jobFor(content), bytes: { fd }, signal: never, onStart });
    expect(seen.some((bytes) => bytes > 0 && bytes < content.length)).toBe(true);
  });
});

describe('bytes that are not there', () => {
  it('a file that is shorter than it was has changed', async () => {
    const content = randomBytes(3_000_000);
    const { fd, path } = await fdOf(content);
    await truncate(path, 2_000_000);
    const run = poolOf().run({ job: jobFor(content), bytes: { fd }, signal: never });
    await expect(run).rejects.toMatchObject({ code: 'changed' });
  });

  it('errors of the disk are told', async () => {
    const directory = await open(folder);
    files.push(directory);
    const run = poolOf().run({ job: jobFor(Buffer.alloc(9)), bytes: { fd: directory.fd }, signal: never });
    await expect(run).rejects.toMatchObject({ code: 'unavailable', cause: { code: 'EISDIR' } });
  });

  it('errors of a stream are its own, and the thread goes on with the next', async () => {
    const pool = poolOf({ size: 1 });
    const content = randomBytes(9_000_000);
    const broken = async () =>
      Readable.from(
        (async function* () {
          yield content.subarray(0, 4_500_000);
          throw new CodedError('unavailable', 'gone');
        })(),
      );
    // More often than there are buffers.
    for (let at = 0; at < 5; at++) {
      const run = pool.run({ job: jobFor(content), bytes: { open: broken }, signal: never });
      await expect(run).rejects.toMatchObject({ code: 'unavailable', message: 'gone' });
    }
    const refused = async () => {
      throw new CodedError('denied', 'no');
    };
    const run = pool.run({ job: jobFor(content), bytes: { open: refused }, signal: never });
    await expect(run).rejects.toMatchObject({ code: 'denied' });
    const open = async () => streamOf(content);
    const { digests } = await pool.run({ job: jobFor(content), bytes: { open }, signal: never });
    expect(digests).toEqual(digestsOf(content));
  });

  it('a stream that hangs is given up', async () => {
    const stream = new Readable({ read: () => undefined });
    const bytes = { open: async () => stream };
    const run = poolOf({ limitMs: 300 }).run({ job: jobFor(Buffer.alloc(9)), bytes, signal: never });
    await expect(run).rejects.toMatchObject({ code: 'unavailable' });
    expect(stream.destroyed).toBe(true);
  });
});

describe('threads that die', () => {
  const content = Buffer.from('abc');
  const run = async (pool: WorkerPool, what: string | null) => {
    const { fd } = await fdOf(content);
    return await pool.run({ job: jobFor(content, what), bytes: { fd }, signal: never });
  };

  it.each(['exit', 'throw', 'reject'])('%s before the digests: whoever asked is told', async (what) => {
    const pool = poolOf({ size: 1, entry: BAD_WORKER });
    await expect(run(pool, what)).rejects.toThrow(WorkerLostError);
    // A new one has taken its place.
    expect((await run(pool, null)).digests).toEqual({ sha256: 'good' });
  });

  it.each(['late exit', 'late throw'])('%s: the digests are kept', async (what) => {
    const pool = poolOf({ size: 1, entry: BAD_WORKER });
    expect(await run(pool, what)).toEqual({
      ...{ digests: { sha256: 'good' }, found: null, problem: 'a file that stopped its reader' },
    });
    expect((await run(pool, null)).digests).toEqual({ sha256: 'good' });
  });

  it('more memory than allowed ends the thread, not the process', async () => {
    const pool = poolOf({ size: 1, entry: BAD_WORKER });
    expect(await run(pool, 'late memory')).toMatchObject({ problem: 'a file that stopped its reader' });
    expect((await run(pool, null)).digests).toEqual({ sha256: 'good' });
  });

  it('one that never ends is ended', async () => {
    const pool = poolOf({ size: 1, entry: BAD_WORKER, limitMs: 3_000 });
    expect(await run(pool, 'late loop')).toEqual({
      ...{ digests: { sha256: 'good' }, found: null, problem: 'a file that took too long to look into' },
    });
    await expect(run(pool, 'loop')).rejects.toMatchObject({ code: 'unavailable' });
    expect((await run(pool, null)).digests).toEqual({ sha256: 'good' });
  });

  it('one that shows progress may take its time', async () => {
    const pool = poolOf({ size: 1, entry: BAD_WORKER, limitMs: 1_500 });
    expect((await run(pool, 'slow')).digests).toEqual({ sha256: 'good' });
  });

  it('the others go on meanwhile', async () => {
    const pool = poolOf({ entry: BAD_WORKER });
    const runs = Array.from({ length: 20 }, (_, at) => run(pool, at % 4 === 0 ? 'exit' : null));
    const ended = await Promise.allSettled(runs);
    expect(ended.map(({ status }) => status)).toEqual(
      Array.from({ length: 20 }, (_, at) => (at % 4 === 0 ? 'rejected' : 'fulfilled')),
    );
  });
});

describe('ends', () => {
  it('by abort: what runs and what waits', async () => {
    const pool = poolOf({ size: 1, entry: BAD_WORKER });
    const controller = new AbortController();
    const { fd } = await fdOf(Buffer.from('abc'));
    const job = jobFor(Buffer.from('abc'), 'loop');
    const runs = [0, 1].map(() => pool.run({ job, bytes: { fd }, signal: controller.signal }));
    const ended = Promise.allSettled(runs);
    await wait(300);
    controller.abort(new CodedError('cancelled', 'enough'));
    expect((await ended).map((run) => run.status === 'rejected' && run.reason.code)).toEqual([
      'cancelled',
      'cancelled',
    ]);
  });

  it('by close, also in the middle', async () => {
    const pool = poolOf({ size: 1, entry: BAD_WORKER });
    const { fd } = await fdOf(Buffer.from('abc'));
    const runs = [0, 1].map(() =>
      pool.run({ job: jobFor(Buffer.from('abc'), 'loop'), bytes: { fd }, signal: never }),
    );
    const ended = Promise.allSettled(runs);
    await wait(300);
    await pool.close();
    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const late = pool.run({ job: jobFor(Buffer.from('abc')), bytes: { fd }, signal: never });
    await expect(late).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('never keep the process from ending', async () => {
    const content = await pictureOf('jpeg');
    const { path } = await fdOf(content);
    const pool = new URL('../../../src/enrich/worker-pool.ts', import.meta.url);
    const script = `
      import { openSync } from 'node:fs';
      import { WorkerPool } from ${JSON.stringify(pool.href)};
      const job = ${JSON.stringify(jobFor(content, 'image/jpeg'))};
      const { found } = await new WorkerPool().run({
        job, bytes: { fd: openSync(${JSON.stringify(path)}) }, signal: new AbortController().signal,
      });
      console.log(found.media.width);`;
    const options = { encoding: 'utf8', timeout: 20_000 } as const;
    const ended = spawnSync(process.execPath, ['--input-type=module', '--eval', script], options);
    expect({ status: ended.status, stdout: ended.stdout }).toEqual({ status: 0, stdout: '40\n' });
  });

  it('after a while without work, and begins again', async () => {
    const pool = poolOf({ size: 1, idleMs: 100, entry: BAD_WORKER });
    const { fd } = await fdOf(Buffer.from('abc'));
    const id = async () =>
      (await pool.run({ job: jobFor(Buffer.from('abc'), 'id'), bytes: { fd }, signal: never })).digests
        .sha256;
    const first = await id();
    await wait(1_000);
    expect(await id()).not.toBe(first);
  });
});
