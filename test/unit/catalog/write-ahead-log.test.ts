import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AssetEntry } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog, openSqliteReader } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { asset } from '../../conformance/catalog-entries.ts';

/** SQLite folds the log in after each thousand pages of 4 KiB; one transaction may come on top. */
const MOST_BYTES = 8 * 1024 * 1024;
const ROUNDS = 60;
const FILES = 1_000;

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mediadav-wal-'));
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

it('the write-ahead log does not grow while everything changes and others read along', async () => {
  const file = join(home, 'catalog.db');
  const catalog = openSqliteCatalog(file, 'windows');
  const other = openSqliteReader(file);
  const { id } = await catalog.writer.ensureSource('photos');
  let writtenBytes = 0;
  let largestBytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = await catalog.reader.headSeq();
    const entries = Array.from({ length: FILES }, (_, at) => changedPhoto(at, round));
    await catalog.writer.apply(id, entries);
    for (const reader of [catalog.reader, other.reader]) {
      expect((await reader.changes(before, 2 * FILES)).changes.length).toBeGreaterThanOrEqual(FILES);
    }
    const { size } = statSync(`${file}-wal`);
    largestBytes = Math.max(largestBytes, size);
    writtenBytes += JSON.stringify(entries).length;
  }
  expect(largestBytes).toBeLessThan(MOST_BYTES);
  expect(writtenBytes).toBeGreaterThan(2 * MOST_BYTES);
  other.close();
  await catalog.close();
  expect(statSync(`${file}-wal`, { throwIfNoEntry: false })).toBeUndefined();
});

function changedPhoto(at: number, round: number): AssetEntry {
  const entry = asset(`${at}`, `photo ${at}.jpg`);
  return { ...entry, facts: { ...entry.facts, version: `v${round}` } };
}
