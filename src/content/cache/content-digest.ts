import type { Digests } from '../../model/asset.ts';
import type { RunningDigests } from '../../model/running-digests.ts';
import type { BlockBytes } from './block-bytes.ts';
import { blockLength, lastBlockOf } from './blocks.ts';

/** A block of which a part was taken in. */
interface Begun {
  readonly bytes: BlockBytes;
  readonly running: RunningDigests;
  takenBytes: number;
}

/**
 * Works out the digests of a content from its blocks, which come in their order more often than not; others are left out, to
 * be taken from the disk later. What comes from a source is taken in behind its being passed on, and bit by bit: then
 * little is left to do when its last bytes wait for the outcome.
 */
export class ContentDigest {
  readonly #sizeBytes: number;
  readonly #lastBlock: number;
  readonly #onEnd: (found: Digests) => void;
  /** Of all blocks before `#next`; null when it has ended. */
  #running: RunningDigests | null;
  #next = 0;
  #begun: Begun | null = null;
  /** Of which something has come that was not taken in, and their numbers. */
  readonly #waiting = new Map<BlockBytes, number>();

  /** @param onEnd told once, when all of it was taken in; may be called by each method. */
  constructor(running: RunningDigests, sizeBytes: number, onEnd: (found: Digests) => void) {
    this.#running = running;
    this.#sizeBytes = sizeBytes;
    this.#lastBlock = lastBlockOf(sizeBytes);
    this.#onEnd = onEnd;
  }

  get isOver(): boolean {
    return this.#running === null;
  }

  /** The block that is due. */
  get next(): number {
    return this.#next;
  }

  /** More of a block has come. */
  grown(block: number, bytes: BlockBytes): void {
    if (this.#running === null || this.#waiting.has(bytes)) return;
    if (this.#waiting.size === 0) setImmediate(() => this.catchUp());
    bytes.hold();
    this.#waiting.set(bytes, block);
  }

  /** A whole block from the disk. */
  take(block: number, bytes: BlockBytes): void {
    this.catchUp();
    if (block === this.#next) this.#takeFurther(bytes);
  }

  /** Takes in what has come. */
  catchUp(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [bytes, block] of waiting) {
      if (block === this.#next) this.#takeFurther(bytes);
      bytes.letGo();
    }
  }

  #takeFurther(bytes: BlockBytes): void {
    if (this.#running === null) return;
    // A request that failed in the middle of it is no part of what is kept.
    if (this.#begun?.bytes !== bytes) {
      this.#begun = { bytes, running: this.#running.copy(), takenBytes: 0 };
    }
    const begun = this.#begun;
    for (let part = bytes.from(begun.takenBytes); part !== null; part = bytes.from(begun.takenBytes)) {
      begun.running.update(part);
      begun.takenBytes += part.length;
    }
    if (begun.takenBytes === blockLength(this.#next, this.#sizeBytes)) this.#goOn(begun.running);
  }

  #goOn(running: RunningDigests): void {
    this.#begun = null;
    this.#running = running;
    this.#next += 1;
    if (this.#next <= this.#lastBlock) return;
    this.#running = null;
    this.#onEnd(running.end());
  }
}
