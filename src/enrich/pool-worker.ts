import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import type { Digests } from '../model/asset.ts';
import { CodedError } from '../model/coded-error.ts';
import {
  CHUNK_BYTES,
  type JobResult,
  type MediaJob,
  type WorkerReply,
  type WorkerRequest,
  type WorkerStart,
} from './media-job.ts';

/** Where the bytes of a job come from: a descriptor that stays open meanwhile, or a stream, opened when it is time. */
export type JobBytes = { readonly fd: number } | { readonly open: () => Promise<Readable> };

/** The thread ended before it had the digests. Nobody knows why: the same bytes may do it again. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError';
}

/** What a thread may take of the heap before it is ended; the bytes of files come beside it. */
const MAX_HEAP_MB = 256;
/** Chunks of a stream that are on their way between the threads. */
const STREAM_BUFFERS = 3;

const STOPPED_READER = 'a file that stopped its reader';
const TOOK_TOO_LONG = 'a file that took too long to look into';

interface Running {
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
  /** Known before the content is looked into. */
  digests: Digests | null;
}

/** One thread, which does one job at a time. Once it is dead it stays so. */
export class PoolWorker {
  readonly #worker: Worker;
  readonly #counter = new BigInt64Array(new SharedArrayBuffer(8));
  readonly #limitMs: number;
  #running: Running | null = null;
  #watchdog: NodeJS.Timeout | undefined;
  #stream: Readable | null = null;
  #freeBuffers: ArrayBuffer[] = [];
  #buffersMade = 0;
  #onFreeBuffer: (() => void) | null = null;
  #isDead = false;

  /** @param limitMs how long a job may show no progress, and how long looking into a file may take. */
  constructor(entry: URL, limitMs: number) {
    this.#limitMs = limitMs;
    const workerData: WorkerStart = { counter: this.#counter.buffer as SharedArrayBuffer };
    this.#worker = new Worker(entry, {
      workerData,
      execArgv: [],
      // Not read, for reading would keep the process alive; the thread says nothing.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.#worker.on('message', (reply: WorkerReply) => this.#onReply(reply));
    let cause: unknown;
    this.#worker.on('error', (error) => {
      cause = error;
    });
    // Only now has everything arrived that the thread has sent.
    this.#worker.on('exit', () => this.#onLost(cause));
    this.#worker.unref();
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Bytes of the present job that were read so far. */
  get bytesRead(): number {
    return Number(Atomics.load(this.#counter, 0));
  }

  /**
   * Rejects with `WorkerLostError`, `unavailable` (no bytes for too long, or an error of the disk), `changed` (the
   * file is shorter than it should be), `cancelled`, or with the error of the stream.
   */
  async run(job: MediaJob, bytes: JobBytes, signal: AbortSignal): Promise<JobResult> {
    const stop = () => this.#end(signal.reason);
    try {
      signal.throwIfAborted();
      signal.addEventListener('abort', stop, { once: true });
      Atomics.store(this.#counter, 0, 0n);
      // A thread keeps the process alive only while somebody waits for it.
      this.#worker.ref();
      return await new Promise<JobResult>((resolve, reject) => {
        this.#running = { resolve, reject, digests: null };
        this.#watch();
        if ('fd' in bytes) this.#post({ kind: 'file', job, fd: bytes.fd });
        else this.#pump(job, bytes.open).catch((error: unknown) => this.#settle(() => reject(error)));
      });
    } finally {
      this.#worker.unref();
      signal.removeEventListener('abort', stop);
      this.#stream?.destroy();
      this.#stream = null;
    }
  }

  /** Resolves when the thread is gone. One that hangs in a read of a dead disk goes when the read ends. */
  async kill(): Promise<void> {
    this.#isDead = true;
    await this.#worker.terminate();
  }

  #onReply(reply: WorkerReply): void {
    const running = this.#running;
    if (reply.kind === 'free') {
      this.#freeBuffers.push(reply.buffer);
      this.#onFreeBuffer?.();
    }
    if (running === null) return;
    if (reply.kind === 'digests') {
      running.digests = reply.digests;
      this.#watch();
    } else if (reply.kind === 'done') {
      const { found } = reply;
      const digests = running.digests ?? {};
      this.#settle(() => running.resolve({ digests, found, problem: found?.problem ?? null }));
    } else if (reply.kind === 'failed') {
      this.#settle(() => running.reject(readError(reply.errno)));
    }
  }

  /** The thread is gone: by itself, or because it was ended. */
  #onLost(cause: unknown): void {
    this.#isDead = true;
    const lost = new WorkerLostError('the thread that read a file is gone', { cause });
    this.#fail(lost, STOPPED_READER);
  }

  #end(reason: unknown, problem: string | null = null): void {
    this.#isDead = true;
    this.#fail(reason, problem);
    // What it was doing is of no interest any more, nor is when it notices.
    void this.#worker.terminate();
  }

  /** @param problem set when digests that are there already are good enough. */
  #fail(reason: unknown, problem: string | null): void {
    const running = this.#running;
    if (running === null) return;
    const { digests } = running;
    this.#settle(() => {
      if (problem !== null && digests !== null) running.resolve({ digests, found: null, problem });
      else running.reject(reason);
    });
    this.#onFreeBuffer?.();
  }

  #settle(tell: () => void): void {
    clearTimeout(this.#watchdog);
    this.#running = null;
    tell();
  }

  /** Ends the thread when neither bytes nor digests come; looking into the file is one step. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    const before = this.bytesRead;
    this.#watchdog = setTimeout(() => {
      const isReading = this.#running?.digests === null;
      if (isReading && this.bytesRead !== before) return this.#watch();
      this.#end(new CodedError('unavailable', 'The bytes of a file did not come in time.'), TOOK_TOO_LONG);
    }, this.#limitMs);
    this.#watchdog.unref();
  }

  /** Chunks of any size become full buffers, which go back and forth between the threads. */
  async #pump(job: MediaJob, open: () => Promise<Readable>): Promise<void> {
    const stream = await open();
    if (this.#isDead) return void stream.destroy();
    this.#stream = stream;
    this.#post({ kind: 'stream', job });
    let buffer: ArrayBuffer | null = null;
    let filled = 0;
    const send = (full: ArrayBuffer) => {
      buffer = null;
      this.#post({ kind: 'chunk', buffer: full, length: filled }, [full]);
      filled = 0;
    };
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; ) {
          const target: ArrayBuffer = buffer ?? (await this.#takeBuffer());
          buffer = target;
          const part = chunk.subarray(at, at + target.byteLength - filled);
          new Uint8Array(target).set(part, filled);
          filled += part.length;
          at += part.length;
          if (filled === target.byteLength) send(target);
        }
      }
      if (buffer !== null) send(buffer);
      this.#post({ kind: 'end' });
    } finally {
      if (buffer !== null) this.#freeBuffers.push(buffer);
    }
  }

  /** Waits until the thread gives one back. */
  async #takeBuffer(): Promise<ArrayBuffer> {
    while (this.#freeBuffers.length === 0 && this.#buffersMade >= STREAM_BUFFERS) {
      if (this.#isDead) throw new WorkerLostError('the thread that read a stream is gone');
      await new Promise<void>((resolve) => {
        this.#onFreeBuffer = resolve;
      });
      this.#onFreeBuffer = null;
    }
    const free = this.#freeBuffers.pop();
    if (free !== undefined) return free;
    this.#buffersMade += 1;
    return new ArrayBuffer(CHUNK_BYTES);
  }

  #post(request: WorkerRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }
}

function readError(errno: string): CodedError {
  if (errno === '') return new CodedError('changed', 'The file is shorter than it was.');
  const cause = Object.assign(new Error(`reading failed: ${errno}`), { code: errno });
  return new CodedError('unavailable', 'The disk cannot be read at the moment.', { cause });
}
