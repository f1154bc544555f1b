import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import type { Album } from '../fakes/immich/model.ts';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { sha1Of } from './disk-listing.ts';
import { SMALL_KEY } from './immich-small-library.ts';
import { ImmichWriteApp } from './immich-write-app.ts';

/** What clients do to albums, and what Immich and the mount show of it afterwards, then and after the next refresh. */

let on: ImmichWriteApp;
let count = 0;
/** An album of its own for each test, with the photos `one` and `two`. */
let album = '';
let before: Album;

const photo = (text: string) => makeJpeg(32, 24, [90, 30, 200], text);

async function inAlbum(names: readonly string[], of = album): Promise<void> {
  const sorted = [...names].sort();
  expect(await on.names(of)).toEqual(sorted);
  await on.rescan();
  expect(await on.names(of), 'after a refresh').toEqual(sorted);
}

describe.each(VERSIONS)('Immich %s', (version) => {
  beforeAll(async () => {
    on = await ImmichWriteApp.start({ version });
  });
  afterAll(() => on.stop());

  beforeEach(async () => {
    count += 1;
    album = `Test ${count}`;
    const { library } = on.fake;
    const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
    const assets = ['one.jpg', 'two.jpg'].map((name) =>
      library.addAsset({ owner, name, content: photo(`${name} of ${count}`) }),
    );
    before = library.addAlbum({ owner, name: album, assets });
    await on.rescan();
  });

  it('takes in a new photo: uploaded, shown and told in the same moment', async () => {
    const bytes = photo(`new ${count}`);
    const cursor = await headOfFeed();
    const headers = { 'X-OC-Mtime': '1500000000' };
    const answer = await on.send('PUT', `${album}/new.jpg`, { body: bytes, headers });
    expect([answer.status, answer.text]).toEqual([201, '']);
    expect(answer.headers).toMatchObject({ etag: `"${sha1Of(bytes)}"`, 'x-oc-mtime': 'accepted' });
    expect(on.inImmich(album)).toEqual(['new.jpg', 'one.jpg', 'two.jpg']);
    expect(await feedNames(cursor)).toEqual(['new.jpg']);
    expect((await on.get(`${album}/new.jpg`)).equals(bytes)).toBe(true);
    expect(await on.waitingUploads()).toEqual([]);
    await inAlbum(['new.jpg', 'one.jpg', 'two.jpg']);
    const head = await on.send('HEAD', `${album}/new.jpg`);
    expect(head.headers['last-modified']).toBe(new Date(1_500_000_000_000).toUTCString());
  });

  it('takes a photo out of its album, and leaves it in the library', async () => {
    expect((await on.send('DELETE', `${album}/one.jpg`)).status).toBe(204);
    expect(on.inImmich(album)).toEqual(['two.jpg']);
    await inAlbum(['two.jpg']);
    expect((await on.send('HEAD', `${album}/one.jpg`)).status).toBe(404);
  });

  it('makes, renames and deletes albums', async () => {
    expect((await on.send('MKCOL', `New ${count}`)).status).toBe(201);
    expect((await on.send('MKCOL', `New ${count}`)).status).toBe(405);
    expect(on.inImmich(`New ${count}`)).toEqual([]);
    expect(await on.put(`New ${count}/a.jpg`, photo(`in new ${count}`))).toBe(201);
    expect((await on.move(`New ${count}`, `Renamed ${count}`)).status).toBe(201);
    expect(on.inImmich(`Renamed ${count}`)).toEqual(['a.jpg']);
    await inAlbum(['a.jpg'], `Renamed ${count}`);
    expect((await on.send('DELETE', `Renamed ${count}`)).status).toBe(204);
    expect(await on.names()).not.toContain(`Renamed ${count}`);
    await on.rescan();
    expect(await on.names()).not.toContain(`Renamed ${count}`);
    expect([...on.fake.library.albums.values()].map(({ albumName }) => albumName)).not.toContain(
      `Renamed ${count}`,
    );
  });

  it('keeps the new name of a photo, which Immich cannot, over refreshes and restarts', async () => {
    const id = await publicIdOf('one.jpg');
    expect((await on.move(`${album}/one.jpg`, `${album}/renamed.jpg`)).status).toBe(201);
    expect(on.inImmich(album)).toEqual(['one.jpg', 'two.jpg']);
    await inAlbum(['renamed.jpg', 'two.jpg']);
    expect(await publicIdOf('renamed.jpg')).toBe(id);
    await on.halt();
    await on.boot();
    // The album itself has moved, so that it is read again.
    on.fake.library.updateAlbum(before, { description: 'other' });
    await inAlbum(['renamed.jpg', 'two.jpg']);
    expect((await on.move(`${album}/renamed.jpg`, `${album}/one.jpg`)).status).toBe(201);
    await inAlbum(['one.jpg', 'two.jpg']);
  });

  it('moves a photo to another album, also under another name', async () => {
    await on.send('MKCOL', `Other ${count}`);
    const id = await publicIdOf('one.jpg');
    expect((await on.move(`${album}/one.jpg`, `Other ${count}/one.jpg`)).status).toBe(201);
    expect([on.inImmich(album), on.inImmich(`Other ${count}`)]).toEqual([['two.jpg'], ['one.jpg']]);
    expect(await publicIdOf('one.jpg')).toBe(id);
    expect((await on.move(`${album}/two.jpg`, `Other ${count}/deux.jpg`)).status).toBe(201);
    await inAlbum([]);
    await inAlbum(['deux.jpg', 'one.jpg'], `Other ${count}`);
    // Over what is there: that one leaves the album.
    expect((await on.move(`Other ${count}/deux.jpg`, `Other ${count}/one.jpg`)).status).toBe(204);
    expect(on.inImmich(`Other ${count}`)).toEqual(['two.jpg']);
    await inAlbum(['one.jpg'], `Other ${count}`);
  });

  it('copies a photo: one asset in two albums, or under two names', async () => {
    await on.send('MKCOL', `Other ${count}`);
    expect((await on.copy(`${album}/one.jpg`, `Other ${count}/copy.jpg`)).status).toBe(201);
    expect([...on.album(`Other ${count}`).assetIds]).toHaveLength(1);
    expect(on.inImmich(`Other ${count}`)).toEqual(['one.jpg']);
    expect((await on.copy(`${album}/one.jpg`, `${album}/again.jpg`)).status).toBe(201);
    await inAlbum(['again.jpg', 'one.jpg', 'two.jpg']);
    await inAlbum(['copy.jpg'], `Other ${count}`);
    expect((await on.get(`${album}/again.jpg`)).equals(photo(`one.jpg of ${count}`))).toBe(true);
    // The first of two names goes, the photo stays.
    expect((await on.send('DELETE', `${album}/one.jpg`)).status).toBe(204);
    expect(on.inImmich(album)).toEqual(['one.jpg', 'two.jpg']);
    await inAlbum(['again.jpg', 'two.jpg']);
    expect((await on.send('DELETE', `${album}/again.jpg`)).status).toBe(204);
    expect(on.inImmich(album)).toEqual(['two.jpg']);
    await inAlbum(['two.jpg']);
  });

  it('replaces a photo: the new one is in all albums of the old one, which goes to the trash', async () => {
    const { library } = on.fake;
    const old = [...before.assetIds]
      .map((id) => library.asset(id))
      .find((each) => each.originalFileName === 'one.jpg');
    if (old === undefined) throw new Error('there is no photo');
    await on.send('MKCOL', `Other ${count}`);
    await on.copy(`${album}/one.jpg`, `Other ${count}/uno.jpg`);
    const id = await publicIdOf('one.jpg');
    const bytes = photo(`better ${count}`);
    expect(await on.put(`${album}/one.jpg`, bytes)).toBe(204);
    expect(old.deletedAt).not.toBeNull();
    expect([on.inImmich(album), on.inImmich(`Other ${count}`)]).toEqual([
      ['one.jpg', 'two.jpg'],
      ['one.jpg'],
    ]);
    for (const path of [`${album}/one.jpg`, `Other ${count}/uno.jpg`]) {
      expect((await on.get(path)).equals(bytes), path).toBe(true);
    }
    expect(await publicIdOf('one.jpg')).toBe(id);
    await inAlbum(['one.jpg', 'two.jpg']);
    await inAlbum(['uno.jpg'], `Other ${count}`);
    // The same bytes once more change nothing.
    expect(await on.put(`${album}/one.jpg`, bytes)).toBe(204);
    await inAlbum(['one.jpg', 'two.jpg']);
  });

  it('takes a file that is moved over a photo of its album for a new content of that photo', async () => {
    const { library } = on.fake;
    const [old] = [...before.assetIds].map((id) => library.asset(id));
    if (old?.originalFileName !== 'one.jpg') throw new Error('there is no photo');
    await on.send('MKCOL', `Other ${count}`);
    await on.copy(`${album}/one.jpg`, `Other ${count}/uno.jpg`);
    const bytes = photo(`saved ${count}`);
    expect(await on.put(`${album}/saving.jpg`, bytes)).toBe(201);
    expect((await on.move(`${album}/saving.jpg`, `${album}/one.jpg`)).status).toBe(204);
    expect(old.deletedAt).not.toBeNull();
    expect([on.inImmich(album), on.inImmich(`Other ${count}`)]).toEqual([
      ['saving.jpg', 'two.jpg'],
      ['saving.jpg'],
    ]);
    for (const path of [`${album}/one.jpg`, `Other ${count}/uno.jpg`]) {
      expect((await on.get(path)).equals(bytes), path).toBe(true);
    }
    await inAlbum(['one.jpg', 'two.jpg']);
    await inAlbum(['uno.jpg'], `Other ${count}`);
    // A second name of a photo is no other content of it.
    await on.copy(`${album}/two.jpg`, `${album}/again.jpg`);
    expect((await on.move(`${album}/one.jpg`, `${album}/again.jpg`)).status).toBe(204);
    expect(on.inImmich(album)).toEqual(['saving.jpg', 'two.jpg']);
    await inAlbum(['again.jpg', 'two.jpg']);
  });

  it('shows the name that was put, also of bytes that Immich has under another', async () => {
    const bytes = photo(`known ${count}`);
    const { library } = on.fake;
    const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
    const known = library.addAsset({ owner, name: 'IMG_1234.jpg', content: bytes });
    expect(await on.put(`${album}/holiday.jpg`, bytes)).toBe(201);
    expect(before.assetIds.has(known.id)).toBe(true);
    await inAlbum(['holiday.jpg', 'one.jpg', 'two.jpg']);
    // Twice in one album, which Immich does not have.
    expect(await on.put(`${album}/beach.jpg`, bytes)).toBe(201);
    await inAlbum(['beach.jpg', 'holiday.jpg', 'one.jpg', 'two.jpg']);
    // Another content under one of the two names is no reason to trash the photo.
    expect(await on.put(`${album}/beach.jpg`, photo(`beach ${count}`))).toBe(204);
    expect(known.deletedAt).toBeNull();
    await inAlbum(['beach.jpg', 'holiday.jpg', 'one.jpg', 'two.jpg']);
    expect((await on.get(`${album}/holiday.jpg`)).equals(bytes)).toBe(true);
  });

  it('brings back from the trash what is put again', async () => {
    const bytes = photo(`trashed ${count}`);
    const { library } = on.fake;
    const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
    const trashed = library.addAsset({ owner, name: 'lost.jpg', content: bytes, trashed: true });
    expect(await on.put(`${album}/lost.jpg`, bytes)).toBe(201);
    expect(trashed.deletedAt).toBeNull();
    await inAlbum(['lost.jpg', 'one.jpg', 'two.jpg']);
  });

  it('holds an empty file back until there are bytes', async () => {
    const assets = on.fake.library.assets.size;
    expect(await on.put(`${album}/empty.jpg`, '')).toBe(201);
    expect((await on.get(`${album}/empty.jpg`)).length).toBe(0);
    await inAlbum(['empty.jpg', 'one.jpg', 'two.jpg']);
    on.fake.library.updateAlbum(before, { description: 'other' });
    await inAlbum(['empty.jpg', 'one.jpg', 'two.jpg']);
    expect((await on.move(`${album}/empty.jpg`, `${album}/full.jpg`)).status).toBe(201);
    expect(on.fake.library.assets.size).toBe(assets);
    const bytes = photo(`full ${count}`);
    expect(await on.put(`${album}/full.jpg`, bytes)).toBe(204);
    expect((await on.get(`${album}/full.jpg`)).equals(bytes)).toBe(true);
    expect(on.inImmich(album)).toEqual(['full.jpg', 'one.jpg', 'two.jpg']);
    await inAlbum(['full.jpg', 'one.jpg', 'two.jpg']);
    expect(await on.put(`${album}/never.jpg`, '')).toBe(201);
    expect((await on.send('DELETE', `${album}/never.jpg`)).status).toBe(204);
    await inAlbum(['full.jpg', 'one.jpg', 'two.jpg']);
  });

  it('replaces a photo by way of an empty file without losing it in between', async () => {
    const old = [...before.assetIds].map((id) => on.fake.library.asset(id));
    expect(await on.put(`${album}/one.jpg`, '')).toBe(204);
    expect(old.map(({ deletedAt }) => deletedAt)).toEqual([null, null]);
    expect((await on.get(`${album}/one.jpg`)).length).toBe(0);
    on.fake.library.updateAlbum(before, { description: 'other' });
    await inAlbum(['one.jpg', 'two.jpg']);
    expect((await on.get(`${album}/one.jpg`)).length).toBe(0);
    expect(await on.put(`${album}/one.jpg`, photo(`over ${count}`))).toBe(204);
    expect(old.filter(({ deletedAt }) => deletedAt !== null).map((each) => each.originalFileName)).toEqual([
      'one.jpg',
    ]);
    expect(on.inImmich(album)).toEqual(['one.jpg', 'two.jpg']);
    await inAlbum(['one.jpg', 'two.jpg']);
  });
});

async function headOfFeed(): Promise<number> {
  const answer = await fetch(`${on.app.url}/api/v1/cursor`);
  return ((await answer.json()) as { cursor: number }).cursor;
}

async function feedNames(cursor: number): Promise<string[]> {
  const answer = await fetch(`${on.app.url}/api/v1/changes?cursor=${cursor}`);
  return [...new Set(JSON.stringify(await answer.json()).match(/[^"/]+\.jpg/g))];
}

/** How the change feed calls what has this name and was changed last. */
async function publicIdOf(name: string): Promise<string> {
  const answer = await fetch(`${on.app.url}/api/v1/changes?cursor=0&limit=1000`);
  const { changes } = (await answer.json()) as { changes: { node?: { id: string; name: string } }[] };
  const found = changes.findLast(({ node }) => node?.name === name);
  if (found?.node === undefined) throw new Error(`the feed knows no "${name}"`);
  return found.node.id;
}
