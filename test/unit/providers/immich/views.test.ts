import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createImmichProvider, type ImmichProviderSettings } from '../../../../providers/immich/provider.ts';
import { VIEW_NAMES } from '../../../../providers/immich/views/view-names.ts';
import type { Catalog } from '../../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../../src/catalog/sqlite/sqlite-catalog.ts';
import type { LayoutName } from '../../../../src/ingest/layout.ts';
import { SourceIngest } from '../../../../src/ingest/source-ingest.ts';
import type { NodeId } from '../../../../src/model/node.ts';
import { createPathFilter } from '../../../../src/source/path-filter.ts';
import { Source } from '../../../../src/source/source.ts';
import type { Library } from '../../../fakes/immich/library.ts';
import { makeJpeg } from '../../../fakes/immich/made-media.ts';
import { MINIMAL_PERMISSIONS, SEED_KEYS, seedId, seedLibrary } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';
import { QUIET_LOGGER } from '../../../fakes/quiet-logger.ts';

const EVERYTHING = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
const ADMIN = seedId('admin');
const BEACH = seedId('trips/beach.jpg');
const ALICE = seedId('person Alice');

let fake: FakeImmich;
let folder: string;
let catalog: Catalog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-views-'));
  catalog = openSqliteCatalog(join(folder, 'catalog.db'), 'windows');
});
afterEach(async () => {
  await catalog.close();
  await fake.close();
  await rm(folder, { recursive: true, force: true });
});

/** The seeded library with people and memories. */
function library(version: Version): Library {
  const made = seedLibrary(version);
  const [summer, other] = [seedId('summer/IMG_0001.jpg'), seedId('summer/IMG_0002.jpg')];
  made.addPerson({ owner: ADMIN, id: ALICE, name: 'Alice', assets: [summer, BEACH] });
  made.addPerson({ owner: ADMIN, name: 'alice', assets: [other] });
  made.addPerson({ owner: ADMIN, name: 'Nobody to see', isHidden: true, assets: [other] });
  made.addPerson({ owner: ADMIN, name: '', assets: [other] });
  made.addPerson({ owner: seedId('bob'), name: 'Bobs friend', assets: [] });
  made.addMemory({ owner: ADMIN, memoryAt: '2026-07-14T00:00:00.000Z', year: 2022, assets: [BEACH] });
  return made;
}

type Settings = Partial<ImmichProviderSettings> & {
  readonly settingsVersion?: string;
  readonly layouts?: readonly LayoutName[];
};

function startMediadav({
  settingsVersion = 'a',
  layouts = ['folders'],
  ...settings
}: Settings): SourceIngest {
  const scanRetry = { tries: 1, firstWaitMs: 1, maxWaitMs: 1 };
  const provider = createImmichProvider({ url: fake.url, apiKey: SEED_KEYS.admin, ...settings });
  const source = new Source({
    name: 'immich',
    provider,
    filter: EVERYTHING,
    logger: QUIET_LOGGER,
    scanRetry,
  });
  const layout = { layouts, splitsByType: layouts.includes('folders') };
  return new SourceIngest({ source, catalog, layout, settingsVersion, logger: QUIET_LOGGER });
}

async function start(version: Version, settings: Settings): Promise<SourceIngest> {
  fake = await startFakeImmich({ version, library: library(version) });
  const ingest = startMediadav(settings);
  await ingest.scan();
  expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
  return ingest;
}

/** Paths of all files below a folder of the source, and of folders that are empty. */
async function tree(top = ''): Promise<string[]> {
  const found: string[] = [];
  const walk = async (id: NodeId, prefix: string): Promise<void> => {
    const { entries } = await catalog.reader.children(id, { limit: 10_000 });
    if (entries.length === 0 && prefix !== '') found.push(prefix);
    for (const node of entries) {
      if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
      else found.push(prefix + node.name);
    }
  };
  const record = await catalog.reader.source('immich');
  await walk(record?.rootId ?? 0, '');
  return found.filter((path) => path.startsWith(top)).sort();
}

async function tops(): Promise<string[]> {
  const record = await catalog.reader.source('immich');
  const { entries } = await catalog.reader.children(record?.rootId ?? 0, { limit: 1000 });
  return entries.map(({ name }) => name).sort();
}

/** What a scan asks the server. */
async function requestsOf(ingest: SourceIngest): Promise<string[]> {
  fake.requests.length = 0;
  await ingest.scan();
  expect((await ingest.status()).lastError).toBeNull();
  return fake.requests.map(({ method, path }) => `${method} ${path}`);
}

const own = (version: Version) =>
  [...fake.library.assets.values()].filter(
    ({ ownerId, deletedAt, visibility }) =>
      ownerId === ADMIN &&
      deletedAt === null &&
      (visibility === 'timeline' ||
        visibility === 'archive' ||
        (version === '1.118.0' && visibility !== 'hidden')),
  );

describe.each(VERSIONS)('the views of Immich %s', (version) => {
  const hasTags = version !== '1.118.0';
  const hasMemories = version !== '1.118.0';

  it('are folders beside each other, and albums are in one of them', async () => {
    const ingest = await start(version, { views: VIEW_NAMES });
    const missing = [...(hasTags ? [] : ['tags']), ...(hasMemories ? [] : ['memories'])];
    expect(await tops()).toEqual([...VIEW_NAMES].filter((name) => !missing.includes(name)).sort());
    expect(await tree('albums/Summer 2024')).toContain('albums/Summer 2024/images/IMG_0001.jpg');
    expect((await ingest.status()).notes).toHaveLength(missing.length);
  });

  it('favorites are flat', async () => {
    await start(version, { views: VIEW_NAMES });
    expect(await tree('favorites/')).toEqual(['favorites/IMG_0003.jpg']);
  });

  it('people are folders of those with a name who are not hidden; of two of one name, one has a tag', async () => {
    await start(version, { views: VIEW_NAMES });
    const people = await tree('people/');
    expect(people.filter((path) => path.startsWith('people/Alice/'))).toEqual([
      'people/Alice/IMG_0001.jpg',
      'people/Alice/beach.jpg',
    ]);
    expect(people).toHaveLength(3);
    expect(people.find((path) => !path.startsWith('people/Alice/'))).toMatch(
      /^people\/alice~[0-9a-f]{8}\/IMG_0002.jpg$/,
    );
  });

  it('places are countries and cities', async () => {
    await start(version, { views: VIEW_NAMES });
    const places = await tree('places/');
    expect(places).toContain('places/Japan/Tokyo/beach.jpg');
    expect(places.filter((path) => path.startsWith('places/France/Paris/'))).toHaveLength(8);
    expect(places).toHaveLength(9);
  });

  it('the timeline has all own assets by the wall clock of the camera', async () => {
    await start(version, { views: VIEW_NAMES });
    const timeline = await tree('timeline/');
    expect(timeline).toContain('timeline/2022/2022-07/beach.jpg');
    expect(timeline).toContain('timeline/2021/2021-06/not in any album.jpg');
    expect(timeline).toHaveLength(own(version).length);
    expect(timeline.join()).not.toMatch(/bobs|trashed|\.mov|MP\.mp4/);
  });

  it('one asset is one, wherever it shows', async () => {
    await start(version, { views: VIEW_NAMES });
    const asset = fake.library.asset(BEACH);
    const nodes = await catalog.reader.byDigest('sha1', asset.content.sha1().toString('hex'));
    const paths = await Promise.all(nodes.map(async ({ id }) => (await catalog.reader.pathOf(id))[0]));
    const all = ['albums', 'people', 'places', 'timeline', ...(hasTags ? ['memories', 'tags', 'tags'] : [])];
    expect(paths.sort()).toEqual(all.sort());
    expect(new Set(nodes.map(({ asset: { ref } }) => ref.id)).size).toBe(1);
    const record = await catalog.reader.source('immich');
    expect(record?.assetCount).toBe(new Set(own(version).map(({ id }) => id)).size + 1);
  });

  it('a refresh without news asks for lists alone, and writes nothing', async () => {
    const ingest = await start(version, { views: VIEW_NAMES });
    await ingest.scan();
    await ingest.scan();
    const seq = await catalog.reader.headSeq();
    const before = await tree();
    const requests = await requestsOf(ingest);
    expect(requests.length).toBeLessThanOrEqual(8);
    expect(requests.filter((line) => /\/(original|thumbnail|assets\/|bucket\?)/.test(line))).toEqual([]);
    expect(await catalog.reader.headSeq()).toBe(seq);
    expect(await tree()).toEqual(before);
  });

  it('follow what changes: a favourite, a removal, a new person', async () => {
    const ingest = await start(version, { views: VIEW_NAMES });
    const { library: made } = fake;
    made.updateAsset(BEACH, { isFavorite: true });
    made.updateAsset(seedId('summer/IMG_0003.jpg'), { isFavorite: false });
    made.trash(seedId('summer/IMG_0001.jpg'));
    made.addPerson({ owner: ADMIN, name: 'Carol', assets: [seedId('summer/IMG_0004.jpg')] });
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect(await tree('favorites/')).toEqual(['favorites/beach.jpg']);
    expect(await tree('people/Carol')).toEqual(['people/Carol/IMG_0004.jpg']);
    expect(await tree('people/Alice/')).toEqual(['people/Alice/beach.jpg']);
    expect((await tree('timeline/')).join()).not.toContain('2024-02/IMG_0001');
    expect(await tree('places/France/Paris/')).toHaveLength(7);
  });

  it('cost as many requests as the manual says while nothing changes', async () => {
    const isOld = version === '1.118.0';
    const albums = version === '3.1.0' ? 1 : 2;
    const library = isOld ? 2 : 3;
    const ingest = await start(version, { views: ['albums'] });
    expect(await requestsOf(ingest)).toHaveLength(albums);
    const cases = [
      { views: ['albums', 'favorites', 'places', 'timeline'], more: library },
      { views: ['albums', 'people'], more: library + 1 },
      { views: ['albums', 'tags'], more: library + 1 },
      { views: ['albums', 'memories'], more: isOld ? 0 : 1 },
    ] as const;
    for (const { views, more } of cases) {
      const other = startMediadav({ views, settingsVersion: views.join() });
      await other.scan();
      // What was new at the first look is settled at the second.
      await other.scan();
      expect(await requestsOf(other), views.join()).toHaveLength(albums + more);
    }
  });

  it('one view alone is shown without a folder of its own', async () => {
    await start(version, { views: ['timeline'] });
    expect(await tops()).toEqual(['2021', '2022', '2023', '2024']);
    expect(await tree()).toContain('2022/2022-07/beach.jpg');
    expect(fake.requests.some(({ path }) => path.includes('/albums'))).toBe(false);
  });

  it('albums keep their nodes when other views come beside them, and when those go', async () => {
    await start(version, { views: ['albums'] });
    const record = await catalog.reader.source('immich');
    const album = await catalog.reader.child(record?.rootId ?? 0, 'Summer 2024');
    fake.library.addAlbum({ owner: ADMIN, name: 'favorites', assets: [BEACH] });
    const many = startMediadav({ views: ['albums', 'favorites'], settingsVersion: 'b' });
    await many.scan();
    expect(await tops()).toEqual(['albums', 'favorites']);
    expect(await catalog.reader.pathOf(album?.id ?? 0)).toEqual(['albums', 'Summer 2024']);
    await startMediadav({ views: ['albums'], settingsVersion: 'c' }).scan();
    expect(await catalog.reader.pathOf(album?.id ?? 0)).toEqual(['Summer 2024']);
    expect(await tree('favorites/')).toEqual(['favorites/images/beach.jpg']);
  });
});

describe.each(VERSIONS.slice(1))('the views of Immich %s, which has both,', (version) => {
  it('tags are a tree', async () => {
    await start(version, { views: VIEW_NAMES });
    expect(await tree('tags/')).toEqual(['tags/keeper/beach.jpg', 'tags/trip/japan/beach.jpg']);
  });

  it('memories are folders by day', async () => {
    await start(version, { views: VIEW_NAMES });
    expect(await tree('memories/')).toEqual(['memories/2026-07-14 4 years ago/beach.jpg']);
  });
});

describe('a view', () => {
  it.each([
    ['people', 'person.read'],
    ['tags', 'tag.read'],
    ['memories', 'memory.read'],
  ] as const)('%s is not shown to a key without %s, and says so once', async (name, permission) => {
    fake = await startFakeImmich({ version: '3.1.0', library: library('3.1.0') });
    const all = ['person.read', 'tag.read', 'memory.read', ...MINIMAL_PERMISSIONS];
    const permissions = all.filter((each) => each !== permission);
    fake.library.addKey({ user: ADMIN, key: 'some-key', permissions });
    const ingest = startMediadav({ views: VIEW_NAMES, apiKey: 'some-key' });
    await ingest.scan();
    expect(await tops()).toEqual([...VIEW_NAMES].filter((each) => each !== name).sort());
    const { lastError, notes } = await ingest.status();
    expect(lastError).toBeNull();
    expect(notes).toEqual([expect.stringContaining(`lacks the permission "${permission}"`)]);
    await ingest.scan();
    expect((await ingest.status()).notes).toEqual(notes);
  });

  it('that cannot be read keeps what it had, while the others follow the server', async () => {
    const ingest = await start('2.7.5', { views: VIEW_NAMES });
    const before = await tree('people/');
    fake.faults.add({ match: '/api/people', kind: 'status', status: 500 });
    fake.library.updateAsset(BEACH, { isFavorite: true });
    await ingest.scan();
    const { lastError, warnings } = await ingest.status();
    expect(lastError).toBeNull();
    expect(warnings).toMatchObject([{ example: 'people' }]);
    expect(await tree('people/')).toEqual(before);
    expect(await tree('favorites/')).toEqual(['favorites/IMG_0003.jpg', 'favorites/beach.jpg']);
    fake.faults.clear();
    await ingest.scan();
    expect((await ingest.status()).warnings).toEqual([]);
  });

  it('of the library that does not come out with the count of Immich keeps what it had', async () => {
    const ingest = await start('3.1.0', { views: ['albums', 'timeline', 'places'] });
    const before = [...(await tree('timeline/')), ...(await tree('places/'))];
    const empty =
      '{"albums":{"total":0,"items":[]},"assets":{"total":0,"count":0,"items":[],"nextPage":null}}';
    fake.faults.add({ match: '/api/search/metadata', kind: 'status', status: 200, body: empty });
    fake.library.trash(BEACH);
    await ingest.scan();
    expect((await ingest.status()).warnings).toContainEqual(
      expect.objectContaining({ reason: 'a library whose assets do not match its count' }),
    );
    expect([...(await tree('timeline/')), ...(await tree('places/'))]).toEqual(before);
    fake.faults.clear();
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect(await tree('timeline/2022/2022-07/')).not.toContain('timeline/2022/2022-07/beach.jpg');
  });

  it('that is not to be shown is not shown either when the library cannot be read', async () => {
    fake = await startFakeImmich({ version: '3.1.0', library: library('3.1.0') });
    fake.library.addKey({ user: ADMIN, key: 'few', permissions: MINIMAL_PERMISSIONS });
    fake.faults.add({ match: '/api/timeline', kind: 'status', status: 500 });
    const ingest = startMediadav({ views: ['albums', 'people', 'timeline'], apiKey: 'few' });
    await ingest.scan();
    expect((await ingest.status()).warnings).toMatchObject([{ example: 'timeline' }]);
    expect(await tops()).toEqual(['albums', 'timeline']);
  });

  it('stays when the key is taken back', async () => {
    const ingest = await start('3.1.0', { views: VIEW_NAMES });
    const before = await tree();
    fake.library.removeKey(SEED_KEYS.admin);
    await ingest.scan();
    expect((await ingest.status()).lastError?.code).toBe('denied');
    expect(await tree()).toEqual(before);
  });

  it('of albums that are suddenly none keeps them, though other views still have something', async () => {
    const ingest = await start('3.1.0', { views: ['albums', 'favorites'] });
    const before = await tree();
    fake.faults.add({ match: /GET \/api\/albums$/, kind: 'status', status: 200, body: '[]' });
    fake.library.updateAsset(BEACH, {});
    await ingest.scan();
    expect((await ingest.status()).warnings).toMatchObject([
      { reason: 'a list of albums that is suddenly empty' },
    ]);
    expect(await tree()).toEqual(before);
  });

  const NOTHING_FOUND =
    '{"albums":{"total":0,"items":[]},"assets":{"total":0,"count":0,"items":[],"nextPage":null}}';
  it.each([
    ['timeline', '3.1.0', '/api/timeline/buckets', '[]'],
    ['timeline', '1.118.0', '/api/timeline/buckets', '[]'],
    ['timeline', '1.118.0', '/api/search/metadata', NOTHING_FOUND],
    ['places', '1.118.0', '/api/search/metadata', NOTHING_FOUND],
    ['favorites', '3.1.0', '/api/search/metadata', NOTHING_FOUND],
    ['people', '3.1.0', '/api/search/metadata', NOTHING_FOUND],
    ['tags', '3.1.0', '/api/search/metadata', NOTHING_FOUND],
    ['people', '3.1.0', '/api/people', '{"people":[],"total":0,"hidden":0,"hasNextPage":false}'],
    ['tags', '3.1.0', '/api/tags', '[]'],
    ['memories', '3.1.0', '/api/memories', '[]'],
  ] as const)(
    '%s of Immich %s, where %s is suddenly empty, keeps what it had until that is said twice',
    async (name, version, match, body) => {
      // Another view that the answer has no part in: beside it the source as a whole is not empty.
      const other = version === '3.1.0' && body === NOTHING_FOUND ? 'memories' : 'albums';
      const ingest = await start(version, { views: [other, name] });
      const before = await tree();
      const answer = { match, kind: 'status', status: 200, body } as const;
      // Everything has moved, or nothing would be read.
      const move = () => {
        for (const asset of fake.library.assets.values()) fake.library.updateAsset(asset, {});
      };
      // An outage between two readings does not make the first empty answer believed.
      move();
      fake.faults.add({ match, kind: 'status', status: 500 });
      await ingest.scan();
      expect(await tree()).toEqual(before);
      fake.faults.clear();

      fake.faults.add(answer);
      await ingest.scan();
      expect((await ingest.status()).warnings).toContainEqual(
        expect.objectContaining({ reason: 'an answer that is suddenly empty' }),
      );
      expect(await tree()).toEqual(before);

      await ingest.scan();
      expect((await ingest.status()).warnings).toEqual([]);
      const files = (await tree(`${name}/`)).filter((path) => !path.endsWith('/'));
      expect(files).toEqual([]);
      expect(await tree(`${other}/`)).toEqual(before.filter((path) => path.startsWith(`${other}/`)));

      fake.faults.clear();
      move();
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await tree()).toEqual(before);
    },
  );

  it.each([
    [['folders', 'flat'], 'favorites'],
    [['folders', 'date'], 'people'],
    [['flat'], 'favorites'],
    [['date'], 'people'],
  ] as const)('in the layouts %s, %s, is doubted when it is suddenly empty, like anywhere', async (layouts, name) => {
    const ingest = await start('3.1.0', { views: ['memories', name], layouts });
    const before = await tree();
    const empty = { match: '/api/search/metadata', kind: 'status', status: 200, body: NOTHING_FOUND } as const;
    const move = () => fake.library.updateAsset(BEACH, {});
    // An outage between two readings does not make the first empty answer believed.
    move();
    fake.faults.add({ ...empty, status: 500 });
    await ingest.scan();
    expect(await tree()).toEqual(before);
    fake.faults.clear();

    move();
    fake.faults.add(empty);
    await ingest.scan();
    expect((await ingest.status()).warnings).toContainEqual(
      expect.objectContaining({ reason: 'an answer that is suddenly empty' }),
    );
    expect(await tree()).toEqual(before);

    await ingest.scan();
    expect((await ingest.status()).warnings).toEqual([]);
    expect((await tree()).length).toBeLessThan(before.length);

    fake.faults.clear();
    move();
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect(await tree()).toEqual(before);
  });

  it('of favorites is empty at the second reading after the last one is none any more', async () => {
    const ingest = await start('3.1.0', { views: ['albums', 'favorites'] });
    fake.library.updateAsset(seedId('summer/IMG_0003.jpg'), { isFavorite: false });
    await ingest.scan();
    expect(await tree('favorites/')).toEqual(['favorites/IMG_0003.jpg']);
    await ingest.scan();
    expect(await tree('favorites/')).toEqual(['favorites/']);
    fake.library.updateAsset(BEACH, {});
    await ingest.scan();
    expect((await ingest.status()).warnings).toEqual([]);
  });

  it('of a server that is upgraded keeps its nodes', async () => {
    const ingest = await start('2.7.5', { views: VIEW_NAMES });
    const before = await tree();
    const seq = await catalog.reader.headSeq();
    fake.setVersion('3.1.0');
    fake.library.updateAsset(BEACH, {});
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect(await tree()).toEqual(before);
    const page = await catalog.reader.changes(seq, 1000);
    expect(page.changes.filter((change) => change.kind === 'removed')).toEqual([]);
  });

  it('of a library with many photos of one second has each of them, on servers that order them by nothing', async () => {
    fake = await startFakeImmich({ version: '2.7.5', library: library('2.7.5') });
    for (let n = 0; n < 2_500; n += 1) {
      const fileCreatedAt = new Date(Date.UTC(2019, 0, 1, 0, 0, Math.floor(n / 7))).toISOString();
      fake.library.addAsset({
        owner: ADMIN,
        name: `many ${n}.jpg`,
        content: makeJpeg(8, 8, [1, 2, 3], `${n}`),
        fileCreatedAt,
      });
    }
    const ingest = startMediadav({ views: ['albums', 'timeline'] });
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect((await tree('timeline/2019')).length).toBe(2_500);
  });

  it.each(['favorites', 'people', 'tags', 'memories', 'places'] as const)(
    'alone, %s, keeps what it had when it cannot be read, and follows the server later',
    async (name) => {
      const ingest = await start('3.1.0', { views: [name] });
      const before = await tree();
      expect(before.length).toBeGreaterThan(0);
      fake.faults.add({ match: /api.(search|people|tags|memories|assets)/, kind: 'status', status: 500 });
      fake.library.updateAsset(BEACH, { isFavorite: true });
      await ingest.scan();
      expect(await tree()).toEqual(before);
      fake.faults.clear();
      fake.library.trash(BEACH);
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect((await tree()).join()).not.toContain('beach');
    },
  );

  it('shows the video of a live photo beside it, when told to', async () => {
    fake = await startFakeImmich({ version: '3.1.0', library: library('3.1.0') });
    const still = seedId('live/IMG_9001.jpg');
    fake.library.updateExif(still, { city: 'Oslo', country: 'Norway' });
    await startMediadav({ views: ['places', 'timeline'], showsLiveVideos: true }).scan();
    expect(await tree('places/Norway/')).toEqual([
      'places/Norway/Oslo/IMG_9001.jpg',
      'places/Norway/Oslo/IMG_9001.mov',
    ]);
    expect(await tree('timeline/2024/2024-08/')).toContain('timeline/2024/2024-08/IMG_9001.jpg');
  });

  it.each(VERSIONS)(
    'of the library holds nothing of a partner who shares the timeline, %s',
    async (version) => {
      fake = await startFakeImmich({ version, library: library(version) });
      fake.library.partners.set(ADMIN, [seedId('bob')]);
      fake.library.updateExif(seedId('bob/bobs.jpg'), { city: 'Bergen', country: 'Norway' });
      const ingest = startMediadav({ views: ['places', 'timeline', 'favorites'] });
      fake.library.updateAsset(seedId('bob/bobs.jpg'), { isFavorite: true });
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await tree('timeline/')).toHaveLength(own(version).length);
      expect((await tree()).join()).not.toMatch(/bobs|Norway/);
    },
  );

  it('beside several layouts is within the folders, and each photo is once in the others', async () => {
    await start('3.1.0', { views: ['albums', 'favorites', 'places'], layouts: ['folders', 'flat'] });
    expect(await tops()).toEqual(['flat', 'folders']);
    expect(await tree('folders/favorites/')).toEqual(['folders/favorites/IMG_0003.jpg']);
    expect((await tree('flat/')).filter((path) => path.includes('beach'))).toEqual(['flat/beach.jpg']);
  });
});
