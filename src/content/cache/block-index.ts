import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Logger } from '../../model/logger.ts';

/** File of the cache's folder. */
export const INDEX_NAME = 'index.db';
const SCHEMA_VERSION = 2;

/*
 * Nothing here waits for the disk (synchronous = OFF): what a killed process wrote is with the kernel, and a power cut
 * costs at most the cache, because every block has its checksum. One process at a time (locking_mode).
 */
const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  PRAGMA journal_size_limit = 4194304;
  CREATE TABLE IF NOT EXISTS content (
    id INTEGER PRIMARY KEY AUTOINCREMENT,       -- also the name of its file, so it is never used twice
    key TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,
    is_verified INTEGER NOT NULL,
    used INTEGER NOT NULL,                      -- grows with each use of any content
    state TEXT                                  -- of the bytes, as the source names it
  ) STRICT;
  CREATE INDEX IF NOT EXISTS content_used ON content (used);
  CREATE TABLE IF NOT EXISTS block (
    content_id INTEGER NOT NULL, number INTEGER NOT NULL, crc32 INTEGER NOT NULL,
    PRIMARY KEY (content_id, number)
  ) STRICT, WITHOUT ROWID;
`;

/** From one version to the next: a cache is worth more than the work of fetching it again. */
const MIGRATIONS: Readonly<Record<number, string>> = { 1: 'ALTER TABLE content ADD COLUMN state TEXT' };

/** Blocks of what was forgotten are there until their turn to go comes. */
const IS_KNOWN = 'EXISTS (SELECT 1 FROM content WHERE id = ?1)';

const STATEMENTS = {
  find: 'SELECT id, size_bytes, stored_bytes, is_verified, state FROM content WHERE key = ?',
  knows: 'SELECT 1 FROM content WHERE id = ?',
  storedBytes: 'SELECT stored_bytes FROM content WHERE id = ?',
  create: 'INSERT INTO content (key, size_bytes, stored_bytes, is_verified, used) VALUES (?, ?, 0, 0, ?)',
  touch: 'UPDATE content SET used = ? WHERE id = ?',
  verify: 'UPDATE content SET is_verified = 1 WHERE id = ?',
  unverify: 'UPDATE content SET is_verified = 0 WHERE id = ?',
  state: 'UPDATE content SET state = ? WHERE id = ?',
  grow: 'UPDATE content SET stored_bytes = stored_bytes + ? WHERE id = ?',
  forget: 'DELETE FROM content WHERE id = ? RETURNING stored_bytes',
  forgetBlocks: 'DELETE FROM block WHERE content_id = ? AND number >= ? AND number < ?',
  put: 'INSERT OR IGNORE INTO block (content_id, number, crc32) VALUES (?, ?, ?)',
  drop: 'DELETE FROM block WHERE content_id = ? AND number = ?',
  checksum: `SELECT crc32 FROM block WHERE content_id = ?1 AND number = ?2 AND ${IS_KNOWN}`,
  firstFrom: `SELECT min(number) AS number FROM block WHERE content_id = ?1 AND number >= ?2 AND ${IS_KNOWN}`,
  count: `SELECT count(*) AS count FROM block WHERE content_id = ?1 AND number BETWEEN ?2 AND ?3 AND ${IS_KNOWN}`,
  firstLeft: 'SELECT min(number) AS number FROM block WHERE content_id = ? AND number >= ?',
  totals: 'SELECT coalesce(sum(stored_bytes), 0) AS bytes, coalesce(max(used), 0) AS used FROM content',
  contents: 'SELECT count(*) AS count FROM content',
  oldest: 'SELECT id FROM content ORDER BY used LIMIT ?',
  nextLost: `SELECT min(content_id) AS number FROM block
    WHERE content_id > ? AND NOT EXISTS (SELECT 1 FROM content WHERE content.id = block.content_id)`,
} as const;

/** What is held of one content. */
export interface IndexedContent {
  readonly id: number;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  /** All of it was compared with the digest that the source tells. */
  readonly isVerified: boolean;
  /** Which state of the bytes its blocks are of, in the words of the source; null: it has told none. */
  readonly state: string | null;
}

/** Blocks forgotten in one turn of the event loop. */
const BLOCKS_A_TURN = 4_096;

/**
 * Which blocks of which contents are in the cache, and their checksums: a file of SQLite of its own. Throws SQLite's
 * errors; its owner turns the cache off then.
 */
export class BlockIndex {
  readonly #database: DatabaseSync;
  readonly #statements: Record<keyof typeof STATEMENTS, StatementSync>;
  #used: number;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)] as const);
    this.#statements = Object.fromEntries(prepared) as Record<keyof typeof STATEMENTS, StatementSync>;
    this.#used = Number(this.#statements.totals.get()?.used);
  }

  /** A damaged file, or one of another mediadav, is made anew: what it told of is fetched again. */
  static open(folder: string, logger: Logger): BlockIndex {
    const file = join(folder, INDEX_NAME);
    try {
      return new BlockIndex(openDatabase(file));
    } catch (error) {
      if (!isDamaged(error)) throw error;
      logger.warn('the index of the cache was damaged, so the cache begins anew', { error });
      for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
      return new BlockIndex(openDatabase(file));
    }
  }

  find(key: string): IndexedContent | null {
    const row = this.#statements.find.get(key);
    if (row === undefined) return null;
    return {
      id: Number(row.id),
      sizeBytes: Number(row.size_bytes),
      storedBytes: Number(row.stored_bytes),
      isVerified: row.is_verified === 1,
      state: row.state === null ? null : String(row.state),
    };
  }

  knows(id: number): boolean {
    return this.#statements.knows.get(id) !== undefined;
  }

  storedBytesOf(id: number): number {
    return Number(this.#statements.storedBytes.get(id)?.stored_bytes ?? 0);
  }

  create(key: string, sizeBytes: number): IndexedContent {
    this.#used += 1;
    const { lastInsertRowid } = this.#statements.create.run(key, sizeBytes, this.#used);
    return { id: Number(lastInsertRowid), sizeBytes, storedBytes: 0, isVerified: false, state: null };
  }

  /** It was used last. */
  touch(id: number): void {
    this.#used += 1;
    this.#statements.touch.run(this.#used, id);
  }

  markVerified(id: number): void {
    this.#statements.verify.run(id);
  }

  markUnverified(id: number): void {
    this.#statements.unverify.run(id);
  }

  noteState(id: number, state: string): void {
    this.#statements.state.run(state, id);
  }

  checksumOf(id: number, block: number): number | null {
    const row = this.#statements.checksum.get(id, block);
    return row === undefined ? null : Number(row.crc32);
  }

  /** The first block from this one on that is there. */
  firstFrom(id: number, block: number): number | null {
    return numberOf(this.#statements.firstFrom.get(id, block));
  }

  /** Are all blocks from the first to the last of these there? */
  holds(id: number, first: number, last: number): boolean {
    return Number(this.#statements.count.get(id, first, last)?.count) === last - first + 1;
  }

  /** @returns false when the content was forgotten meanwhile, or the block is there already. */
  put(id: number, block: number, crc32: number, bytes: number): boolean {
    return this.#together(() => {
      if (!this.knows(id) || this.#statements.put.run(id, block, crc32).changes === 0) return false;
      this.#statements.grow.run(bytes, id);
      return true;
    });
  }

  /** What comes in its place was compared with nothing yet. @returns false when the block was not there. */
  drop(id: number, block: number, bytes: number): boolean {
    return this.#together(() => {
      if (this.#statements.drop.run(id, block).changes === 0) return false;
      this.#statements.grow.run(-bytes, id);
      this.#statements.unverify.run(id);
      return true;
    });
  }

  /** Its blocks are no longer found; `forgetBlocks` removes what is left of them. @returns how many bytes they had. */
  forget(id: number): number {
    return Number(this.#statements.forget.get(id)?.stored_bytes ?? 0);
  }

  /** Some blocks of a forgotten content. @returns where to go on, null at the end. */
  forgetBlocks(id: number, from: number): number | null {
    const first = numberOf(this.#statements.firstLeft.get(id, from));
    if (first === null) return null;
    this.#statements.forgetBlocks.run(id, first, first + BLOCKS_A_TURN);
    return first + BLOCKS_A_TURN;
  }

  /** The first content after `id` of which only blocks are left: a crash came in between. */
  lostAfter(id: number): number | null {
    return numberOf(this.#statements.nextLost.get(id));
  }

  /** Those used longest ago, oldest first. */
  oldest(limit: number): number[] {
    return this.#statements.oldest.all(limit).map(({ id }) => Number(id));
  }

  totalBytes(): number {
    return Number(this.#statements.totals.get()?.bytes);
  }

  contentCount(): number {
    return Number(this.#statements.contents.get()?.count);
  }

  close(): void {
    this.#database.close();
  }

  #together<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk may have ended the transaction already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function numberOf(row: Record<string, unknown> | undefined): number | null {
  const number = row?.number ?? null;
  return number === null ? null : Number(number);
}

/** Primary result codes, https://sqlite.org/rescode.html: CORRUPT, NOTADB. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26]);

function isDamaged(error: unknown): boolean {
  const code = (error as { errcode?: unknown }).errcode;
  return error instanceof DamagedIndex || (typeof code === 'number' && DAMAGED.has(code & 0xff));
}

class DamagedIndex extends Error {}

function openDatabase(file: string): DatabaseSync {
  // SQLite gives its other files the rights of this one.
  closeSync(openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file);
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    const migration = MIGRATIONS[version];
    const isKnown = version === 0 || version === SCHEMA_VERSION || migration !== undefined;
    if (!isKnown) throw new DamagedIndex(`schema ${version}`);
    database.exec(SCHEMA);
    // Killed before the next statement, a process leaves the column and the old version.
    if (migration !== undefined && !hasStates(database)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    const check = String(database.prepare('PRAGMA quick_check(1)').get()?.quick_check);
    if (check !== 'ok') throw new DamagedIndex(check);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function hasStates(database: DatabaseSync): boolean {
  const columns = database.prepare("SELECT name FROM pragma_table_info('content')").all();
  return columns.some(({ name }) => name === 'state');
}
