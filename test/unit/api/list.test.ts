import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UNKNOWN_MEDIA } from '../../../src/model/asset.ts';
import { ApiUnderTest, digestOf, NOON_MS } from './api-under-test.ts';

interface Entry {
  readonly filename: string;
  readonly last_modified: number;
  readonly file_path: string;
  readonly original_creation_date: number;
  readonly paths: readonly string[];
  readonly [more: string]: unknown;
}
type List = Record<string, Entry>;

/** The instant of a wall clock in this machine's zone, in seconds. */
const localSeconds = (text: string): number => new Date(text).getTime() / 1000;

describe('/list', () => {
  let api: ApiUnderTest;
  beforeEach(async () => {
    api = await ApiUnderTest.start({ sources: { photos: '/mnt/photos', immich: null } });
  });
  afterEach(() => api.stop());

  const addAlbumAsset = async (id: string, name: string, albums: readonly string[], sha1: string) => {
    for (const album of albums) {
      await api.apply(
        [
          {
            ...{
              kind: 'collection',
              ref: album,
              name: album,
              parent: null,
              naming: 'free',
              isVirtual: false,
            },
            ...{ modifiedMs: NOON_MS, createdMs: null },
          },
          {
            ...{ kind: 'asset', collection: album, anchor: album, name, naming: 'free' },
            facts: {
              ...UNKNOWN_MEDIA,
              ref: { id, path: name },
              ...{ version: `v-${id}`, sizeBytes: 5, contentType: 'image/jpeg', kind: 'image' },
              ...{ modifiedMs: NOON_MS, createdMs: null, statusChangedMs: null, digests: { sha1 } },
            },
          },
        ],
        'immich',
      );
    }
  };

  it('is an empty object when there is nothing', async () => {
    const answer = await api.ask('/list');
    expect(answer.body.toString().trim()).toBe('{}');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('tells the facts of the reference, and more', async () => {
    await api.addFolder('d1', 'subdir');
    const sha256 = await api.addFile('subdir/image.jpg', {
      collection: 'd1',
      content: 'a photo',
      facts: { modifiedMs: 1_678_886_400_000, statusChangedMs: 1_678_880_000_500 },
      media: { width: 1920, height: 1080, latitude: 43.5, longitude: -11.25 },
    });
    expect(await api.json<List>('/list')).toEqual({
      [sha256]: {
        filename: 'image.jpg',
        last_modified: 1678886400,
        file_path: '/mnt/photos/subdir/image.jpg',
        original_creation_date: 1678880000.5,
        width: 1920,
        height: 1080,
        latitude: 43.5,
        longitude: -11.25,
        mime_type: 'image/jpeg',
        size: 7,
        source: 'photos',
        sha256,
        sha1: digestOf('sha1', 'a photo'),
        md5: digestOf('md5', 'a photo'),
        live_photo_video: null,
        live_photo_still: null,
        paths: ['/mnt/photos/subdir/image.jpg'],
      },
    });
    // Clients with typed numbers want a float.
    expect((await api.ask('/list')).body.toString()).toContain('"last_modified":1678886400.0,');
  });

  it('names the other half of a live photo by what the list is keyed by', async () => {
    const media = { livePhotoId: 'an-id-of-both' };
    const contents = { 'IMG_1.HEIC': 'a still', 'IMG_1.MOV': 'a film' };
    for (const [path, content] of Object.entries(contents)) await api.addFile(path, { content, media });
    for (const hash of ['sha256', 'sha1', 'md5'] as const) {
      const list = await api.json<List>(`/list?hash=${hash}`);
      const [still, film] = Object.values(contents).map((content) => digestOf(hash, content));
      expect(list[still ?? '']).toMatchObject({ live_photo_video: film, live_photo_still: null });
      expect(list[film ?? '']).toMatchObject({ live_photo_video: null, live_photo_still: still });
    }
  });

  it.each([
    ['an instant', { localText: '2008-10-22T16:28:39', instantMs: 1_224_685_719_000 }, 1_224_685_719],
    [
      'a wall clock',
      { localText: '2008-10-22T16:28:39.5', instantMs: null },
      localSeconds('2008-10-22T16:28:39.5'),
    ],
    ['a broken clock', { localText: '0000-99-99T99:99:99', instantMs: null }, NOON_MS / 1000 + 7],
  ])('dates a photo with %s', async (_name, taken, expected) => {
    const sha256 = await api.addFile('a.jpg', {
      facts: { statusChangedMs: NOON_MS + 7_000, createdMs: NOON_MS + 8_000 },
      media: { taken: { offsetMinutes: null, derivedFrom: 'exif', ...taken } },
    });
    expect((await api.json<List>('/list'))[sha256]?.original_creation_date).toBe(expected);
  });

  it('dates the rest by ctime, else by birth, else by mtime', async () => {
    const status = await api.addFile('a.jpg', { facts: { statusChangedMs: 1_000, createdMs: 2_000 } });
    const born = await api.addFile('b.jpg', { facts: { createdMs: 2_000 } });
    const changed = await api.addFile('c.jpg', { facts: { modifiedMs: 3_000 } });
    const list = await api.json<List>('/list');
    expect([status, born, changed].map((sha256) => list[sha256]?.original_creation_date)).toEqual([1, 2, 3]);
  });

  it('lists identical files once, with all their paths', async () => {
    await api.addFolder('d1', 'b');
    const sha256 = await api.addFile('z.jpg', { content: 'same' });
    await api.addFile('b/a.jpg', { content: 'same', collection: 'd1' });
    const other = await api.addFile('c.jpg', { content: 'other' });
    const list = await api.json<List>('/list');
    expect(Object.keys(list).sort()).toEqual([sha256, other].sort());
    expect(list[sha256]).toMatchObject({
      ...{ filename: 'z.jpg', file_path: '/mnt/photos/z.jpg' },
      paths: ['/mnt/photos/z.jpg', '/mnt/photos/b/a.jpg'],
    });
  });

  it('lists photos and videos whose content is known, and nothing else', async () => {
    const video = await api.addFile('movie.mp4');
    const raw = await api.addFile('raw.nef');
    await api.addFile('unread.jpg', { media: null });
    await api.addFile('notes.txt');
    await api.addFile('song.mp3');
    expect(Object.keys(await api.json('/list')).sort()).toEqual([video, raw].sort());
  });

  it('keys by another digest, which lists Immich assets at once', async () => {
    await api.addFile('a.jpg', { content: 'a photo' });
    await addAlbumAsset('u1', 'x.jpg', ['One', 'Two'], 'ab'.repeat(20));
    expect(Object.keys(await api.json('/list'))).toHaveLength(1);
    const bySha1 = await api.json<List>('/list?hash=sha1');
    expect(Object.keys(bySha1).sort()).toEqual([digestOf('sha1', 'a photo'), 'ab'.repeat(20)].sort());
    expect(bySha1['ab'.repeat(20)]).toMatchObject({
      ...{ filename: 'x.jpg', file_path: '/immich/One/x.jpg', source: 'immich', sha256: null },
      paths: ['/immich/One/x.jpg', '/immich/Two/x.jpg'],
    });
    expect(Object.keys(await api.json('/list?hash=md5'))).toEqual([digestOf('md5', 'a photo')]);
    expect(await api.problem('/list?hash=crc')).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/sha256/),
    });
  });

  it('shows nothing of a source that is not configured any more', async () => {
    const hidden = await api.catalog.writer.ensureSource('hidden');
    const { facts } = (await fileOf(api)).asset;
    const digests = { sha256: 'ef'.repeat(32) };
    await api.catalog.writer.apply(hidden.id, [
      {
        kind: 'asset',
        facts: { ...facts, digests },
        collection: null,
        anchor: null,
        name: 'h.jpg',
        naming: 'disk',
      },
    ]);
    expect(Object.keys(await api.json('/list'))).toHaveLength(1);
    expect((await api.ask(`/image/${'ef'.repeat(32)}`)).status).toBe(404);
  });

  it('is streamed whole over many pages', async () => {
    const expected: string[] = [];
    for (let at = 0; at < 700; at++) expected.push(await api.addFile(`${at}.jpg`));
    for (let at = 0; at < 300; at++) await api.addFile(`copy ${at}.jpg`, { content: 'copied' });
    const list = await api.json<List>('/list');
    expect(Object.keys(list).sort()).toEqual([...expected, digestOf('sha256', 'copied')].sort());
    expect(list[digestOf('sha256', 'copied')]?.paths).toHaveLength(300);
  });

  describe('conditions and coding', () => {
    it('answers 304 until something changes', async () => {
      await api.addFile('a.jpg');
      const first = await api.ask('/list');
      const etag = String(first.headers.etag);
      expect(etag).toMatch(/^W\/"[\w-]+"$/);
      const again = await api.ask('/list', { headers: { 'If-None-Match': `"x", ${etag}` } });
      expect(again).toMatchObject({ status: 304, headers: { etag, vary: 'Accept-Encoding' } });
      expect(again.body).toHaveLength(0);
      // Another question has another answer.
      expect((await api.ask('/list?hash=md5', { headers: { 'If-None-Match': etag } })).status).toBe(200);
      expect((await api.ask('/list/date/2026-03-04', { headers: { 'If-None-Match': etag } })).status).toBe(
        200,
      );
      await api.addFile('b.jpg');
      const changed = await api.ask('/list', { headers: { 'If-None-Match': etag } });
      expect(changed.status).toBe(200);
      expect(changed.headers.etag).not.toBe(etag);
    });

    it('answers HEAD without a body', async () => {
      await api.addFile('a.jpg');
      const answer = await api.ask('/list', { method: 'HEAD' });
      expect(answer).toMatchObject({ status: 200, headers: { etag: (await api.ask('/list')).headers.etag } });
      expect(answer.body).toHaveLength(0);
    });

    it('is compressed for those who accept it', async () => {
      await api.addFile('a.jpg');
      const plain = await api.ask('/list');
      expect(plain.headers).toMatchObject({ vary: 'Accept-Encoding' });
      expect(plain.headers['content-encoding']).toBeUndefined();
      const packed = await api.ask('/list', { headers: { 'Accept-Encoding': 'br, gzip;q=0.5' } });
      expect(packed.headers['content-encoding']).toBe('gzip');
      expect(gunzipSync(packed.body)).toEqual(plain.body);
      const refused = await api.ask('/list', { headers: { 'Accept-Encoding': 'gzip;q=0' } });
      expect(refused.headers['content-encoding']).toBeUndefined();
    });
  });

  describe('by date', () => {
    const takenAt = (localText: string) => ({
      taken: { localText, offsetMinutes: null, instantMs: null, derivedFrom: 'exif' },
    });
    const names = async (path: string) =>
      Object.values(await api.json<List>(path))
        .map(({ filename }) => filename)
        .sort();

    beforeEach(async () => {
      await api.addFile('before.jpg', { media: takenAt('2023-03-14T23:59:59') });
      await api.addFile('first.jpg', { media: takenAt('2023-03-15T00:00:00') });
      await api.addFile('last.jpg', { media: takenAt('2023-03-15T23:59:59.999') });
      await api.addFile('after.jpg', { media: takenAt('2023-03-16T00:00:00') });
    });

    it('lists one day of the zone of the server', async () => {
      expect(await names('/list/date/2023-03-15')).toEqual(['first.jpg', 'last.jpg']);
      expect(await names('/list/date/2023-03-17')).toEqual([]);
    });

    it('lists from the first to the last day', async () => {
      expect(await names('/list/daterange/2023-03-15/2023-03-16')).toEqual([
        'after.jpg',
        'first.jpg',
        'last.jpg',
      ]);
      expect(await names('/list/daterange/2023-03-15/2023-03-15')).toEqual(['first.jpg', 'last.jpg']);
      expect(await names('/list/daterange/1970-01-01/2100-12-31')).toHaveLength(4);
    });

    it.each([
      '2023-02-29',
      '2023-13-01',
      '2023-3-15',
      '15-03-2023',
      'yesterday',
      '2023-03-15T00:00',
      '0',
      '%20',
    ])('refuses %s', async (date) => {
      for (const path of [`/list/date/${date}`, `/list/daterange/${date}/2023-03-15`]) {
        expect(await api.problem(path)).toMatchObject({
          ...{ status: 400, code: 'invalid' },
          detail: expect.stringMatching(/is no date: write it as YYYY-MM-DD/),
        });
      }
    });

    it('refuses a span that ends before it begins', async () => {
      const problem = await api.problem('/list/daterange/2023-03-16/2023-03-15');
      expect(problem).toMatchObject({ status: 400, detail: expect.stringMatching(/reversed/) });
    });
  });

  async function fileOf(under: ApiUnderTest) {
    const sha256 = await under.addFile('a.jpg');
    const [node] = await under.catalog.reader.byDigest('sha256', sha256);
    if (node === undefined) throw new Error('it is not there');
    return { asset: { facts: node.asset } };
  }
});
