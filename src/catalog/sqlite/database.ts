import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CodedError, type ErrorCode } from '../../model/coded-error.ts';
import { makePrivate } from '../../private-file.ts';
import { LEFT_LOG_BYTES } from './log-length.ts';
import { EPOCH_KEY, MIGRATIONS } from './schema.ts';

/** Primary result codes, https://sqlite.org/rescode.html */
const CODE_BY_RESULT: Readonly<Record<number, ErrorCode>> = {
  5: 'unavailable', // SQLITE_BUSY
  8: 'unavailable', // SQLITE_READONLY
  10: 'unavailable', // SQLITE_IOERR
  11: 'corrupt', // SQLITE_CORRUPT
  13: 'no-space', // SQLITE_FULL
  14: 'unavailable', // SQLITE_CANTOPEN
  26: 'corrupt', // SQLITE_NOTADB
};

/**
 * SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not be made longer. Like SQLITE_FULL, but SQLite counts
 * it among the errors of the disk.
 */
const SHM_SIZE_RESULT = 4874;

/** Runs one piece of database work, translating SQLite's errors once, here. */
export function translating<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const result = (error as { errcode?: unknown }).errcode;
    const code = typeof result === 'number' ? codeOfResult(result) : undefined;
    if (code === undefined) throw error;
    throw new CodedError(code, SENTENCES[code] ?? 'The catalog failed.', { cause: error });
  }
}

function codeOfResult(result: number): ErrorCode | undefined {
  return result === SHM_SIZE_RESULT ? 'no-space' : CODE_BY_RESULT[result & 0xff];
}

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  unavailable: 'The catalog cannot be read or written at the moment.',
  corrupt: 'The catalog file is damaged or is not a catalog.',
  'no-space':
    'There is no space left for the catalog: free some on the disk of DATA_DIR. What is known stays listed until then.',
};

/**
 * Opens the writing connection and brings the schema forward.
 * WAL: readers never wait for the writer. `synchronous = NORMAL`: after a power cut the last moments may be
 * missing but the file is whole, and the next scan finds them again.
 * @throws CodedError `corrupt` for a foreign or damaged file, `invalid` for a catalog of a newer mediadav.
 */
export function openForWriting(file: string): DatabaseSync {
  return translating(() => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    makePrivate(file);
    const database = new DatabaseSync(file, { timeout: 10_000 });
    try {
      // What is not ours to bring forward is not ours to touch either.
      schemaVersion(database);
      database.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = NORMAL;
        PRAGMA journal_size_limit = ${LEFT_LOG_BYTES};
        PRAGMA cache_size = -16384;
        PRAGMA temp_store = MEMORY;
      `);
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

/** Opens a connection that sees only what is committed and can change nothing. */
export function openForReading(file: string): DatabaseSync {
  return translating(() => {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
    // No mmap: a fifth faster, but all of a large catalog would count as memory of this process.
    database.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;');
    return database;
  });
}

/** The catalog's life: made once with the file. Cursors and public ids of another life mean nothing here. */
export function readEpoch(database: DatabaseSync): string {
  const row = database.prepare('SELECT value FROM catalog WHERE key = ?').get(EPOCH_KEY);
  if (row === undefined) throw new CodedError('corrupt', 'The catalog file has lost its epoch.');
  return String(row.value);
}

/**
 * For whoever may not bring the schema forward.
 * @throws CodedError `invalid` unless it is exactly the one this mediadav knows.
 */
export function checkSchema(database: DatabaseSync): void {
  if (translating(() => schemaVersion(database)) < MIGRATIONS.length) {
    const text =
      'The catalog was written by an older mediadav: start the server, or run "mediadav scan", first.';
    throw new CodedError('invalid', text);
  }
}

/** @throws CodedError `invalid` when it is newer than this mediadav. */
function schemaVersion(database: DatabaseSync): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version > MIGRATIONS.length) {
    const versions = `schema ${version}, this one knows ${MIGRATIONS.length}`;
    const text = `The catalog was written by a newer mediadav (${versions}): update this one, or give it another DATA_DIR.`;
    throw new CodedError('invalid', text);
  }
  return version;
}

function migrate(database: DatabaseSync): void {
  const version = schemaVersion(database);
  for (let next = version; next < MIGRATIONS.length; next++) {
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(MIGRATIONS[next] ?? '');
      if (next === 0) {
        const insert = database.prepare('INSERT INTO catalog (key, value) VALUES (?, ?)');
        insert.run(EPOCH_KEY, randomBytes(6).toString('hex'));
      }
      database.exec(`PRAGMA user_version = ${next + 1}`);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  }
}
