import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createImmichProvider } from '../../../../providers/immich/provider.ts';
import type { Catalog } from '../../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../../src/catalog/sqlite/sqlite-catalog.ts';
import type { LayoutOptions } from '../../../../src/ingest/layout.ts';
import { SourceIngest } from '../../../../src/ingest/source-ingest.ts';
import { createPathFilter } from '../../../../src/source/path-filter.ts';
import { Source } from '../../../../src/source/source.ts';
import { SEED_KEYS, seedId } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { VERSIONS, type Version } from '../../../fakes/immich/versions.ts';
import { QUIET_LOGGER } from '../../../fakes/quiet-logger.ts';

const SUMMER = seedId('album summer');
const SHARED = seedId('album shared');
const EVERYTHING = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });

let fake: FakeImmich;
let folder: string;
let catalog: Catalog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-refresh-'));
  catalog = openSqliteCatalog(join(folder, 'catalog.db'), 'windows');
});
afterEach(async () => {
  await catalog.close();
  await fake.close();
  await rm(folder, { recursive: true, force: true });
});

interface Options {
  readonly layout?: Omit<LayoutOptions, 'traits'>;
  readonly settingsVersion?: string;
  readonly fullReadMs?: number;
}

/** As after a start: nothing is known but what the catalog holds. */
function startMediadav(options: Options = {}): SourceIngest {
  const { layout = { layouts: ['folders'], splitsByType: true }, settingsVersion = 'a', ...choice } = options;
  const scanRetry = { tries: 1, firstWaitMs: 1, maxWaitMs: 1 };
  const provider = createImmichProvider({ url: fake.url, apiKey: SEED_KEYS.minimal, ...choice });
  const parts = { provider, filter: EVERYTHING, logger: QUIET_LOGGER, scanRetry };
  const source = new Source({ name: 'immich', ...parts });
  return new SourceIngest({ source, catalog, layout, settingsVersion, logger: QUIET_LOGGER });
}

async function start(version: Version, options: Options = {}): Promise<SourceIngest> {
  fake = await startFakeImmich({ version });
  const ingest = startMediadav(options);
  await ingest.scan();
  expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
  return ingest;
}

/** What a scan asks the server. */
async function requestsOf(ingest: SourceIngest): Promise<string[]> {
  fake.requests.length = 0;
  await ingest.scan();
  expect((await ingest.status()).lastError).toBeNull();
  return fake.requests.map(({ method, path }) => `${method} ${path}`);
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  const walk = async (id: number, prefix: string): Promise<void> => {
    for (const node of (await catalog.reader.children(id, { limit: 1000 })).entries) {
      if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
      else found.push(prefix + node.name);
    }
  };
  const record = await catalog.reader.source('immich');
  await walk(record?.rootId ?? 0, '');
  return found;
}

/** The same shown by a mediadav that has never seen the server. */
async function freshNames(options: Options = {}): Promise<string[]> {
  const file = join(folder, `fresh-${Math.random()}.db`);
  const other = openSqliteCatalog(file, 'windows');
  const mine = catalog;
  try {
    catalog = other;
    await startMediadav(options).scan();
    return await names();
  } finally {
    catalog = mine;
    await other.close();
  }
}

function contentRequests(requests: readonly string[]): string[] {
  return requests.filter((line) => /POST .*\/search|GET \/api\/albums\/[^?]+$/.test(line));
}

const LISTS: Readonly<Record<Version, string[]>> = {
  '1.118.0': ['GET /api/albums', 'GET /api/albums?shared=true'],
  '1.144.1': ['GET /api/albums', 'GET /api/albums?shared=true'],
  '2.7.5': ['GET /api/albums', 'GET /api/albums?shared=true'],
  '3.1.0': ['GET /api/albums'],
};

describe.each(VERSIONS)('a refresh of Immich %s', (version) => {
  it('asks for the list and nothing else when nothing has changed', async () => {
    const ingest = await start(version);
    const before = await names();
    const seq = await catalog.reader.headSeq();
    expect((await requestsOf(ingest)).sort()).toEqual(LISTS[version]);
    expect(fake.requests.map(({ status }) => status)).toEqual(LISTS[version].map(() => 304));
    expect(await names()).toEqual(before);
    expect(await catalog.reader.headSeq()).toBe(seq);
  });

  it('does so after a restart, too, once it knows where the server is', async () => {
    await start(version);
    expect((await requestsOf(startMediadav())).sort()).toEqual([
      ...LISTS[version],
      'GET /api/server/version',
    ]);
  });

  it.each([
    ['a photo was added', () => fake.library.addToAlbum(SUMMER, seedId('loose/not in any album.jpg'))],
    ['a photo was taken out', () => fake.library.removeFromAlbum(SUMMER, firstOf(SUMMER))],
    ['a photo went to the trash', () => fake.library.trash(seedId('summer/IMG_0005.jpg'))],
  ])('reads only the album in which %s', async (_what, change) => {
    const ingest = await start(version);
    change();
    expect(contentRequests(await requestsOf(ingest))).toHaveLength(1);
    expect(await names()).toEqual(await freshNames());
    expect((await requestsOf(ingest)).sort()).toEqual(LISTS[version]);
  });

  it('removes an album that is gone, and reads it again when it comes back as it was', async () => {
    const ingest = await start(version);
    const before = await names();
    const admin = seedId('admin');
    const { updatedAt } = fake.library.album(SHARED);
    fake.library.shareAlbum(SHARED, admin, null);
    expect(contentRequests(await requestsOf(ingest))).toEqual([]);
    const without = await names();
    expect(without.length).toBeLessThan(before.length);
    expect(without).toEqual(await freshNames());
    fake.library.shareAlbum(SHARED, admin, 'editor');
    fake.library.album(SHARED).updatedAt = updatedAt;
    expect(contentRequests(await requestsOf(ingest))).toHaveLength(1);
    expect(await names()).toEqual(before);
  });

  it('reads everything when settings have changed', async () => {
    await start(version);
    const all = contentRequests(await requestsOf(startMediadav({ settingsVersion: 'b' })));
    expect(all.length).toBeGreaterThanOrEqual(11);
    expect((await requestsOf(startMediadav({ settingsVersion: 'b' }))).length).toBeLessThan(4);
  });

  it('finds what the list does not tell when the albums are read anew after a while', async () => {
    const ingest = await start(version);
    const photo = fake.library.asset(firstOf(SUMMER));
    fake.library.updateExif(photo, { latitude: 12.5, longitude: 13.5 });
    expect(contentRequests(await requestsOf(ingest))).toEqual([]);
    const { id } = await ingest.prepare();
    expect((await catalog.reader.asset(id, photo.id))?.latitude).not.toBe(12.5);
    const all = contentRequests(await requestsOf(startMediadav({ fullReadMs: 0 })));
    expect(all.length).toBeGreaterThanOrEqual(11);
    expect((await catalog.reader.asset(id, photo.id))?.latitude).toBe(12.5);
  });

  it('reads an album again that could not be read completely, and only that one', async () => {
    fake = await startFakeImmich({ version });
    const ingest = startMediadav();
    fake.faults.add({
      match: version === '3.1.0' ? '/search/metadata' : `/albums/${SUMMER}`,
      ...{ kind: 'truncated-json', times: 1 },
    });
    await ingest.scan();
    expect((await ingest.status()).warnings).toHaveLength(1);
    expect(contentRequests(await requestsOf(ingest))).toHaveLength(1);
    expect(await names()).toEqual(await freshNames());
    expect((await requestsOf(ingest)).sort()).toEqual(LISTS[version]);
  });

  it.each([[['flat']], [['date']], [['type']], [['folders', 'date']]] as const)(
    'removes what is gone from the layout %s',
    async (layouts) => {
      const options: Options = { layout: { layouts, splitsByType: false } };
      const ingest = await start(version, options);
      expect((await requestsOf(ingest)).sort()).toEqual(LISTS[version]);
      const before = (await names()).length;
      fake.library.deleteAsset(firstOf(SUMMER));
      await ingest.scan();
      expect((await names()).length).toBeLessThan(before);
      expect((await names()).sort()).toEqual((await freshNames(options)).sort());
    },
  );
});

it('works with servers behind something that takes the ETag away', async () => {
  const ingest = await start('3.1.0');
  const list = await (
    await fetch(`${fake.url}/api/albums`, { headers: { 'x-api-key': 'admin-key-minimal' } })
  ).text();
  fake.faults.add({ match: /GET \/api\/albums$/, kind: 'status', status: 200, body: list });
  expect(contentRequests(await requestsOf(ingest))).toEqual([]);
  expect(await requestsOf(ingest)).toEqual(['GET /api/albums']);
});

it('forgets nothing when a scan ends before its time', async () => {
  const ingest = await start('2.7.5');
  const before = await names();
  fake.library.removeFromAlbum(SUMMER, firstOf(SUMMER));
  fake.faults.add({ match: `/albums/${SUMMER}`, kind: 'status', status: 429, retryAfter: 0, times: 1 });
  await ingest.scan();
  expect((await ingest.status()).lastError).toMatchObject({ code: 'throttled' });
  expect(await names()).toEqual(before);
  expect(contentRequests(await requestsOf(ingest))).toHaveLength(1);
  expect(await names()).toEqual(await freshNames());
});

it('follows a server that was upgraded from 2.7 to 3.1', async () => {
  const ingest = await start('2.7.5');
  const before = await names();
  fake.setVersion('3.1.0');
  await ingest.scan();
  expect(await names()).toEqual(before);
  fake.library.addToAlbum(SUMMER, seedId('loose/not in any album.jpg'));
  expect(contentRequests(await requestsOf(ingest))).toEqual(['POST /api/search/metadata']);
  expect(await names()).toHaveLength(before.length + 1);
  expect(await names()).toEqual(await freshNames());
});

function firstOf(albumId: string): string {
  const [first] = fake.library.assetsOf(fake.library.album(albumId));
  if (first === undefined) throw new Error('an album without photos');
  return first.id;
}
