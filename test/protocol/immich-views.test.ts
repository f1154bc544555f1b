import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MINIMAL_PERMISSIONS, SEED_KEYS, seedId, seedLibrary } from '../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { listMembers, listTree, urlOf } from './dav-listing.ts';
import { digestsBelow, sha1Of } from './disk-listing.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { Rclone } from './rclone.ts';
import { lookUp } from './tool-lookup.ts';

const needsRclone = lookUp('rclone');
const BEACH = seedId('trips/beach.jpg');
const VIEWS = 'albums,favorites,people,tags,places,timeline,memories';
const PLACES_OF_BEACH = [
  'albums/Trips／2022 🏖️ Beach： day？/images/beach.jpg',
  'memories/2026-07-14 4 years ago/beach.jpg',
  'people/Alice/beach.jpg',
  'places/Japan/Tokyo/beach.jpg',
  'tags/keeper/beach.jpg',
  'tags/trip/japan/beach.jpg',
  'timeline/2022/2022-07/beach.jpg',
];

let fake: FakeImmich;
let server: MediadavProcess;

beforeAll(async () => {
  const library = seedLibrary('3.1.0');
  library.addPerson({ owner: seedId('admin'), name: 'Alice', assets: [BEACH] });
  library.addMemory({ owner: seedId('admin'), memoryAt: '2026-07-14', year: 2022, assets: [BEACH] });
  fake = await startFakeImmich({ version: '3.1.0', library });
  const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: SEED_KEYS.admin, IMMICH_VIEWS: VIEWS };
  server = await startProcess({ env: { ...env, HASH_REMOTE: 'true' } });
});

afterAll(async () => {
  await server.stop();
  await fake.close();
});

describe('a photo that shows in several views', () => {
  it('is at each of its places, with one ETag', async () => {
    const tree = await listTree(`${server.webdavUrl}/immich`);
    const found = [...tree.values()].filter(({ path }) => path.endsWith('/beach.jpg'));
    expect(found.map(({ path }) => path).sort()).toEqual(PLACES_OF_BEACH);
    expect(new Set(found.map(({ etag }) => etag)).size).toBe(1);
  });

  it('is listed once, with all of its paths', async () => {
    const list = (await (await fetch(`${server.url}/list`)).json()) as Record<string, unknown>;
    const listed = Object.values(list)
      .flat()
      .filter((entry) => JSON.stringify(entry).includes('beach.jpg'));
    expect(listed).toHaveLength(1);
    for (const path of PLACES_OF_BEACH) expect(JSON.stringify(listed)).toContain(path);
  });

  it.skipIf(needsRclone.areMissing)(`is copied by rclone from each${needsRclone.note}`, async () => {
    const to = await mkdtemp(join(tmpdir(), 'mediadav-views-'));
    const rclone = await Rclone.at(server.webdavUrl, {});
    const sha1 = sha1Of(fake.library.asset(BEACH).content.bytes());
    for (const view of ['people', 'tags', 'places', 'timeline', 'memories']) {
      await rclone.copy(`immich/${view}`, join(to, view));
      expect([...(await digestsBelow(join(to, view))).values()]).toContain(sha1);
    }
    await rm(to, { recursive: true });
  });

  it('keeps its places while Immich is away, and opens where it was read at another place', async () => {
    await (await fetch(urlOf(server.webdavUrl, 'immich/timeline/2022/2022-07/beach.jpg'))).arrayBuffer();
    await fake.stop();
    try {
      const tree = await listTree(`${server.webdavUrl}/immich/places`);
      expect([...tree.keys()]).toContain('Japan/Tokyo/beach.jpg');
      const photo = await fetch(urlOf(server.webdavUrl, 'immich/people/Alice/beach.jpg'));
      expect(photo.status).toBe(200);
      expect(sha1Of(Buffer.from(await photo.arrayBuffer()))).toBe(
        sha1Of(fake.library.asset(BEACH).content.bytes()),
      );
    } finally {
      await fake.start();
    }
  });
});

it('a key for albums alone shows favourites, places and the timeline too, and says what it lacks', async () => {
  fake.library.addKey({ user: seedId('admin'), key: 'few', permissions: MINIMAL_PERMISSIONS });
  const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: 'few', IMMICH_VIEWS: VIEWS };
  const other = await startProcess({ env });
  const top = await listMembers(`${other.webdavUrl}/immich`);
  expect(top.map(({ path }) => path).sort()).toEqual(['albums', 'favorites', 'places', 'timeline']);
  const { notes, lastError } = await other.health('immich');
  expect(lastError).toBeNull();
  expect(notes.join(' ')).toMatch(/person\.read.*tag\.read.*memory\.read/);
  const warnings = other.log.filter(({ message }) => String(message).includes('lacks the permission'));
  expect(warnings).toHaveLength(3);
  await other.stop();
});
