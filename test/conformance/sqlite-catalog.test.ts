import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { catalogSuite } from './catalog-suite.ts';

catalogSuite('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mediadav-catalog-'));
  return {
    open: async () => openSqliteCatalog(join(folder, 'catalog.db'), 'windows'),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});
