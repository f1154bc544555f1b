import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { CodedError } from '../model/coded-error.ts';
import type { JobResult, MediaJob } from './media-job.ts';
import { type JobBytes, PoolWorker } from './pool-worker.ts';

export interface WorkerPoolOptions {
  /** Threads; by default one a core, at most 4. */
  readonly size?: number;
  /** How long a job may show no progress, and how long looking into one file may take. */
  readonly limitMs?: number;
  /** After this time without a job the threads end and give their memory back. */
  readonly idleMs?: number;
  /** Another thread to run, for tests. */
  readonly entry?: URL;
}

/** A job with its bytes. */
export interface MediaTask {
  readonly job: MediaJob;
  readonly bytes: JobBytes;
  readonly signal: AbortSignal;
  /** Called when a thread begins, with a way to see how far it is. */
  readonly onStart?: (bytesRead: () => number) => void;
}

const MOST_THREADS = 4;
const LIMIT_MS = 30_000;
const IDLE_MS = 30_000;
/** How long `close` waits for threads; one that hangs in a read of a dead disk is left behind. */
const CLOSE_WAIT_MS = 2_000;

/**
 * Threads that hash files and look into them, shared by all sources. They start with the first job, are replaced
 * when they die, and end when there is nothing to do.
 */
export class WorkerPool {
  readonly size: number;
  readonly #entry: URL;
  readonly #limitMs: number;
  readonly #idleMs: number;
  readonly #workers = new Set<PoolWorker>();
  readonly #idle: PoolWorker[] = [];
  readonly #waiting: Waiting[] = [];
  #idleTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: WorkerPoolOptions = {}) {
    this.size = options.size ?? Math.min(availableParallelism(), MOST_THREADS);
    this.#limitMs = options.limitMs ?? LIMIT_MS;
    this.#idleMs = options.idleMs ?? IDLE_MS;
    // The published package holds JavaScript; the name of this very file tells which of both runs.
    this.#entry = options.entry ?? new URL(`./media-worker${extname(import.meta.url)}`, import.meta.url);
  }

  /** Runs a job when a thread is free, in the order of asking. Rejects as `PoolWorker.run` does. */
  async run({ job, bytes, signal, onStart }: MediaTask): Promise<JobResult> {
    const worker = await this.#take(signal);
    try {
      onStart?.(() => worker.bytesRead);
      return await worker.run(job, bytes, signal);
    } finally {
      this.#giveBack(worker);
    }
  }

  /** Ends all threads and whatever they do. No job follows. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    for (const { reject } of this.#waiting.splice(0)) reject(stopping());
    const killed = Promise.all([...this.#workers].map((worker) => worker.kill()));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WAIT_MS);
    });
    await Promise.race([killed, patience]);
    clearTimeout(timer);
    this.#workers.clear();
    this.#idle.length = 0;
  }

  async #take(signal: AbortSignal): Promise<PoolWorker> {
    signal.throwIfAborted();
    if (this.#isClosed) throw stopping();
    clearTimeout(this.#idleTimer);
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isDead) return idle;
      this.#workers.delete(idle);
    }
    if (this.#workers.size < this.size) return this.#start();
    return await new Promise<PoolWorker>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        resolve: (worker) => {
          signal.removeEventListener('abort', leave);
          resolve(worker);
        },
        reject,
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #start(): PoolWorker {
    const worker = new PoolWorker(this.#entry, this.#limitMs);
    this.#workers.add(worker);
    return worker;
  }

  #giveBack(worker: PoolWorker): void {
    if (worker.isDead) this.#workers.delete(worker);
    if (this.#isClosed) return;
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(worker.isDead ? this.#start() : worker);
    else if (!worker.isDead) this.#idle.push(worker);
    if (this.#idle.length === this.#workers.size) this.#retireLater();
  }

  #retireLater(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      for (const worker of this.#idle.splice(0)) {
        this.#workers.delete(worker);
        void worker.kill();
      }
    }, this.#idleMs);
    this.#idleTimer.unref();
  }
}

interface Waiting {
  readonly resolve: (worker: PoolWorker) => void;
  readonly reject: (error: unknown) => void;
}

function stopping(): CodedError {
  return new CodedError('cancelled', 'The server is stopping.');
}
