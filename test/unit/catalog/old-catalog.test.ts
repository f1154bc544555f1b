import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../../src/catalog/sqlite/schema.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { asset, folder } from '../../conformance/catalog-entries.ts';

const EPOCH = 'abcdef012345';

let home = '';
let file = '';

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mediadav-old-'));
  file = join(home, 'catalog.db');
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

/** A catalog as the first `version` migrations made it, with a folder and a photo in it. */
function makeOld(version: number): void {
  const database = new DatabaseSync(file);
  for (const migration of MIGRATIONS.slice(0, version)) database.exec(migration);
  database.exec(`
    PRAGMA user_version = ${version};
    INSERT INTO catalog VALUES ('epoch', '${EPOCH}');
    INSERT INTO source (id, name, root_id, asset_count, collection_count) VALUES (1, 'photos', 1, 1, 1);
    INSERT INTO asset (id, source_id, ref, path, version, size_bytes, content_type, kind, modified_ms)
      VALUES (1, 1, 'X', 'x.jpg', 'v-X', 10, 'image/jpeg', 'image', 1.7e12);
    INSERT INTO node (id, source_id, parent_id, name, stored_name, ref, is_virtual, asset_id, anchor_id, modified_ms,
        created_seq, changed_seq)
      VALUES (1, 1, 0, '1', 'photos', NULL, 1, NULL, NULL, 1.7e12, 1, 1),
        (2, 1, 1, 'a', 'a', 'A', 0, NULL, NULL, 1.7e12, 2, 2),
        (3, 1, 2, 'x.jpg', 'x.jpg', NULL, 0, 1, 1, 1.7e12, 3, 3);
  `);
  database.close();
}

describe.each(MIGRATIONS.slice(1).map((_, index) => index + 1))('a catalog of version %d', (version) => {
  it('is brought forward, and goes on from what it held', async () => {
    makeOld(version);
    const catalog = openSqliteCatalog(file, 'windows');
    try {
      const { reader, writer } = catalog;
      expect(reader.epoch).toBe(EPOCH);
      const before = await reader.child(1, 'a');
      expect(before).toMatchObject({ id: 2, kind: 'collection', changedSeq: 2 });
      expect(await reader.child(2, 'x.jpg')).toMatchObject({ id: 3, kind: 'asset' });
      const start = await reader.headSeq();
      await writer.apply(1, [folder('A', 'a'), asset('X', 'renamed.jpg', 'A')]);
      expect(await reader.child(2, 'renamed.jpg')).toMatchObject({ id: 3 });
      const after = await reader.child(1, 'a');
      if (before?.kind !== 'collection' || after?.kind !== 'collection') throw new Error('no collection');
      expect(after.stateSeq).toBeGreaterThan(before.stateSeq);
      const { changes } = await reader.placeChanges(start, await reader.headSeq(), 10);
      expect(changes).toContainEqual(expect.objectContaining({ kind: 'left', name: 'x.jpg' }));
    } finally {
      await catalog.close();
    }
  });
});
