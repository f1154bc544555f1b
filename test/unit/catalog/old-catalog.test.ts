import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../../src/catalog/sqlite/schema.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { UNKNOWN_MEDIA } from '../../../src/model/asset.ts';
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

describe('a catalog from before live photos', () => {
  /** The version that knows nothing of them. */
  const BEFORE = 9;
  const SHA256 = 'ab'.repeat(32);

  function addRead(id: number, name: string, contentType: string, columns: Record<string, string>): void {
    const database = new DatabaseSync(file);
    const [names, values] = [Object.keys(columns), Object.values(columns)];
    database.exec(`
      INSERT INTO asset (id, source_id, ref, path, version, enriched_version, size_bytes, content_type, kind, modified_ms, sha256)
        VALUES (${id}, 1, '${name}', '${name}', 'v', 'v', 10, '${contentType}', 'image', 1.7e12, x'${SHA256}');
      INSERT INTO node (id, source_id, parent_id, name, stored_name, is_virtual, asset_id, anchor_id, modified_ms, created_seq, changed_seq)
        VALUES (${id + 10}, 1, 2, '${name}', '${name}', 0, ${id}, 1, 1.7e12, ${id + 10}, ${id + 10});
    `);
    for (const [at, column] of names.entries()) {
      database.prepare(`UPDATE asset SET ${column} = ? WHERE id = ?`).run(values[at] ?? null, id);
    }
    database.close();
  }

  it('has what may be half of one looked into again, and keeps what is known of it', async () => {
    makeOld(BEFORE);
    addRead(2, 'IMG_1.HEIC', 'image/heic', { camera: 'Apple iPhone 15' });
    addRead(3, 'IMG_1.MOV', 'video/quicktime', {});
    addRead(4, 'other.jpg', 'image/jpeg', { camera: 'Canon EOS 80D' });
    addRead(5, 'told.heic', 'image/heic', { camera: 'Apple iPhone 15', taken_from: 'immich' });
    addRead(6, 'IMG_2.JPG', 'image/jpeg', {});
    addRead(7, 'IMG_2.mov', 'video/quicktime', {});
    const old = new DatabaseSync(file);
    old.exec("INSERT INTO content_version VALUES (1, '', 'all of it')");
    old.close();
    const catalog = openSqliteCatalog(file, 'windows');
    try {
      const { reader, writer } = catalog;
      const pending = async () => {
        const assets = await reader.pendingAssets(1, { afterId: 0, limit: 10 });
        expect(await reader.pendingCount(1)).toBe(assets.length);
        return assets.map(({ facts, wasRead }) => [facts.ref.id, wasRead]);
      };
      const again = ['IMG_1.HEIC', 'IMG_1.MOV', 'IMG_2.mov'].map((name) => [name, true]);
      expect(await pending()).toEqual([['X', false], ...again]);
      // A source that tells by itself is asked once more.
      expect(await reader.contentVersion(1, null)).toBeNull();
      for (const ref of ['IMG_1.HEIC', 'IMG_1.MOV']) {
        const media = { ...UNKNOWN_MEDIA, livePhotoId: 'an-id-of-both' };
        expect(await writer.enrich(1, ref, 'v', { digests: {}, media, contentType: null })).toBe(true);
      }
      const head = await reader.headSeq();
      const nothing = { digests: {}, media: UNKNOWN_MEDIA, contentType: null };
      expect(await writer.enrich(1, 'IMG_2.mov', 'v', nothing)).toBe(true);
      expect(await pending()).toEqual([['X', false]]);
      const [still, film] = [await reader.node(12), await reader.node(13)];
      expect(still).toMatchObject({ twinId: 13, asset: { digests: { sha256: SHA256 } } });
      expect(film).toMatchObject({ twinId: 12, asset: { digests: { sha256: SHA256 } } });
      // By its name, although the still is not read again.
      expect(await reader.node(16)).toMatchObject({ twinId: 17 });
      // Nobody is told of what was read again and is as it was.
      const { cursor } = await reader.changes(head, 10);
      expect(await writer.enrich(1, 'IMG_2.mov', 'v', nothing)).toBe(true);
      expect((await reader.changes(cursor, 10)).changes).toEqual([]);
    } finally {
      await catalog.close();
    }
  });
});
