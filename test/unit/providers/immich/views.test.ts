import { describe, expect, it } from 'vitest';
import { VIEW_NAMES } from '../../../../providers/immich/views/view-names.ts';
import { makeJpeg } from '../../../fakes/immich/made-media.ts';
import { seedId } from '../../../fakes/immich/seed.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';
import { ADMIN, BEACH, ViewsUnderTest } from './views-under-test.ts';

const under = new ViewsUnderTest();

const own = (version: Version) =>
  [...under.fake.library.assets.values()].filter(
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
    const ingest = await under.start(version, { views: VIEW_NAMES });
    const missing = [...(hasTags ? [] : ['tags']), ...(hasMemories ? [] : ['memories'])];
    expect(await under.tops()).toEqual([...VIEW_NAMES].filter((name) => !missing.includes(name)).sort());
    expect(await under.tree('albums/Summer 2024')).toContain('albums/Summer 2024/images/IMG_0001.jpg');
    expect((await ingest.status()).notes).toHaveLength(missing.length);
  });

  it('favorites are flat', async () => {
    await under.start(version, { views: VIEW_NAMES });
    expect(await under.tree('favorites/')).toEqual(['favorites/IMG_0003.jpg']);
  });

  it('people are folders of those with a name who are not hidden; of two of one name, one has a tag', async () => {
    await under.start(version, { views: VIEW_NAMES });
    const people = await under.tree('people/');
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
    await under.start(version, { views: VIEW_NAMES });
    const places = await under.tree('places/');
    expect(places).toContain('places/Japan/Tokyo/beach.jpg');
    expect(places.filter((path) => path.startsWith('places/France/Paris/'))).toHaveLength(8);
    expect(places).toHaveLength(9);
  });

  it('the timeline has all own assets by the wall clock of the camera', async () => {
    await under.start(version, { views: VIEW_NAMES });
    const timeline = await under.tree('timeline/');
    expect(timeline).toContain('timeline/2022/2022-07/beach.jpg');
    expect(timeline).toContain('timeline/2021/2021-06/not in any album.jpg');
    expect(timeline).toHaveLength(own(version).length);
    expect(timeline.join()).not.toMatch(/bobs|trashed|\.mov|MP\.mp4/);
  });

  it('one asset is one, wherever it shows', async () => {
    await under.start(version, { views: VIEW_NAMES });
    const asset = under.fake.library.asset(BEACH);
    const nodes = await under.catalog.reader.byDigest('sha1', asset.content.sha1().toString('hex'));
    const paths = await Promise.all(nodes.map(async ({ id }) => (await under.catalog.reader.pathOf(id))[0]));
    const all = ['albums', 'people', 'places', 'timeline', ...(hasTags ? ['memories', 'tags', 'tags'] : [])];
    expect(paths.sort()).toEqual(all.sort());
    expect(new Set(nodes.map(({ asset: { ref } }) => ref.id)).size).toBe(1);
    const record = await under.catalog.reader.source('immich');
    expect(record?.assetCount).toBe(new Set(own(version).map(({ id }) => id)).size + 1);
  });

  it('a refresh without news asks for lists alone, and writes nothing', async () => {
    const ingest = await under.start(version, { views: VIEW_NAMES });
    await ingest.scan();
    await ingest.scan();
    const seq = await under.catalog.reader.headSeq();
    const before = await under.tree();
    const requests = await under.requestsOf(ingest);
    expect(requests.length).toBeLessThanOrEqual(8);
    expect(requests.filter((line) => /\/(original|thumbnail|assets\/|bucket\?)/.test(line))).toEqual([]);
    expect(await under.catalog.reader.headSeq()).toBe(seq);
    expect(await under.tree()).toEqual(before);
  });

  it('follow what changes: a favourite, a removal, a new person', async () => {
    const ingest = await under.start(version, { views: VIEW_NAMES });
    const { library: made } = under.fake;
    made.updateAsset(BEACH, { isFavorite: true });
    made.updateAsset(seedId('summer/IMG_0003.jpg'), { isFavorite: false });
    made.trash(seedId('summer/IMG_0001.jpg'));
    made.addPerson({ owner: ADMIN, name: 'Carol', assets: [seedId('summer/IMG_0004.jpg')] });
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect(await under.tree('favorites/')).toEqual(['favorites/beach.jpg']);
    expect(await under.tree('people/Carol')).toEqual(['people/Carol/IMG_0004.jpg']);
    expect(await under.tree('people/Alice/')).toEqual(['people/Alice/beach.jpg']);
    expect((await under.tree('timeline/')).join()).not.toContain('2024-02/IMG_0001');
    expect(await under.tree('places/France/Paris/')).toHaveLength(7);
  });

  it('cost as many requests as the manual says while nothing changes', async () => {
    const isOld = version === '1.118.0';
    const albums = version === '3.1.0' ? 1 : 2;
    const library = isOld ? 2 : 3;
    const ingest = await under.start(version, { views: ['albums'] });
    expect(await under.requestsOf(ingest)).toHaveLength(albums);
    const cases = [
      { views: ['albums', 'favorites', 'places', 'timeline'], more: library },
      { views: ['albums', 'people'], more: library + 1 },
      { views: ['albums', 'tags'], more: library + 1 },
      { views: ['albums', 'memories'], more: isOld ? 0 : 1 },
    ] as const;
    for (const { views, more } of cases) {
      const other = under.startMediadav({ views, settingsVersion: views.join() });
      await other.scan();
      // What was new at the first look is settled at the second.
      await other.scan();
      expect(await under.requestsOf(other), views.join()).toHaveLength(albums + more);
    }
  });

  it('one view alone is shown without a folder of its own', async () => {
    await under.start(version, { views: ['timeline'] });
    expect(await under.tops()).toEqual(['2021', '2022', '2023', '2024']);
    expect(await under.tree()).toContain('2022/2022-07/beach.jpg');
    expect(under.fake.requests.some(({ path }) => path.includes('/albums'))).toBe(false);
  });

  it('albums keep their nodes when other views come beside them, and when those go', async () => {
    await under.start(version, { views: ['albums'] });
    const record = await under.catalog.reader.source('immich');
    const album = await under.catalog.reader.child(record?.rootId ?? 0, 'Summer 2024');
    under.fake.library.addAlbum({ owner: ADMIN, name: 'favorites', assets: [BEACH] });
    const many = under.startMediadav({ views: ['albums', 'favorites'], settingsVersion: 'b' });
    await many.scan();
    expect(await under.tops()).toEqual(['albums', 'favorites']);
    expect(await under.catalog.reader.pathOf(album?.id ?? 0)).toEqual(['albums', 'Summer 2024']);
    await under.startMediadav({ views: ['albums'], settingsVersion: 'c' }).scan();
    expect(await under.catalog.reader.pathOf(album?.id ?? 0)).toEqual(['Summer 2024']);
    expect(await under.tree('favorites/')).toEqual(['favorites/images/beach.jpg']);
  });
});

describe.each(VERSIONS.slice(1))('the views of Immich %s, which has both,', (version) => {
  it('tags are a tree', async () => {
    await under.start(version, { views: VIEW_NAMES });
    expect(await under.tree('tags/')).toEqual(['tags/keeper/beach.jpg', 'tags/trip/japan/beach.jpg']);
  });

  it('memories are folders by day', async () => {
    await under.start(version, { views: VIEW_NAMES });
    expect(await under.tree('memories/')).toEqual(['memories/2026-07-14 4 years ago/beach.jpg']);
  });
});

describe('a view', () => {
  it('of a library with many photos of one second has each of them, on servers that order them by nothing', async () => {
    await under.startFake('2.7.5');
    for (let n = 0; n < 2_500; n += 1) {
      const fileCreatedAt = new Date(Date.UTC(2019, 0, 1, 0, 0, Math.floor(n / 7))).toISOString();
      under.fake.library.addAsset({
        owner: ADMIN,
        name: `many ${n}.jpg`,
        content: makeJpeg(8, 8, [1, 2, 3], `${n}`),
        fileCreatedAt,
      });
    }
    const ingest = under.startMediadav({ views: ['albums', 'timeline'] });
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    expect((await under.tree('timeline/2019')).length).toBe(2_500);
  });

  it('shows the video of a live photo beside it, when told to', async () => {
    await under.startFake('3.1.0');
    const still = seedId('live/IMG_9001.jpg');
    under.fake.library.updateExif(still, { city: 'Oslo', country: 'Norway' });
    await under.startMediadav({ views: ['places', 'timeline'], showsLiveVideos: true }).scan();
    expect(await under.tree('places/Norway/')).toEqual([
      'places/Norway/Oslo/IMG_9001.jpg',
      'places/Norway/Oslo/IMG_9001.mov',
    ]);
    expect(await under.tree('timeline/2024/2024-08/')).toContain('timeline/2024/2024-08/IMG_9001.jpg');
  });

  it.each(VERSIONS)(
    'of the library holds nothing of a partner who shares the timeline, %s',
    async (version) => {
      await under.startFake(version);
      under.fake.library.partners.set(ADMIN, [seedId('bob')]);
      under.fake.library.updateExif(seedId('bob/bobs.jpg'), { city: 'Bergen', country: 'Norway' });
      const ingest = under.startMediadav({ views: ['places', 'timeline', 'favorites'] });
      under.fake.library.updateAsset(seedId('bob/bobs.jpg'), { isFavorite: true });
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await under.tree('timeline/')).toHaveLength(own(version).length);
      expect((await under.tree()).join()).not.toMatch(/bobs|Norway/);
    },
  );

  it('beside several layouts is within the folders, and each photo is once in the others', async () => {
    await under.start('3.1.0', { views: ['albums', 'favorites', 'places'], layouts: ['folders', 'flat'] });
    expect(await under.tops()).toEqual(['flat', 'folders']);
    expect(await under.tree('folders/favorites/')).toEqual(['folders/favorites/IMG_0003.jpg']);
    expect((await under.tree('flat/')).filter((path) => path.includes('beach'))).toEqual(['flat/beach.jpg']);
  });
});
