import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** What a thread is to send: bytes of an open file, from one position to another, to a connection. */
export interface SendOrder {
  /** Valid until the outcome is told. Nobody else writes to the connection until then. */
  readonly socketFd: number;
  readonly fileFd: number;
  readonly startByte: number;
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

interface Pending {
  readonly resolve: (outcome: SendOutcome) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: () => void;
}

const IDLE_MS = 10_000;

/**
 * A thread that sends files of one disk, all that are asked for at once. It begins with the first and ends when there are
 * none for a while. A disk that hangs holds up this thread and nothing else.
 */
export class FileSender {
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #ready: Promise<void> = Promise.resolve();
  #lastId = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  /** Resolves when the thread is there, for some seconds at least; rejects when there can be none. */
  async begin(): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#worker ??= this.#startThread();
    await this.#ready;
    if (this.#pending.size === 0) this.#endLater();
  }

  /**
   * To be called behind `begin`. Resolves when the thread has let go of both descriptors, also after the signal: then it is `isBroken`. Rejects when the
   * thread is lost, which has let go of them too.
   * @param onProgress called about once a second while bytes are taken.
   */
  async send(order: SendOrder, signal: AbortSignal, onProgress: () => void): Promise<SendOutcome> {
    clearTimeout(this.#idleTimer);
    this.#worker ??= this.#startThread();
    const worker = this.#worker;
    this.#lastId += 1;
    const id = this.#lastId;
    const stop = () => worker.postMessage({ kind: 'stop', id } satisfies SenderRequest);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject, onProgress });
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
    // The published package holds JavaScript; the name of this very file tells which of both runs.
    const entry = new URL(`./file-sender-thread${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(entry, { execArgv: [] });
    const ready = Promise.withResolvers<void>();
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
    worker.on('exit', () => this.#onLost(worker, new Error('the thread that sends files ended')));
    worker.unref();
    return worker;
  }

  #onLost(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    clearTimeout(this.#idleTimer);
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
