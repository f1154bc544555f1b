import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CodedError } from '../model/coded-error.ts';

/** What a thread is to send: bytes of an open file, from one position to another, to a connection. */
export interface SendOrder {
  /** Valid until the outcome is told. Nobody else writes to the connection until then. */
  readonly socketFd: number;
  readonly fileFd: number;
  readonly startByte: number;
  /** From here on bytes are copied; before, they go by reference. */
  readonly copiedFrom: number;
  /** Exclusive. */
  readonly endByte: number;
}

export interface SendOutcome {
  /** Up to where everything was handed over: less than the end where the file is shorter, or its disk slow. */
  readonly sentTo: number;
  /** The connection failed, or was stopped: how much of the file it took is not known. */
  readonly isBroken: boolean;
}

export type SenderRequest =
  | { readonly kind: 'send'; readonly id: number; readonly order: SendOrder }
  | { readonly kind: 'stop'; readonly id: number };

export type SenderReply =
  /** Comes first: the thread can do what it is there for. */
  | { readonly kind: 'ready' }
  /** Something was sent since the last of these. */
  | { readonly kind: 'progress'; readonly id: number }
  | { readonly kind: 'outcome'; readonly id: number; readonly outcome: SendOutcome };

export interface SenderThreadStart {
  /**
   * Counted before and behind each call that may wait for the disk: while it is odd, there is one. `GIVEN_UP` instead: the
   * call is not waited for any more, and no other one may follow it.
   */
  readonly diskCalls: SharedArrayBuffer;
}

/** Odd, and never reached by counting. */
export const GIVEN_UP = -1;

export interface FileSenderOptions {
  /** How long a single call to the disk may take. */
  readonly limitMs?: number;
  /** Another thread to run, for tests. */
  readonly entry?: URL;
}

interface Pending {
  readonly resolve: (outcome: SendOutcome) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: () => void;
}

const IDLE_MS = 10_000;
const LIMIT_MS = 60_000;

/**
 * A thread that sends files of one disk, all that are asked for at once. It begins with the first and ends when there are
 * none for a while. A disk that hangs holds up this thread and nothing else; after a while it is given up, and until the
 * system lets it go there is no other one.
 */
export class FileSender {
  readonly #options: Required<FileSenderOptions>;
  readonly #pending = new Map<number, Pending>();
  readonly #diskCalls = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | null = null;
  #stuck: Worker | null = null;
  #watchdog: NodeJS.Timeout | undefined;
  #ready: Promise<void> = Promise.resolve();
  #lastId = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: FileSenderOptions = {}) {
    // The published package holds JavaScript; the name of this very file tells which of both runs.
    const entry = new URL(`./file-sender-thread${extname(import.meta.url)}`, import.meta.url);
    this.#options = { limitMs: LIMIT_MS, entry, ...options };
  }

  /**
   * Resolves when the thread is there, for some seconds at least; rejects when there can be none, with `unavailable` when
   * the last one still waits for its disk.
   */
  async begin(): Promise<void> {
    if (this.#stuck !== null) throw hanging();
    clearTimeout(this.#idleTimer);
    this.#worker ??= this.#startThread();
    await this.#ready;
    if (this.#pending.size === 0) this.#endLater();
  }

  /**
   * To be called behind `begin`. Resolves when the thread has let go of both descriptors, also after the signal: then it is
   * `isBroken`. Rejects when the thread is lost, which has let go of them too; with `unavailable` when the disk hangs: what
   * the thread waits for has its own hold of the file, and it does nothing any more when that ends.
   * @param onProgress called about once a second while bytes are taken.
   */
  async send(order: SendOrder, signal: AbortSignal, onProgress: () => void): Promise<SendOutcome> {
    if (this.#stuck !== null) throw hanging();
    clearTimeout(this.#idleTimer);
    this.#worker ??= this.#startThread();
    const worker = this.#worker;
    this.#lastId += 1;
    const id = this.#lastId;
    const stop = () => worker.postMessage({ kind: 'stop', id } satisfies SenderRequest);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject, onProgress });
        if (this.#pending.size === 1) this.#watch();
        worker.postMessage({ kind: 'send', id, order } satisfies SenderRequest);
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted) stop();
      });
    } finally {
      signal.removeEventListener('abort', stop);
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#endLater();
    }
  }

  #startThread(): Worker {
    // What an earlier thread began to count, it did not end.
    Atomics.store(this.#diskCalls, 0, 0);
    const workerData: SenderThreadStart = { diskCalls: this.#diskCalls.buffer };
    const worker = new Worker(this.#options.entry, { workerData, execArgv: [] });
    const ready = Promise.withResolvers<void>();
    // Nobody may wait for it: what is sent is told by `onLost`.
    ready.promise.catch(() => undefined);
    this.#ready = ready.promise;
    worker.on('message', (reply: SenderReply) => {
      if (reply.kind === 'ready') return ready.resolve();
      const pending = this.#pending.get(reply.id);
      if (reply.kind === 'progress') pending?.onProgress();
      else pending?.resolve(reply.outcome);
    });
    worker.on('error', ready.reject);
    worker.on('exit', () => ready.reject(new Error('the thread that sends files did not begin')));
    worker.on('error', (error) => this.#onLost(worker, error));
    worker.on('exit', () => {
      if (this.#stuck === worker) this.#stuck = null;
      this.#onLost(worker, new Error('the thread that sends files ended'));
    });
    worker.unref();
    return worker;
  }

  /** Looks from time to time whether the thread is in the same call to the disk as before. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    const before = Atomics.load(this.#diskCalls, 0);
    this.#watchdog = setTimeout(() => {
      const worker = this.#worker;
      if (worker === null || this.#pending.size === 0) return;
      if (before % 2 === 0) return this.#watch();
      // In one step: either the thread finds it when its call ends, or it has come back from it already.
      if (Atomics.compareExchange(this.#diskCalls, 0, before, GIVEN_UP) !== before) return this.#watch();
      this.#stuck = worker;
      this.#onLost(worker, hanging());
      void worker.terminate();
    }, this.#options.limitMs).unref();
  }

  #onLost(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#watchdog);
    this.#worker = null;
    for (const { reject } of this.#pending.values()) reject(error);
  }

  #endLater(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      const worker = this.#worker;
      this.#worker = null;
      void worker?.terminate();
    }, IDLE_MS).unref();
  }
}

function hanging(): CodedError {
  return new CodedError('unavailable', 'The disk does not answer.');
}
