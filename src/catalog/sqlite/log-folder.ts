import { extname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

export interface LogFolderStart {
  readonly file: string;
}

export type LogFolderRequest = 'fold' | 'end';

/** What the thread answers `fold` with: it is done, or could not be done now. */
export type LogFolderReply = null;

export interface LogFolderOptions {
  /** After this time without anything to fold the thread ends and gives its memory back. */
  readonly idleMs?: number;
  /** Another thread to run, for tests. */
  readonly entry?: URL;
}

const IDLE_MS = 10_000;

/** A call under way, and the thread that answers it: another one may have begun since. */
interface Call extends PromiseWithResolvers<void> {
  readonly worker: Worker;
}

/**
 * Folds the write-ahead log of a catalog into its file, on a thread of its own: that brings both to the disk, and waits for
 * it (https://sqlite.org/wal.html#ckpt). The thread begins with the first call, and ends when there are none for a while.
 */
export class LogFolder {
  readonly #file: string;
  readonly #idleMs: number;
  readonly #entry: URL;
  #worker: Worker | null = null;
  #call: Call | null = null;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(file: string, options: LogFolderOptions = {}) {
    this.#file = file;
    this.#idleMs = options.idleMs ?? IDLE_MS;
    // The published package holds JavaScript; the name of this very file tells which of both runs.
    this.#entry = options.entry ?? new URL(`./log-folder-thread${extname(import.meta.url)}`, import.meta.url);
  }

  /**
   * One call at a time, and nothing is written meanwhile: or the log would never end, and two connections at one log at
   * the same instant have corrupted a file before SQLite 3.51.3 (https://sqlite.org/wal.html#walresetbug). Resolves when
   * as much was folded as can be: what somebody still reads stays for the next time. Rejects when the thread is lost.
   */
  async fold(): Promise<void> {
    clearTimeout(this.#idleTimer);
    // Starting one takes some milliseconds, and the commit before took some: others are let in between.
    if (this.#worker === null) await wait(1);
    this.#worker ??= this.#startThread();
    const worker = this.#worker;
    const call: Call = { worker, ...Promise.withResolvers<void>() };
    this.#call = call;
    // A process that waits for nothing else stays until it is done.
    worker.ref();
    worker.postMessage('fold' satisfies LogFolderRequest);
    try {
      await call.promise;
    } finally {
      this.#call = null;
      // Else whoever closes it waits for its end.
      if (this.#worker === worker) {
        worker.unref();
        this.#idleTimer = setTimeout(() => void this.close(), this.#idleMs).unref();
      }
    }
  }

  /** Is its thread there? */
  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** Ends the thread, after the call under way; resolves when it is gone. A later call begins another one. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    if (worker === null) return;
    this.#worker = null;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage('end' satisfies LogFolderRequest);
    await ended;
  }

  #startThread(): Worker {
    const workerData: LogFolderStart = { file: this.#file };
    const worker = new Worker(this.#entry, { workerData, execArgv: [] });
    worker.on('message', (_reply: LogFolderReply) => this.#callOf(worker)?.resolve());
    worker.on('error', (error) => this.#onLost(worker, error));
    worker.on('exit', () => this.#onLost(worker, new Error('the thread that folds the log ended')));
    return worker;
  }

  #onLost(worker: Worker, error: Error): void {
    if (this.#worker === worker) this.#worker = null;
    this.#callOf(worker)?.reject(error);
  }

  #callOf(worker: Worker): Call | null {
    return this.#call?.worker === worker ? this.#call : null;
  }
}
