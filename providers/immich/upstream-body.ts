import { Readable } from 'node:stream';
import { CodedError } from '../../src/model/coded-error.ts';
import { cancelledBy, translateNetworkError } from './translate-error.ts';

export interface UpstreamBodyOptions {
  /** Ends the stream with `cancelled` when it aborts. */
  readonly signal: AbortSignal;
  /** The longest silence while somebody waits for bytes, in milliseconds. */
  readonly silenceMs: number;
  /** Bytes to throw away before the first one. */
  readonly skipBytes: number;
  /** Bytes to hand out; what follows is not read. Null: all there are. */
  readonly takeBytes: number | null;
}

/** Stopping and starting a socket at each of its pieces (64 KB) takes longer than passing them on. */
const QUEUE_BYTES = 256 * 1024;

/**
 * The bytes of an answer as a stream of their own: destroying either side destroys both at once, errors are CodedErrors,
 * and a server that falls silent ends it with `unavailable`. A consumer that reads slowly is not silence.
 */
export class UpstreamBody extends Readable {
  readonly #response: Readable;
  readonly #options: UpstreamBodyOptions;
  readonly #onAbort: () => void;
  #toSkip: number;
  #toTake: number;
  #isWaiting = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(response: Readable, options: UpstreamBodyOptions) {
    super({ highWaterMark: QUEUE_BYTES });
    this.#response = response;
    this.#options = options;
    this.#toSkip = options.skipBytes;
    this.#toTake = options.takeBytes ?? Number.POSITIVE_INFINITY;
    this.#onAbort = () => this.destroy(cancelledBy(options.signal));
    response.on('data', (chunk: Buffer) => this.#take(chunk));
    response.on('end', () => this.#ended());
    response.on('error', (error) => this.destroy(translateNetworkError(error, options.signal)));
    response.on('close', () => this.#closed());
    response.pause();
    if (options.signal.aborted) this.#onAbort();
    else options.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  override _read(): void {
    this.#isWaiting = true;
    this.#listen();
    this.#response.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    // A body read to its end leaves the connection for the next request; any other breaks it.
    if (!this.#response.readableEnded) this.#response.destroy();
    callback(error);
  }

  #take(chunk: Buffer): void {
    this.#listen();
    const skipped = Math.min(this.#toSkip, chunk.length);
    this.#toSkip -= skipped;
    const wanted = chunk.subarray(skipped, Math.min(chunk.length, skipped + this.#toTake));
    this.#toTake -= wanted.length;
    const hasRoom = wanted.length === 0 || this.push(wanted);
    if (this.#toTake === 0) {
      this.#finish();
      this.#response.destroy();
    } else if (!hasRoom) {
      this.#rest();
    }
  }

  /** The consumer has enough for now. */
  #rest(): void {
    this.#isWaiting = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#response.pause();
  }

  #ended(): void {
    if (this.#toTake === 0 || this.#toTake === Number.POSITIVE_INFINITY) this.#finish();
    else this.destroy(new CodedError('unavailable', 'The Immich server sent less of a file than it has.'));
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#isWaiting = false;
    if (!this.destroyed) this.push(null);
  }

  #closed(): void {
    if (this.#response.readableEnded || this.#toTake === 0) return;
    this.destroy(new CodedError('unavailable', 'The Immich server broke off in the middle of a file.'));
  }

  #listen(): void {
    if (!this.#isWaiting) return;
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      this.destroy(new CodedError('unavailable', 'The Immich server fell silent in the middle of a file.'));
    }, this.#options.silenceMs);
  }
}
