import type { ContentReader } from './content-reader.ts';

/**
 * What a reader reads, like a file: whoever sends it brings the buffers, so pieces are as large as what has come
 * meanwhile. Closing it closes the reader.
 */
export class CachedFile {
  readonly #reader: ContentReader;
  #position: number;
  #left: Buffer = Buffer.alloc(0);

  /** @param position where the reader begins. */
  constructor(reader: ContentReader, position: number) {
    this.#reader = reader;
    this.#position = position;
  }

  /**
   * Fills the buffer with what there is, and waits until there is something. @returns how many bytes, 0 at the end.
   * @param position where the last call ended: there is no going back.
   */
  async readInto(buffer: Buffer, position: number): Promise<number> {
    if (position !== this.#position) throw new Error('this file is read from its start to its end');
    let filledBytes = 0;
    while (filledBytes < buffer.length) {
      if (this.#left.length === 0) {
        const next = filledBytes === 0 ? await this.#reader.next() : this.#reader.nextAtHand();
        if (next === null) break;
        this.#left = next;
      }
      const copiedBytes = this.#left.copy(buffer, filledBytes);
      this.#left = this.#left.subarray(copiedBytes);
      filledBytes += copiedBytes;
    }
    this.#position += filledBytes;
    return filledBytes;
  }

  /** The reader has compared what it read: each block with its checksum, and all of it with the source's digest. */
  async verify(): Promise<void> {
    // Nothing is left to be looked at.
  }

  async close(): Promise<void> {
    this.#reader.close();
  }
}
