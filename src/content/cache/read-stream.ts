import { Readable } from 'node:stream';
import type { ContentReader } from './content-reader.ts';

/** What a reader reads, as a stream: destroying it closes the reader. */
export class ReadStream extends Readable {
  readonly #reader: ContentReader;
  #first: Buffer | null;

  /** @param first what the reader has given already. */
  constructor(reader: ContentReader, first: Buffer | null) {
    super();
    this.#reader = reader;
    this.#first = first;
  }

  override _read(): void {
    if (this.#first !== null) {
      const first = this.#first;
      this.#first = null;
      this.push(first);
      return;
    }
    this.#reader.next().then(
      (bytes) => this.push(bytes),
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#reader.close();
    callback(error);
  }
}
