import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RemoteContent } from '../../../../src/content/cache/cached-content.ts';
import { RemoteCache } from '../../../../src/content/cache/remote-cache.ts';
import type { Landing } from '../../../../src/model/landing.ts';
import { QUIET_LOGGER } from '../../../fakes/quiet-logger.ts';

const MIB = 1024 ** 2;
const SIZE_BYTES = 96 * MIB;
/** What is read ahead, on its way to the disk, and kept for the next one. */
const ALLOWED_BYTES = 48 * MIB;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let folder: string;
let cache: RemoteCache;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-stream-memory-'));
  const opened = RemoteCache.open({
    ...{ folder: join(folder, 'cache'), maxBytes: 2 * SIZE_BYTES, logger: QUIET_LOGGER },
  });
  if (opened === null) throw new Error('the cache does not open');
  cache = opened;
});
afterEach(async () => {
  await cache.close();
  await rm(folder, { recursive: true, force: true });
});

/** Bytes that are made as they are read. */
function largeContent(): RemoteContent {
  async function* send(landing: Landing): AsyncGenerator<Buffer> {
    for (let sent = 0; sent < SIZE_BYTES; ) {
      const lengthBytes = Math.min(256 * 1024, SIZE_BYTES - sent, landing.place().length);
      const bytes = landing.land(lengthBytes);
      bytes.fill((sent / MIB) & 255);
      sent += lengthBytes;
      yield bytes;
      await turn();
    }
  }
  return {
    ...{ key: 'a', sizeBytes: SIZE_BYTES, digests: {}, wantsDigests: false, path: 'a.mp4' },
    onDigests: () => undefined,
    fetch: async (_range, _signal, _onState, landing) => Readable.from(send(landing), { highWaterMark: 1 }),
  };
}

it('a stream of a large content leaves behind it what was read of it, from the source and from the disk', async () => {
  for (const from of ['source', 'disk']) {
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const stream = await cache.open(largeContent(), undefined, new AbortController().signal);
    let seen = 0;
    let most = 0;
    for await (const piece of stream as AsyncIterable<Buffer>) {
      seen += piece.length;
      if (Math.floor(seen / (16 * MIB)) === Math.floor((seen - piece.length) / (16 * MIB))) continue;
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(seen).toBe(SIZE_BYTES);
    expect(most, `from the ${from}`).toBeLessThan(ALLOWED_BYTES);
    // Until all of it is on the disk.
    await expect.poll(() => cache.report().usedBytes, { timeout: 15_000 }).toBe(SIZE_BYTES);
  }
});
