import { afterEach, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { ImmichWriteApp } from './immich-write-app.ts';
import { until } from './mediadav-process.ts';

/** What goes wrong with one upload must cost nobody a photo. */

const photo = (text: string) => makeJpeg(32, 24, [10, 90, 120], text);

let on: ImmichWriteApp;
afterEach(() => on.stop());

describe('two clients send the same bytes, and the first waits for the answer of Immich', () => {
  const bytes = photo('same');

  /** @returns the status of the first. */
  async function whileFirstWaits(work: () => Promise<void>): Promise<number> {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    on.fake.faults.add({ match: /POST \/api\/assets$/, kind: 'late', until: released, times: 1 });
    const first = on.put('Album 1/a.jpg', bytes);
    await until(async () => [...on.fake.library.assets.values()].some((each) => isNew(each)));
    await work();
    release();
    return await first;
  }
  const isNew = ({ originalFileName }: { originalFileName: string }) => originalFileName === 'a.jpg';

  it('the photo of the second stays when the first is refused', async () => {
    on = await ImmichWriteApp.start();
    const status = await whileFirstWaits(async () => {
      expect(await on.put('Album 2/b.jpg', bytes)).toBe(201);
      on.fake.library.deleteAlbum(on.album('Album 1'));
    });
    expect(status).toBe(503);
    expect(on.asset('a.jpg').deletedAt).toBeNull();
    await on.rescan();
    expect((await on.get('Album 2/b.jpg')).equals(bytes)).toBe(true);
  });

  it('the photo of the first stays when the second is refused', async () => {
    on = await ImmichWriteApp.start();
    const status = await whileFirstWaits(async () => {
      on.fake.library.deleteAlbum(on.album('Album 2'));
      expect(await on.put('Album 2/b.jpg', bytes)).toBe(503);
    });
    expect(status).toBe(201);
    expect(on.inImmich('Album 1')).toContain('a.jpg');
  });

  it('nothing is left when both are refused', async () => {
    on = await ImmichWriteApp.start();
    const status = await whileFirstWaits(async () => {
      on.fake.library.deleteAlbum(on.album('Album 2'));
      expect(await on.put('Album 2/b.jpg', bytes)).toBe(503);
      expect(on.asset('a.jpg').deletedAt).toBeNull();
      on.fake.library.deleteAlbum(on.album('Album 1'));
    });
    expect(status).toBe(503);
    expect(on.asset('a.jpg').deletedAt).not.toBeNull();
  });

  it('what somebody has put into an album in Immich itself stays there', async () => {
    on = await ImmichWriteApp.start();
    const status = await whileFirstWaits(async () => {
      on.fake.library.addToAlbum(on.album('Album 2'), on.asset('a.jpg').id);
      on.fake.library.deleteAlbum(on.album('Album 1'));
    });
    expect(status).toBe(503);
    expect(on.inImmich('Album 2')).toContain('a.jpg');
  });
});

it('a refused upload gives back to the trash what it has fetched from there', async () => {
  on = await ImmichWriteApp.start();
  const { library } = on.fake;
  const bytes = photo('trashed');
  const owner = library.asset(on.asset('photo 1-1.jpg').id).ownerId;
  const user = library.users.get(owner);
  if (user === undefined) throw new Error('nobody owns the photo');
  const trashed = library.addAsset({ owner: user, name: 'lost.jpg', content: bytes, trashed: true });
  library.deleteAlbum(on.album('Album 1'));
  expect(await on.put('Album 1/a.jpg', bytes)).toBe(503);
  expect(trashed.deletedAt).not.toBeNull();
});

describe('Immich stores other bytes than were sent', () => {
  it.each([['Album 1/photo 1-1.jpg'], ['Album 1/new.jpg']])('%s: 503, and nothing changes', async (path) => {
    on = await ImmichWriteApp.start();
    const { library } = on.fake;
    const before = await on.get('Album 1/photo 1-1.jpg');
    library.storedInstead = photo('spoiled');
    const answer = await on.send('PUT', path, { body: photo('good') });
    expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/did not reach Immich as/)]);
    const spoiled = [...library.assets.values()].at(-1);
    expect(spoiled?.deletedAt).not.toBeNull();
    expect(on.inImmich('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
    await on.rescan();
    expect((await on.get('Album 1/photo 1-1.jpg')).equals(before)).toBe(true);
    library.storedInstead = null;
    expect([201, 204]).toContain(await on.put(path, photo('good')));
    expect((await on.get(path)).equals(photo('good'))).toBe(true);
  });
});

describe('a name that a client gave is there again when its photo is', () => {
  const renamed = ['photo 1-2.jpg', 'renamed.jpg'];

  it('after the trash', async () => {
    on = await ImmichWriteApp.start();
    const { library } = on.fake;
    expect((await on.move('Album 1/photo 1-1.jpg', 'Album 1/renamed.jpg')).status).toBe(201);
    const asset = on.asset('photo 1-1.jpg');
    library.trash(asset);
    await on.rescan();
    expect(await on.names('Album 1')).toEqual(['photo 1-2.jpg']);
    library.restore(asset);
    await on.rescan();
    expect(await on.names('Album 1')).toEqual(renamed);
  });

  it('after another choice of albums', async () => {
    on = await ImmichWriteApp.start();
    expect((await on.move('Album 1/photo 1-1.jpg', 'Album 1/renamed.jpg')).status).toBe(201);
    await on.halt();
    await on.boot({ ALBUM_IDS: on.album('Album 2').id });
    expect(await on.names()).toEqual(['Album 2']);
    await on.halt();
    await on.boot();
    expect(await on.names('Album 1')).toEqual(renamed);
  });
});
