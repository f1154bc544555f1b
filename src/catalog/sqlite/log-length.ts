import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Pages that are not folded in: as many as SQLite itself waits for. */
const LONG_PAGES = 1000;
/** What could not be folded, because somebody was reading just then or the disk is full, waits until so many have come to it. */
const AGAIN_PAGES = 100;

/**
 * What a long log leaves on the disk when it begins anew; one commit of a first scan may be longer. Each connection has its
 * own limit, and that of the one who begins the log anew counts (https://sqlite.org/pragma.html#pragma_journal_size_limit).
 */
export const LEFT_LOG_BYTES = 64 * 1024 * 1024;

/** In pages. When the log begins anew, both begin with 0. */
interface Told {
  readonly log: number;
  readonly checkpointed: number;
}

/** How much of the write-ahead log of a catalog is not folded into its file, in pages. Costs a microsecond, and no call to the disk. */
export class LogLength {
  readonly #ask: StatementSync;
  #afterFolding: Told = { log: 0, checkpointed: 0 };

  private constructor(database: DatabaseSync) {
    this.#ask = database.prepare('PRAGMA wal_checkpoint(NOOP)');
  }

  /** Null where SQLite cannot tell (before 3.51, https://sqlite.org/pragma.html#pragma_wal_checkpoint), and would fold instead. */
  static of(database: DatabaseSync): LogLength | null {
    const { version } = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
    const [major = 0, minor = 0] = version.split('.').map(Number);
    return major > 3 || (major === 3 && minor >= 51) ? new LogLength(database) : null;
  }

  /** Is it time to fold? */
  isLong(): boolean {
    const told = this.#tell();
    if (told === null) return false;
    const before = this.#afterFolding;
    const tried = told.checkpointed < before.checkpointed ? 0 : before.log;
    return told.log - told.checkpointed >= LONG_PAGES && told.log - tried >= AGAIN_PAGES;
  }

  /** To be called when folding has ended, however. */
  noteFolded(): void {
    this.#afterFolding = this.#tell() ?? this.#afterFolding;
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
