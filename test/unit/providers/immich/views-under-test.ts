import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { DEFAULT_LIMITS } from '../../../../providers/immich/limits.ts';
import { createImmichProvider, type ImmichProviderSettings } from '../../../../providers/immich/provider.ts';
import type { Catalog } from '../../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../../src/catalog/sqlite/sqlite-catalog.ts';
import type { LayoutName } from '../../../../src/ingest/layout.ts';
import { SourceIngest } from '../../../../src/ingest/source-ingest.ts';
import type { NodeId } from '../../../../src/model/node.ts';
import { createPathFilter } from '../../../../src/source/path-filter.ts';
import { Source } from '../../../../src/source/source.ts';
import type { Library } from '../../../fakes/immich/library.ts';
import { SEED_KEYS, seedId, seedLibrary } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import type { Version } from '../../../fakes/immich/versions.ts';
import { QUIET_LOGGER } from '../../../fakes/quiet-logger.ts';

const EVERYTHING = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
export const ADMIN = seedId('admin');
export const BEACH = seedId('trips/beach.jpg');
const ALICE = seedId('person Alice');

export type ViewSettings = Partial<ImmichProviderSettings> & {
  readonly settingsVersion?: string;
  readonly layouts?: readonly LayoutName[];
  /** See `Limits.doubtMs`. Default: what a second reading says is believed, however soon it comes. */
  readonly doubtMs?: number;
  readonly acceptsEmpty?: boolean;
};

/** Views of a seeded library with people and memories, as they come into a catalog. Each test has a new one. */
export class ViewsUnderTest {
  #folder = '';
  #catalog: Catalog | null = null;
  #fake: FakeImmich | null = null;

  constructor() {
    beforeEach(async () => {
      this.#folder = await mkdtemp(join(tmpdir(), 'mediadav-views-'));
      this.#catalog = openSqliteCatalog(join(this.#folder, 'catalog.db'), 'windows');
    });
    afterEach(async () => {
      await this.#catalog?.close();
      await this.#fake?.close();
      await rm(this.#folder, { recursive: true, force: true });
    });
  }

  get catalog(): Catalog {
    if (this.#catalog === null) throw new Error('only in a test');
    return this.#catalog;
  }

  get fake(): FakeImmich {
    if (this.#fake === null) throw new Error('nobody has started it');
    return this.#fake;
  }

  async startFake(version: Version): Promise<void> {
    this.#fake = await startFakeImmich({ version, library: library(version) });
  }

  startMediadav(options: ViewSettings): SourceIngest {
    const { settingsVersion = 'a', layouts = ['folders'], doubtMs = 0, acceptsEmpty = false } = options;
    const scanRetry = { tries: 1, firstWaitMs: 1, maxWaitMs: 1 };
    const provider = createImmichProvider(
      { url: this.fake.url, apiKey: SEED_KEYS.admin, ...options },
      { ...DEFAULT_LIMITS, doubtMs },
    );
    const source = new Source({
      name: 'immich',
      provider,
      filter: EVERYTHING,
      logger: QUIET_LOGGER,
      scanRetry,
    });
    const layout = { layouts, splitsByType: layouts.includes('folders') };
    return new SourceIngest({
      ...{ source, layout, settingsVersion, acceptsEmpty },
      ...{ catalog: this.catalog, logger: QUIET_LOGGER },
    });
  }

  /** Both, and everything read once without a remark. */
  async start(version: Version, settings: ViewSettings): Promise<SourceIngest> {
    await this.startFake(version);
    const ingest = this.startMediadav(settings);
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ lastError: null, warnings: [] });
    return ingest;
  }

  /** Paths of all files below a folder of the source, and of folders that are empty. */
  async tree(top = ''): Promise<string[]> {
    const found: string[] = [];
    const walk = async (id: NodeId, prefix: string): Promise<void> => {
      const { entries } = await this.catalog.reader.children(id, { limit: 10_000 });
      if (entries.length === 0 && prefix !== '') found.push(prefix);
      for (const node of entries) {
        if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
        else found.push(prefix + node.name);
      }
    };
    const record = await this.catalog.reader.source('immich');
    await walk(record?.rootId ?? 0, '');
    return found.filter((path) => path.startsWith(top)).sort();
  }

  async tops(): Promise<string[]> {
    const record = await this.catalog.reader.source('immich');
    const { entries } = await this.catalog.reader.children(record?.rootId ?? 0, { limit: 1000 });
    return entries.map(({ name }) => name).sort();
  }

  /** What a scan asks the server. */
  async requestsOf(ingest: SourceIngest): Promise<string[]> {
    this.fake.requests.length = 0;
    await ingest.scan();
    expect((await ingest.status()).lastError).toBeNull();
    return this.fake.requests.map(({ method, path }) => `${method} ${path}`);
  }
}

function library(version: Version): Library {
  const made = seedLibrary(version);
  const [summer, other] = [seedId('summer/IMG_0001.jpg'), seedId('summer/IMG_0002.jpg')];
  made.addPerson({ owner: ADMIN, id: ALICE, name: 'Alice', assets: [summer, BEACH] });
  made.addPerson({ owner: ADMIN, name: 'alice', assets: [other] });
  made.addPerson({ owner: ADMIN, name: 'Nobody to see', isHidden: true, assets: [other] });
  made.addPerson({ owner: ADMIN, name: '', assets: [other] });
  made.addPerson({ owner: seedId('bob'), name: 'Bobs friend', assets: [] });
  made.addMemory({ owner: ADMIN, memoryAt: '2026-07-14T00:00:00.000Z', year: 2022, assets: [BEACH] });
  return made;
}
