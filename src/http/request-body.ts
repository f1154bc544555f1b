import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { CodedError } from '../model/coded-error.ts';
import type { Reply } from './exchange.ts';

const BUFFERED_BYTES = 1024 * 1024;

/**
 * The body of a request as a stream of its own: destroying it leaves the connection alone, so that whoever could not
 * take the rest can still answer. Nothing is read, nor asked for by `100 Continue`, before the first byte is wanted.
 * Errors with `cancelled` when the client leaves before the end. The caller destroys it.
 */
export class RequestBody extends Readable {
  readonly #req: IncomingMessage;
  readonly #signal: AbortSignal;
  #isReading = false;

  constructor({ req, signal }: Pick<Reply, 'req' | 'signal'>) {
    super({ highWaterMark: BUFFERED_BYTES });
    this.#req = req;
    this.#signal = signal;
  }

  override _read(): void {
    if (!this.#isReading) this.#begin();
    else this.#req.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#letGo();
    this.#req.pause();
    callback(error);
  }

  #begin(): void {
    this.#isReading = true;
    if (this.#signal.aborted) {
      this.#onCut();
      return;
    }
    this.#req
      .on('data', this.#onData)
      .once('end', this.#onEnd)
      .once('error', this.#onCut)
      .once('close', this.#onCut);
    this.#signal.addEventListener('abort', this.#onCut, { once: true });
  }

  #letGo(): void {
    this.#req.off('data', this.#onData).off('end', this.#onEnd);
    this.#req.off('error', this.#onCut).off('close', this.#onCut);
    this.#signal.removeEventListener('abort', this.#onCut);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#req.pause();
  };

  readonly #onEnd = (): void => {
    if (!this.#req.complete) {
      this.#onCut();
      return;
    }
    // All of it is here; what becomes of the connection after that is not about this body.
    this.#letGo();
    this.push(null);
  };

  readonly #onCut = (): void => {
    this.destroy(new CodedError('cancelled', 'The client left before its request was read.'));
  };
}
