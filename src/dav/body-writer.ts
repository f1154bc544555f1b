import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, createGzip, type Gzip, gzip } from 'node:zlib';
import { acceptsGzip } from '../http/accept-encoding.ts';
import type { Exchange } from '../http/exchange.ts';

/** One packet. What fits into it arrives no sooner when it is made smaller. */
const MIN_PACKED_BYTES = 1400;

/** Listings repeat themselves, so that the fastest level already takes nine tenths away. */
const PACKING = { level: constants.Z_BEST_SPEED };

const pack = promisify(gzip);

/**
 * Writes the long body of a 200 or 207 as fast as the client takes it, compressed for those who accept that (the caller
 * says so in `Vary`). Between two pieces other requests get their turn: a fast client never lets the socket fill up, and
 * would hold the event loop for its whole listing.
 */
export class BodyWriter {
  /** What is gathered before it is written: few system calls, and memory that no size of a listing moves. */
  static readonly PIECE_CHARS = 64 * 1024;
  readonly #exchange: Exchange;
  readonly #status: number;
  readonly #headers: OutgoingHttpHeaders;
  readonly #isPacked: boolean;
  /** Where pieces go once there is more than one of them. */
  #packer: { readonly gzip: Gzip; readonly sent: Promise<void> } | null = null;
  #text = '';

  /** Status and headers go out with the first piece, so that until then the request may still fail. */
  constructor(exchange: Exchange, status: number, headers: OutgoingHttpHeaders) {
    this.#exchange = exchange;
    this.#status = status;
    this.#headers = headers;
    this.#isPacked = acceptsGzip(exchange.req.headers['accept-encoding']);
  }

  /** Adds text without writing it. */
  add(text: string): void {
    this.#text += text;
  }

  /** True when it is time to `flush`. */
  get isFull(): boolean {
    return this.#text.length >= BodyWriter.PIECE_CHARS;
  }

  /** Sends what was added and waits until there is room for more. Rejects when the client has left. */
  async flush(): Promise<void> {
    const { res, signal } = this.#exchange;
    if (!res.headersSent) this.#begin();
    const text = this.#text;
    this.#text = '';
    const sink = this.#packer?.gzip ?? res;
    if (!sink.write(text)) await once(sink, 'drain', { signal });
    await yieldToEventLoop();
    signal.throwIfAborted();
  }

  /** Sends the rest. What fits into one piece goes out with its length. Rejects when the client has left. */
  async end(): Promise<void> {
    const { res, signal } = this.#exchange;
    if (this.#packer !== null) {
      this.#packer.gzip.end(this.#text);
      await this.#packer.sent;
    } else if (res.headersSent) {
      res.end(this.#text);
    } else if (this.#isPacked && this.#text.length >= MIN_PACKED_BYTES) {
      const bytes = await pack(this.#text, PACKING);
      signal.throwIfAborted();
      this.#writeHead({ 'Content-Encoding': 'gzip', 'Content-Length': bytes.length });
      res.end(bytes);
    } else {
      this.#writeHead({ 'Content-Length': Buffer.byteLength(this.#text) });
      res.end(this.#text);
    }
  }

  #begin(): void {
    if (!this.#isPacked) {
      this.#writeHead();
      return;
    }
    const { res, signal } = this.#exchange;
    this.#writeHead({ 'Content-Encoding': 'gzip' });
    const packer = createGzip(PACKING);
    // Whatever ends the response ends the packer, and the other way round.
    const sent = pipeline(packer, res, { signal });
    // Also told to whoever writes the next piece, or waits for the end.
    sent.catch((error: Error) => this.#exchange.log.debug('a listing was cut', { error: error.message }));
    this.#packer = { gzip: packer, sent };
  }

  #writeHead(more: OutgoingHttpHeaders = {}): void {
    this.#exchange.res.writeHead(this.#status, { ...this.#headers, ...more });
  }
}
