import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { CodedError } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import { makePrivate } from '../private-file.ts';

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA journal_size_limit = 8388608;
  CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT UNIQUE,                -- null: not whole yet, or waiting to be deleted
    kind TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ms REAL NOT NULL,
    created_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS piece (
    entry_id INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (entry_id, at)
  ) STRICT;
`;

const COLUMNS = 'id, path, kind, size_bytes, modified_ms, created_ms';

/** Primary result codes, https://sqlite.org/rescode.html */
const FULL = 13;
const DAMAGED: ReadonlySet<number> = new Set([11, 26]);

/**
 * Opens the file, making it when it is not there. A damaged one is made anew: nothing in it is anybody's.
 * @throws CodedError `unavailable`, `no-space` when it cannot be used.
 */
export function openScratchDatabase(file: string, logger: Logger): DatabaseSync {
  return translating(() => {
    try {
      return open(file);
    } catch (error) {
      if (!DAMAGED.has(resultOf(error) ?? 0)) throw error;
      logger.warn('the file of system litter was damaged, and is made anew', { error });
      for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
      return open(file);
    }
  });
}

function open(file: string): DatabaseSync {
  makePrivate(file);
  const database = new DatabaseSync(file);
  try {
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Runs one piece of database work, translating SQLite's errors. */
export function translating<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const result = resultOf(error);
    if (result === null) throw error;
    if (result === FULL) {
      throw new CodedError('no-space', 'There is no space left for system files.', { cause: error });
    }
    throw new CodedError('unavailable', 'System files cannot be kept at the moment.', { cause: error });
  }
}

function resultOf(error: unknown): number | null {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code & 0xff : null;
}

export type Statements = ReturnType<typeof prepareStatements>;

/** All statements of the store. */
export function prepareStatements(database: DatabaseSync) {
  const statements = {
    at: `SELECT ${COLUMNS} FROM entry WHERE path = ?`,
    byId: `SELECT ${COLUMNS} FROM entry WHERE id = ? AND path IS NOT NULL`,
    below: `SELECT ${COLUMNS} FROM entry WHERE path > ? AND path < ? ORDER BY path`,
    insert: 'INSERT INTO entry (path, kind, size_bytes, modified_ms, created_ms) VALUES (NULL, ?, 0, ?, ?)',
    place: 'UPDATE entry SET path = ?, size_bytes = ? WHERE id = ?',
    setTime: 'UPDATE entry SET modified_ms = ? WHERE path = ?',
    drop: 'UPDATE entry SET path = NULL WHERE path = ?',
    dropBelow: 'UPDATE entry SET path = NULL WHERE path > ? AND path < ?',
    moveTree:
      'UPDATE entry SET path = ?1 || substr(path, length(?2) + 1) WHERE path = ?2 OR (path > ?3 AND path < ?4)',
    total:
      'SELECT count(*) AS count, coalesce(sum(size_bytes), 0) AS bytes FROM entry WHERE path IS NOT NULL',
    oldest: 'SELECT path, size_bytes FROM entry WHERE path IS NOT NULL AND id <> ? ORDER BY id LIMIT 1',
    lost: 'SELECT id FROM entry WHERE path IS NULL',
    delete: 'DELETE FROM entry WHERE id = ?',
    writePiece: 'INSERT INTO piece (entry_id, at, bytes) VALUES (?, ?, ?)',
    piece: 'SELECT bytes FROM piece WHERE entry_id = ? AND at = ?',
    deletePieces:
      'DELETE FROM piece WHERE entry_id = ? AND at IN (SELECT at FROM piece WHERE entry_id = ? ORDER BY at DESC LIMIT ?)',
  } as const;
  const prepared = Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)] as const);
  return Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>;
}
