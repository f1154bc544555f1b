import type { Readable } from 'node:stream';
import { CodedError } from '../../../src/model/coded-error.ts';

/** What is gathered while the disk takes what came before; then the sender waits. */
const GATHERED_BYTES = 1024 * 1024;
/** What is short comes as a whole before anything is opened. */
const FIRST_BYTES = 256 * 1024;

/**
 * A content in the pieces it comes in, as many at a time as there are: nothing is copied to make one of them, and while
 * the disk writes, more come in. The caller destroys the content.
 */
export class ContentPieces {
  readonly #content: Readable;
  readonly #signal: AbortSignal;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isEnded = false;
  #error: { readonly reason: unknown } | null = null;
  #wake: (() => void) | null = null;

  constructor(content: Readable, signal: AbortSignal) {
    this.#content = content;
    this.#signal = signal;
    if (signal.aborted) this.#error = { reason: signal.reason };
    signal.addEventListener('abort', this.#onAbort, { once: true });
    content.on('error', this.#onError).on('close', this.#onClose).on('end', this.#onEnd);
    content.on('data', this.#onData);
  }

  /** All of it has been handed out. */
  get isOver(): boolean {
    return this.#isEnded && this.#pieces.length === 0;
  }

  /** All of a short content, or the beginning of a longer one. Rejects with the error of the content. */
  async first(): Promise<Uint8Array<ArrayBuffer>> {
    while (!this.#isEnded && this.#bytes < FIRST_BYTES) await this.#more();
    this.#check();
    // Of its own memory, which is handed over to another thread.
    const bytes = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#take()) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** What has come since; null at the end. Rejects with the error of the content. */
  async next(): Promise<readonly Buffer[] | null> {
    while (!this.#isEnded && this.#pieces.length === 0) await this.#more();
    this.#check();
    return this.#pieces.length === 0 ? null : this.#take();
  }

  /** Listens no longer. */
  letGo(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#content.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    // The error of a content that nobody reads any more is nobody's; without a listener it would end the process.
    this.#content.pause();
  }

  #take(): Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    if (!this.#isEnded) this.#content.resume();
    return pieces;
  }

  async #more(): Promise<void> {
    this.#check();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#check();
  }

  #check(): void {
    if (this.#error !== null) throw this.#error.reason;
  }

  #tell(): void {
    this.#wake?.();
    this.#wake = null;
  }

  readonly #onData = (chunk: Buffer | string): void => {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= GATHERED_BYTES) this.#content.pause();
    this.#tell();
  };

  readonly #onEnd = (): void => {
    this.#isEnded = true;
    this.#tell();
  };

  readonly #onError = (reason: unknown): void => {
    this.#error ??= { reason };
    this.#tell();
  };

  readonly #onClose = (): void => {
    if (!this.#isEnded) this.#onError(new CodedError('cancelled', 'The content was cut off.'));
  };

  readonly #onAbort = (): void => this.#onError(this.#signal.reason);
}
