import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Pages that are not folded in: as many as SQLite itself waits for. */
const LONG_PAGES = 1000;

/** The columns of the pragma that count. */
interface Told {
  readonly log: number;
  readonly checkpointed: number;
}

/** How much of the write-ahead log of a catalog is not folded into its file, in pages. Costs a microsecond, and no call to the disk. */
export class LogLength {
  readonly #ask: StatementSync;
  /** How long the log was when it was found to be long last. */
  #longBefore = 0;

  private constructor(database: DatabaseSync) {
    this.#ask = database.prepare('PRAGMA wal_checkpoint(NOOP)');
  }

  /** Null where SQLite cannot tell (before 3.51, https://sqlite.org/pragma.html#pragma_wal_checkpoint), and would fold instead. */
  static of(database: DatabaseSync): LogLength | null {
    const { version } = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
    const [major = 0, minor = 0] = version.split('.').map(Number);
    return major > 3 || (major === 3 && minor >= 51) ? new LogLength(database) : null;
  }

  /**
   * Is it time to fold? What cannot be folded, because somebody reads it or the disk is full, is found to be long once: until as
   * much has been added to it.
   */
  isLong(): boolean {
    const told = this.#tell();
    if (told === null) return false;
    const { log, checkpointed } = told;
    // It has begun anew.
    if (log < this.#longBefore) this.#longBefore = 0;
    if (log - Math.max(checkpointed, this.#longBefore) < LONG_PAGES) return false;
    this.#longBefore = log;
    return true;
  }

  /** Null: not now, while a statement is not at its end, or the disk fails. The next commit asks again. */
  #tell(): Told | null {
    try {
      return this.#ask.get() as unknown as Told;
    } catch (error) {
      if ((error as { errcode?: unknown }).errcode === undefined) throw error;
      return null;
    }
  }
}
