import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { toPublicId } from '../../../src/catalog/sqlite/public-id.ts';
import { MIGRATIONS } from '../../../src/catalog/sqlite/schema.ts';
import { openSqliteCatalog, openSqliteReader } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { asset } from '../../conformance/catalog-entries.ts';

const GOLDEN = new URL('../../golden/', import.meta.url);
/** Of the photo whose bytes Immich, or a reading of the file, had told. */
const TOP_SHA1 = '5ba93c9db0cff93f52b521d7420e43f6eda2784f';

let home: string;
let file: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mediadav-old-'));
  file = join(home, 'catalog.db');
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

/** Schemas of which there is a file as the code of its time wrote it: see write-golden-catalog.ts. */
const WRITTEN = readdirSync(GOLDEN)
  .flatMap((name) => /^catalog-v(\d+)\.sql$/.exec(name)?.[1] ?? [])
  .map(Number)
  .sort((a, b) => a - b);
const versions = MIGRATIONS.map((_, index) => index + 1);

it('there are old catalogs from the first schema on', () => {
  expect(WRITTEN.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(WRITTEN.at(-1)).toBeLessThanOrEqual(MIGRATIONS.length);
});

describe.each(versions)('a catalog of schema %i', (version) => {
  let cursor: number;
  let before: Row[];

  beforeEach(() => {
    const sql = sqlOf(version);
    cursor = Number(/Cursor before the second scan: (\d+)/.exec(sql)?.[1]);
    const old = new DatabaseSync(file);
    old.exec(sql);
    expect(old.prepare('PRAGMA user_version').get()?.user_version).toBe(version);
    before = rowsOf(old);
    old.close();
    expect(before).toHaveLength(9);
  });

  it('keeps every node with its id, name, content and digests', async () => {
    const catalog = openSqliteCatalog(file, 'windows');
    const seen = await nodesOf(catalog);
    expect(seen).toEqual(before);
    const shown = seen.find(({ path }) => path === 'Is it: summer?/what?.jpg');
    expect(shown?.name).toBe('what？.jpg');
    const [top] = await catalog.reader.byDigest('sha1', TOP_SHA1);
    expect(top).toMatchObject({ name: 'top.jpg', asset: { latitude: 52.5, width: 400 } });
    expect(top?.asset.taken).toMatchObject({ localText: '2024-06-10T08:13:20', offsetMinutes: 120 });
    const { assetCount, completedMs } = (await catalog.reader.source('photos')) ?? {};
    expect({ assetCount, completedMs }).toEqual({ assetCount: 5, completedMs: 1_718_000_000_000 });
    await catalog.close();
    expectSound(file);
  });

  it('goes on telling what changed since an old cursor', async () => {
    const catalog = openSqliteCatalog(file, 'windows');
    const changes = await namesSince(catalog, cursor);
    expect(changes).toEqual(expect.arrayContaining(['IMG_1.jpg', 'late.jpg', 'removed']));
    expect(changes).not.toContain('beach.jpg');
    const head = await catalog.reader.headSeq();
    expect(await namesSince(catalog, head)).toEqual([]);
    const id = (await catalog.reader.source('photos'))?.id ?? 0;
    await catalog.writer.apply(id, [asset('7', 'new.jpg', 'd2')]);
    expect(await namesSince(catalog, head)).toContain('new.jpg');
    await catalog.close();
  });

  it('is brought forward once, and can be read by commands beside the server only then', async () => {
    if (version < MIGRATIONS.length) expect(() => openSqliteReader(file)).toThrow(/start the server/);
    const first = openSqliteCatalog(file, 'windows');
    const { epoch } = first.reader;
    await first.close();
    const second = openSqliteCatalog(file, 'windows');
    expect(second.reader.epoch).toBe(epoch);
    expect(await nodesOf(second)).toEqual(before);
    const reading = openSqliteReader(file);
    expect(await reading.reader.headSeq()).toBe(await second.reader.headSeq());
    reading.close();
    await second.close();
  });
});

describe('a catalog of a newer mediadav', () => {
  it('is refused in one sentence, and stays as it is', async () => {
    const newer = new DatabaseSync(file);
    newer.exec(
      `CREATE TABLE node (id INTEGER PRIMARY KEY, new_column); PRAGMA user_version = ${MIGRATIONS.length + 1}`,
    );
    newer.close();
    const bytes = await readFile(file);
    const sentence = `The catalog was written by a newer mediadav (schema ${MIGRATIONS.length + 1}, this one knows ${MIGRATIONS.length}): update this one, or give it another DATA_DIR.`;
    for (const open of [() => openSqliteCatalog(file, 'windows'), () => openSqliteReader(file)]) {
      expect(open).toThrow(expect.objectContaining({ code: 'invalid', message: sentence }));
    }
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });

  it('and a file that is no catalog is not touched either', async () => {
    await writeFile(file, 'not a database at all, but something that somebody needs');
    expect(() => openSqliteCatalog(file, 'windows')).toThrow(expect.objectContaining({ code: 'corrupt' }));
    expect(await readFile(file, 'utf8')).toBe('not a database at all, but something that somebody needs');
  });
});

/** Where nobody wrote one down, the newest before it, brought forward by what came between. */
function sqlOf(version: number): string {
  const written = Math.max(...WRITTEN.filter((each) => each <= version));
  const sql = readFileSync(new URL(`catalog-v${written}.sql`, GOLDEN), 'utf8');
  return [sql, ...MIGRATIONS.slice(written, version), `PRAGMA user_version = ${version};`].join('\n');
}

/** One node, as the old file and the catalog of today both can tell it. */
interface Row {
  readonly id: number;
  readonly publicId: string;
  /** Stored names. */
  readonly path: string;
  readonly name: string;
  readonly version: string | null;
  readonly sha1: string | null;
  readonly sha256: string | null;
}

/** By plain SQL, in the words of the first schema. */
function rowsOf(database: DatabaseSync): Row[] {
  const epoch = String(database.prepare("SELECT value FROM catalog WHERE key = 'epoch'").get()?.value);
  const sql = `
    WITH RECURSIVE tree (id, path) AS (
      SELECT id, '' FROM node WHERE parent_id = 0
      UNION ALL SELECT node.id, tree.path || '/' || node.stored_name FROM node JOIN tree ON node.parent_id = tree.id
    )
    SELECT node.id, substr(tree.path, 2) AS path, node.name, version, lower(hex(sha1)) AS sha1, lower(hex(sha256)) AS sha256
    FROM tree JOIN node USING (id) LEFT JOIN asset ON asset.id = asset_id ORDER BY node.id`;
  return database
    .prepare(sql)
    .all()
    .map((row) => ({
      id: Number(row.id),
      publicId: toPublicId(epoch, Number(row.id)),
      path: String(row.path),
      name: row.path === '' ? '' : String(row.name),
      version: row.version as string | null,
      sha1: String(row.sha1 ?? '') || null,
      sha256: String(row.sha256 ?? '') || null,
    }));
}

async function nodesOf({ reader }: Catalog): Promise<Row[]> {
  const rows: Row[] = [];
  const add = async (id: number): Promise<void> => {
    const node = await reader.node(id);
    if (node === null) throw new Error(`there is no node ${id}`);
    const path = (await reader.storedPathOf(id)).join('/');
    const facts = node.kind === 'asset' ? node.asset : null;
    rows.push({
      ...{ id, publicId: reader.publicId(id), path, name: path === '' ? '' : node.name },
      ...{ version: facts?.version ?? null },
      ...{ sha1: facts?.digests.sha1 ?? null, sha256: facts?.digests.sha256 ?? null },
    });
    if (node.kind === 'asset') return;
    for (const member of (await reader.children(id, { limit: 100 })).entries) await add(member.id);
  };
  await add((await reader.source('photos'))?.rootId ?? 0);
  return rows.sort((a, b) => a.id - b.id);
}

async function namesSince({ reader }: Catalog, cursor: number): Promise<string[]> {
  const { changes } = await reader.changes(cursor, 100);
  return changes.map((change) => (change.kind === 'removed' ? 'removed' : change.node.name));
}

function expectSound(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  database.close();
}
