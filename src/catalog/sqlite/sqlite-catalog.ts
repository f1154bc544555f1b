import { existsSync } from 'node:fs';
import { CodedError } from '../../model/coded-error.ts';
import type { NamePolicy } from '../../model/name.ts';
import type { Catalog, CatalogReader } from '../catalog.ts';
import { CommitBell } from '../change-bell.ts';
import { checkSchema, openForReading, openForWriting } from './database.ts';
import { LogFolder } from './log-folder.ts';
import { SqliteLockStore } from './sqlite-lock-store.ts';
import { SqlitePropertyStore } from './sqlite-property-store.ts';
import { SqliteReader } from './sqlite-reader.ts';
import { SqliteWriter } from './sqlite-writer.ts';
import { WriteConnection } from './write-connection.ts';
import { lockForWriting } from './writer-lock.ts';

/**
 * Opens the catalog in `file`, making it when it is not there, and brings an older one forward.
 * @throws CodedError `corrupt`, `invalid`, `no-space` or `unavailable` when it cannot be used; `locked` when another
 * process has it open in this way.
 */
export function openSqliteCatalog(file: string, policy: NamePolicy): Catalog {
  const opened: { close(): void }[] = [];
  const closeAll = () => {
    for (const each of opened.splice(0).reverse()) each.close();
  };
  try {
    const lock = lockForWriting(file);
    opened.push({ close: () => lock.release() });
    const writing = openForWriting(file);
    opened.push(writing);
    const reading = openForReading(file);
    opened.push(reading);
    const bell = new CommitBell();
    const log = new LogFolder(file);
    const connection = new WriteConnection(writing, log);
    return {
      // Nobody else may write while this process has the lock.
      reader: new SqliteReader(reading, connection),
      writer: new SqliteWriter(writing, connection, policy, () => bell.ring()),
      locks: new SqliteLockStore(writing, connection),
      properties: new SqlitePropertyStore(writing, connection, reading),
      bell,
      async close() {
        // Somebody may have begun to write while the thread ended, and so begun another one.
        do {
          await connection.untilFree();
          await log.close();
        } while (!connection.isFree || log.isRunning);
        reading.close();
        opened.splice(opened.indexOf(reading), 1);
        // Folds the write-ahead log back in, so that a stopped server leaves one plain file.
        writing.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        closeAll();
      },
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}

/**
 * Opens the catalog in `file` for reading only, also while another process writes to it.
 * @throws CodedError `not-found` when there is none yet; `invalid` when it is of another version of mediadav;
 * `corrupt` or `unavailable` when it cannot be used.
 */
export function openSqliteReader(file: string): { readonly reader: CatalogReader; close(): void } {
  if (!existsSync(file)) {
    throw new CodedError(
      'not-found',
      'There is no catalog yet: start the server, or run "mediadav scan", first.',
    );
  }
  const reading = openForReading(file);
  try {
    checkSchema(reading);
    return { reader: new SqliteReader(reading), close: () => reading.close() };
  } catch (error) {
    reading.close();
    throw error;
  }
}
