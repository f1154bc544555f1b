import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Limits } from '../../../../providers/immich/limits.ts';
import { createImmichProvider } from '../../../../providers/immich/provider.ts';
import { VIEW_NAMES } from '../../../../providers/immich/views/view-names.ts';
import type { Catalog } from '../../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../../src/catalog/sqlite/sqlite-catalog.ts';
import { SourceIngest } from '../../../../src/ingest/source-ingest.ts';
import type { SourceStatus } from '../../../../src/ingest/source-status.ts';
import { createPathFilter } from '../../../../src/source/path-filter.ts';
import { Source } from '../../../../src/source/source.ts';
import type { FaultKind } from '../../../fakes/immich/faults.ts';
import { SEED_KEYS, seedId, seedLibrary } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { QUIET_LOGGER } from '../../../fakes/quiet-logger.ts';
import { shownPaths } from '../../shown-paths.ts';
import { SHORT_LIMITS } from './scan-all.ts';

const BEACH = seedId('trips/beach.jpg');
const EVERYTHING = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });

let fake: FakeImmich;
let folder: string;
let catalog: Catalog;
let ingest: SourceIngest;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-outages-'));
  catalog = openSqliteCatalog(join(folder, 'catalog.db'), 'windows');
});
afterEach(async () => {
  await ingest.close();
  await catalog.close();
  await fake.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(version: '2.7.5' | '3.1.0'): Promise<void> {
  const library = seedLibrary(version);
  library.addPerson({ owner: seedId('admin'), name: 'Alice', assets: [BEACH] });
  library.addMemory({ owner: seedId('admin'), memoryAt: '2026-07-14', year: 2022, assets: [BEACH] });
  fake = await startFakeImmich({ version, library });
  ingest = ingestWith(DEFAULT_LIMITS);
  await ingest.scan();
  expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
}

function ingestWith(limits: Limits): SourceIngest {
  const settings = { url: fake.url, apiKey: SEED_KEYS.admin, views: VIEW_NAMES };
  const parts = {
    provider: createImmichProvider(settings, limits),
    filter: EVERYTHING,
    logger: QUIET_LOGGER,
    scanRetry: { tries: 1, firstWaitMs: 1, maxWaitMs: 1 },
  };
  const source = new Source({ name: 'immich', ...parts });
  const layout = { layouts: ['folders'], splitsByType: false } as const;
  return new SourceIngest({ source, catalog, layout, settingsVersion: 'a', logger: QUIET_LOGGER });
}

/** Scans what is silent with deadlines that a test can wait for; everything else with those that hold outside. */
async function scanFaulted({ kind }: FaultKind): Promise<SourceStatus> {
  const isSilent = kind === 'hang' || kind === 'drip';
  const scanning = isSilent ? ingestWith(SHORT_LIMITS) : ingest;
  await scanning.scan();
  const status = await scanning.status();
  if (isSilent) await scanning.close();
  return status;
}

async function tree(): Promise<string[]> {
  return (await shownPaths(catalog.reader, (await catalog.reader.source('immich'))?.rootId ?? 0)).sort();
}

const FAULTS: readonly (readonly [name: string, fault: FaultKind])[] = [
  ['no answer at all', { kind: 'hang' }],
  ['a body that stands still in the middle', { kind: 'drip', bytes: 20, ms: 5_000 }],
  ['a connection that breaks in the middle', { kind: 'cut', bytes: 20 }],
  ['status 500', { kind: 'status', status: 500 }],
  ['the page of a proxy', { kind: 'html' }],
  ['JSON that stops in the middle', { kind: 'truncated-json' }],
  ['an empty object', { kind: 'status', status: 200, body: '{}' }],
];
const ROUTES = [
  '/api/',
  '/api/search/metadata',
  '/api/timeline',
  '/api/people',
  '/api/tags',
  '/api/memories',
];
/** Views are asked for alike on both. */
const CASES = FAULTS.flatMap(([name, fault]) => [
  ...ROUTES.map((route) => ({ name, fault, route, version: '3.1.0' as const })),
  ...ROUTES.slice(0, 2).map((route) => ({ name, fault, route, version: '2.7.5' as const })),
]);

describe('Immich, of which all views are shown, answering', () => {
  it.each(CASES)(
    '$name to $route ($version): nothing is removed, and it heals by itself',
    async ({ fault, route, version }) => {
      await start(version);
      const before = await tree();
      fake.faults.add({ match: route, ...fault });
      // Everything has moved, or nothing would be read.
      for (const asset of fake.library.assets.values()) fake.library.updateAsset(asset, {});
      const { lastError, warnings } = await scanFaulted(fault);
      expect(lastError !== null || warnings.length > 0).toBe(true);
      expect(await tree()).toEqual(before);

      fake.faults.clear();
      fake.library.updateAsset(BEACH, { isFavorite: true });
      await ingest.scan();
      expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
      expect(await tree()).toEqual([...before, 'favorites/beach.jpg'].sort());
    },
  );
});
