import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { listMembers, listTree, propfind, urlOf } from './dav-listing.ts';
import { sha1Of } from './disk-listing.ts';
import { SMALL_KEY, type SmallLibrary, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

/** An answer that had to wait for the server that hangs would take 15 seconds at least. */
const AT_ONCE_MS = 12_000;
const HEALED_MS = 40_000;
const PATIENCE = { timeout: 120_000 };
const OTHER_KEY = 'key-of-somebody-else';
const PHOTO = 'images/photo 1-1.jpg';

let work = '';
let small: SmallLibrary;
/** One of them hangs and comes back. */
let good: FakeImmich;
let bad: FakeImmich;
let server: MediadavProcess;

/** Two servers, and two accounts on one of them. */
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-several-'));
  small = smallLibrary(2, 3);
  const bob = small.library.addUser({ name: 'Bob', email: 'bob@example.com' });
  small.library.addKey({ user: bob, key: OTHER_KEY });
  small.library.addAlbum({ owner: bob, name: 'Only of Bob', assets: [] });
  good = await startFakeImmich({ version: '3.1.0', library: small.library });
  bad = await startFakeImmich({ version: '2.7.5', library: smallLibrary(1, 2).library });
  bad.faults.add({ match: '/api', kind: 'hang' });
  const config = join(work, 'sources.yaml');
  const entry = (name: string, url: string, key: string) =>
    `  - { type: immich, name: ${name}, url: "${url}", api_key: ${key}, refresh_rate_hours: 0.0003 }\n`;
  await writeFile(
    config,
    `sources:\n${entry('bad', bad.url, SMALL_KEY)}${entry('ann', good.url, SMALL_KEY)}${entry('bob', good.url, OTHER_KEY)}`,
  );
  server = await startProcess({ args: ['--config', config], waitsForScan: false });
  await until(async () => (await server.health('ann')).state === 'ready');
  await until(async () => (await server.health('bob')).state === 'ready');
});

afterAll(async () => {
  await server.stop();
  await good.close();
  await bad.close();
  await rm(work, { recursive: true });
});

describe('several Immich servers and accounts, one of which hangs', PATIENCE, () => {
  async function atOnce<T>(work: () => Promise<T>): Promise<T> {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('it waited for the server that hangs')), AT_ONCE_MS).unref();
    });
    return await Promise.race([work(), late]);
  }

  it('each account shows its own albums', async () => {
    const names = async (source: string) =>
      (await listMembers(`${server.webdavUrl}/${source}`)).map(({ path }) => path).sort();
    expect(await atOnce(() => names('ann'))).toEqual(['Album 1', 'Album 2']);
    expect(await atOnce(() => names('bob'))).toEqual(['Only of Bob']);
  });

  it('the top lists all of them at once, and only the one that hangs is unavailable', async () => {
    const top = await atOnce(() => listMembers(server.webdavUrl));
    expect(top.map(({ path }) => path)).toEqual(['bad', 'ann', 'bob']);
    expect((await atOnce(() => propfind(server.webdavUrl, 'bad'))).status).toBe(503);
  });

  it('a photo of the other server comes at once', async () => {
    const answer = await atOnce(() => fetch(urlOf(server.webdavUrl, `ann/Album 1/${PHOTO}`)));
    expect(answer.status).toBe(200);
    const photo = [...small.library.assets.values()].find(
      (each) => each.originalFileName === 'photo 1-1.jpg',
    );
    expect(sha1Of(Buffer.from(await answer.arrayBuffer()))).toBe(
      sha1Of(photo?.content.bytes() ?? Buffer.of()),
    );
  });

  it('the other server is refreshed all the same', async () => {
    small.library.addToAlbum(small.albums[0], small.addPhoto('new.jpg'));
    await until(
      async () => (await listTree(`${server.webdavUrl}/ann`)).has('Album 1/images/new.jpg'),
      HEALED_MS,
    );
    const answer = await atOnce(() => fetch(`${server.url}/api/refresh`, { method: 'POST' }));
    expect(answer.ok).toBe(true);
  });

  it('/api/health answers at once, and tells of each by itself', async () => {
    const states = await atOnce(() =>
      Promise.all(['bad', 'ann', 'bob'].map(async (name) => (await server.health(name)).lastError)),
    );
    expect(states.slice(1)).toEqual([null, null]);
    expect((await server.health('bad')).state).toMatch(/scanning|failing/);
    expect((await server.health('ann')).assets).toBe(7);
  });

  it('and when it comes back, it shows without a restart', async () => {
    bad.faults.clear();
    await until(async () => (await server.health('bad')).state === 'ready', HEALED_MS);
    expect((await listTree(`${server.webdavUrl}/bad`)).has(`Album 1/${PHOTO}`)).toBe(true);
  });

  it('a key that one account lost concerns no other', async () => {
    small.library.removeKey(OTHER_KEY);
    await until(async () => (await server.health('bob')).lastError?.code === 'denied', HEALED_MS);
    expect((await server.health('ann')).lastError).toBeNull();
    expect((await listMembers(`${server.webdavUrl}/bob`)).map(({ path }) => path)).toEqual(['Only of Bob']);
  });
});
