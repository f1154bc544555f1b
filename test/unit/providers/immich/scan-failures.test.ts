import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createImmichProvider } from '../../../../providers/immich/provider.ts';
import { CodedError } from '../../../../src/model/coded-error.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';
import { SEED_KEYS, seedId } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';
import { namesIn, providerOf, SHORT_LIMITS, scanAll } from './scan-all.ts';

const SUMMER = seedId('album summer');
const ODD = seedId('album odd');

let fake: FakeImmich;
afterEach(async () => fake?.close());

async function start(version: Version): Promise<FakeImmich> {
  fake = await startFakeImmich({ version });
  return fake;
}

/** The error a whole scan ends with; nothing in it may show the key or the address. */
async function failureOf(scan: Promise<unknown>): Promise<CodedError> {
  const error = await scan.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CodedError)) throw new Error(`no CodedError but ${String(error)}`);
  expect(error.message).not.toMatch(/https?:|127\.0\.0\.1|key-/);
  expect(inspectDeep(error)).not.toContain(SEED_KEYS.minimal);
  return error;
}

/** Everything that a logger could find in an error. */
function inspectDeep(error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 4) return String(error);
  return Object.getOwnPropertyNames(error)
    .map((name) => `${name}: ${inspectDeep((error as Record<string, unknown>)[name], depth + 1)}`)
    .join('\n');
}

describe.each(VERSIONS)('Immich %s', (version) => {
  it('refuses a wrong key with one sentence', async () => {
    await start(version);
    const error = await failureOf(scanAll(providerOf(fake, { apiKey: 'wrong' })));
    expect(error.code).toBe('denied');
    expect(error.message).toBe('The Immich server refused the API key.');
  });

  it('names a missing permission and what it is for', async () => {
    await start(version);
    const user = fake.library.user(seedId('admin'));
    const { key } = fake.library.addKey({ user, permissions: ['asset.read', 'asset.download'] });
    const error = await failureOf(scanAll(providerOf(fake, { apiKey: key })));
    expect(error.code).toBe('denied');
    expect(error.message).toBe(
      'The Immich API key lacks the permission "album.read", which is needed to list albums.',
    );
  });

  it('keeps one album that cannot be read, and tells the others', async () => {
    await start(version);
    fake.faults.add({ match: contentOf(version, SUMMER), kind: 'status', status: 500 });
    // The album is in the body of a search, which faults do not see: there it is the only one.
    const albumIds = version === '3.1.0' ? [SUMMER] : [];
    const told = await scanAll(providerOf(fake, { albumIds }));
    expect(told.collections).toHaveLength(version === '3.1.0' ? 1 : 11);
    expect(told.kept).toEqual([{ kind: 'kept', collection: SUMMER, mayHeal: true }]);
    expect(namesIn(told, SUMMER)).toEqual([]);
    expect(told.warnings).toEqual([
      'an album that could not be read: The Immich server failed with status 500.: Summer 2024',
    ]);
    // What failed was tried again by the caller's attempt, and by nobody else.
    const asked = fake.requests.filter((request) => request.status === 500);
    expect(asked).toHaveLength(3);
  });

  it.each([
    { kind: 'truncated-json' as const, reason: /cut off or is not JSON/ },
    { kind: 'html' as const, reason: /a proxy in front\?/ },
    { kind: 'cut' as const, bytes: 100, reason: /broke the connection/ },
    { kind: 'hang' as const, reason: /did not answer in time/ },
  ])('keeps an album whose answer is spoiled: $kind', async ({ reason, ...fault }) => {
    await start(version);
    fake.faults.add({ match: contentOf(version, SUMMER), ...fault });
    const told = await scanAll(providerOf(fake, { albumIds: [SUMMER] }));
    expect(told.kept).toEqual([{ kind: 'kept', collection: SUMMER, mayHeal: true }]);
    expect(told.warnings).toHaveLength(1);
    expect(told.warnings[0]).toMatch(reason);
    fake.faults.clear();
    expect((await scanAll(providerOf(fake, { albumIds: [SUMMER] }))).kept).toEqual([]);
  });

  it('heals by asking again', async () => {
    await start(version);
    for (const match of ['/server/version', '/albums', contentOf(version, SUMMER)]) {
      fake.faults.add({ match, kind: 'reset', times: 2 });
    }
    const told = await scanAll(providerOf(fake));
    expect(told.kept).toEqual([]);
    expect(told.collections).toHaveLength(11);
  });

  it('throws as a whole when the album list cannot be read', async () => {
    await start(version);
    fake.faults.add({ match: 'GET /api/albums', kind: 'truncated-json' });
    const error = await failureOf(scanAll(providerOf(fake)));
    expect(error.code).toBe('unavailable');
  });

  it('never takes a list that is no list of albums for an empty one', async () => {
    await start(version);
    for (const body of ['{}', 'null', '[{"id":"x"}]', '[{"id":"../x","albumName":"a","assetCount":1}]']) {
      fake.faults.clear();
      fake.faults.add({ match: 'GET /api/albums', kind: 'status', status: 200, body });
      const error = await failureOf(scanAll(providerOf(fake)));
      expect(error.code).toBe('unavailable');
      expect(error.message).toMatch(/in a form that mediadav does not know/);
    }
  });

  it('obeys nobody else but passes on how long to wait', async () => {
    await start(version);
    fake.faults.add({ match: 'GET /api/albums', kind: 'status', status: 429, retryAfter: 7 });
    const error = await failureOf(scanAll(providerOf(fake)));
    expect(error.code).toBe('throttled');
    expect(error.retryAfterMs).toBe(7000);
  });

  it('shows the other assets of an album when one has no size to be had, and keeps the album', async () => {
    await start(version);
    const lost = seedId('odd/no exif row.jpg');
    fake.faults.add({ match: `HEAD /api/assets/${lost}`, kind: 'status', status: 500 });
    const told = await scanAll(providerOf(fake, { albumIds: [ODD] }));
    expect(namesIn(told, ODD)).toHaveLength(8);
    expect(told.order.at(-1)).toBe(`kept ${ODD}`);
    expect(told.warnings).toEqual([
      'an asset of unknown size: The Immich server failed with status 500.: no exif row.jpg',
    ]);
  });

  it('ends at once when the caller gives up', async () => {
    await start(version);
    fake.faults.add({ match: '/api/albums', kind: 'hang' });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const startMs = performance.now();
    const call = {
      signal: controller.signal,
      attempt: <T>(work: (signal: AbortSignal) => Promise<T>) => work(controller.signal),
    };
    const error = await failureOf(scanAll(providerOf(fake), call));
    expect(error.code).toBe('cancelled');
    expect(performance.now() - startMs).toBeLessThan(500);
  });
});

describe('the count of an album', () => {
  it('is compared on 2.x with what came: twice wrong keeps the album', async () => {
    await start('2.7.5');
    fake.faults.add({ match: `/albums/${SUMMER}`, kind: 'status', status: 200, body: albumOf(11, []) });
    const told = await scanAll(providerOf(fake, { albumIds: [SUMMER] }));
    expect(told.kept).toEqual([{ kind: 'kept', collection: SUMMER, mayHeal: true }]);
    expect(told.assets).toEqual([]);
    expect(told.warnings).toEqual([
      'the changes of an album that does not come with as many photos as Immich counts: Summer 2024',
    ]);
  });

  it('is compared on 2.x: once wrong is read again', async () => {
    await start('2.7.5');
    fake.faults.add({
      match: `/albums/${SUMMER}`,
      kind: 'status',
      status: 200,
      body: albumOf(11, []),
      times: 1,
    });
    const told = await scanAll(providerOf(fake, { albumIds: [SUMMER] }));
    expect(told.kept).toEqual([]);
    expect(told.assets).toHaveLength(10);
    expect(told.warnings).toEqual([]);
  });

  it('is compared on 3.x: a search that finds nothing keeps the album', async () => {
    await start('3.1.0');
    const body = '{"assets":{"total":0,"count":0,"items":[],"nextPage":null}}';
    fake.faults.add({ match: '/search/metadata', kind: 'status', status: 200, body });
    const told = await scanAll(providerOf(fake, { albumIds: [SUMMER] }));
    expect(told.kept).toEqual([{ kind: 'kept', collection: SUMMER, mayHeal: true }]);
    expect(told.warnings).toEqual([
      'the changes of an album that does not come with as many photos as Immich counts: Summer 2024',
    ]);
    const searches = fake.requests.filter((request) => request.path === '/api/search/metadata');
    expect(searches).toHaveLength(4);
  });

  it('is asked for anew on 3.x when the album changed between the list and its reading', async () => {
    await start('3.1.0');
    fake.faults.add({
      match: (request) => {
        if (request.url === '/api/search/metadata')
          fake.library.removeFromAlbum(SUMMER, seedId('summer/noexif.jpg'));
        return false;
      },
      kind: 'reset',
    });
    const told = await scanAll(providerOf(fake, { albumIds: [SUMMER] }));
    expect(told.kept).toEqual([]);
    expect(told.assets).toHaveLength(9);
  });

  it('bounds the pages of a search that never ends', async () => {
    await start('3.1.0');
    let page = 1;
    fake.faults.add({
      match: (request) => {
        if (request.url !== '/api/search/metadata') return false;
        page += 1;
        return true;
      },
      kind: 'status',
      status: 200,
      get body() {
        return JSON.stringify({ assets: { items: [], nextPage: String(page) } });
      },
    });
    const told = await scanAll(providerOf(fake, { albumIds: [SUMMER] }));
    expect(told.kept).toHaveLength(1);
    expect(told.warnings[0]).toMatch(/more pages of an album than its asset count allows/);
    expect(page).toBeLessThan(50);
  });
});

it('reads albums of several pages, on servers whose pages are not stable too', async () => {
  await start('3.1.0');
  const admin = fake.library.user(seedId('admin'));
  const assets = Array.from({ length: 2_345 }, (_, i) =>
    fake.library.addAsset({
      owner: admin,
      name: `IMG_${i}.jpg`,
      content: { size: 10, seed: i },
      ...(i % 500 === 7 ? { exif: null } : {}),
    }),
  );
  const album = fake.library.addAlbum({ owner: admin, name: 'Big', assets });
  const told = await scanAll(providerOf(fake, { albumIds: [album.id] }));
  expect(told.warnings).toEqual([]);
  expect(told.kept).toEqual([]);
  expect(new Set(told.assets.map((event) => event.facts.ref.id)).size).toBe(2_345);
});

it('does not ask for the size of every asset when none can be had', async () => {
  await start('2.7.5');
  const admin = fake.library.user(seedId('admin'));
  const assets = Array.from({ length: 200 }, (_, i) =>
    fake.library.addAsset({ owner: admin, name: `${i}.jpg`, content: { size: 10, seed: i }, exif: null }),
  );
  const album = fake.library.addAlbum({ owner: admin, name: 'Lost', assets });
  fake.faults.add({ match: 'HEAD ', kind: 'status', status: 404 });
  const told = await scanAll(providerOf(fake, { albumIds: [album.id] }));
  expect(told.kept).toHaveLength(1);
  expect(told.warnings).toHaveLength(200);
  expect(fake.requests.filter((request) => request.method === 'HEAD').length).toBeLessThan(30);
});

it('stops asking when the server is lost in the middle of many albums', async () => {
  await start('2.7.5');
  const admin = fake.library.user(seedId('admin'));
  for (let i = 0; i < 100; i += 1) fake.library.addAlbum({ owner: admin, name: `A${i}` });
  fake.faults.add({ match: /\/albums\/[0-9a-f]/, kind: 'reset' });
  const error = await failureOf(scanAll(providerOf(fake)));
  expect(error.code).toBe('unavailable');
  expect(fake.requests.length).toBeLessThan(100);
});

it('stops the scan when the key is revoked on the way', async () => {
  await start('2.7.5');
  fake.faults.add({ match: `/albums/${ODD}`, kind: 'status', status: 401 });
  const error = await failureOf(scanAll(providerOf(fake)));
  expect(error.code).toBe('denied');
});

it('names asset.read, which album.read alone does not show on 3.x', async () => {
  await start('3.1.0');
  const error = await failureOf(scanAll(providerOf(fake, { apiKey: SEED_KEYS.withoutAssetRead })));
  expect(error.code).toBe('denied');
  expect(error.message).toMatch(/lacks the permission "asset.read", which is needed to list the photos/);
});

it('leaves nothing running when the consumer stops early', async () => {
  await start('2.7.5');
  fake.faults.add({ match: `/albums/${ODD}`, kind: 'hang' });
  const provider = providerOf(fake);
  const signal = new AbortController().signal;
  const events = provider.scan({
    signal,
    attempt: (work) => work(signal),
    accepts: () => true,
    enters: () => true,
    warn: () => undefined,
    held: NOTHING_HELD,
  });
  for await (const event of events) {
    expect(event.kind).toBe('collection');
    break;
  }
  const asked = fake.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(fake.requests.length).toBeLessThanOrEqual(asked + 4);
  await provider.close();
});

it('says that the server refuses connections', async () => {
  await start('3.1.0');
  await fake.stop();
  const error = await failureOf(scanAll(providerOf(fake)));
  expect(error.code).toBe('unavailable');
  expect(error.message).toBe('The Immich server cannot be reached: it refuses connections.');
  await fake.start();
});

it('recovers without a restart', async () => {
  await start('3.1.0');
  const provider = providerOf(fake);
  await scanAll(provider);
  await fake.stop();
  expect((await failureOf(scanAll(provider))).code).toBe('unavailable');
  await fake.start();
  expect((await scanAll(provider)).kept).toEqual([]);
});

it('takes in no answer above the limit', async () => {
  const body = `[${'0,'.repeat(5_000_000)}0]`;
  await start('3.1.0');
  fake.faults.add({ match: 'GET /api/albums', kind: 'status', status: 200, body });
  expect((await failureOf(scanAll(providerOf(fake)))).code).toBe('unavailable');
});

it('does not ask anything before it is asked itself', async () => {
  const server = createServer();
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { url: `http://127.0.0.1:${port}`, apiKey: 'x', albumIds: [] };
  await createImmichProvider(settings, SHORT_LIMITS).close();
  expect(connections).toBe(0);
  server.close();
});

/** The request that reads the content of an album in that version. */
function contentOf(version: Version, albumId: string): string {
  return version === '3.1.0' ? 'POST /api/search/metadata' : `GET /api/albums/${albumId}`;
}

function albumOf(assetCount: number, assets: unknown[]): string {
  return JSON.stringify({ id: SUMMER, albumName: 'Summer 2024', assetCount, assets });
}
