import { afterEach, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { listTree } from './dav-listing.ts';
import { ImmichWriteApp } from './immich-write-app.ts';

/** Where albums are one view of several, they are written to below their folder, and nothing else is. */

const photo = (text: string) => makeJpeg(32, 24, [10, 90, 160], text);
const VIEWS = { IMMICH_VIEWS: 'albums,favorites,timeline' };

let on: ImmichWriteApp;
afterEach(() => on.stop());

async function expectNames(path: string, names: readonly string[]): Promise<void> {
  expect(await on.names(path)).toEqual(names);
  await on.rescan();
  expect(await on.names(path), 'after a refresh').toEqual(names);
}

it('photos and albums are put, moved, copied and removed in the view of the albums', async () => {
  on = await ImmichWriteApp.start({ env: VIEWS });
  expect(await on.names()).toEqual(['albums', 'favorites', 'timeline']);
  const bytes = photo('new');
  expect(await on.put('albums/Album 1/new.jpg', bytes)).toBe(201);
  expect((await on.get('albums/Album 1/new.jpg')).equals(bytes)).toBe(true);
  await expectNames('albums/Album 1', ['new.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);

  expect((await on.send('MKCOL', 'albums/Album 3')).status).toBe(201);
  expect((await on.move('albums/Album 1/new.jpg', 'albums/Album 3/renamed.jpg')).status).toBe(201);
  expect((await on.copy('albums/Album 3/renamed.jpg', 'albums/Album 2/copied.jpg')).status).toBe(201);
  expect(await on.put('albums/Album 3/renamed.jpg', photo('newer'))).toBe(204);
  expect((await on.move('albums/Album 3', 'albums/Album 4')).status).toBe(201);
  await expectNames('albums', ['Album 1', 'Album 2', 'Album 4']);
  await expectNames('albums/Album 4', ['renamed.jpg']);
  await expectNames('albums/Album 2', ['copied.jpg', 'photo 2-1.jpg', 'photo 2-2.jpg']);

  expect((await on.send('DELETE', 'albums/Album 4')).status).toBe(204);
  await expectNames('albums', ['Album 1', 'Album 2']);
});

it('a photo is copied from another view into an album, and is one photo still', async () => {
  on = await ImmichWriteApp.start({ env: VIEWS });
  const assetsBefore = [...on.fake.library.assets.keys()];
  const [found = ''] = [...(await listTree(on.url)).keys()].filter((path) =>
    /^timeline.*photo 2-1/.test(path),
  );
  expect((await on.copy(found, 'albums/Album 1/from the timeline.jpg')).status).toBe(201);
  await expectNames('albums/Album 1', ['from the timeline.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
  expect([...on.fake.library.assets.keys()]).toEqual(assetsBefore);
});

describe.each([
  ['1.118.0', 'original'],
  ['1.144.1', 'original'],
  ['2.7.5', 'original'],
  ['2.7.5', 'edited'],
  ['3.1.0', 'original'],
  ['3.1.0', 'edited'],
] as const)('of Immich %s, shown as %s', (version, rendition) => {
  const edited = photo('as it was edited');
  /** Requests that bytes come by, or go. */
  const transfers = () =>
    on.fake.requests.filter(
      ({ method, path }) =>
        /\/(original|thumbnail)/.test(path) || (method === 'POST' && path === '/api/assets'),
    );

  async function start(): Promise<string> {
    const env = { ...VIEWS, IMMICH_RENDITION: rendition, IMMICH_SEARCH: 'true' };
    on = await ImmichWriteApp.start({ version, env });
    const asset = on.asset('photo 2-1.jpg');
    on.fake.library.updateAsset(asset, { isFavorite: true });
    if (rendition === 'edited') on.fake.library.editAsset(asset, edited, { width: 32, height: 24 });
    await on.rescan();
    return asset.id;
  }

  it.each(['favorites/photo 2-1.jpg', 'search/photo 2-1/photo 2-1.jpg', 'albums/Album 2/photo 2-1.jpg'])(
    'a copy of %s in an album is the same photo, and no byte of it passes',
    async (from) => {
      const id = await start();
      expect(await on.names('search/photo 2-1')).toEqual(['photo 2-1.jpg']);
      const assetsBefore = [...on.fake.library.assets.keys()];
      const bytes = await on.get(from);
      expect(bytes.equals(edited)).toBe(rendition === 'edited');
      on.fake.requests.length = 0;
      expect((await on.copy(from, 'albums/Album 1/copied.jpg')).status).toBe(201);
      expect(transfers()).toEqual([]);
      expect([...on.fake.library.assets.keys()]).toEqual(assetsBefore);
      expect(on.album('Album 1').assetIds.has(id)).toBe(true);
      expect((await on.get('albums/Album 1/copied.jpg')).equals(bytes)).toBe(true);
      await expectNames('albums/Album 1', ['copied.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
      // Once more, and over another one: what is there goes out of the album, and stays in the library.
      expect((await on.copy(from, 'albums/Album 1/photo 1-1.jpg', { Overwrite: 'F' })).status).toBe(412);
      expect((await on.copy(from, 'albums/Album 1/photo 1-1.jpg')).status).toBe(204);
      expect((await on.get('albums/Album 1/photo 1-1.jpg')).equals(bytes)).toBe(true);
      await expectNames('albums/Album 1', ['copied.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
      expect(on.inImmich('Album 1')).toEqual(['photo 1-2.jpg', 'photo 2-1.jpg']);
      expect([...on.fake.library.assets.keys()]).toEqual(assetsBefore);
      expect((await on.send('DELETE', 'albums/Album 1/copied.jpg')).status).toBe(204);
      expect(on.inImmich('Album 1')).toEqual(['photo 1-2.jpg', 'photo 2-1.jpg']);
    },
  );
});

it('nothing else is written to, and what is refused changes nothing', async () => {
  on = await ImmichWriteApp.start({ env: VIEWS });
  const albumsBefore = [...on.fake.library.albums.keys()];
  const assetsBefore = [...on.fake.library.assets.keys()];
  for (const path of ['favorites/a.jpg', 'timeline/2026/a.jpg', 'a.jpg', 'Album 1/a.jpg']) {
    const answer = await on.send('PUT', path, { body: photo(path) });
    expect([path, answer.status, answer.text]).toEqual([path, 403, expect.stringContaining('"albums"')]);
  }
  for (const path of ['New', 'favorites/New']) expect((await on.send('MKCOL', path)).status).toBe(403);
  for (const path of ['albums', 'favorites', 'timeline']) {
    expect([path, (await on.send('DELETE', path)).status]).toEqual([path, 403]);
  }
  expect((await on.move('albums', 'Alben')).status).toBe(403);
  expect((await on.move('albums/Album 1/photo 1-1.jpg', 'favorites/photo 1-1.jpg')).status).toBe(403);
  expect([...on.fake.library.albums.keys()]).toEqual(albumsBefore);
  expect([...on.fake.library.assets.keys()]).toEqual(assetsBefore);
  await expectNames('albums/Album 1', ['photo 1-1.jpg', 'photo 1-2.jpg']);
});

it('a source that shows no albums is read-only, and says why', async () => {
  on = await ImmichWriteApp.start({ env: { IMMICH_VIEWS: 'timeline' } });
  const answer = await on.send('PUT', 'a.jpg', { body: photo('a') });
  expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('IMMICH_VIEWS')]);
});
