import { createHash } from 'node:crypto';
import { get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { Content } from './content.ts';
import { type Answer, send } from './http-client.ts';
import { SEED_KEYS, seedId, seedLibrary } from './seed.ts';
import { type FakeImmich, startFakeImmich } from './server.ts';
import { VERSIONS, type Version } from './versions.ts';

const running: FakeImmich[] = [];

async function start(version: Version): Promise<FakeImmich> {
  const fake = await startFakeImmich({ version });
  running.push(fake);
  return fake;
}

afterEach(async () => {
  for (const fake of running.splice(0)) await fake.close();
});

function read(fake: FakeImmich, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return send(`${fake.url}/api${path}`, 'GET', { 'x-api-key': SEED_KEYS.admin, ...headers });
}

async function readJson<T>(fake: FakeImmich, path: string): Promise<T> {
  return JSON.parse((await read(fake, path)).body.toString()) as T;
}

interface Found {
  items: { id: string; originalFileName: string; visibility?: string; exifInfo?: object }[];
  nextPage: string | null;
}

async function search(fake: FakeImmich, body: object): Promise<Found> {
  const headers = { 'x-api-key': SEED_KEYS.admin, 'content-type': 'application/json' };
  const payload = Buffer.from(JSON.stringify(body));
  const answer = await send(`${fake.url}/api/search/metadata`, 'POST', headers, payload);
  return (JSON.parse(answer.body.toString()) as { assets: Found }).assets;
}

interface AlbumHeader {
  updatedAt: string;
  lastModifiedAssetTimestamp?: string;
  assetCount: number;
  assets?: object[];
}

async function albumHeader(fake: FakeImmich, id: string): Promise<AlbumHeader> {
  const albums = await readJson<(AlbumHeader & { id: string })[]>(fake, '/albums');
  const album = albums.find((other) => other.id === id);
  if (album === undefined) throw new Error('album not listed');
  return album;
}

const DUPLICATES = seedId('album duplicates');
const ORIGINAL = `/assets/${seedId('summer/IMG_0001.jpg')}/original`;

describe('versions', () => {
  it('can be upgraded while it runs', async () => {
    const fake = await start('2.7.5');
    const before = await readJson<AlbumHeader>(fake, `/albums/${DUPLICATES}`);
    expect(before.assets).toHaveLength(4);
    fake.setVersion('3.1.0');
    expect(await readJson(fake, '/server/version')).toMatchObject({ major: 3, minor: 1 });
    expect(await readJson<AlbumHeader>(fake, `/albums/${DUPLICATES}`)).not.toHaveProperty('assets');
  });

  it('answers the whole library on 1.118 when a search asks for an album', async () => {
    const old = await start('1.118.0');
    const wanted = { albumIds: [DUPLICATES], size: 1000 };
    expect((await search(old, wanted)).items.length).toBeGreaterThan(30);
    expect((await search(await start('3.1.0'), wanted)).items).toHaveLength(4);
  });

  it('loses an asset without exif row from searches with exif', async () => {
    const fake = await start('3.1.0');
    const albumIds = [seedId('album odd')];
    const { assetCount } = await albumHeader(fake, seedId('album odd'));
    expect((await search(fake, { albumIds, withExif: false })).items).toHaveLength(assetCount);
    expect((await search(fake, { albumIds, withExif: true })).items).toHaveLength(assetCount - 1);
  });

  it('pages assets of one time without an order before 3.1.0, and in order from then on', async () => {
    const pages = async (version: Version) => {
      const fake = await start(version);
      const owner = fake.library.users.get(seedId('admin')) ?? '';
      const assets = Array.from({ length: 60 }, (_, i) =>
        fake.library.addAsset({ owner, name: `${i}.jpg`, content: { size: 10, seed: i } }),
      );
      const album = fake.library.addAlbum({ owner, name: 'one moment', assets });
      const ids = new Set<string>();
      // Every version from 1.133 on finds own assets by album.
      for (let page = 1; page <= 6; page += 1) {
        for (const { id } of (await search(fake, { albumIds: [album.id], size: 10, page })).items)
          ids.add(id);
      }
      return ids.size;
    };
    expect(await pages('3.1.0')).toBe(60);
    expect(await pages('2.7.5')).toBeLessThan(60);
  });
});

it('dates an original as its file, in seconds', async () => {
  const fake = await start('3.1.0');
  const dateOf = async () => (await read(fake, ORIGINAL)).headers['last-modified'];
  expect(await dateOf()).toBe('Tue, 02 Jan 2024 03:04:05 GMT');
  const fileModifiedAt = Date.parse('2024-01-02T04:04:05.999Z');
  fake.library.updateAsset(seedId('summer/IMG_0001.jpg'), { fileModifiedAt });
  expect(await dateOf()).toBe('Tue, 02 Jan 2024 04:04:05 GMT');
});

describe('changes of an album', () => {
  it.each([...VERSIONS])('show in its header as on %s', async (version) => {
    const fake = await start(version);
    const { library } = fake;
    const isOld = version === '1.118.0';
    const moved = async (change: () => void) => {
      const before = await albumHeader(fake, DUPLICATES);
      change();
      const after = await albumHeader(fake, DUPLICATES);
      const keys = ['updatedAt', 'lastModifiedAssetTimestamp', 'assetCount'] as const;
      return keys.filter((key) => before[key] !== after[key]);
    };
    const photo = library.addAsset({ owner: seedId('admin'), name: 'new.jpg', content: { size: 10 } });
    // Neither the cover nor the asset that changed last, whose removal would show on its own.
    const member = seedId('dupB/IMG_1234.jpg');
    library.updateAsset(photo, {});

    expect(await moved(() => library.renameAlbum(DUPLICATES, 'Twins'))).toEqual(['updatedAt']);
    expect(await moved(() => library.updateAsset(member, { isFavorite: true }))).toEqual(
      isOld ? [] : ['lastModifiedAssetTimestamp'],
    );
    expect(await moved(() => library.addToAlbum(DUPLICATES, photo))).toContain('updatedAt');
    expect(await moved(() => library.updateAsset(photo, {}))).toEqual(
      isOld ? [] : ['lastModifiedAssetTimestamp'],
    );
    expect(await moved(() => library.removeFromAlbum(DUPLICATES, member))).toEqual(
      isOld ? ['updatedAt', 'assetCount'] : ['assetCount'],
    );
    expect(await moved(() => library.trash(seedId('dupD/IMG_1234.jpg')))).toContain('assetCount');
  });
});

describe('bytes', () => {
  it('makes the same synthetic bytes from any offset', () => {
    const content = Content.from({ size: 300_001, seed: 7 });
    const all = content.bytes();
    expect(all).toHaveLength(300_001);
    expect(createHash('sha1').update(all).digest()).toEqual(content.sha1());
    for (const [from, to] of [
      [0, 1],
      [4095, 4097],
      [65_535, 200_000],
      [300_000, 300_001],
    ] as const) {
      expect(content.bytes(from, to).equals(all.subarray(from, to))).toBe(true);
    }
    expect(Content.from({ size: 300_001, seed: 8 }).sha1()).not.toEqual(content.sha1());
  });

  it('counts open downloads, and none after the client hung up', async () => {
    const fake = await start('3.1.0');
    const size = 200_000_000;
    const video = fake.library.addAsset({ owner: seedId('admin'), name: 'long.mp4', content: { size } });
    await new Promise<void>((resolve, reject) => {
      const headers = { 'x-api-key': SEED_KEYS.admin };
      const req = get(`${fake.url}/api/assets/${video.id}/original`, { headers }, (res) => {
        res.once('data', () => {
          expect(fake.openStreams).toBe(1);
          req.destroy();
          resolve();
        });
      });
      req.on('error', reject);
    });
    await expect.poll(() => fake.openStreams).toBe(0);
    expect(fake.bytesSent).toBeGreaterThan(0);
    expect(fake.bytesSent).toBeLessThan(size);
  });

  it('logs what it sent', async () => {
    const fake = await start('3.1.0');
    const { body } = await read(fake, ORIGINAL, { range: 'bytes=0-9' });
    expect(body).toHaveLength(10);
    expect(fake.requests.at(-1)).toEqual({
      method: 'GET',
      path: `/api${ORIGINAL}`,
      status: 206,
      bytesSent: 10,
      range: 'bytes=0-9',
    });
    expect(fake.bytesSent).toBe(10);
  });
});

describe('uploads', () => {
  it('settle some time after the answer', async () => {
    const fake = await start('3.1.0');
    const boundary = 'b';
    const field = (name: string, value: string) =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const picture = fake.library.asset(seedId('trips/shot.png')).content.bytes();
    const payload = Buffer.concat([
      Buffer.from(field('fileCreatedAt', '2024-05-06T07:08:09.123Z')),
      Buffer.from(field('fileModifiedAt', '2024-05-06T07:08:09.123Z')),
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="assetData"; filename="new.png"\r\n\r\n`,
      ),
      picture,
      Buffer.from('more'),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const headers = {
      'x-api-key': SEED_KEYS.admin,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    };
    const { status, body } = await send(`${fake.url}/api/assets`, 'POST', headers, payload);
    expect(status).toBe(201);
    const { id } = JSON.parse(body.toString()) as { id: string };
    expect(await readJson(fake, `/assets/${id}`)).toMatchObject({ thumbhash: null, width: null });
    await expect
      .poll(() => readJson(fake, `/assets/${id}`))
      .toMatchObject({ thumbhash: expect.any(String), width: 160 });
  });
});

describe('outages and faults', () => {
  it('comes back at the same address', async () => {
    const fake = await start('3.1.0');
    const { url } = fake;
    await fake.stop();
    await expect(read(fake, '/server/ping')).rejects.toThrow('ECONNREFUSED');
    await fake.start();
    expect(fake.url).toBe(url);
    expect((await read(fake, '/server/ping')).status).toBe(200);
  });

  it('answers another status as often as asked', async () => {
    const fake = await start('3.1.0');
    fake.faults.add({ match: 'GET /api/albums', times: 2, kind: 'status', status: 503, retryAfter: 7 });
    const answers = [];
    for (let i = 0; i < 3; i += 1) answers.push(await read(fake, '/albums'));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
    expect(answers[0]?.headers['retry-after']).toBe('7');
  });

  it('breaks the connection before or in the middle of an answer', async () => {
    const fake = await start('3.1.0');
    fake.faults.add({ match: /\/original$/, times: 1, kind: 'reset' });
    await expect(read(fake, ORIGINAL)).rejects.toThrow();
    fake.faults.add({ match: /\/original$/, times: 1, kind: 'cut', bytes: 100 });
    await expect(read(fake, ORIGINAL)).rejects.toThrow('aborted');
    expect(fake.requests.at(-1)).toMatchObject({ status: 200, bytesSent: 100 });
    await expect.poll(() => fake.openStreams).toBe(0);
  });

  it('sends too little, a page of a proxy, or half of the JSON', async () => {
    const fake = await start('3.1.0');
    fake.faults.add({ match: '/original', kind: 'short', bytes: 100 });
    const { headers, body } = await read(fake, ORIGINAL);
    expect([headers['content-length'], body.length]).toEqual(['100', 100]);
    fake.faults.clear();
    fake.faults.add({ match: (request) => request.method === 'GET', times: 1, kind: 'html' });
    expect((await read(fake, '/albums')).headers['content-type']).toMatch('text/html');
    fake.faults.add({ match: '/albums', times: 1, kind: 'truncated-json' });
    const half = (await read(fake, '/albums')).body.toString();
    expect(() => JSON.parse(half)).toThrow(SyntaxError);
  });

  it('answers late, slowly or never', async () => {
    const fake = await start('3.1.0');
    fake.faults.add({ match: '/ping', times: 1, kind: 'delay', ms: 60 });
    const asked = performance.now();
    expect((await read(fake, '/server/ping')).status).toBe(200);
    expect(performance.now() - asked).toBeGreaterThan(55);
    fake.faults.add({ match: '/ping', times: 1, kind: 'drip', bytes: 5, ms: 5 });
    expect((await read(fake, '/server/ping')).body.toString()).toBe('{"res":"pong"}');
    fake.faults.add({ match: '/ping', times: 1, kind: 'hang' });
    const never = read(fake, '/server/ping');
    const settled = await Promise.race([
      never.then(
        () => 'answered',
        () => 'failed',
      ),
      new Promise((resolve) => setTimeout(() => resolve('waiting'), 100)),
    ]);
    expect(settled).toBe('waiting');
    await fake.stop();
    await expect(never).rejects.toThrow();
  });
});

describe('the seeded library', () => {
  it.each([...VERSIONS])('has its traps on %s', (version) => {
    const { albums, assets } = seedLibrary(version);
    const names = [...assets.values()].map((asset) => asset.originalFileName);
    expect(names.some((name) => name.includes('/'))).toBe(true);
    expect(names.some((name) => name.includes('\n'))).toBe(true);
    expect([...albums.values()].map((album) => album.albumName)).toEqual(
      expect.arrayContaining(['', '..', 'Same name', 'Trips/2022 🏖️ Beach: day?']),
    );
    const sizes = [...assets.values()].map((asset) => asset.exif?.fileSizeInByte);
    expect(sizes).toContain(undefined);
    expect(sizes).toContain(null);
  });

  it('takes the photos of a demonstration', () => {
    const bytes = seedLibrary().asset(seedId('trips/beach.jpg')).content.bytes();
    const library = seedLibrary('3.1.0', { photos: [{ name: 'demo.jpg', bytes }] });
    const album = library.album(seedId('album summer'));
    expect(library.assetsOf(album).map((asset) => asset.originalFileName)).toEqual(['demo.jpg']);
  });
});
