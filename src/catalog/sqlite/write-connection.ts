import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { translating } from './database.ts';

/** Work that yields wherever others may have a turn of the event loop. */
export type Steps<T> = Generator<undefined, T>;

/** Pages in the write-ahead log from which on a commit folds it in: what SQLite does if it is not told otherwise. */
const FOLD_PAGES = 1000;

/**
 * The one connection that writes. A transaction on it may take several turns of the event loop: readers have connections
 * of their own, and see nothing of it before its commit. Whoever else would use this one waits until then, because what
 * they did would be part of that transaction, and what they saw might be undone.
 */
export class WriteConnection {
  readonly #database: DatabaseSync;
  #revision = 0;
  /** Ends with the transaction that is open between two turns. */
  #open: Promise<void> | null = null;

  constructor(database: DatabaseSync) {
    this.#database = database;
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
      const isLarge = step.done !== true;
      while (step.done !== true) {
        this.#open = promise;
        await yieldToEventLoop();
        step = translating(() => steps.next());
      }
      translating(() => (isLarge ? this.#commitLarge() : this.#database.exec('COMMIT')));
      this.#revision += 1;
      // Who comes next folds the log in, which is as much work again: not in this turn.
      if (isLarge) await yieldToEventLoop();
      return step.value;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, such as a full disk.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      undone();
      throw error;
    } finally {
      this.#open = null;
      resolve();
    }
  }

  /** Leaves it to the next commit to fold the write-ahead log into the file. */
  #commitLarge(): void {
    this.#database.exec('PRAGMA wal_autocheckpoint = 0');
    try {
      this.#database.exec('COMMIT');
    } finally {
      this.#database.exec(`PRAGMA wal_autocheckpoint = ${FOLD_PAGES}`);
    }
  }

  /** Resolves when no transaction is open. */
  async untilFree(): Promise<void> {
    while (this.#open !== null) await this.#open;
  }
}

// biome-ignore lint/correctness/useYield: one step is all it takes
export function* inOneStep<T>(work: () => T): Steps<T> {
  return work();
}
