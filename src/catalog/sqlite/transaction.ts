import type { DatabaseSync } from 'node:sqlite';
import { translating } from './database.ts';

/** Runs `work` as one transaction: all of it or nothing. It must not wait for anything, as all share the connection. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  return translating(() => {
    database.exec('BEGIN IMMEDIATE');
    try {
      const done = work();
      database.exec('COMMIT');
      return done;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, such as a full disk.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  });
}
