import type { Landing } from '../../model/landing.ts';
import { BLOCK_BYTES, blockLength } from './blocks.ts';

/** Less than this has memory of its own: a block's is too much for it. */
const SHORT_BYTES = BLOCK_BYTES / 2;
/** Kept for the next who needs some, for a while. */
const MAX_SPARE = 24;
const IDLE_MS = 10_000;

/**
 * Memory for blocks that are under way. It is used again: new memory for all that passes has V8 look through its whole heap
 * every 20 MB, which cost more than fetching and sending them.
 */
export class BlockMemory {
  readonly #spare: Buffer[] = [];
  #idleTimer: NodeJS.Timeout | undefined;

  /** @returns memory of a block, or at least for so many bytes. */
  take(lengthBytes: number): Buffer {
    // Not from Node's pool, which small things of others live in.
    if (lengthBytes < SHORT_BYTES) return Buffer.allocUnsafeSlow(lengthBytes);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Nobody reads it any more. */
  giveBack(memory: Buffer): void {
    if (memory.length < BLOCK_BYTES) return;
    if (this.#spare.length < MAX_SPARE) this.#spare.push(memory);
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#spare.splice(0), IDLE_MS).unref();
  }
}

/** Consecutive blocks of a content, into which its bytes are put as they come. */
export class BlockLanding implements Landing {
  readonly #memory: BlockMemory;
  readonly #sizeBytes: number;
  /** Memory of blocks that something was put into, or is about to be, as long as nobody else answers for it. */
  readonly #blocks = new Map<number, Buffer>();
  #block: number;
  #offset = 0;

  constructor(memory: BlockMemory, first: number, sizeBytes: number) {
    this.#memory = memory;
    this.#block = first;
    this.#sizeBytes = sizeBytes;
  }

  place(): Buffer {
    const lengthBytes = blockLength(this.#block, this.#sizeBytes);
    const memory = this.#blocks.get(this.#block) ?? this.#memory.take(lengthBytes);
    this.#blocks.set(this.#block, memory);
    return memory.subarray(this.#offset, lengthBytes);
  }

  land(lengthBytes: number): Buffer {
    const bytes = this.place().subarray(0, lengthBytes);
    this.#offset += bytes.length;
    if (this.#offset === blockLength(this.#block, this.#sizeBytes)) {
      this.#block += 1;
      this.#offset = 0;
    }
    return bytes;
  }

  /** Does this piece of the block lie here? */
  holds(block: number, piece: Buffer): boolean {
    return this.#blocks.get(block)?.buffer === piece.buffer;
  }

  /**
   * Forgets a block that has come as a whole, so that its memory lives no longer than whoever holds its bytes.
   * @returns its memory, for the caller to give back; null: nothing was put there.
   */
  release(block: number): Buffer | null {
    const memory = this.#blocks.get(block);
    if (memory === undefined || block >= this.#block) return null;
    this.#blocks.delete(block);
    return memory;
  }
}
