import { mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CodedError } from '../../model/coded-error.ts';
import { makePrivate } from '../../private-file.ts';
import { translating } from './database.ts';

const SQLITE_BUSY = 5;

/** Held as long as a process may write to a catalog. */
export interface WriterLock {
  release(): void;
}

/**
 * Makes this process the only one that writes to the catalog in `file`. The lock is one of the operating system on an
 * empty file beside it, taken by SQLite, which knows how on each of them: it ends with the process, however that
 * ends, so there is never a stale one, and no process id that another program could have by now.
 * @throws CodedError `locked` when another process, or another catalog of this one, holds it.
 */
export function lockForWriting(file: string): WriterLock {
  return translating(() => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const lockFile = lockFileOf(file);
    makePrivate(lockFile);
    const lock = new DatabaseSync(lockFile, { timeout: 0 });
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      lock.close();
      if (((cause as { errcode?: number }).errcode ?? 0) % 256 !== SQLITE_BUSY) throw cause;
      const text =
        'Another mediadav writes to this catalog: stop it, or give this one a DATA_DIR of its own.';
      throw new CodedError('locked', text, { cause });
    }
    return { release: () => lock.close() };
  });
}

/** The same file for each way that leads to the catalog. */
function lockFileOf(file: string): string {
  return join(realpathSync(dirname(file)), `${basename(file)}.lock`);
}
