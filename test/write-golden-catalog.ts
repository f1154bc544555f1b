import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { CatalogWriter, Entry } from '../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../src/catalog/sqlite/sqlite-catalog.ts';
import { UNKNOWN_MEDIA } from '../src/model/asset.ts';

/*
 * Writes `test/golden/catalog-vN.sql`: a small catalog as the code at hand stores it, N being its schema. Run it with each
 * release, so that what people really have is what the tests open; what was released is never written again.
 */
const TIMES = { modifiedMs: 1_718_000_000_000, createdMs: null, statusChangedMs: 1_718_000_000_500 };
const SHA1 = '5ba93c9db0cff93f52b521d7420e43f6eda2784f';
const SHA256 = '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae';
const MD5 = 'acbd18db4cc2f85cedef654fccc4a4d8';

function folder(ref: string, name: string, parent: string | null): Entry {
  const rest = { naming: 'disk', isVirtual: false, modifiedMs: TIMES.modifiedMs, createdMs: null } as const;
  return { kind: 'collection', ref, name, parent, ...rest };
}

function photo(id: string, name: string, collection: string | null, version = 'v1'): Entry {
  const facts = {
    ...UNKNOWN_MEDIA,
    ...TIMES,
    ...{ ref: { id, path: name }, version, sizeBytes: 1000 + Number(id), contentType: 'image/jpeg' },
    ...{ kind: 'image' as const, width: 400, height: 300, latitude: 52.5, longitude: 13.4 },
    taken: {
      localText: '2024-06-10T08:13:20',
      offsetMinutes: 120,
      instantMs: 1_718_000_000_000,
      derivedFrom: 'exif',
    },
    digests: id === '1' ? { sha1: SHA1 } : {},
  };
  return { kind: 'asset', facts, collection, anchor: collection, name, naming: 'disk' };
}

const FOLDERS = [folder('d1', '2024', null), folder('d2', 'Sea', 'd1'), folder('d3', 'Is it: summer?', null)];
const FIRST = [
  ...FOLDERS,
  ...[photo('1', 'top.jpg', null), photo('2', 'IMG_1.jpg', 'd1'), photo('3', 'beach.jpg', 'd2')],
  ...[photo('4', 'gone.jpg', 'd1'), photo('5', 'what?.jpg', 'd3')],
];
const SECOND = [
  ...FOLDERS,
  ...[photo('1', 'top.jpg', null), photo('2', 'IMG_1.jpg', 'd1', 'v2'), photo('3', 'beach.jpg', 'd2')],
  ...[photo('5', 'what?.jpg', 'd3'), photo('6', 'late.jpg', 'd2')],
];

async function scan(writer: CatalogWriter, id: number, entries: readonly Entry[]): Promise<void> {
  const seen = writer.beginScan(id);
  await writer.apply(id, entries, seen);
  await writer.sweep(seen);
  await writer.completeScan(id, TIMES.modifiedMs);
}

const home = mkdtempSync(join(tmpdir(), 'mediadav-golden-'));
const file = join(home, 'catalog.db');
const catalog = openSqliteCatalog(file, 'windows');
const { id } = await catalog.writer.ensureSource('photos');
await scan(catalog.writer, id, FIRST);
const database = new DatabaseSync(file);
const cursor = database.prepare('SELECT max(changed_seq) AS seq FROM node').get()?.seq;
await scan(catalog.writer, id, SECOND);
const found = { media: UNKNOWN_MEDIA, contentType: null, digests: { sha256: SHA256, sha1: SHA1, md5: MD5 } };
await catalog.writer.enrich(id, '1', 'v1', found);

const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
const lines = [
  `-- A catalog of schema ${version}, see write-golden-catalog.ts.`,
  `-- Cursor before the second scan: ${cursor}`,
  ...database
    .prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL')
    .all()
    .map(({ sql }) => `${sql};`),
];
const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
for (const { name } of tables) {
  for (const row of database.prepare(`SELECT * FROM ${name}`).all()) {
    lines.push(
      `INSERT INTO ${name} (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).map(literal).join(', ')});`,
    );
  }
}
// SQLite makes this table itself, so it cannot be created.
const isOwn = (line: string) => line.startsWith('CREATE TABLE sqlite_sequence');
lines.push(`PRAGMA user_version = ${version};`, '');
database.close();
await catalog.close();
rmSync(home, { recursive: true });
const text = lines.filter((line) => !isOwn(line)).join('\n');
writeFileSync(new URL(`./golden/catalog-v${version}.sql`, import.meta.url), text);

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  return typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
}
