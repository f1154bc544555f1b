import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Exchange } from '../http/exchange.ts';

/** What is gathered before it is written: few system calls, and memory that no size of a listing moves. */
const PIECE_CHARS = 64 * 1024;

/**
 * Writes the long body of a 200 or 207 as fast as the client takes it. Between two pieces other requests get their
 * turn: a fast client never lets the socket fill up, and would hold the event loop for its whole listing.
 */
export class BodyWriter {
  readonly #exchange: Exchange;
  readonly #status: number;
  readonly #headers: OutgoingHttpHeaders;
  #text = '';

  /** Status and headers go out with the first piece, so that until then the request may still fail. */
  constructor(exchange: Exchange, status: number, headers: OutgoingHttpHeaders) {
    this.#exchange = exchange;
    this.#status = status;
    this.#headers = headers;
  }

  /** Adds text without writing it. */
  add(text: string): void {
    this.#text += text;
  }

  /** True when it is time to `flush`. */
  get isFull(): boolean {
    return this.#text.length >= PIECE_CHARS;
  }

  /** Sends what was added and waits until there is room for more. Rejects when the client has left. */
  async flush(): Promise<void> {
    const { res, signal } = this.#exchange;
    this.#sendHeaders();
    const text = this.#text;
    this.#text = '';
    if (!res.write(text)) await once(res, 'drain', { signal });
    await yieldToEventLoop();
    signal.throwIfAborted();
  }

  /** Sends the rest. What fits into one piece goes out with its length. */
  end(): void {
    this.#sendHeaders({ 'Content-Length': Buffer.byteLength(this.#text) });
    this.#exchange.res.end(this.#text);
  }

  #sendHeaders(more: OutgoingHttpHeaders = {}): void {
    const { res } = this.#exchange;
    if (!res.headersSent) res.writeHead(this.#status, { ...this.#headers, ...more });
  }
}
