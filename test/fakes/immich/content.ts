import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** What a test gives for the bytes of an asset: the bytes, a file, or a length of made-up bytes that use no memory. */
export type ContentInit = Uint8Array | { path: string } | { size: number; seed?: number };

const CHUNK_BYTES = 64 * 1024;
const BLOCK_BYTES = 4096;

/** The bytes of one original, readable from any offset. */
export abstract class Content {
  abstract readonly size: number;
  #sha1: Buffer | undefined;

  static from(init: ContentInit): Content {
    if (init instanceof Uint8Array) return new BufferContent(Buffer.from(init));
    return 'path' in init ? new FileContent(init.path) : new SyntheticContent(init.size, init.seed ?? 1);
  }

  /** Bytes `start` up to, not including, `end`, in chunks. */
  abstract chunks(start: number, end: number): Generator<Buffer>;

  /** Computed once, on first use: a test that never looks at a huge video's checksum does not pay for it. */
  sha1(): Buffer {
    if (this.#sha1 === undefined) {
      const hash = createHash('sha1');
      for (const chunk of this.chunks(0, this.size)) hash.update(chunk);
      this.#sha1 = hash.digest();
    }
    return this.#sha1;
  }

  /** All of it; meant for small files. */
  bytes(start = 0, end = this.size): Buffer {
    return Buffer.concat([...this.chunks(start, end)]);
  }
}

class BufferContent extends Content {
  readonly size: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    super();
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  override *chunks(start: number, end: number): Generator<Buffer> {
    for (let at = start; at < end; at += CHUNK_BYTES) {
      yield this.#bytes.subarray(at, Math.min(end, at + CHUNK_BYTES));
    }
  }
}

class FileContent extends Content {
  readonly size: number;
  readonly #path: string;

  constructor(path: string) {
    super();
    this.#path = path;
    this.size = statSync(path).size;
  }

  override *chunks(start: number, end: number): Generator<Buffer> {
    const file = openSync(this.#path, 'r');
    try {
      for (let at = start; at < end; ) {
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
        const count = readSync(file, chunk, 0, chunk.length, at);
        if (count === 0) throw new Error(`file became shorter while it was read: ${this.#path}`);
        yield chunk.subarray(0, count);
        at += count;
      }
    } finally {
      closeSync(file);
    }
  }
}

/** Shared by all synthetic contents, so that a library of many thousand assets stays small. */
const PATTERN = Buffer.alloc(BLOCK_BYTES);
for (let i = 0, state = 1; i < BLOCK_BYTES; i += 1) {
  state = (state * 1664525 + 1013904223) >>> 0;
  PATTERN[i] = state >>> 24;
}

/** Blocks that start with the seed and their own number, so that bytes of another asset or a wrong offset never look right. */
class SyntheticContent extends Content {
  readonly size: number;
  readonly #seed: number;

  constructor(size: number, seed: number) {
    super();
    this.size = size;
    this.#seed = seed;
  }

  override *chunks(start: number, end: number): Generator<Buffer> {
    for (let at = start; at < end; ) {
      const firstBlock = Math.floor(at / BLOCK_BYTES);
      const stop = Math.min(end, firstBlock * BLOCK_BYTES + CHUNK_BYTES);
      const blockCount = Math.ceil(stop / BLOCK_BYTES) - firstBlock;
      const chunk = Buffer.allocUnsafe(blockCount * BLOCK_BYTES);
      for (let i = 0; i < blockCount; i += 1) {
        PATTERN.copy(chunk, i * BLOCK_BYTES);
        chunk.writeUInt32LE(this.#seed, i * BLOCK_BYTES);
        chunk.writeUInt32LE(firstBlock + i, i * BLOCK_BYTES + 4);
      }
      yield chunk.subarray(at - firstBlock * BLOCK_BYTES, stop - firstBlock * BLOCK_BYTES);
      at = stop;
    }
  }
}
