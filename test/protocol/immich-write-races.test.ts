import { afterEach, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { ImmichWriteApp } from './immich-write-app.ts';
import { until } from './mediadav-process.ts';

/** What a refresh has read before something was written, and tells only afterwards, must not undo it. */

const photo = (text: string) => makeJpeg(32, 24, [120, 90, 10], text);

let on: ImmichWriteApp;
afterEach(() => on.stop());

/** Writes while a refresh waits for an answer that tells of the time before. */
async function whileReading(answer: RegExp, write: () => Promise<void>): Promise<void> {
  const { fake } = on;
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const from = fake.requests.length;
  fake.faults.add({ match: answer, kind: 'late', until: released });
  const scanned = on.rescan();
  const isAsked = () =>
    fake.requests.slice(from).some(({ method, path }) => answer.test(`${method} ${path}`));
  await until(async () => isAsked());
  fake.faults.clear();
  await write();
  release();
  await scanned;
}

it('many clients at once, two of them at one name', async () => {
  on = await ImmichWriteApp.start();
  const names = Array.from({ length: 8 }, (_, index) => `many ${index}.jpg`);
  const putting = names.map((name) => on.put(`Album 1/${name}`, photo(name)));
  const same = ['first', 'second'].map((text) => on.put('Album 2/same.jpg', photo(text)));
  expect(await Promise.all(putting)).toEqual(names.map(() => 201));
  expect(await Promise.all(same)).toEqual([201, 201]);
  for (const round of ['at once', 'after a refresh']) {
    expect(await on.names('Album 1'), round).toEqual([...names, 'photo 1-1.jpg', 'photo 1-2.jpg']);
    expect(await on.names('Album 2'), round).toEqual(['photo 2-1.jpg', 'photo 2-2.jpg', 'same.jpg']);
    await on.rescan();
  }
  expect(on.inImmich('Album 2')).toEqual(['photo 2-1.jpg', 'photo 2-2.jpg', 'same.jpg']);
});

describe.each([
  ['2.7.5', /GET \/api\/albums\/[^/]+$/],
  ['3.1.0', /POST \/api\/search\/metadata/],
] as const)('Immich %s', (version, content) => {
  it('an album that is being read', async () => {
    on = await ImmichWriteApp.start({ version });
    on.fake.library.updateAlbum(on.album('Album 1'), { description: 'moved' });
    await whileReading(content, async () => {
      expect(await on.put('Album 1/new.jpg', photo('new'))).toBe(201);
      expect(await on.put('Album 1/empty.jpg', '')).toBe(201);
      expect((await on.send('DELETE', 'Album 1/photo 1-1.jpg')).status).toBe(204);
      expect((await on.copy('Album 1/photo 1-2.jpg', 'Album 1/twin.jpg')).status).toBe(201);
      expect((await on.move('Album 1/photo 1-2.jpg', 'Album 1/renamed.jpg')).status).toBe(201);
      expect((await on.move('Album 2/photo 2-1.jpg', 'Album 1/moved.jpg')).status).toBe(201);
      expect(await on.put('Album 2/photo 2-2.jpg', photo('better'))).toBe(204);
    });
    for (const round of ['then', 'after one more refresh', 'after all was read anew']) {
      expect(await on.names('Album 1'), round).toEqual([
        ...['empty.jpg', 'moved.jpg', 'new.jpg', 'renamed.jpg', 'twin.jpg'],
      ]);
      expect(await on.names('Album 2'), round).toEqual(['photo 2-2.jpg']);
      expect((await on.get('Album 2/photo 2-2.jpg')).equals(photo('better'))).toBe(true);
      if (round === 'after one more refresh') {
        for (const album of on.fake.library.albums.values())
          on.fake.library.updateAlbum(album, { description: 'moved once more' });
      }
      await on.rescan();
    }
  });

  it('the list of albums while it is being read', async () => {
    on = await ImmichWriteApp.start({ version });
    on.fake.library.updateAlbum(on.album('Album 1'), { description: 'moved' });
    on.fake.library.updateAlbum(on.album('Album 2'), { description: 'moved' });
    await whileReading(/GET \/api\/albums($|\?shared)/, async () => {
      expect((await on.send('MKCOL', 'New')).status).toBe(201);
      expect(await on.put('New/a.jpg', photo('a'))).toBe(201);
      expect((await on.send('DELETE', 'Album 2')).status).toBe(204);
      expect((await on.move('Album 1', 'Renamed')).status).toBe(201);
    });
    for (const round of ['then', 'after one more refresh']) {
      expect(await on.names(), round).toEqual(['New', 'Renamed']);
      expect(await on.names('New'), round).toEqual(['a.jpg']);
      expect(await on.names('Renamed'), round).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
      await on.rescan();
    }
  });
});
