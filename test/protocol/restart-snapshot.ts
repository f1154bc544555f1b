import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { etagOf, type NodeId } from '../../src/model/node.ts';

/** What the catalog of a server that does not run holds of one place. */
export interface Place {
  readonly publicId: string;
  /** Null for a collection. */
  readonly etag: string | null;
  readonly sizeBytes: number | null;
}

export type Snapshot = ReadonlyMap<string, Place>;

const DATABASE = 'catalog.db';

/** Every place of the source by its path. Reads a copy, so that the server itself has to cope with what it left. */
export async function readCatalog(dataDir: string, source: string): Promise<Snapshot> {
  return await withCopy(dataDir, async (file) => {
    const catalog = openSqliteCatalog(file, 'windows');
    try {
      const { reader } = catalog;
      const record = await reader.source(source);
      const places = new Map<string, Place>();
      const visit = async (id: NodeId, folder: string): Promise<void> => {
        let after: string | null = '';
        while (after !== null) {
          const page = await reader.children(id, { after, limit: 1000 });
          for (const node of page.entries) {
            const path = folder === '' ? node.name : `${folder}/${node.name}`;
            const asset = node.kind === 'asset' ? node.asset : null;
            const etag = asset === null ? null : etagOf(asset);
            places.set(path, {
              publicId: reader.publicId(node.id),
              etag,
              sizeBytes: asset?.sizeBytes ?? null,
            });
            if (asset === null) await visit(node.id, path);
          }
          after = page.next;
        }
      };
      if (record !== null) await visit(record.rootId, '');
      return places;
    } finally {
      await catalog.close();
    }
  });
}

/** What SQLite itself and the catalog's own book-keeping find wrong with the file; nothing when all is well. */
export async function faultsOf(dataDir: string): Promise<string[]> {
  return await withCopy(dataDir, async (file) => {
    const database = new DatabaseSync(file);
    try {
      const all = (sql: string) =>
        database
          .prepare(sql)
          .all()
          .map((row) => JSON.stringify(row));
      const damage = all('PRAGMA integrity_check').filter((row) => row !== '{"integrity_check":"ok"}');
      if (all("SELECT 1 FROM sqlite_master WHERE name = 'node'").length === 0) return damage;
      return [
        ...damage,
        ...all(`SELECT name, asset_count AS told, (SELECT count(*) FROM asset WHERE source_id = source.id)
          AS real FROM source WHERE told <> real`),
        ...all(`SELECT name, collection_count AS told, (SELECT count(*) FROM node WHERE source_id = source.id AND
          parent_id <> 0 AND asset_id IS NULL) AS real FROM source WHERE told <> real`),
        ...all(`SELECT name, size_bytes AS told, (SELECT coalesce(sum(size_bytes), 0) FROM asset
          WHERE source_id = source.id) AS real FROM source WHERE told <> real`),
        ...all(`SELECT 'a node below nothing' AS fault, id FROM node WHERE parent_id > 0
          AND parent_id NOT IN (SELECT id FROM node)`),
        ...all(`SELECT 'a node without its asset' AS fault, id FROM node WHERE asset_id IS NOT NULL
          AND asset_id NOT IN (SELECT id FROM asset)`),
        ...all(`SELECT 'two changes of one number' AS fault, changed_seq FROM node GROUP BY changed_seq
          HAVING count(*) > 1`),
      ];
    } finally {
      database.close();
    }
  });
}

/** Rows that only an unfinished scan may leave: places nobody sees, and assets without a place. */
export async function leftoversOf(dataDir: string): Promise<number> {
  return await withCopy(dataDir, async (file) => {
    const database = new DatabaseSync(file);
    try {
      const row = database
        .prepare(
          `SELECT (SELECT count(*) FROM node WHERE parent_id < 0) +
             (SELECT count(*) FROM asset WHERE id NOT IN (SELECT asset_id FROM node WHERE asset_id IS NOT NULL)) AS rows`,
        )
        .get();
      return Number(row?.rows);
    } finally {
      database.close();
    }
  });
}

/**
 * Resolves as soon as the running server has committed one half of a swap: a node that has lost its name to another
 * and was not seen at its own new place yet; or when it has caught up, because both halves of each swap were committed
 * at once or so soon after each other that nobody saw it. Looks at the live file, as any other reader of the catalog may.
 */
export async function untilHalfMoved(dataDir: string, hasCaughtUp: () => boolean): Promise<void> {
  const database = new DatabaseSync(join(dataDir, DATABASE), { readOnly: true });
  try {
    const halves = database.prepare('SELECT count(*) AS halves FROM node WHERE parent_id < 0');
    const deadlineMs = Date.now() + 20_000;
    while (Number(halves.get()?.halves) === 0 && !hasCaughtUp()) {
      if (Date.now() > deadlineMs) throw new Error('it never caught up');
      await yieldToEventLoop();
    }
  } finally {
    database.close();
  }
}

async function withCopy<T>(dataDir: string, look: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'mediadav-snapshot-'));
  try {
    // Without the index of the log (`-shm`), which is only good for the process that made it.
    const files = (await readdir(dataDir)).filter((name) => name === DATABASE || name === `${DATABASE}-wal`);
    for (const name of files) await copyFile(join(dataDir, name), join(folder, name));
    return await look(join(folder, DATABASE));
  } finally {
    await rm(folder, { recursive: true });
  }
}
