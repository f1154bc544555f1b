import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { translating } from './database.ts';
import type { LogFolder } from './log-folder.ts';
import { LogLength } from './log-length.ts';

/** Work that yields wherever others may have a turn of the event loop. */
export type Steps<T> = Generator<undefined, T>;

/**
 * The one connection that writes. A transaction on it may take several turns of the event loop: readers have connections
 * of their own, and see nothing of it before its commit. Whoever else would use this one waits until then, because what
 * they did would be part of that transaction, and what they saw might be undone.
 */
export class WriteConnection {
  readonly #database: DatabaseSync;
  readonly #log: LogFolder | null;
  #length: LogLength | null;
  #revision = 0;
  /** Ends with the transaction that is open between two turns, or with the folding of the log. */
  #open: Promise<void> | null = null;

  /**
   * @param log folds the write-ahead log in, after commits and before whoever waits for them; its owner closes it. Null:
   * each commit sees to that itself.
   */
  constructor(database: DatabaseSync, log: LogFolder | null = null) {
    this.#database = database;
    this.#log = log;
    this.#length = log === null ? null : LogLength.of(database);
    if (this.#length !== null) database.exec('PRAGMA wal_autocheckpoint = 0');
  }

  /** Another number after each commit, for readers that keep what they have read. */
  get revision(): number {
    return this.#revision;
  }

  /** What it would read now is what is committed. */
  get isFree(): boolean {
    return this.#open === null;
  }

  /** Prepares a statement that only reads, to be run while it is free. */
  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  /** Runs one statement, or some that only read. */
  async run<T>(work: () => T): Promise<T> {
    while (this.#open !== null) await this.#open;
    try {
      return translating(work);
    } finally {
      this.#revision += 1;
      this.#foldWhenDue();
    }
  }

  /** All of it or nothing, within one turn of the event loop. */
  async transaction<T>(work: () => T): Promise<T> {
    return await this.transactionInSteps(() => inOneStep(work));
  }

  /**
   * All of it or nothing.
   * @param undone called when nothing of it was kept, before anybody else has a turn.
   */
  async transactionInSteps<T>(work: () => Steps<T>, undone: () => void = () => undefined): Promise<T> {
    // Not `untilFree`: of two who wait, the second has to look again, in the same turn in which it begins.
    while (this.#open !== null) await this.#open;
    const { promise, resolve } = Promise.withResolvers<void>();
    try {
      translating(() => this.#database.exec('BEGIN IMMEDIATE'));
      const steps = work();
      let step = translating(() => steps.next());
      while (step.done !== true) {
        this.#open = promise;
        await yieldToEventLoop();
        step = translating(() => steps.next());
      }
      translating(() => this.#database.exec('COMMIT'));
      this.#revision += 1;
      return step.value;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, such as a full disk.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      undone();
      throw error;
    } finally {
      this.#open = null;
      resolve();
      this.#foldWhenDue();
    }
  }

  /** Folding waits for the disk, and whoever writes waits for it; so the log begins anew each time. */
  #foldWhenDue(): void {
    if (this.#log === null || this.#length?.isLong() !== true) return;
    this.#open = this.#log
      .fold()
      .then(() => this.#length?.noteFolded())
      .catch(() => {
        // No thread, no matter why: then commits do it, as they would without one.
        this.#length = null;
        if (this.#database.isOpen) this.#database.exec('PRAGMA wal_autocheckpoint = 1000');
      })
      .finally(() => {
        this.#open = null;
      });
  }

  /** Resolves when no transaction is open, and nothing is being folded in. */
  async untilFree(): Promise<void> {
    while (this.#open !== null) await this.#open;
  }
}

// biome-ignore lint/correctness/useYield: one step is all it takes
export function* inOneStep<T>(work: () => T): Steps<T> {
  return work();
}
