import { BLOCK_BYTES, blockOf, rangeOfBlocks } from './blocks.ts';
import type { CachedContent } from './cached-content.ts';
import { ContentReader } from './content-reader.ts';

/** A content that is there as a whole, read like a file. Whoever asked for it closes it. */
export class CachedFile {
  readonly #content: CachedContent;
  readonly #onRead: (bytes: number) => void;
  #block = -1;
  #bytes: Buffer = Buffer.alloc(0);
  #isClosed = false;

  /** @param content entered already; it is left with `close`. */
  constructor(content: CachedContent, onRead: (bytes: number) => void) {
    this.#content = content;
    this.#onRead = onRead;
  }

  /** Fills the buffer from this position on, to the end of a block at most. @returns how many bytes there were. */
  async readInto(buffer: Buffer, position: number): Promise<number> {
    if (position >= this.#content.sizeBytes) return 0;
    const block = blockOf(position);
    if (block !== this.#block) {
      this.#bytes = (await this.#content.stored(block)) ?? (await this.#fetched(block));
      this.#block = block;
    }
    const copied = this.#bytes.copy(buffer, 0, position - block * BLOCK_BYTES);
    this.#onRead(copied);
    return copied;
  }

  /** Each block was compared with its checksum when it was read. */
  async verify(): Promise<void> {
    // Nothing can have changed what was read.
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#content.leave();
  }

  /** A block that the disk has lost meanwhile. */
  async #fetched(block: number): Promise<Buffer> {
    const reader = new ContentReader(this.#content, rangeOfBlocks(block, block, this.#content.sizeBytes));
    const pieces: Buffer[] = [];
    try {
      for (let piece = await reader.next(); piece !== null; piece = await reader.next()) pieces.push(piece);
    } finally {
      reader.close();
    }
    return Buffer.concat(pieces);
  }
}
