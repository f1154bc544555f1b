import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { ImmichWriteApp } from './immich-write-app.ts';

/** One photo in very many albums: what is done in the last of them is right, too. */

const ALBUMS = 130;
const LAST = `Shared ${ALBUMS}`;

let on: ImmichWriteApp;
beforeEach(async () => {
  const small = smallLibrary(2, 2);
  const owner = small.library.keys.get(SMALL_KEY)?.userId ?? '';
  const asset = [...small.albums[0].assetIds][0] ?? '';
  for (let index = 1; index <= ALBUMS; index += 1) {
    small.library.addAlbum({ owner, name: `Shared ${index}`, assets: [asset] });
  }
  on = await ImmichWriteApp.start({ library: small });
});
afterEach(() => on.stop());

it('of two names one is deleted, then the other', async () => {
  expect((await on.copy(`${LAST}/photo 1-1.jpg`, `${LAST}/second.jpg`)).status).toBe(201);
  expect((await on.send('DELETE', `${LAST}/second.jpg`)).status).toBe(204);
  expect(on.inImmich(LAST)).toEqual(['photo 1-1.jpg']);
  expect(await on.names(LAST)).toEqual(['photo 1-1.jpg']);
  await on.rescan();
  expect(await on.names(LAST)).toEqual(['photo 1-1.jpg']);
  expect((await on.send('DELETE', `${LAST}/photo 1-1.jpg`)).status).toBe(204);
  expect(on.inImmich(LAST)).toEqual([]);
  expect(on.inImmich('Shared 1')).toEqual(['photo 1-1.jpg']);
});

it('a third name is given, and none of the others is lost', async () => {
  for (const name of ['second.jpg', 'third.jpg']) {
    expect((await on.copy(`${LAST}/photo 1-1.jpg`, `${LAST}/${name}`)).status).toBe(201);
  }
  expect((await on.move(`${LAST}/second.jpg`, `${LAST}/renamed.jpg`)).status).toBe(201);
  const names = ['photo 1-1.jpg', 'renamed.jpg', 'third.jpg'];
  expect(await on.names(LAST)).toEqual(names);
  await on.rescan();
  expect(await on.names(LAST)).toEqual(names);
});

it('it is replaced in all of them, under the name that it has in each', async () => {
  expect((await on.move(`${LAST}/photo 1-1.jpg`, `${LAST}/mine.jpg`)).status).toBe(201);
  const better = makeJpeg(32, 24, [10, 200, 10], 'better');
  expect(await on.put('Album 1/photo 1-1.jpg', better)).toBe(204);
  for (let times = 0; times < 2; times += 1) {
    expect((await on.get(`${LAST}/mine.jpg`)).equals(better)).toBe(true);
    expect((await on.get('Shared 1/photo 1-1.jpg')).equals(better)).toBe(true);
    expect(await on.names(LAST)).toEqual(['mine.jpg']);
    await on.rescan();
  }
});
