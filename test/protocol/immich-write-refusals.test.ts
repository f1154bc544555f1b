import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { FaultKind } from '../fakes/immich/faults.ts';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { ImmichWriteApp } from './immich-write-app.ts';

/** What cannot be done says why and changes nothing; what fails halfway says so and loses nothing. */

const READING = ['album.read', 'asset.read', 'asset.download'];
const photo = (text: string) => makeJpeg(32, 24, [20, 130, 60], text);

let on: ImmichWriteApp;
afterEach(() => on.stop());

/** Everything that Immich holds and every client sees. */
async function state(): Promise<unknown> {
  const albums = [...on.fake.library.albums.values()].map(({ albumName, assetIds }) => [
    albumName,
    [...assetIds].map((id) => on.fake.library.asset(id).originalFileName),
  ]);
  const assets = [...on.fake.library.assets.values()].filter(({ deletedAt }) => deletedAt === null);
  const shown = await Promise.all((await on.names()).map(async (name) => [name, await on.names(name)]));
  return { albums, assets: assets.map(({ id }) => id).sort(), shown };
}

async function refuses(status: number, reason: RegExp, request: () => ReturnType<ImmichWriteApp['send']>) {
  const before = await state();
  const answer = await request();
  expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(reason)]);
  expect(await state()).toEqual(before);
  expect(await on.waitingUploads()).toEqual([]);
}

describe('refused, with the reason', () => {
  it('what Immich has no place for', async () => {
    on = await ImmichWriteApp.start();
    const put = (path: string) => () => on.send('PUT', path, { body: 'text' });
    await refuses(403, /no files ending in \.txt/, put('Album 1/notes.txt'));
    await refuses(403, /without an extension/, put('Album 1/notes'));
    await refuses(403, /in albums/, put('top.jpg'));
    await refuses(403, /[Hh]idden/, put('Album 1/.hidden.jpg'));
    await refuses(409, /no folder/, put('No album/a.jpg'));
    await refuses(403, /more than case, and "photo 1-1.jpg"/, put('Album 1/Photo 1-1.JPG'));
    await refuses(403, /albums within albums/, () => on.send('MKCOL', 'Album 1/below'));
    await refuses(403, /differ by more than case/, () => on.send('MKCOL', 'album 1'));
    await refuses(403, /in albums/, () => on.move('Album 1/photo 1-1.jpg', 'top.jpg'));
    await refuses(403, /within albums/, () => on.move('Album 1', 'Album 2/below'));
    await refuses(403, /not copied as a whole/, () => on.copy('Album 1', 'Album 3'));
    await refuses(412, /already/, () =>
      on.move('Album 1/photo 1-1.jpg', 'Album 1/photo 1-2.jpg', { Overwrite: 'F' }),
    );
    await refuses(412, /./, () =>
      on.send('PUT', 'Album 1/photo 1-1.jpg', { body: photo('x'), headers: { 'If-None-Match': '*' } }),
    );
    await refuses(400, /another sha1/, () =>
      on.send('PUT', 'Album 1/a.jpg', {
        body: photo('x'),
        headers: { 'OC-Checksum': `SHA1:${'0'.repeat(40)}` },
      }),
    );
  });

  it('what Immich has already where nobody sees it', async () => {
    on = await ImmichWriteApp.start({ env: { IMMICH_ARCHIVED: 'false' } });
    const { library } = on.fake;
    const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
    for (const visibility of ['archive', 'locked', 'hidden'] as const) {
      library.addAsset({ owner, name: `${visibility}.jpg`, content: photo(visibility), visibility });
      await refuses(403, /where no album shows it/, () =>
        on.send('PUT', 'Album 1/again.jpg', { body: photo(visibility) }),
      );
    }
  });

  it('what is done to the video of a live photo alone', async () => {
    const small = smallLibrary(1, 1);
    const { library } = small;
    const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
    const video = library.addAsset({
      owner,
      name: 'live.mov',
      content: photo('video'),
      visibility: 'hidden',
    });
    const still = { owner, name: 'live.jpg', content: photo('still'), livePhotoVideoId: video.id };
    library.addAlbum({ owner, name: 'Live', assets: [library.addAsset(still)] });
    on = await ImmichWriteApp.start({ library: small, env: { IMMICH_LIVE_VIDEOS: 'true' } });
    expect(await on.names('Live')).toEqual(['live.jpg', 'live.mov']);
    await refuses(403, /stays with its still/, () => on.send('DELETE', 'Live/live.mov'));
    await refuses(403, /stays with its still/, () => on.move('Live/live.mov', 'Album 1/live.mov'));
    await refuses(403, /stays with its still/, () =>
      on.send('PUT', 'Live/live.mov', { body: photo('other') }),
    );
  });

  it('a new album, where only some are shown', async () => {
    const small = smallLibrary(2, 2);
    on = await ImmichWriteApp.start({ library: small, env: { ALBUM_IDS: small.albums[0].id } });
    await refuses(403, /ALBUM_IDS/, () => on.send('MKCOL', 'New'));
    expect(await on.put('Album 1/new.jpg', photo('new'))).toBe(201);
  });

  it('everything, where previews are shown instead of the files', async () => {
    on = await ImmichWriteApp.start({ env: { IMMICH_RENDITION: 'preview' } });
    expect((await on.send('PUT', 'Album 1/a.jpg', { body: photo('a') })).status).toBe(403);
  });

  it('what a key may not, naming the permission', async () => {
    const small = smallLibrary(2, 2);
    const { library } = small;
    const user = library.keys.get(SMALL_KEY)?.userId ?? '';
    const upload = ['asset.upload', 'albumAsset.create'];
    library.addKey({ user, key: 'read-only-key', permissions: READING });
    library.addKey({ user, key: 'upload-only-key', permissions: [...READING, ...upload] });
    on = await ImmichWriteApp.start({ library: small, env: { IMMICH_API_KEY: 'upload-only-key' } });
    const { sources } = await on.app.status();
    expect(sources[0]?.notes.join()).toMatch(
      /"asset\.delete".*"album\.delete", which is needed to delete albums/,
    );
    expect(sources[0]?.notes.join()).not.toMatch(/asset\.upload/);
    expect(await on.put('Album 1/new.jpg', photo('new'))).toBe(201);
    await refuses(403, /"asset\.delete", which is needed to replace/, () =>
      on.send('PUT', 'Album 1/new.jpg', { body: photo('newer') }),
    );
    await refuses(403, /"asset\.delete"/, () => on.move('Album 1/new.jpg', 'Album 1/photo 1-1.jpg'));
    await refuses(403, /"albumAsset\.delete"/, () => on.send('DELETE', 'Album 1/new.jpg'));
    await refuses(403, /"albumAsset\.delete"/, () => on.move('Album 1/new.jpg', 'Album 2/new.jpg'));
    await refuses(403, /"album\.create"/, () => on.send('MKCOL', 'New'));
    await refuses(403, /"album\.update"/, () => on.move('Album 1', 'New'));
    await refuses(403, /"album\.delete"/, () => on.send('DELETE', 'Album 1'));
    await on.halt();
    await on.boot({ IMMICH_API_KEY: 'read-only-key' });
    await refuses(403, /"asset\.upload".*"albumAsset\.create"/, () =>
      on.send('PUT', 'Album 1/other.jpg', { body: photo('other') }),
    );
  });

  it('what belongs to somebody else', async () => {
    const small = smallLibrary(1, 1);
    const { library } = small;
    const ann = library.keys.get(SMALL_KEY)?.userId ?? '';
    const bob = library.addUser({ name: 'Bob', email: 'bob@example.com' });
    const his = library.addAsset({ owner: bob, name: 'his.jpg', content: photo('his') });
    library.addAlbum({ owner: bob, name: 'Viewed', users: { [ann]: 'viewer' } });
    library.addAlbum({ owner: bob, name: 'Edited', assets: [his], users: { [ann]: 'editor' } });
    on = await ImmichWriteApp.start({ library: small });
    await refuses(403, /shared by somebody else/, () => on.send('PUT', 'Viewed/a.jpg', { body: photo('a') }));
    await refuses(403, /only photos of your own/, () => on.send('DELETE', 'Edited/his.jpg'));
    await refuses(403, /only your own photos/, () =>
      on.send('PUT', 'Edited/his.jpg', { body: photo('mine') }),
    );
    await refuses(403, /shared by somebody else/, () => on.send('DELETE', 'Edited'));
    await refuses(403, /only photos of your own/, () => on.copy('Edited/his.jpg', 'Album 1/his.jpg'));
    expect(await on.put('Edited/mine.jpg', photo('mine'))).toBe(201);
  });
});

describe('an album in the way is never taken away', () => {
  it('by a photo, by another album, or by a copy of one', async () => {
    on = await ImmichWriteApp.start();
    await refuses(403, /in albums/, () => on.move('Album 1/photo 1-1.jpg', 'Album 2'));
    await refuses(403, /in albums/, () => on.copy('Album 1/photo 1-1.jpg', 'Album 2'));
    await refuses(403, /delete it first/, () => on.move('Album 1', 'Album 2'));
    await refuses(403, /delete it first/, () => on.copy('Album 1', 'Album 2', { Depth: '0' }));
    await refuses(403, /not copied as a whole/, () => on.copy('Album 1', 'Album 2'));
    const kept = { Overwrite: 'F' };
    await refuses(412, /already/, () => on.move('Album 1/photo 1-1.jpg', 'Album 2', kept));
    await refuses(412, /already/, () => on.move('Album 1', 'Album 2', kept));
    await refuses(412, /already/, () => on.copy('Album 1', 'Album 2', { ...kept, Depth: '0' }));
    await refuses(405, /./, () => on.send('MKCOL', 'Album 2'));
  });

  it('by an album of somebody else, or when Immich fails', async () => {
    const small = smallLibrary(2, 2);
    const { library } = small;
    const ann = library.keys.get(SMALL_KEY)?.userId ?? '';
    const bob = library.addUser({ name: 'Bob', email: 'bob@example.com' });
    library.addAlbum({ owner: bob, name: 'Viewed', users: { [ann]: 'viewer' } });
    on = await ImmichWriteApp.start({ library: small });
    await refuses(403, /delete it first/, () => on.move('Viewed', 'Album 2'));
    on.fake.faults.add({ match: /PATCH \/api\/albums/, kind: 'status', status: 500 });
    await refuses(403, /delete it first/, () => on.move('Album 1', 'Album 2'));
  });
});

describe('a photo in the way', () => {
  it('stays in Immich when an empty file is moved over it, until there are bytes', async () => {
    on = await ImmichWriteApp.start({ env: { IMMICH_DELETE: 'trash' } });
    const old = on.asset('photo 1-1.jpg');
    const { library } = on.fake;
    for (const round of ['over the photo', 'over the empty file that stands for it']) {
      expect(await on.put('Album 1/tmp.jpg', ''), round).toBe(201);
      expect((await on.move('Album 1/tmp.jpg', 'Album 1/photo 1-1.jpg')).status, round).toBe(204);
      expect([old.deletedAt, on.inImmich('Album 1')], round).toEqual([
        null,
        ['photo 1-1.jpg', 'photo 1-2.jpg'],
      ]);
      library.updateAlbum(on.album('Album 1'), { description: round });
      await on.rescan();
      expect(await on.names('Album 1'), round).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
      expect((await on.get('Album 1/photo 1-1.jpg')).length, round).toBe(0);
    }
    // One empty file stands for one photo.
    await on.put('Album 1/photo 1-2.jpg', '');
    await refuses(403, /replaces another photo/, () =>
      on.move('Album 1/photo 1-2.jpg', 'Album 1/photo 1-1.jpg'),
    );
    expect(await on.put('Album 1/photo 1-1.jpg', photo('new'))).toBe(204);
    expect(old.deletedAt).not.toBeNull();
    expect(on.asset('photo 1-2.jpg').deletedAt).toBeNull();
  });

  it('stays when the one that is moved there may not leave its album, or it may not go itself', async () => {
    const small = smallLibrary(1, 1);
    const { library } = small;
    const ann = library.keys.get(SMALL_KEY)?.userId ?? '';
    const bob = library.addUser({ name: 'Bob', email: 'bob@example.com' });
    const his = library.addAsset({ owner: bob, name: 'his.jpg', content: photo('his') });
    const mine = small.addPhoto('mine.jpg');
    library.addAlbum({ owner: bob, name: 'Edited', assets: [his, mine], users: { [ann]: 'editor' } });
    library.addAlbum({ owner: ann, name: 'Both', assets: [his, small.addPhoto('target.jpg')] });
    library.addAlbum({ owner: ann, name: 'Mine', assets: [mine] });
    on = await ImmichWriteApp.start({ library: small });
    const notYours = /only photos of your own/;
    await refuses(403, notYours, () => on.move('Edited/his.jpg', 'Both/target.jpg'));
    await refuses(403, notYours, () => on.move('Album 1/photo 1-1.jpg', 'Edited/his.jpg'));
    await refuses(403, notYours, () => on.copy('Album 1/photo 1-1.jpg', 'Edited/his.jpg'));
    // It was in that album before, and is there afterwards.
    await refuses(403, notYours, () => on.move('Mine/mine.jpg', 'Edited/his.jpg'));
    await refuses(403, /only your own photos/, () => on.move('Edited/mine.jpg', 'Edited/his.jpg'));
    await refuses(403, notYours, () => on.copy('Mine/mine.jpg', 'Edited/his.jpg'));
  });

  it('is where it was, with the one that was to be moved, when Immich fails in between', async () => {
    on = await ImmichWriteApp.start({ env: { IMMICH_DELETE: 'trash' } });
    const old = on.asset('photo 2-1.jpg');
    on.fake.faults.add({ match: /DELETE \/api\/assets/, kind: 'reset' });
    const move = () => on.move('Album 1/photo 1-1.jpg', 'Album 2/photo 2-1.jpg');
    expect((await move()).status).toBe(503);
    expect([old.deletedAt, on.inImmich('Album 1')]).toEqual([null, ['photo 1-1.jpg', 'photo 1-2.jpg']]);
    on.fake.faults.clear();
    await on.rescan();
    expect(await on.names('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
    expect(await on.names('Album 2')).toEqual(['photo 2-1.jpg', 'photo 2-2.jpg']);
    expect((await move()).status).toBe(204);
    expect(old.deletedAt).not.toBeNull();
    for (const round of ['at once', 'after a refresh']) {
      expect([on.inImmich('Album 1'), on.inImmich('Album 2')], round).toEqual([
        ['photo 1-2.jpg'],
        ['photo 1-1.jpg', 'photo 2-2.jpg'],
      ]);
      expect(await on.names('Album 1'), round).toEqual(['photo 1-2.jpg']);
      expect(await on.names('Album 2'), round).toEqual(['photo 2-1.jpg', 'photo 2-2.jpg']);
      await on.rescan();
    }
  });

  it('a copy is in the album also when the photo has left it meanwhile', async () => {
    on = await ImmichWriteApp.start();
    const { library } = on.fake;
    expect((await on.copy('Album 1/photo 1-1.jpg', 'Album 2/copy.jpg')).status).toBe(201);
    library.removeFromAlbum(on.album('Album 2'), on.asset('photo 1-1.jpg'));
    expect((await on.copy('Album 1/photo 1-1.jpg', 'Album 2/again.jpg')).status).toBe(201);
    expect(on.inImmich('Album 2')).toEqual(['photo 1-1.jpg', 'photo 2-1.jpg', 'photo 2-2.jpg']);
    await on.rescan();
    expect(await on.names('Album 2')).toContain('again.jpg');
  });
});

describe('with several layouts', () => {
  it('writes to the folders, and every view shows it', async () => {
    const entry = (apiKey: string) =>
      `sources:\n  - { name: immich, type: immich, url: "${on.fake.url}", api_key: ${apiKey}, layout: [folders, flat] }\n`;
    on = await ImmichWriteApp.start();
    await on.halt();
    await writeFile(join(on.work, 'two.yaml'), entry(SMALL_KEY));
    await on.boot({ IMMICH_URL: '', IMMICH_API_KEY: '' }, ['--config', join(on.work, 'two.yaml')]);
    expect(await on.put('folders/Album 1/new.jpg', photo('new'))).toBe(201);
    expect((await on.move('folders/Album 1/photo 1-1.jpg', 'folders/Album 1/renamed.jpg')).status).toBe(201);
    expect((await on.send('DELETE', 'folders/Album 1/photo 1-2.jpg')).status).toBe(204);
    expect((await on.send('PUT', 'flat/no.jpg', { body: photo('no') })).status).toBe(403);
    for (const round of ['at once', 'after a refresh']) {
      expect(await on.names('folders/Album 1'), round).toEqual(['new.jpg', 'renamed.jpg']);
      expect(await on.names('flat'), round).toEqual([
        ...['new.jpg', 'photo 1-1.jpg', 'photo 2-1.jpg', 'photo 2-2.jpg'],
      ]);
      await on.rescan();
    }
  });
});

describe('DELETE with IMMICH_DELETE=trash', () => {
  it('puts a photo into the trash, out of all albums at once', async () => {
    on = await ImmichWriteApp.start({ env: { IMMICH_DELETE: 'trash' } });
    await on.copy('Album 1/photo 1-1.jpg', 'Album 2/copy.jpg');
    expect((await on.send('DELETE', 'Album 2/copy.jpg')).status).toBe(204);
    expect(on.asset('photo 1-1.jpg').deletedAt).not.toBeNull();
    for (const round of ['at once', 'after a refresh']) {
      expect([await on.names('Album 1'), await on.names('Album 2')], round).toEqual([
        ['photo 1-2.jpg'],
        ['photo 2-1.jpg', 'photo 2-2.jpg'],
      ]);
      await on.rescan();
    }
    // A folder is an album, and never takes its photos along.
    expect((await on.send('DELETE', 'Album 1')).status).toBe(204);
    expect(on.asset('photo 1-2.jpg').deletedAt).toBeNull();
  });
});

describe('when Immich fails', () => {
  it('is not there: 503, later the same upload succeeds', async () => {
    on = await ImmichWriteApp.start();
    await on.fake.stop();
    const answer = await on.send('PUT', 'Album 1/new.jpg', { body: photo('new') });
    expect([answer.status, Number(answer.headers['retry-after']) > 0]).toEqual([503, true]);
    expect((await on.send('DELETE', 'Album 1/photo 1-1.jpg')).status).toBe(503);
    expect(await on.names('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
    expect(await on.waitingUploads()).toEqual([]);
    await on.fake.start();
    await on.rescan();
    expect(await on.put('Album 1/new.jpg', photo('new'))).toBe(201);
    expect(await on.names('Album 1')).toEqual(['new.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
  });

  it('has no room for this account: 507', async () => {
    on = await ImmichWriteApp.start();
    const [user] = [...on.fake.library.users.values()];
    if (user === undefined) throw new Error('there is no user');
    user.quotaBytes = 5_000;
    await refuses(507, /space/, () => on.send('PUT', 'Album 1/new.jpg', { body: Buffer.alloc(9_000, 'x') }));
  });

  it('is short of breath: what may be repeated is, and nobody notices', async () => {
    on = await ImmichWriteApp.start();
    const faults: [RegExp, FaultKind][] = [
      [/POST .*bulk-upload-check/, { kind: 'status', status: 500 }],
      [/POST \/api\/assets$/, { kind: 'reset' }],
      [/PUT .*\/assets$/, { kind: 'status', status: 503 }],
      [/GET \/api\/assets\//, { kind: 'truncated-json' }],
    ];
    for (const [match, kind] of faults) on.fake.faults.add({ match, times: 1, ...kind });
    expect(await on.put('Album 1/new.jpg', photo('new'))).toBe(201);
    expect(on.inImmich('Album 1')).toEqual(['new.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
  });

  it('answers an upload with the page of a proxy: 503', async () => {
    on = await ImmichWriteApp.start({ isProxied: true });
    on.proxy.misbehave({ kind: 'page' }, /POST \/api\/assets$/);
    const answer = await on.send('PUT', 'Album 1/new.jpg', { body: photo('new') });
    expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/web page/)]);
    expect(await on.names('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
    on.proxy.behave();
    await on.rescan();
    expect(await on.put('Album 1/new.jpg', photo('new'))).toBe(201);
  });

  it('goes away between upload and album: nothing is lost, and sending it again completes it', async () => {
    on = await ImmichWriteApp.start();
    on.fake.faults.add({ match: /PUT \/api\/albums\/.*\/assets/, kind: 'reset' });
    const bytes = photo('new');
    const answer = await on.send('PUT', 'Album 1/new.jpg', { body: bytes });
    expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/has reached Immich/)]);
    expect(on.asset('new.jpg').deletedAt).toBeNull();
    on.fake.faults.clear();
    await on.rescan();
    expect(await on.names('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
    expect(await on.put('Album 1/new.jpg', bytes)).toBe(201);
    expect(
      [...on.fake.library.assets.values()].filter((each) => each.originalFileName === 'new.jpg'),
    ).toHaveLength(1);
    expect(on.inImmich('Album 1')).toEqual(['new.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
  });

  it('goes away before the old photo is trashed: both are there, and sending it again completes it', async () => {
    on = await ImmichWriteApp.start();
    on.fake.faults.add({ match: /DELETE \/api\/assets/, kind: 'reset' });
    const old = on.asset('photo 1-1.jpg');
    const bytes = photo('new');
    const answer = await on.send('PUT', 'Album 1/photo 1-1.jpg', { body: bytes });
    expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/one before may still be/)]);
    expect(on.inImmich('Album 1')).toHaveLength(3);
    on.fake.faults.clear();
    await on.rescan();
    expect(await on.put('Album 1/photo 1-1.jpg', bytes)).toBe(204);
    expect(old.deletedAt).not.toBeNull();
    for (const round of ['at once', 'after a refresh']) {
      expect(await on.names('Album 1'), round).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
      expect((await on.get('Album 1/photo 1-1.jpg')).equals(bytes)).toBe(true);
      await on.rescan();
    }
  });

  it('has lost the album meanwhile: 503, and the mount learns of it', async () => {
    on = await ImmichWriteApp.start();
    on.fake.library.deleteAlbum(on.album('Album 2'));
    const answer = await on.send('PUT', 'Album 2/new.jpg', { body: photo('new') });
    expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/not in Immich any more/)]);
    await on.rescan();
    expect(await on.names()).toEqual(['Album 1']);
    expect(on.asset('new.jpg').deletedAt).not.toBeNull();
  });
});
