import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultKind } from '../fakes/immich/faults.ts';
import type { Album } from '../fakes/immich/model.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { type DavResource, listMembers, listTree, propfind, urlOf } from './dav-listing.ts';
import { sha1Of } from './disk-listing.ts';
import { SMALL_KEY, type SmallLibrary, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

/** Long enough for the three tries of a scan with their growing waits, and the next scan. */
const HEALED_MS = 25_000;
const PATIENCE = { timeout: 90_000 };
const PHOTO = 'immich/Album 1/images/photo 1-1.jpg';
/** One that nobody has opened. */
const OTHER_PHOTO = 'immich/Album 1/images/photo 1-2.jpg';

let work = '';
let localFolder = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-outage-'));
  localFolder = join(work, 'disk');
  await mkdir(localFolder);
  await writeFile(join(localFolder, 'local.jpg'), 'a photo on the disk');
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

interface Scene extends SmallLibrary {
  readonly fake: FakeImmich;
  start(waitsForScan?: boolean): Promise<MediadavProcess>;
}

/** An Immich server with three albums, and a way to start mediadav on it and on a folder, always the same catalog. */
async function setScene(version: Version): Promise<Scene> {
  const small = smallLibrary(3, 4);
  const fake = await startFakeImmich({ version, library: small.library });
  const dataDir = await mkdtemp(join(work, 'data-'));
  const immich = { IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY, REFRESH_RATE_HOURS: '0.0003' };
  const env = { LOCAL_PATHS: `local=${localFolder}`, ...immich };
  const start = (waitsForScan = true) => startProcess({ env, dataDir, waitsForScan });
  return { ...small, fake, start };
}

function get(server: MediadavProcess, path: string): Promise<Response> {
  return fetch(urlOf(server.webdavUrl, path));
}

/**
 * Everything a client sees of the albums, but for the times of folders, which layouts may move, and their ETags, which
 * tell of what becomes known of a photo when it is read.
 */
async function albumTree(server: MediadavProcess): Promise<DavResource[]> {
  const tree = await listTree(`${server.webdavUrl}/immich`);
  return [...tree.values()]
    .map((resource) => (resource.isCollection ? { ...resource, lastModified: '', etag: '' } : resource))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function bytesOf({ library }: SmallLibrary, name: string): string {
  const asset = [...library.assets.values()].find(({ originalFileName }) => originalFileName === name);
  return sha1Of(asset?.content.bytes() ?? Buffer.from('no such asset'));
}

async function expectNotNow(answer: Response): Promise<void> {
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await answer.text()).not.toBe('');
}

async function expectPhoto(server: MediadavProcess, scene: Scene): Promise<void> {
  const answer = await get(server, PHOTO);
  expect(answer.status).toBe(200);
  expect(sha1Of(Buffer.from(await answer.arrayBuffer()))).toBe(bytesOf(scene, 'photo 1-1.jpg'));
}

async function failing(server: MediadavProcess): Promise<void> {
  await until(async () => (await server.health('immich')).lastError !== null);
}

async function healed(server: MediadavProcess): Promise<void> {
  await until(async () => {
    const { lastError, warnings } = await server.health('immich');
    return lastError === null && warnings.length === 0;
  }, HEALED_MS);
}

describe.concurrent('Immich out of reach', PATIENCE, () => {
  it('at start: the albums of the last run are there, and it recovers by itself', async () => {
    const scene = await setScene('3.1.0');
    const first = await scene.start();
    const before = await albumTree(first);
    expect(before.filter(({ isCollection }) => !isCollection)).toHaveLength(12);
    await first.stop();

    await scene.fake.stop();
    const server = await scene.start(false);
    // From the first moment, while it still tries, and after it has given up for now.
    expect(await albumTree(server)).toEqual(before);
    await expectNotNow(await get(server, PHOTO));
    await failing(server);
    expect(await albumTree(server)).toEqual(before);
    await expectNotNow(await get(server, PHOTO));
    expect((await get(server, 'immich/Album 1/images/never was.jpg')).status).toBe(404);
    expect((await server.health('immich')).lastError?.message).toBe(
      'The Immich server cannot be reached: it refuses connections.',
    );
    expect(await (await get(server, 'local/local.jpg')).text()).toBe('a photo on the disk');

    await scene.fake.start();
    await healed(server);
    await expectPhoto(server, scene);
    expect(await albumTree(server)).toEqual(before);
    await server.stop();
    await scene.fake.close();
  });

  it('at the very first start: its folder is not empty but unavailable, and the one above is there', async () => {
    const scene = await setScene('2.7.5');
    await scene.fake.stop();
    const server = await scene.start(false);
    const look = async () => {
      await expectNotNow(await propfind(server.webdavUrl, 'immich'));
      await expectNotNow(await get(server, 'immich/'));
      await expectNotNow(await get(server, PHOTO));
      const top = await listMembers(server.webdavUrl);
      expect(top.map(({ path }) => path)).toEqual(['local', 'immich']);
    };
    await look();
    await failing(server);
    await look();
    expect(await (await get(server, 'local/local.jpg')).text()).toBe('a photo on the disk');

    await scene.fake.start();
    await healed(server);
    await expectPhoto(server, scene);
    await server.stop();
    await scene.fake.close();
  });

  it('in the middle: nothing disappears, and it recovers by itself', async () => {
    const scene = await setScene('3.1.0');
    const server = await scene.start();
    const before = await albumTree(server);
    await expectPhoto(server, scene);

    await scene.fake.stop();
    await failing(server);
    const failed = (await server.health('immich')).lastError;
    await until(async () => (await server.health('immich')).state === 'failing');
    await until(async () => (await server.health('immich')).state === 'scanning');
    await until(async () => (await server.health('immich')).state === 'failing');
    expect(failed?.code).toBe('unavailable');
    expect(await albumTree(server)).toEqual(before);
    await expectNotNow(await get(server, OTHER_PHOTO));
    await expectPhoto(server, scene);

    await scene.fake.start();
    await healed(server);
    await expectPhoto(server, scene);
    expect(await albumTree(server)).toEqual(before);
    await server.stop();
    await scene.fake.close();
  });

  it('because the key was taken back: nothing disappears, and a new key of the same text heals it', async () => {
    const scene = await setScene('3.1.0');
    const server = await scene.start();
    const before = await albumTree(server);
    const key = scene.library.keys.get(SMALL_KEY);
    if (key === undefined) throw new Error('the library has no such key');
    scene.library.removeKey(SMALL_KEY);
    await failing(server);
    expect((await server.health('immich')).lastError?.message).toBe('The Immich server refused the API key.');
    expect(await albumTree(server)).toEqual(before);
    await expectNotNow(await get(server, PHOTO));
    scene.library.addKey({ user: key.userId, key: SMALL_KEY });
    await healed(server);
    await expectPhoto(server, scene);
    await server.stop();
    await scene.fake.close();
  });

  it('in the middle of a photo: the client is told by a cut connection, not by a shorter file', async () => {
    const scene = await setScene('2.7.5');
    const server = await scene.start();
    const head = await fetch(urlOf(server.webdavUrl, PHOTO), { method: 'HEAD' });
    const whole = Number(head.headers.get('content-length'));
    scene.fake.faults.add({ match: '/original', kind: 'cut', bytes: whole - 100, times: 1 });
    const answer = await get(server, PHOTO);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String(whole));
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await expectPhoto(server, scene);
    await server.stop();
    await scene.fake.close();
  });
});

type NamedFault = readonly [name: string, fault: FaultKind];

const FAULTS: readonly NamedFault[] = [
  ['status 500', { kind: 'status', status: 500 }],
  ['the page of a proxy', { kind: 'html' }],
  ['JSON that stops in the middle', { kind: 'truncated-json' }],
];
/** What a server answers whose database is being restored. */
const EMPTY_LIST: NamedFault = ['an empty list', { kind: 'status', status: 200, body: '[]' }];
const EMPTY_ALBUM =
  '{"albums":{"total":0,"items":[]},"assets":{"total":0,"count":0,"items":[],"nextPage":null}}';
const EMPTY_SEARCH: NamedFault = ['an empty album', { kind: 'status', status: 200, body: EMPTY_ALBUM }];

const VERSIONS = ['2.7.5', '3.1.0'] as const;
const LIST_CASES = VERSIONS.flatMap((version) =>
  [...FAULTS, EMPTY_LIST].map(([name, fault]) => ({ name, fault, version })),
);

describe.concurrent('the list of albums', PATIENCE, () => {
  it.each(LIST_CASES)('answered with $name ($version): nothing is removed', async ({ fault, version }) => {
    const scene = await setScene(version);
    const server = await scene.start();
    const before = await albumTree(server);
    scene.fake.faults.add({ match: /GET \/api\/albums(\?|$)/, ...fault });
    // A list that is the same is answered without a body, and then nothing could be wrong with it.
    scene.library.deleteAlbum(scene.albums[0]);
    await failing(server);
    expect(await albumTree(server)).toEqual(before);

    scene.fake.faults.clear();
    await healed(server);
    const after = before.filter(({ path }) => !path.startsWith('Album 1'));
    await until(async () => (await albumTree(server)).length === after.length);
    expect(await albumTree(server)).toEqual(after);
    await server.stop();
    await scene.fake.close();
  });
});

describe.concurrent('one album', PATIENCE, () => {
  it.each(FAULTS)('answered with %s: it stays, while the others follow the server', async (_name, fault) => {
    const scene = await setScene('2.7.5');
    const server = await scene.start();
    const before = await albumTree(server);
    const [album, other = album] = scene.albums;
    scene.fake.faults.add({ match: `/api/albums/${album.id}`, ...fault });
    const gone = removeFirst(scene, album);
    const otherGone = removeFirst(scene, other);
    const without = (tree: DavResource[], name: string) =>
      tree.filter(({ path }) => !path.endsWith(`/${name}`));

    // So a scan has ended that met the fault, and one that began after the change.
    await until(async () => (await server.health('immich')).warnings.length > 0, HEALED_MS);
    await until(async () => (await albumTree(server)).length < before.length, HEALED_MS);
    const { warnings } = await server.health('immich');
    expect(warnings).toMatchObject([{ count: 1, example: 'Album 1' }]);
    expect(warnings[0]?.reason).toContain('an album that could not be read');
    expect(await albumTree(server)).toEqual(without(before, otherGone));

    scene.fake.faults.clear();
    await until(async () => (await albumTree(server)).length === before.length - 2, HEALED_MS);
    expect(await albumTree(server)).toEqual(without(without(before, otherGone), gone));
    await server.stop();
    await scene.fake.close();
  });
});

describe.concurrent('the content of all albums', PATIENCE, () => {
  it.each([...FAULTS, EMPTY_SEARCH])('answered with %s: nothing is removed', async (_name, fault) => {
    const scene = await setScene('3.1.0');
    const server = await scene.start();
    const before = await albumTree(server);
    scene.fake.faults.add({ match: '/api/search/metadata', ...fault });
    // Albums that have not moved are not read.
    const gone = scene.albums.map((album) => removeFirst(scene, album));
    await until(async () => (await server.health('immich')).warnings.length > 0, HEALED_MS);
    expect((await server.health('immich')).warnings).toMatchObject([{ count: 3 }]);
    expect(await albumTree(server)).toEqual(before);

    scene.fake.faults.clear();
    await healed(server);
    const after = before.filter(({ path }) => !gone.some((name) => path.endsWith(`/${name}`)));
    expect(await albumTree(server)).toEqual(after);
    await server.stop();
    await scene.fake.close();
  });
});

/** Takes the first photo out of an album. @returns its name. */
function removeFirst({ library }: Scene, album: Album): string {
  const [first] = library.assetsOf(album);
  if (first === undefined) throw new Error('an album without photos');
  library.removeFromAlbum(album, first);
  return first.originalFileName;
}
