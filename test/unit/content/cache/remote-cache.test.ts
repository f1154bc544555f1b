import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteCache } from '../../../../src/content/cache/remote-cache.ts';
import type { Digests } from '../../../../src/model/asset.ts';
import { CodedError } from '../../../../src/model/coded-error.ts';
import { QUIET_LOGGER } from '../../../fakes/quiet-logger.ts';
import { RemoteBytes } from '../../../fakes/remote-bytes.ts';

/** A busy machine takes longer than the second that is usual. */
const PATIENTLY = { timeout: 15_000 };

const MIB = 1024 ** 2;
const NEVER = new AbortController().signal;

/** Bytes that are nowhere the same. */
function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 8 <= length; at += 8) {
    bytes.writeUInt32LE(seed, at);
    bytes.writeUInt32LE(at, at + 4);
  }
  return bytes;
}

let folder: string;
let cache: RemoteCache;
let warnings: string[];

function openCache(maxBytes = 100 * MIB, pauseMs?: number): RemoteCache {
  const logger = { ...QUIET_LOGGER, warn: (message: string) => void warnings.push(message) };
  const opened = RemoteCache.open({
    ...{ folder: join(folder, 'cache'), maxBytes, logger },
    ...(pauseMs === undefined ? {} : { pauseMs }),
  });
  if (opened === null) throw new Error('the cache does not open');
  return opened;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-cache-'));
  warnings = [];
  cache = openCache();
});
afterEach(async () => {
  await cache.close();
  await rm(folder, { recursive: true, force: true });
});

async function openStream(remote: RemoteBytes, range?: [number, number], signal = NEVER): Promise<Readable> {
  const wanted = range === undefined ? undefined : { start: range[0], end: range[1] };
  const opened = cache.open(remote.content, wanted, signal);
  if (opened === null) throw new Error('the cache steps aside');
  return await opened;
}

const read = async (remote: RemoteBytes, range?: [number, number]) => buffer(await openStream(remote, range));
const partOf = (remote: RemoteBytes, [start, end]: [number, number]) => remote.bytes.subarray(start, end + 1);

/** Until everything that was fetched is on the disk. */
async function kept(bytes: number): Promise<void> {
  await vi.waitFor(() => expect(cache.report().usedBytes).toBe(bytes), PATIENTLY);
}

async function contentFiles(): Promise<string[]> {
  const files = join(folder, 'cache', 'contents');
  return (await readdir(files)).map((name) => join(files, name));
}

async function flipByte(at: number): Promise<void> {
  const [path = ''] = await contentFiles();
  const file = await open(path, 'r+');
  const { buffer: byte } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0x10]), 0, 1, at);
  await file.close();
}

/** Through `openPieces`, as answers are sent. */
async function readPieces(remote: RemoteBytes): Promise<Buffer> {
  const reader = await cache.openPieces(remote.content, undefined, NEVER);
  if (reader === null) throw new Error('the cache steps aside');
  const pieces: Buffer[] = [];
  try {
    for (
      let piece = await reader.next();
      piece !== null;
      piece = reader.nextAtHand() ?? (await reader.next())
    )
      pieces.push(piece);
  } finally {
    reader.close();
  }
  return Buffer.concat(pieces);
}

describe('what was read once', () => {
  it.each([1, 1000, MIB, MIB + 1, 5 * MIB - 3])('is not asked for again: %d bytes', async (size) => {
    const remote = new RemoteBytes(bytesOf(size, 7));
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    await kept(size);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect((await readPieces(remote)).equals(remote.bytes)).toBe(true);
    expect(remote.requests).toHaveLength(1);
    expect(cache.report()).toMatchObject({ contents: 1, fetchedBytes: size, failure: null });
    expect(cache.report().servedBytes).toBe(2 * size);
  });

  it('outlasts a restart, and the source', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB + 5));
    await read(remote);
    await kept(remote.bytes.length);
    await cache.close();
    cache = openCache();
    remote.error = new CodedError('unavailable', 'away');
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect((await read(remote, [MIB - 5, 2 * MIB])).equals(partOf(remote, [MIB - 5, 2 * MIB]))).toBe(true);
    expect((await readPieces(remote)).equals(remote.bytes)).toBe(true);
  });

  it('is another content under another key', async () => {
    const remote = new RemoteBytes(bytesOf(1000, 1));
    const edited = new RemoteBytes(bytesOf(1000, 2));
    edited.key = 'another content';
    await read(remote);
    await kept(1000);
    expect((await read(edited)).equals(edited.bytes)).toBe(true);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
  });

  it('is nobody else’s on this machine', async () => {
    await read(new RemoteBytes(bytesOf(1000)));
    await kept(1000);
    const [content = ''] = await contentFiles();
    const modes = await Promise.all(
      [content, join(folder, 'cache', 'index.db'), join(folder, 'cache', 'index.db-wal')].map(
        async (path) => (await stat(path)).mode & 0o777,
      ),
    );
    expect(modes).toEqual([0o600, 0o600, 0o600]);
    expect((await stat(join(folder, 'cache'))).mode & 0o777).toBe(0o700);
  });
});

describe('ranges', () => {
  it('fetch the blocks that they touch, and no others', async () => {
    const remote = new RemoteBytes(bytesOf(20 * MIB));
    const range: [number, number] = [7 * MIB + 10, 8 * MIB + 10];
    expect((await read(remote, range)).equals(partOf(remote, range))).toBe(true);
    await kept(2 * MIB);
    expect(remote.requests).toMatchObject([{ start: 7 * MIB, end: 9 * MIB - 1, sentBytes: 2 * MIB }]);
    remote.error = new CodedError('unavailable', 'away');
    expect((await read(remote, range)).equals(partOf(remote, range))).toBe(true);
    await expect(read(remote, [0, 10])).rejects.toThrow('away');
  });

  it('to the end of a film, left soon, fetch little more than was played', async () => {
    const remote = new RemoteBytes(bytesOf(60 * MIB));
    for (const start of [0, 40 * MIB]) {
      const stream = await openStream(remote, [start, remote.bytes.length - 1]);
      let played = 0;
      for await (const piece of stream as AsyncIterable<Buffer>) {
        expect(piece.equals(remote.bytes.subarray(start + played, start + played + piece.length))).toBe(true);
        played += piece.length;
        if (played >= 2 * MIB) break;
      }
    }
    expect(remote.requests.map(({ start, end }) => [start / MIB, (end + 1) / MIB])).toEqual([
      [0, 4],
      [40, 44],
    ]);
    expect(remote.openRequests).toBe(0);
    expect(remote.sentBytes).toBeLessThanOrEqual(8 * MIB);
  });

  it('one after the other have more and more read ahead, up to a limit', async () => {
    const remote = new RemoteBytes(bytesOf(40 * MIB));
    const step = 256 * 1024;
    for (let at = 0; at < remote.bytes.length; at += step) {
      const range: [number, number] = [at, at + step - 1];
      expect((await read(remote, range)).equals(partOf(remote, range))).toBe(true);
    }
    await kept(remote.bytes.length);
    expect(remote.sentBytes).toBe(remote.bytes.length);
    expect(remote.requests.length).toBeLessThan(12);
    for (const { start, end } of remote.requests) expect(end + 1 - start).toBeLessThanOrEqual(9 * MIB);
  });

  it('here and there are completed by a whole read with what is missing alone', async () => {
    const remote = new RemoteBytes(bytesOf(6 * MIB));
    await read(remote, [MIB, MIB + 5]);
    await read(remote, [4 * MIB, 4 * MIB + 5]);
    await kept(2 * MIB);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    await kept(6 * MIB);
    expect(remote.requests.slice(2).map(({ start, end }) => [start / MIB, (end + 1) / MIB])).toEqual([
      [0, 1],
      [2, 4],
      [5, 6],
    ]);
  });
});

describe('several at once', () => {
  it('share one request in pieces, too, and leave it as clients do that hang up', async () => {
    const remote = new RemoteBytes(bytesOf(20 * MIB));
    const leaving = new AbortController();
    const left = await cache.openPieces(remote.content, undefined, leaving.signal);
    const reading = Array.from({ length: 5 }, () => readPieces(remote));
    await left?.next();
    // Until the others have come to the request.
    await turn();
    await turn();
    leaving.abort();
    for (const bytes of await Promise.all(reading)) expect(bytes.equals(remote.bytes)).toBe(true);
    expect(remote.sentBytes).toBe(remote.bytes.length);
    const lastToLeave = new AbortController();
    const other = new RemoteBytes(bytesOf(20 * MIB, 2));
    other.key = 'another content';
    const reader = await cache.openPieces(other.content, { start: 5, end: 15 * MIB }, lastToLeave.signal);
    await reader?.next();
    lastToLeave.abort();
    await expect(reader?.next()).rejects.toMatchObject({ code: 'cancelled' });
    await vi.waitFor(() => expect(other.openRequests).toBe(0), PATIENTLY);
    expect(other.sentBytes).toBeLessThan(6 * MIB);
  });

  it('share one request, whoever of them leaves', async () => {
    const remote = new RemoteBytes(bytesOf(4 * MIB));
    const { promise, resolve: start } = Promise.withResolvers<void>();
    remote.gate = promise;
    const leaving = new AbortController();
    const reading = Array.from({ length: 20 }, () => read(remote));
    const left = openStream(remote, undefined, leaving.signal);
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    start();
    for (const bytes of await Promise.all(reading)) expect(bytes.equals(remote.bytes)).toBe(true);
    expect(remote.requests).toHaveLength(1);
    expect(remote.sentBytes).toBe(remote.bytes.length);
  });

  it('are not held up by one that reads nothing', async () => {
    const remote = new RemoteBytes(bytesOf(30 * MIB));
    const idle = await openStream(remote);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect((await buffer(idle)).equals(remote.bytes)).toBe(true);
    expect(remote.sentBytes).toBe(remote.bytes.length);
  });

  it('that all leave end the request', async () => {
    const remote = new RemoteBytes(bytesOf(30 * MIB));
    const streams = [await openStream(remote), await openStream(remote)];
    await turn();
    streams[0]?.destroy();
    await turn();
    expect(remote.openRequests).toBe(1);
    streams[1]?.destroy();
    await vi.waitFor(() => expect(remote.openRequests).toBe(0), PATIENTLY);
    expect(remote.sentBytes).toBeLessThan(6 * MIB);
    // Nothing of it stands in the way of the next one.
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
  });

  it('do not read far ahead of somebody who pauses', async () => {
    const remote = new RemoteBytes(bytesOf(30 * MIB));
    const stream = await openStream(remote);
    await kept(3 * MIB);
    await turn();
    expect(remote.sentBytes).toBeLessThan(5 * MIB);
    stream.destroy();
  });
});

describe('a source that does not keep its word', () => {
  it.each([
    ['too few', -1],
    ['far too few', -2 * MIB],
    ['too many', 1],
  ])('sends %s bytes: nobody gets a whole answer', async (_, lengthError) => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    remote.lengthError = lengthError;
    const seen: Buffer[] = [];
    const reading = (async () => {
      for await (const piece of (await openStream(remote)) as AsyncIterable<Buffer>) seen.push(piece);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'corrupt' });
    const got = Buffer.concat(seen);
    expect(got.length).toBeLessThan(remote.bytes.length);
    expect(got.equals(remote.bytes.subarray(0, got.length))).toBe(true);
    remote.lengthError = 0;
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
  });

  it('breaks off: what came whole is kept, and the rest fetched the next time', async () => {
    const remote = new RemoteBytes(bytesOf(4 * MIB));
    remote.cutAfterBytes = 2.5 * MIB;
    await expect(read(remote)).rejects.toThrow('cut by the test');
    await kept(2 * MIB);
    remote.cutAfterBytes = Number.POSITIVE_INFINITY;
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect(remote.requests.map(({ start }) => start)).toEqual([0, 2 * MIB]);
  });

  it('fails before the first byte: that is what the reader is told', async () => {
    const remote = new RemoteBytes(bytesOf(1000));
    remote.error = new CodedError('changed', 'another version');
    await expect(openStream(remote)).rejects.toMatchObject({ code: 'changed' });
  });

  it('gives other bytes of the right length: no whole answer, nothing is kept, and the log says so once', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    const right = remote.sha1;
    remote.sha1 = '0'.repeat(40);
    await expect(read(remote)).rejects.toMatchObject({ code: 'corrupt' });
    await kept(0);
    expect(warnings).toEqual([expect.stringContaining('other bytes than its sha1')]);
    await vi.waitFor(async () => expect(await contentFiles()).toEqual([]), PATIENTLY);
    remote.sha1 = right;
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
  });

  it.each<[string, readonly (keyof Digests)[]]>([
    ['sha1', ['md5', 'sha256', 'sha1']],
    ['sha256', ['md5', 'sha256']],
    ['md5', ['md5']],
  ])('is found out by its %s, where these are known: %j', async (algorithm, known) => {
    const remote = new RemoteBytes(bytesOf(MIB));
    const digests = Object.fromEntries(known.map((each) => [each, '0'.repeat(40)]));
    const opened = await cache.open({ ...remote.content, digests }, undefined, NEVER);
    await expect(buffer(opened as Readable)).rejects.toMatchObject({ code: 'corrupt' });
    expect(warnings).toEqual([expect.stringContaining(`other bytes than its ${algorithm} says`)]);
  });

  it('is found out by who reads all, while others have had parts of it fetched', async () => {
    const remote = new RemoteBytes(bytesOf(8 * MIB));
    remote.sha1 = '0'.repeat(40);
    const parts = [5, 2].map((block) => read(remote, [block * MIB, block * MIB + 9]));
    await expect(read(remote)).rejects.toMatchObject({ code: 'corrupt' });
    await Promise.all(parts);
    await kept(0);
  });

  it('is found out when the last part comes, whatever the order', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    remote.sha1 = '0'.repeat(40);
    for (const block of [2, 0, 1]) await read(remote, [block * MIB, block * MIB + 9]);
    await vi.waitFor(() => expect(warnings).toHaveLength(1), PATIENTLY);
    await kept(0);
  });
});

describe('what was never compared, because a crash came first', () => {
  it.each<[string, [number, number] | undefined]>([
    ['a part', [5, 9]],
    ['all', undefined],
  ])('is compared when somebody reads %s of it', async (_, range) => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    remote.sha1 = undefined;
    await read(remote);
    await kept(3 * MIB);
    remote.sha1 = '0'.repeat(40);
    const reading = read(remote, range);
    if (range === undefined) await expect(reading).rejects.toMatchObject({ code: 'corrupt' });
    else await reading;
    await vi.waitFor(() => expect(warnings).toHaveLength(1), PATIENTLY);
    await kept(0);
  });
});

describe('digests', () => {
  it('are told once, when all is there and right', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    remote.wantsDigests = true;
    await Promise.all([read(remote), read(remote)]);
    expect(remote.found).toEqual([
      expect.objectContaining({ sha1: remote.sha1, md5: expect.any(String), sha256: expect.any(String) }),
    ]);
  });

  it('are told of what came in parts', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    remote.wantsDigests = true;
    for (const block of [2, 1, 0]) await read(remote, [block * MIB, block * MIB + 9]);
    await vi.waitFor(() => expect(remote.found).toMatchObject([{ sha1: remote.sha1 }]), PATIENTLY);
  });

  it('are told of what was there before anybody wanted them', async () => {
    const remote = new RemoteBytes(bytesOf(2 * MIB));
    await read(remote);
    await kept(2 * MIB);
    remote.wantsDigests = true;
    await read(remote);
    expect(remote.found).toMatchObject([{ sha1: remote.sha1 }]);
    expect(remote.requests).toHaveLength(1);
  });
});

describe('the disk', () => {
  it.each([
    ['as a stream', read],
    ['in pieces', readPieces],
  ])('changed a byte: it is fetched anew and never served (%s)', async (_, readIt) => {
    const remote = new RemoteBytes(bytesOf(4 * MIB));
    await read(remote);
    await kept(4 * MIB);
    await flipByte(MIB + 77);
    expect((await readIt(remote)).equals(remote.bytes)).toBe(true);
    expect(remote.requests.slice(1)).toMatchObject([{ start: MIB, end: 2 * MIB - 1 }]);
    expect(warnings).toEqual([expect.stringContaining('damaged')]);
    await kept(4 * MIB);
    remote.error = new CodedError('unavailable', 'away');
    expect((await readIt(remote)).equals(remote.bytes)).toBe(true);
  });

  it.each(['at once', 'after a restart', 'before it is whole'] as const)(
    'damaged what was compared, and the source gives something else for it now (%s): no whole answer',
    async (when) => {
      const remote = new RemoteBytes(bytesOf(4 * MIB));
      const right = remote.bytes;
      await read(remote, [0, 4 * MIB - (when === 'before it is whole' ? MIB + 1 : 1)]);
      if (when !== 'before it is whole') await read(remote);
      await kept(4 * MIB - (when === 'before it is whole' ? MIB : 0));
      await flipByte(2 * MIB + 17);
      if (when === 'after a restart') {
        await cache.close();
        cache = openCache();
      }
      remote.bytes = bytesOf(4 * MIB, 9);
      await expect(read(remote)).rejects.toMatchObject({ code: 'corrupt' });
      expect(warnings).toContainEqual(expect.stringContaining('sha1'));
      await kept(0);
      remote.bytes = right;
      expect((await read(remote)).equals(right)).toBe(true);
      expect((await readPieces(remote)).equals(right)).toBe(true);
    },
  );

  it('damaged what was compared: fetched anew it is compared once more, and then no more', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    await read(remote);
    await kept(3 * MIB);
    await flipByte(MIB + 17);
    // Only this part is asked for, and nobody waits for the comparison.
    expect((await read(remote, [MIB, MIB + 9])).equals(partOf(remote, [MIB, MIB + 9]))).toBe(true);
    await kept(3 * MIB);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect(remote.sentBytes).toBe(4 * MIB);
    expect(warnings).toEqual([expect.stringContaining('damaged')]);
  });

  it('lost the end of a file, or all of it: it is fetched anew', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    await read(remote);
    await kept(3 * MIB);
    const [path = ''] = await contentFiles();
    const file = await open(path, 'r+');
    await file.truncate(2 * MIB + 5);
    await file.close();
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect(remote.requests).toHaveLength(2);
    await kept(3 * MIB);
    await rm(path);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
  });

  it('cannot be read for another reason: everything comes from the source', async () => {
    const remote = new RemoteBytes(bytesOf(3 * MIB));
    await read(remote);
    await kept(3 * MIB);
    const [path = ''] = await contentFiles();
    await rm(path);
    await mkdir(path);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect((await readPieces(remote)).equals(remote.bytes)).toBe(true);
    await rm(path, { recursive: true });
  });

  it('has room for so much: what was used longest ago goes first', async () => {
    await cache.close();
    cache = openCache(3 * MIB);
    const remotes = [1, 2, 3, 4].map((seed) => {
      const remote = new RemoteBytes(bytesOf(MIB, seed));
      remote.key = `content ${seed}`;
      return remote;
    });
    const [first, second, third, fourth] = remotes as [RemoteBytes, RemoteBytes, RemoteBytes, RemoteBytes];
    for (const [at, remote] of [first, second, third].entries()) {
      await read(remote);
      await kept((at + 1) * MIB);
    }
    await read(first);
    await read(fourth);
    await kept(3 * MIB);
    for (const remote of [first, third, fourth]) {
      await read(remote);
      expect(remote.requests).toHaveLength(1);
    }
    await read(second);
    expect(second.requests).toHaveLength(2);
    await vi.waitFor(async () => expect(await contentFiles()).toHaveLength(3), PATIENTLY);
  });

  it('has no room for a large content: as much of it as fits is kept, and all of it served', async () => {
    await cache.close();
    cache = openCache(2 * MIB);
    const remote = new RemoteBytes(bytesOf(10 * MIB));
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    await kept(2 * MIB);
  });

  it('kept only a part of what was compared: what is fetched for the rest is compared again', async () => {
    await cache.close();
    cache = openCache(2 * MIB);
    const remote = new RemoteBytes(bytesOf(6 * MIB));
    const right = remote.bytes;
    await read(remote);
    await kept(2 * MIB);
    remote.bytes = bytesOf(6 * MIB, 9);
    await expect(read(remote)).rejects.toMatchObject({ code: 'corrupt' });
    await kept(0);
    remote.bytes = right;
    expect((await read(remote)).equals(right)).toBe(true);
    expect((await readPieces(remote)).equals(right)).toBe(true);
  });

  it('has less room than before a restart', async () => {
    for (const seed of [1, 2, 3]) {
      const remote = new RemoteBytes(bytesOf(MIB, seed));
      remote.key = `content ${seed}`;
      await read(remote);
    }
    await kept(3 * MIB);
    await cache.close();
    cache = openCache(2 * MIB);
    expect(cache.report().usedBytes).toBe(2 * MIB);
    await vi.waitFor(async () => expect(await contentFiles()).toHaveLength(2), PATIENTLY);
  });

  it('holds what a crash has left: it goes at the next start', async () => {
    const remote = new RemoteBytes(bytesOf(1000));
    await read(remote);
    await kept(1000);
    const mine = await contentFiles();
    await writeFile(join(folder, 'cache', 'contents', '4711'), 'of nobody');
    await cache.close();
    cache = openCache();
    await vi.waitFor(async () => expect(await contentFiles()).toEqual(mine), PATIENTLY);
  });

  it('has damaged the index: the cache begins anew', async () => {
    const remote = new RemoteBytes(bytesOf(1000));
    await read(remote);
    await kept(1000);
    await cache.close();
    await writeFile(
      join(folder, 'cache', 'index.db'),
      'no database at all, but long enough to look like one',
    );
    cache = openCache();
    expect(warnings).toEqual([expect.stringContaining('damaged')]);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect(remote.requests).toHaveLength(2);
  });

  it('lets the folder not be made: the cache is off, which is told once', async () => {
    await cache.close();
    await rm(join(folder, 'cache'), { recursive: true });
    await writeFile(join(folder, 'cache'), 'a file where the folder should be');
    expect(() => openCache()).toThrow('the cache does not open');
    expect(warnings).toEqual([expect.stringContaining('so it is off')]);
    await rm(join(folder, 'cache'));
  });

  it('takes nothing any more: told once, all is served, and it goes on when it can', async () => {
    const held = new RemoteBytes(bytesOf(MIB, 9));
    held.key = 'there before';
    await cache.close();
    cache = openCache(100 * MIB, 0);
    await read(held);
    await kept(MIB);
    // The place of the next content is taken by a folder, which not even an administrator can write to as a file.
    const files = join(folder, 'cache', 'contents');
    const [path = ''] = await contentFiles();
    const next = join(files, String(Number(path.slice(files.length + 1)) + 1));
    await mkdir(next);
    const remote = new RemoteBytes(bytesOf(5 * MIB));
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    expect((await read(remote)).equals(remote.bytes)).toBe(true);
    await vi.waitFor(
      () => expect(cache.report().failure).toBe('The folder "cache" in DATA_DIR cannot be used.'),
      PATIENTLY,
    );
    expect(warnings).toEqual([expect.stringContaining('takes nothing in')]);
    expect((await readPieces(held)).equals(held.bytes)).toBe(true);
    await rm(next, { recursive: true });
    await read(remote);
    await kept(6 * MIB);
    expect(cache.report().failure).toBeNull();
  });
});
