import { afterEach, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { ImmichWriteApp } from './immich-write-app.ts';

/** Where edited photos are shown instead of originals, nothing that was made of one takes the place of its original. */

const photo = (text: string) => makeJpeg(32, 24, [200, 90, 10], text);
const EDITED = makeJpeg(24, 24, [250, 250, 10], 'edited');

let on: ImmichWriteApp;
afterEach(() => on.stop());

async function startEdited(env: Readonly<Record<string, string>> = {}): Promise<{ original: Buffer }> {
  on = await ImmichWriteApp.start({ env: { IMMICH_RENDITION: 'edited', ...env } });
  const asset = on.asset('photo 1-1.jpg');
  on.fake.library.editAsset(asset, EDITED, { width: 24, height: 24 });
  await on.rescan();
  expect((await on.get('Album 1/photo 1-1.jpg')).equals(EDITED)).toBe(true);
  return { original: asset.content.bytes() };
}

async function expectUntouched(): Promise<void> {
  const { deletedAt, isEdited } = on.asset('photo 1-1.jpg');
  expect([deletedAt, isEdited]).toEqual([null, true]);
  await on.rescan();
  expect((await on.get('Album 1/photo 1-1.jpg')).equals(EDITED)).toBe(true);
}

it('an edited photo is not replaced, however a client tries', async () => {
  await startEdited();
  const reason = expect.stringMatching(/IMMICH_RENDITION/);
  for (const body of [photo('better'), EDITED, '']) {
    const answer = await on.send('PUT', 'Album 1/photo 1-1.jpg', { body });
    expect([answer.status, answer.text]).toEqual([403, reason]);
  }
  for (const body of [photo('saving'), '']) {
    expect([201, 204]).toContain(await on.put('Album 1/saving.jpg', body));
    const answer = await on.move('Album 1/saving.jpg', 'Album 1/photo 1-1.jpg');
    expect([answer.status, answer.text]).toEqual([403, reason]);
    expect(await on.names('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg', 'saving.jpg']);
    expect((await on.send('DELETE', 'Album 1/saving.jpg')).status).toBe(204);
  }
  expect(on.inImmich('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
  await expectUntouched();
});

it('its original is not put beside it as if it were shown', async () => {
  const { original } = await startEdited();
  const answer = await on.send('PUT', 'Album 2/original.jpg', { body: original });
  expect([answer.status, answer.text]).toEqual([403, expect.stringMatching(/IMMICH_RENDITION/)]);
  expect(on.inImmich('Album 2')).toEqual(['photo 2-1.jpg', 'photo 2-2.jpg']);
  await expectUntouched();
});

it('everything else can be done: with it, and with photos that nobody has edited', async () => {
  await startEdited();
  expect(await on.put('Album 1/new.jpg', photo('new'))).toBe(201);
  expect(await on.put('Album 1/photo 1-2.jpg', photo('better'))).toBe(204);
  expect((await on.get('Album 1/photo 1-2.jpg')).equals(photo('better'))).toBe(true);
  // What was made of it is another photo.
  expect(await on.put('Album 1/of it.jpg', EDITED)).toBe(201);
  expect((await on.copy('Album 1/photo 1-1.jpg', 'Album 2/photo 1-1.jpg')).status).toBe(201);
  expect((await on.get('Album 2/photo 1-1.jpg')).equals(EDITED)).toBe(true);
  expect((await on.move('Album 1/photo 1-1.jpg', 'Album 2/moved.jpg')).status).toBe(201);
  expect((await on.send('DELETE', 'Album 2/moved.jpg')).status).toBe(204);
  expect(on.asset('photo 1-1.jpg').deletedAt).toBeNull();
});

it('where previews are shown, nothing can be written at all', async () => {
  on = await ImmichWriteApp.start({ env: { IMMICH_RENDITION: 'preview' } });
  const reason = expect.stringMatching(/IMMICH_RENDITION/);
  for (const answer of [
    await on.send('PUT', 'Album 1/photo 1-1.jpg', { body: photo('better') }),
    await on.send('PUT', 'Album 1/new.jpg', { body: photo('new') }),
    await on.move('Album 1/photo 1-1.jpg', 'Album 2/photo 1-1.jpg'),
    await on.send('DELETE', 'Album 1/photo 1-1.jpg'),
    await on.send('MKCOL', 'New'),
  ]) {
    expect([answer.status, answer.text]).toEqual([403, reason]);
  }
  expect(on.inImmich('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
});

it('where previews are shown, nothing is copied either: neither a photo nor an album, nor out of a view', async () => {
  const env = { IMMICH_RENDITION: 'preview', IMMICH_VIEWS: 'albums,timeline' };
  on = await ImmichWriteApp.start({ env });
  const [year] = await on.names('timeline');
  const [month] = await on.names(`timeline/${year}`);
  const inTimeline = `timeline/${year}/${month}`;
  const [photoName = ''] = await on.names(inTimeline);
  const [before, photos] = [await on.names('albums/Album 2'), on.fake.library.assets.size];
  const reason = expect.stringMatching(/IMMICH_RENDITION/);
  for (const answer of [
    await on.copy('albums/Album 1/photo 1-1.jpg', 'albums/Album 2/photo 1-1.jpg'),
    await on.copy('albums/Album 1/photo 1-1.jpg', 'albums/Album 2/photo 2-1.jpg'),
    await on.copy(`${inTimeline}/${photoName}`, 'albums/Album 2/out of a view.jpg'),
    await on.copy('albums/Album 1', 'albums/New'),
    await on.copy('albums/Album 1', 'albums/New', { Depth: '0' }),
  ]) {
    expect([answer.status, answer.text]).toEqual([403, reason]);
  }
  expect(await on.names('albums/Album 2')).toEqual(before);
  expect(on.inImmich('Album 2')).toEqual(['photo 2-1.jpg', 'photo 2-2.jpg']);
  expect(await on.names('albums')).toEqual(['Album 1', 'Album 2']);
  expect(on.fake.library.assets.size).toBe(photos);
});
