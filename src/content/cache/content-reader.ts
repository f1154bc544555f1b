import type { ByteRange } from '../../model/byte-range.ts';
import { CodedError } from '../../model/coded-error.ts';
import type { BlockBytes } from './block-bytes.ts';
import { BLOCK_BYTES, blockOf, lastBlockOf } from './blocks.ts';
import type { Fill, Follower } from './fill.ts';

/** What a reader needs of the content it reads. */
export interface ReadableContent {
  readonly sizeBytes: number;
  /** A whole block from the disk, which the caller holds; null when it is not there. Never rejects. */
  stored(block: number): Promise<BlockBytes | null>;
  /** A request that brings the block; a new one goes no further than `last`. */
  fillFor(block: number, last: number): Fill;
  /** Resolves when it is certain that all bytes are the right ones, as far as that can be told. Rejects `corrupt`. */
  settled(): Promise<void>;
}

export interface ReaderOptions {
  /** Absent: everything. */
  readonly range: ByteRange | undefined;
  /** To ask for beyond the range, because the next range is likely to follow. */
  readonly aheadBlocks: number;
  readonly onClose: () => void;
}

/** Blocks that the first request of a reader asks for when it is to read a part; each further one twice as many. */
const FIRST_REQUEST_BLOCKS = 4;
const MAX_REQUEST_BLOCKS = 32;

/**
 * Reads a part of a content, or all of it: what is kept from the disk, the rest from the source. Of a part, no more is
 * asked for at once than will be read before long: a player asks for everything to the end, and then leaves.
 */
export class ContentReader implements Follower {
  readonly #content: ReadableContent;
  readonly #end: number;
  readonly #readsAll: boolean;
  readonly #asksBitByBit: boolean;
  readonly #lastBlock: number;
  #position: number;
  #requestBlocks = FIRST_REQUEST_BLOCKS;
  #fill: Fill | null = null;
  #isClosed = false;
  #wake: (() => void) | null = null;
  readonly #onClose: () => void;
  #first: Buffer | null = null;
  /** The next block from the disk, before it is asked for. */
  #ahead: { readonly block: number; readonly bytes: Promise<BlockBytes | null> } | null = null;
  /** Blocks that bytes were handed out of since the last `sent`. */
  readonly #held: BlockBytes[] = [];
  /** What came from the disk. */
  storedBytes = 0;

  constructor(content: ReadableContent, options: ReaderOptions) {
    const { range, aheadBlocks } = options;
    this.#content = content;
    this.#onClose = options.onClose;
    this.#asksBitByBit = range !== undefined;
    this.#position = range?.start ?? 0;
    this.#end = (range?.end ?? content.sizeBytes - 1) + 1;
    this.#readsAll = this.#position === 0 && this.#end === content.sizeBytes;
    this.#lastBlock = Math.min(blockOf(this.#end - 1) + aheadBlocks, lastBlockOf(content.sizeBytes));
  }

  get block(): number {
    return blockOf(this.#position);
  }

  get hasAll(): boolean {
    return this.#position >= this.#end;
  }

  wake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** Resolves when there are bytes to be read. Rejects as `next` does. */
  async ready(): Promise<void> {
    this.#first = await this.next();
  }

  /** The bytes that follow; null at the end. Rejects what the source rejects with, `cancelled` once closed. */
  async next(): Promise<Buffer | null> {
    const first = this.#first;
    this.#first = null;
    if (first !== null) return first;
    if (this.hasAll) return null;
    for (;;) {
      if (this.#isClosed) throw new CodedError('cancelled', 'The reader has left.');
      const piece = this.#fill?.pieceAt(this.#position) ?? null;
      if (piece === 'wait') {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      if (piece !== null) {
        this.#hold();
        return await this.#handOut(piece);
      }
      if (this.#fill?.isOver === true) this.#leaveFill(true);
      const stored = await this.#stored();
      if (this.#isClosed) {
        stored?.letGo();
        continue;
      }
      const bytes = stored?.from(this.#position - this.block * BLOCK_BYTES) ?? null;
      if (stored !== null && bytes !== null) {
        this.#held.push(stored);
        this.storedBytes += Math.min(bytes.length, this.#end - this.#position);
        return await this.#handOut(bytes);
      }
      this.#leaveFill(false);
      this.#fill = this.#content.fillFor(this.block, this.#lastToAskFor());
      this.#fill.follow(this);
    }
  }

  /** The bytes that follow if they lie in memory already, but for the last ones of all; null: `next` gets them. */
  nextAtHand(): Buffer | null {
    if (this.#isClosed || this.hasAll) return null;
    const piece = this.#fill?.pieceAt(this.#position) ?? null;
    if (piece === null || piece === 'wait' || this.#isLast(piece)) return null;
    this.#hold();
    return this.#advance(piece);
  }

  /**
   * All that was handed out so far is on its way: its memory may be used for something else. Whoever cannot tell when that
   * is calls `abandon`.
   */
  sent(): void {
    for (const bytes of this.#held.splice(0)) bytes.letGo();
  }

  /** Nobody is going to tell when what was handed out so far has been read: the garbage collector has it. */
  abandon(): void {
    this.#held.length = 0;
  }

  /** Whoever made the reader closes it, on every path. Safe to call more than once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#dropAhead();
    this.#leaveFill(this.hasAll);
    this.wake();
    this.#onClose();
  }

  async #handOut(piece: Buffer): Promise<Buffer> {
    if (this.#isLast(piece)) await this.#content.settled();
    return this.#advance(piece);
  }

  /** Whoever reads all of it gets no last byte of what turned out to be something else. */
  #isLast(piece: Buffer): boolean {
    return this.#readsAll && this.#position + piece.length >= this.#end;
  }

  #advance(piece: Buffer): Buffer {
    const bytes = piece.subarray(0, this.#end - this.#position);
    this.#position += bytes.length;
    this.#fill?.moved();
    return bytes;
  }

  /** The block it has come to, from the disk; the one behind it is read while this one is on its way. */
  async #stored(): Promise<BlockBytes | null> {
    const { block } = this;
    const ahead = this.#ahead?.block === block ? this.#ahead : null;
    if (ahead === null) this.#dropAhead();
    this.#ahead = null;
    // What was not there a moment ago may be there now.
    const bytes = (await ahead?.bytes) ?? (await this.#content.stored(block));
    const isWanted = block < blockOf(this.#end - 1) && !this.#isClosed;
    if (bytes !== null && isWanted) {
      this.#ahead = { block: block + 1, bytes: this.#content.stored(block + 1) };
    }
    return bytes;
  }

  #dropAhead(): void {
    this.#ahead?.bytes.then((bytes) => bytes?.letGo());
    this.#ahead = null;
  }

  #hold(): void {
    const bytes = this.#fill?.hold(this.block) ?? null;
    if (bytes === null) return;
    if (this.#held.at(-1) === bytes) bytes.letGo();
    else this.#held.push(bytes);
  }

  #leaveFill(hasAll: boolean): void {
    this.#fill?.leave(this, hasAll);
    this.#fill = null;
  }

  #lastToAskFor(): number {
    if (!this.#asksBitByBit) return this.#lastBlock;
    const last = Math.min(this.#lastBlock, this.block + this.#requestBlocks - 1);
    this.#requestBlocks = Math.min(this.#requestBlocks * 2, MAX_REQUEST_BLOCKS);
    return last;
  }
}
