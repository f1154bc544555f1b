import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteCache } from '../../../../src/content/cache/remote-cache.ts';
import { QUIET_LOGGER } from '../../../fakes/quiet-logger.ts';
import { RemoteBytes } from '../../../fakes/remote-bytes.ts';

const MIB = 1024 ** 2;
const SIZE = 4 * MIB;
const NEVER = new AbortController().signal;
const FIRST = { start: 0, end: MIB - 1 };
const THIRD = { start: 2 * MIB, end: 3 * MIB - 1 };

let folder: string;
let cache: RemoteCache;
let remote: RemoteBytes;

function openCache(): RemoteCache {
  const opened = RemoteCache.open({ folder, maxBytes: 100 * MIB, logger: QUIET_LOGGER });
  if (opened === null) throw new Error('the cache does not open');
  return opened;
}

async function read(range?: { start: number; end: number }): Promise<Buffer> {
  const opened = cache.open(remote.content, range, NEVER);
  if (opened === null) throw new Error('the cache steps aside');
  return await buffer(await opened);
}

async function kept(bytes: number): Promise<void> {
  await vi.waitFor(() => expect(cache.report().usedBytes).toBe(bytes), 15_000);
}

/** The file has other bytes now, as many as before, and nothing but its ETag tells. */
function change(): void {
  remote.bytes = Buffer.alloc(SIZE, 'new');
  remote.state = '"two"';
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-state-'));
  cache = openCache();
  remote = new RemoteBytes(Buffer.alloc(SIZE, 'old'));
  remote.sha1 = undefined;
  remote.state = '"one"';
});
afterEach(async () => {
  await cache.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a content that no digest names', () => {
  it('is never put together from two states of it', async () => {
    expect((await read(FIRST)).equals(Buffer.alloc(SIZE, 'old').subarray(0, MIB))).toBe(true);
    await kept(MIB);
    change();
    await expect(read()).rejects.toMatchObject({ code: 'changed' });
    expect((await read()).equals(remote.bytes)).toBe(true);
    await kept(SIZE);
    const { length } = remote.requests;
    expect((await read()).equals(remote.bytes)).toBe(true);
    expect(remote.requests).toHaveLength(length);
  });

  it('is compared with what was kept before a restart, too', async () => {
    await read(FIRST);
    await kept(MIB);
    await cache.close();
    cache = openCache();
    change();
    await expect(read(THIRD)).rejects.toMatchObject({ code: 'changed' });
    await kept(0);
    expect((await read(FIRST)).equals(remote.bytes.subarray(0, MIB))).toBe(true);
  });

  it('goes on where its state is the same, or not told', async () => {
    await read(FIRST);
    remote.state = null;
    await read(THIRD);
    remote.state = '"one"';
    expect((await read()).equals(remote.bytes)).toBe(true);
    expect(remote.requests.map(({ start }) => start)).toEqual([0, 2 * MIB, MIB, 3 * MIB]);
  });
});

it('a content that a digest names is not compared by its state: that moves when nothing of it has', async () => {
  remote = new RemoteBytes(Buffer.alloc(SIZE, 'old'));
  remote.state = '"one"';
  await read(FIRST);
  remote.state = '"two"';
  expect((await read()).equals(remote.bytes)).toBe(true);
});

it('a cache from before states were kept is taken over', async () => {
  await read();
  await kept(SIZE);
  await cache.close();
  const database = new DatabaseSync(join(folder, 'index.db'));
  database.exec('ALTER TABLE content DROP COLUMN state; PRAGMA user_version = 1');
  database.close();
  cache = openCache();
  expect((await read()).equals(remote.bytes)).toBe(true);
  expect(remote.requests).toHaveLength(1);
});

it('what was kept from before states were told is not put together with what comes now', async () => {
  await read(FIRST);
  await kept(MIB);
  await cache.close();
  const database = new DatabaseSync(join(folder, 'index.db'));
  database.exec('ALTER TABLE content DROP COLUMN state; PRAGMA user_version = 1');
  database.close();
  cache = openCache();
  change();
  await expect(read()).rejects.toMatchObject({ code: 'changed' });
  expect((await read()).equals(remote.bytes)).toBe(true);
});

it('a cache whose process was killed while it was taken over opens again', async () => {
  await cache.close();
  const database = new DatabaseSync(join(folder, 'index.db'));
  // What the step leaves that adds the column, without the one that says so.
  database.exec('PRAGMA user_version = 1');
  database.close();
  cache = openCache();
  expect((await read()).equals(remote.bytes)).toBe(true);
});
