import { Readable } from 'node:stream';
import { CodedError } from '../model/coded-error.ts';

/**
 * Passes exactly `expectedBytes` on. A source that gives fewer, or more, ends in an error instead of content
 * that only looks whole. Destroying the result destroys `source`; so does an error on either side.
 */
export function countBytes(source: Readable, expectedBytes: number): Readable {
  return new CountedStream(source, expectedBytes);
}

export function wrongLength(expected: number, seen: number): CodedError {
  return new CodedError('corrupt', `The source gave ${seen} bytes instead of ${expected}.`);
}

/** Hands each piece on in the moment in which it comes. A pipe through a Transform would put it into three queues. */
class CountedStream extends Readable {
  readonly #source: Readable;
  readonly #expectedBytes: number;
  #seenBytes = 0;

  constructor(source: Readable, expectedBytes: number) {
    super();
    this.#source = source;
    this.#expectedBytes = expectedBytes;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => this.#ended());
    source.on('error', (error) => this.destroy(error));
    source.on('close', () => {
      if (!source.readableEnded) this.destroy(this.#wrongLength());
    });
    source.pause();
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.destroy();
    callback(error);
  }

  #take(chunk: Buffer): void {
    this.#seenBytes += chunk.length;
    if (this.#seenBytes > this.#expectedBytes) this.destroy(this.#wrongLength());
    else if (!this.push(chunk)) this.#source.pause();
  }

  #ended(): void {
    if (this.#seenBytes === this.#expectedBytes) this.push(null);
    else this.destroy(this.#wrongLength());
  }

  #wrongLength(): CodedError {
    return wrongLength(this.#expectedBytes, this.#seenBytes);
  }
}
