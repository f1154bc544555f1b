import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import type { CatalogUnderTest } from './catalog-case.ts';
import { catalogSuite } from './catalog-suite.ts';
import { lockSuite } from './lock-suite.ts';
import { propertySuite } from './property-suite.ts';

async function create(): Promise<CatalogUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'mediadav-catalog-'));
  return {
    open: async () => openSqliteCatalog(join(folder, 'catalog.db'), 'windows'),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

catalogSuite('SQLite', create);
lockSuite('SQLite', create);
propertySuite('SQLite', create);
