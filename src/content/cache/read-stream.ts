import { Readable } from 'node:stream';
import type { ContentReader } from './content-reader.ts';

/** What a reader reads, as a stream: destroying it closes the reader. */
export class ReadStream extends Readable {
  readonly #reader: ContentReader;

  constructor(reader: ContentReader) {
    super();
    this.#reader = reader;
  }

  override _read(): void {
    this.#reader.next().then(
      (bytes) => {
        // Whoever reads a stream may keep what it gave.
        this.#reader.abandon();
        this.push(bytes);
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#reader.close();
    callback(error);
  }
}
