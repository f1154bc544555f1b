import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CodedError } from '../../src/model/coded-error.ts';
import {
  type DiskQuestions,
  type DiskReply,
  type DiskRequest,
  type DiskThreadStart,
  type Question,
  type StageAsk,
  THREAD_COUNTS,
} from './disk-messages.ts';

/** An answer of the disk that tells of a failure, with the `code` that Node's own errors of files have. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: string;

  constructor(errno: string) {
    super(`the disk answered ${errno}`);
    this.code = errno;
  }
}

export interface DiskOptions {
  /** How long a single call to the disk may take. A folder of a million names takes seconds over a network. */
  readonly limitMs?: number;
  /** After this time without a question the thread ends and gives its memory back. */
  readonly idleMs?: number;
  /** Another thread to run, for tests. */
  readonly entry?: URL;
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

const LIMIT_MS = 60_000;
const IDLE_MS = 10_000;
/** Questions in one message: more of them, and one side would wait for the other instead of working beside it. */
const MESSAGE_QUESTIONS = 8;
/** A folder of some millions of names; without a limit it would end the process instead of the thread. */
const MAX_HEAP_MB = 512;

/**
 * Asks the disk of one source, through a thread that waits for it. Questions are answered in the order of asking.
 *
 * The thread begins with the first question and ends when there are no more for a while. When the disk hangs nothing
 * can free it: it is given up, and until the system lets it go every question is refused at once. So a dead disk costs
 * one thread, however often it is tried, and no other source waits for it.
 */
export class Disk {
  readonly #options: Required<DiskOptions>;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #stuck: Worker | null = null;
  /** Of the thread that is there: what another one has left at its disk is not counted. */
  #counts = newCounts();
  #lastId = 0;
  /** Asked in this turn of the event loop, and not posted yet. */
  #asked: DiskRequest[] = [];
  #watchdog: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: DiskOptions = {}) {
    // The published package holds JavaScript; the name of this very file tells which of both runs.
    const entry = new URL(`./disk-thread${extname(import.meta.url)}`, import.meta.url);
    this.#options = { limitMs: LIMIT_MS, idleMs: IDLE_MS, entry, ...options };
  }

  /**
   * Rejects with `DiskError`, with `unavailable` when no answer comes in time, or with the reason of the signal. After
   * that an answer is of no interest any more.
   */
  async ask<Q extends Question>(
    question: Q,
    ask: DiskQuestions[Q]['ask'],
    signal?: AbortSignal,
  ): Promise<DiskQuestions[Q]['answer']> {
    signal?.throwIfAborted();
    if (this.#stuck !== null) throw hanging();
    this.#worker ??= this.#startThread();
    const worker = this.#worker;
    this.#lastId += 1;
    const id = this.#lastId;
    const leave = () => this.#settle(id, ({ reject }) => reject(signal?.reason));
    signal?.addEventListener('abort', leave, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        if (this.#pending.size === 1) this.#onBusy(worker);
        if (this.#asked.length === 0) setImmediate(() => this.post());
        this.#asked.push({ id, question, ask });
        if (this.#asked.length === MESSAGE_QUESTIONS) this.post();
      });
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  /**
   * Sends what was asked in this turn of the event loop, instead of at its end: for who knows that all have asked. Many are
   * asked for at once by clients that read many files, and a message each costs as much as the reading.
   */
  post(): void {
    const requests = this.#asked;
    this.#asked = [];
    if (requests.length === 0) return;
    const handedOver = requests.flatMap(({ ask }) => {
      const { bytes } = ask as Partial<StageAsk>;
      return bytes === undefined ? [] : [bytes.buffer];
    });
    this.#worker?.postMessage(requests, handedOver);
  }

  /** Is its thread there, so that an answer does not have to wait for one to begin? */
  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** Ends the thread, which holds nothing; one that hangs goes when its disk lets it. */
  close(): void {
    this.#endThread(new CodedError('cancelled', 'The source is being closed.'));
  }

  #startThread(): Worker {
    this.#counts = newCounts();
    const workerData: DiskThreadStart = { counts: this.#counts.buffer };
    const worker = new Worker(this.#options.entry, {
      workerData,
      execArgv: [],
      // What is opened there belongs to whoever asked: a number that is used again would be of another file.
      trackUnmanagedFds: false,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    worker.on('message', (replies: readonly DiskReply[]) => {
      for (const reply of replies) this.#onReply(reply);
    });
    worker.on('error', (error) => this.#onLost(worker, error));
    worker.on('exit', () => this.#onLost(worker, new Error('the thread that reads a disk ended')));
    worker.unref();
    return worker;
  }

  #onReply({ id, answer, errno, refusal }: DiskReply): void {
    this.#settle(id, ({ resolve, reject }) => {
      if (refusal !== undefined) reject(new CodedError(refusal.code, refusal.message));
      else if (errno === null) resolve(answer as never);
      else reject(new DiskError(errno));
    });
  }

  #settle(id: number, tell: (pending: Pending) => void): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#onIdle();
    tell(pending);
  }

  /** A thread keeps the process alive only while somebody waits for it. */
  #onBusy(worker: Worker): void {
    clearTimeout(this.#idleTimer);
    worker.ref();
    this.#watch();
  }

  #onIdle(): void {
    clearTimeout(this.#watchdog);
    this.#worker?.unref();
    this.#leaveLater();
  }

  /** Looks from time to time whether anything was read since. */
  #watch(): void {
    const before = Atomics.load(this.#counts, THREAD_COUNTS.calls);
    this.#watchdog = setTimeout(() => {
      if (Atomics.load(this.#counts, THREAD_COUNTS.calls) !== before) return this.#watch();
      this.#stuck = this.#worker;
      this.#endThread(hanging());
    }, this.#options.limitMs).unref();
  }

  #onLost(worker: Worker, error: Error): void {
    if (this.#stuck === worker) this.#stuck = null;
    if (this.#worker !== worker) return;
    const { code } = error as { code?: unknown };
    const isTooLarge = code === 'ERR_WORKER_OUT_OF_MEMORY';
    this.#endThread(isTooLarge ? new CodedError('unavailable', 'A folder is too large to be read.') : error);
  }

  #leaveLater(): void {
    this.#idleTimer = setTimeout(() => this.#leaveThread(), this.#options.idleMs).unref();
  }

  /** It ends by itself: what it still has to see to it does first. */
  #leaveThread(): void {
    // Another thread would not know what hangs already, and would let as much hang again.
    if (Atomics.load(this.#counts, THREAD_COUNTS.underWay) > 0n) this.#leaveLater();
    else {
      this.#worker?.postMessage(null);
      this.#worker = null;
    }
  }

  #endThread(reason: unknown): void {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    this.#worker = null;
    this.#asked = [];
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    // Not waited for: it may hang, and what it still does is of no interest.
    void worker?.terminate();
  }
}

function newCounts(): BigInt64Array<SharedArrayBuffer> {
  const { BYTES_PER_ELEMENT } = BigInt64Array;
  return new BigInt64Array(new SharedArrayBuffer(BYTES_PER_ELEMENT * Object.keys(THREAD_COUNTS).length));
}

function hanging(): CodedError {
  return new CodedError('unavailable', 'The disk does not answer.');
}
