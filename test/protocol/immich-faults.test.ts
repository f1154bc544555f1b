import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { listTree, urlOf } from './dav-listing.ts';
import { sha1Of } from './disk-listing.ts';
import { SWITCHED_NAME } from './failing-dns.ts';
import { SMALL_KEY, type SmallLibrary, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { type MisbehavingProxy, type Misbehaviour, startProxy } from './misbehaving-proxy.ts';

/** Long enough for three tries with growing waits, and the scan after. */
const HEALED_MS = 40_000;
const PATIENCE = { timeout: 120_000 };
const PHOTO = 'immich/Album 1/images/photo 1-1.jpg';
const NEW_PHOTO = 'photo that came meanwhile.jpg';

const BIG_BYTES = 8 * 1024 * 1024;

/** Memory of a process, as the system counts it. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

interface Scene {
  readonly small: SmallLibrary;
  readonly fake: FakeImmich;
  readonly proxy: MisbehavingProxy;
  readonly server: MediadavProcess;
  end(): Promise<void>;
}

const scenes = new Set<Scene>();
// Of tests that failed; the others have ended theirs.
afterAll(async () => {
  for (const scene of scenes) await scene.end();
});

/** Immich behind a proxy, mediadav in front of both, all albums read. */
async function setScene(version: Version, dataDir?: string): Promise<Scene> {
  const small = smallLibrary(3, 4);
  const fake = await startFakeImmich({ version, library: small.library });
  const proxy = await startProxy(fake.url);
  const env = { IMMICH_URL: proxy.url, IMMICH_API_KEY: SMALL_KEY, REFRESH_RATE_HOURS: '0.0003' };
  const server = await startProcess({ env, ...(dataDir === undefined ? {} : { dataDir }) });
  const scene: Scene = {
    ...{ small, fake, proxy, server },
    async end() {
      scenes.delete(scene);
      await server.stop();
      await proxy.close();
      await fake.close();
    },
  };
  scenes.add(scene);
  return scene;
}

async function paths({ server }: Scene): Promise<string[]> {
  return [...(await listTree(`${server.webdavUrl}/immich`)).keys()].sort();
}

/** The photo as a client gets it: all of its bytes, or an error that it can see; never other bytes. */
async function expectNoWrongBytes({ server, small }: Scene): Promise<void> {
  const photo = [...small.library.assets.values()].find((each) => each.originalFileName === 'photo 1-1.jpg');
  const expected = sha1Of(photo?.content.bytes() ?? Buffer.of());
  const answer = await fetch(urlOf(server.webdavUrl, PHOTO), { signal: AbortSignal.timeout(30_000) }).catch(
    () => null,
  );
  // A connection that breaks is an error that a client sees.
  if (answer === null) return;
  if (answer.status !== 200) {
    expect([502, 503]).toContain(answer.status);
    await answer.arrayBuffer();
    return;
  }
  const bytes = await answer.arrayBuffer().catch(() => null);
  if (bytes !== null) expect(sha1Of(Buffer.from(bytes))).toBe(expected);
}

async function expectPhoto({ server, small }: Scene): Promise<void> {
  const photo = [...small.library.assets.values()].find((each) => each.originalFileName === 'photo 1-1.jpg');
  const answer = await fetch(urlOf(server.webdavUrl, PHOTO));
  expect(answer.status).toBe(200);
  expect(sha1Of(Buffer.from(await answer.arrayBuffer()))).toBe(sha1Of(photo?.content.bytes() ?? Buffer.of()));
}

async function troubled({ server }: Scene): Promise<void> {
  await until(async () => {
    const { lastError, warnings } = await server.health('immich');
    return lastError !== null || warnings.length > 0;
  }, HEALED_MS);
}

async function healed({ server }: Scene): Promise<void> {
  await until(async () => {
    const { lastError, warnings } = await server.health('immich');
    return lastError === null && warnings.length === 0;
  }, HEALED_MS);
}

/** Something changes while nobody can read it completely: it must show in the end, and nothing may go before. */
async function expectToSurvive(scene: Scene): Promise<void> {
  const before = await paths(scene);
  const { library, albums, addPhoto } = scene.small;
  const [album, other = album] = albums;
  library.addToAlbum(album, addPhoto(NEW_PHOTO));
  const [gone] = library.assetsOf(other);
  await troubled(scene);
  for (const path of before) expect(await paths(scene)).toContain(path);
  await expectNoWrongBytes(scene);

  scene.proxy.behave();
  scene.fake.faults.clear();
  await healed(scene);
  await until(async () => (await paths(scene)).some((path) => path.endsWith(NEW_PHOTO)), HEALED_MS);
  await expectPhoto(scene);
  if (gone !== undefined) library.removeFromAlbum(other, gone);
  await until(async () => (await paths(scene)).length === before.length, HEALED_MS);
}

const FAULTS: readonly (readonly [name: string, how: Misbehaviour])[] = [
  ['resets in the middle of answers', { kind: 'reset', afterBytes: 40 }],
  ['status 500', { kind: 'status', status: 500 }],
  ['a page with status 200', { kind: 'page' }],
  ['half of each answer', { kind: 'half' }],
  ['a length that is too long', { kind: 'longer' }],
  ['a length that is too short', { kind: 'shorter' }],
];

describe.concurrent('a proxy in front of Immich that answers with', PATIENCE, () => {
  it.each(FAULTS)(
    '%s: nothing is removed, nobody gets wrong bytes, and it heals by itself',
    async (_, how) => {
      const scene = await setScene('2.7.5');
      scene.proxy.misbehave(how);
      await expectToSurvive(scene);
      await scene.end();
    },
  );

  it.each(FAULTS)('%s to what is asked of albums only (3.1)', async (_, how) => {
    const scene = await setScene('3.1.0');
    scene.proxy.misbehave(how, /search\/metadata/);
    await expectToSurvive(scene);
    await scene.end();
  });

  it('"too many requests": it waits as long as it was asked to', async () => {
    const scene = await setScene('3.1.0');
    scene.proxy.misbehave({ kind: 'status', status: 429, retryAfter: '2' });
    scene.small.library.addToAlbum(scene.small.albums[0], scene.small.addPhoto(NEW_PHOTO));
    await troubled(scene);
    expect((await scene.server.health('immich')).lastError?.code).toBe('throttled');
    await expectNoWrongBytes(scene);
    scene.proxy.behave();
    await healed(scene);
    await until(async () => (await paths(scene)).some((path) => path.endsWith(NEW_PHOTO)), HEALED_MS);
    await scene.end();
  });

  it('a slow drip: albums still come, whole', async () => {
    const scene = await setScene('2.7.5');
    scene.proxy.misbehave({ kind: 'drip', bytes: 700, ms: 5 }, /albums/);
    scene.small.library.addToAlbum(scene.small.albums[0], scene.small.addPhoto(NEW_PHOTO));
    await until(async () => (await paths(scene)).some((path) => path.endsWith(NEW_PHOTO)), HEALED_MS);
    expect((await scene.server.health('immich')).lastError).toBeNull();
    await scene.end();
  });

  it('a slow drip of a photo: it comes slowly, and whole', async () => {
    const scene = await setScene('3.1.0');
    scene.proxy.misbehave({ kind: 'drip', bytes: 40, ms: 5 }, /original/);
    await expectPhoto(scene);
    await scene.end();
  });

  it('nothing at all: listings do not wait for it', async () => {
    const scene = await setScene('3.1.0');
    const before = await paths(scene);
    scene.proxy.misbehave({ kind: 'silent' });
    const answer = await fetch(urlOf(scene.server.webdavUrl, PHOTO), { signal: AbortSignal.timeout(40_000) });
    expect(answer.status).toBe(503);
    expect(await paths(scene)).toEqual(before);
    scene.proxy.behave();
    await expectPhoto(scene);
    await scene.end();
  });
});

describe('Immich', PATIENCE, () => {
  it('upgraded from 2.7 to 3.1 while it is used: everything stays, and changes still show', async () => {
    const scene = await setScene('2.7.5');
    const before = await paths(scene);
    scene.fake.setVersion('3.1.0');
    await scene.server.rescanned('immich');
    expect(await paths(scene)).toEqual(before);
    await expectPhoto(scene);
    const { library, albums, addPhoto } = scene.small;
    library.addToAlbum(albums[0], addPhoto(NEW_PHOTO));
    await until(async () => (await paths(scene)).some((path) => path.endsWith(NEW_PHOTO)), HEALED_MS);
    expect((await paths(scene)).length).toBe(before.length + 1);
    expect((await scene.server.health('immich')).lastError).toBeNull();
    await scene.end();
  });

  it('under a name that cannot be looked up: the albums of the last run are there', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mediadav-data-'));
    const scene = await setScene('3.1.0', dataDir);
    const before = await paths(scene);
    await scene.server.stop();
    const env = { IMMICH_URL: 'http://immich.invalid', IMMICH_API_KEY: SMALL_KEY };
    const server = await startProcess({ env, dataDir, waitsForScan: false });
    await until(async () => (await server.health('immich')).lastError !== null, HEALED_MS);
    expect(await paths({ ...scene, server })).toEqual(before);
    expect((await fetch(urlOf(server.webdavUrl, PHOTO))).status).toBe(503);
    await server.stop();
    await scene.end();
    await rm(dataDir, { recursive: true });
  });

  it('whose name cannot be looked up for a while: nothing is removed, and it heals by itself', async () => {
    const work = await mkdtemp(join(tmpdir(), 'mediadav-dns-'));
    const small = smallLibrary(2, 2);
    const fake = await startFakeImmich({ version: '3.1.0', library: small.library });
    const env = {
      IMMICH_URL: fake.url.replace('127.0.0.1', SWITCHED_NAME),
      ...{ IMMICH_API_KEY: SMALL_KEY, REFRESH_RATE_HOURS: '0.0003' },
      NODE_OPTIONS: `--import=${fileURLToPath(new URL('failing-dns.ts', import.meta.url))}`,
      FAILING_DNS: join(work, 'fails'),
    };
    const server = await startProcess({ env });
    const look = async () => [...(await listTree(`${server.webdavUrl}/immich`)).keys()].sort();
    const before = await look();
    expect(before).toContain('Album 1/images/photo 1-1.jpg');
    await writeFile(env.FAILING_DNS, '');
    // A connection that stands needs no name.
    await fake.stop();
    await fake.start();
    await until(async () => (await server.health('immich')).lastError !== null, HEALED_MS);
    expect((await server.health('immich')).lastError?.message).toContain('its name is unknown');
    expect(await look()).toEqual(before);
    expect((await fetch(urlOf(server.webdavUrl, PHOTO))).status).toBe(503);
    await rm(env.FAILING_DNS);
    await until(async () => (await server.health('immich')).lastError === null, HEALED_MS);
    expect(await look()).toEqual(before);
    expect((await fetch(urlOf(server.webdavUrl, PHOTO))).status).toBe(200);
    await server.stop();
    await fake.close();
    await rm(work, { recursive: true });
  });

  it('that fails in every way takes no memory with it', async () => {
    const scene = await setScene('3.1.0');
    const owner = scene.small.albums[0].ownerId;
    const bytes = Buffer.alloc(BIG_BYTES, 'a photo that is as large as those of a good camera ');
    const big = scene.small.library.addAsset({ owner, name: 'big.jpg', content: bytes });
    scene.small.library.addToAlbum(scene.small.albums[0], big);
    const url = urlOf(scene.server.webdavUrl, 'immich/Album 1/images/big.jpg');
    await until(async () => (await fetch(url, { method: 'HEAD' })).status === 200, HEALED_MS);
    const tryOnce = async (how: Misbehaviour) => {
      scene.proxy.misbehave(how);
      const answer = await fetch(url).catch(() => null);
      const got = await answer?.arrayBuffer().catch(() => null);
      if (answer?.status === 200 && got != null) expect(Buffer.compare(Buffer.from(got), bytes)).toBe(0);
    };
    const ways: Misbehaviour[] = [
      { kind: 'reset', afterBytes: BIG_BYTES / 2 },
      ...FAULTS.map(([, how]) => how),
    ];
    for (const how of ways) await tryOnce(how);
    const before = await residentBytes(scene.server.pid);
    for (let rounds = 0; rounds < 5; rounds += 1) for (const how of ways) await tryOnce(how);
    // Kept, these would be more than 200 MB.
    expect((await residentBytes(scene.server.pid)) - before).toBeLessThan(64 * 1024 * 1024);
    scene.proxy.behave();
    await until(async () => (await fetch(url)).status === 200, HEALED_MS);
    await scene.end();
  });

  it('read now when SIGHUP comes, long before its time', async () => {
    const small = smallLibrary(1, 1);
    const fake = await startFakeImmich({ version: '3.1.0', library: small.library });
    const server = await startProcess({ env: { IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY } });
    small.library.addToAlbum(small.albums[0], small.addPhoto(NEW_PHOTO));
    process.kill(server.pid, 'SIGHUP');
    await until(async () => (await server.health('immich')).assets === 2, HEALED_MS);
    expect(await server.stop()).toBe(0);
    await fake.close();
  });
});
