import type { Readable } from 'node:stream';
import type { ByteRange } from '../../model/byte-range.ts';
import { CodedError } from '../../model/coded-error.ts';
import type { Landing } from '../../model/landing.ts';
import { BlockBytes } from './block-bytes.ts';
import { BlockLanding, type BlockMemory } from './block-memory.ts';
import { BLOCK_BYTES, blockLength, blockOf, lastBlockOf, rangeOfBlocks } from './blocks.ts';

/** Whoever takes bytes from a fill. */
export interface Follower {
  /** The block it has come to. */
  readonly block: number;
  /** Something of the fill has moved. */
  wake(): void;
}

export interface FillOptions {
  readonly sizeBytes: number;
  /** First and last block to fetch. */
  readonly first: number;
  readonly last: number;
  /** Exactly these bytes, or everything; see `Want.landing`. Aborting the signal destroys the stream. */
  fetch(range: ByteRange | undefined, signal: AbortSignal, landing: Landing): Promise<Readable>;
  readonly memory: BlockMemory;
  /** More of a block has come, or all of it; in their order. */
  onBytes(block: number, bytes: BlockBytes): void;
  /** Puts a block where it stays. Resolves when it is kept, or cannot be. */
  keep(block: number, bytes: BlockBytes): Promise<unknown>;
  /** It is over, and nothing of it is still to be kept. */
  onEnd(fill: Fill): void;
}

type Outcome = { readonly kind: 'running' | 'done' } | { readonly kind: 'failed'; readonly error: unknown };

/** How far the source is read ahead of whoever is furthest. */
const AHEAD_BLOCKS = 2;
/** Blocks on their way to the disk. */
const MAX_WRITES = 4;
/**
 * Blocks that wait until nobody is being answered: nearly all photos. Writing them meanwhile would take the time, and on a
 * small machine the core, that whoever waits for the bytes needs.
 */
const MAX_PUT_OFF = 5;
/** Whole blocks that stay in memory, so that whoever is furthest finds all that was read ahead. */
const RECENT_BLOCKS = AHEAD_BLOCKS + 1;
/** Waiting for a request that has so far to go takes longer than another request. */
const WORTH_WAITING_BLOCKS = 8;

/**
 * One request to the source for consecutive blocks of a content, shared by all who want them. Goes on as long as
 * somebody follows, and no further than a few blocks ahead of them; what it holds in memory is bounded.
 *
 * The last bytes are given to nobody before the source has ended in order: they are never part of what only looks whole.
 */
export class Fill {
  readonly first: number;
  readonly last: number;
  readonly #options: FillOptions;
  readonly #followers = new Set<Follower>();
  readonly #stop = new AbortController();
  /** Whole blocks, the oldest first; they stay until they are kept. */
  readonly #recent = new Map<number, BlockBytes>();
  readonly #putOff: number[] = [];
  readonly #beingKept = new Set<number>();
  #next: number;
  readonly #landing: BlockLanding;
  #filling = new BlockBytes();
  #outcome: Outcome = { kind: 'running' };
  /** The source, while it is far enough. */
  #paused: Readable | null = null;

  constructor(options: FillOptions) {
    this.#options = options;
    this.first = options.first;
    this.last = options.last;
    this.#next = options.first;
    this.#landing = new BlockLanding(options.memory, this.first, options.sizeBytes);
    void this.#run();
  }

  get isOver(): boolean {
    return this.#outcome.kind !== 'running';
  }

  /** Will it bring this block before long, or has it just done so? */
  brings(block: number): boolean {
    if (this.#recent.has(block)) return true;
    const isRunning = this.#outcome.kind === 'running' && !this.#stop.signal.aborted;
    return (
      isRunning && block >= this.#next && block <= this.last && block - this.#next <= WORTH_WAITING_BLOCKS
    );
  }

  /**
   * Bytes from this position on, up to the end of its block at most; `wait` for the next `wake`; null when it will not
   * bring them (any more). Throws what the source has failed with.
   */
  pieceAt(position: number): Buffer | 'wait' | null {
    const block = blockOf(position);
    const offset = position - block * BLOCK_BYTES;
    const bytes = block === this.#next ? this.#filling : this.#recent.get(block);
    const piece = bytes?.from(offset) ?? null;
    if (piece !== null) return piece;
    // Whoever follows what nobody waited for a moment ago asks anew.
    if (block < this.#next || block > this.last || this.#stop.signal.aborted) return null;
    switch (this.#outcome.kind) {
      case 'running':
        return 'wait';
      case 'done':
        return null;
      case 'failed':
        throw this.#outcome.error;
    }
  }

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  /** @param hasAll false: it left before it had what it wanted. When nobody else follows, the request ends then. */
  leave(follower: Follower, hasAll: boolean): void {
    this.#followers.delete(follower);
    if (this.#followers.size === 0 && !hasAll) this.stop();
    if (this.isOver && this.#followers.size === 0) this.keepAll();
    this.moved();
    this.#letGoWhenUnused();
  }

  /** Has the bytes of this block stay where they are, until the caller lets go of them. Null: it does not have them. */
  hold(block: number): BlockBytes | null {
    const bytes = (block === this.#next ? this.#filling : this.#recent.get(block)) ?? null;
    bytes?.hold();
    return bytes;
  }

  /** Begins to keep what was put off. */
  keepAll(): void {
    for (const block of this.#putOff.splice(0)) this.#keep(block);
  }

  /** Followers have come further. */
  moved(): void {
    if (this.#paused === null || this.#isFarEnough()) return;
    const source = this.#paused;
    this.#paused = null;
    source.resume();
  }

  stop(): void {
    this.#stop.abort(new CodedError('cancelled', 'Nobody waits for these bytes any more.'));
    this.moved();
  }

  async #run(): Promise<void> {
    try {
      await this.#fetchAll();
      this.#outcome = { kind: 'done' };
    } catch (error) {
      this.#outcome = { kind: 'failed', error };
    }
    this.#wakeAll();
    if (this.#followers.size === 0) this.keepAll();
    this.#endWhenKept();
  }

  async #fetchAll(): Promise<void> {
    const { sizeBytes, fetch } = this.#options;
    const { signal } = this.#stop;
    const range = rangeOfBlocks(this.first, this.last, sizeBytes);
    const isAll = this.first === 0 && this.last === lastBlockOf(sizeBytes);
    const stream = await fetch(isAll ? undefined : range, signal, this.#landing);
    await this.#drain(stream, range.end - range.start + 1, signal);
  }

  /** Takes the bytes as they come: an iterator would take a promise for each piece, and stop the source meanwhile. */
  #drain(stream: Readable, expectedBytes: number, signal: AbortSignal): Promise<void> {
    let missingBytes = expectedBytes;
    let held: Buffer | null = null;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        signal.removeEventListener('abort', leave);
        stream.destroy();
        reject(error);
      };
      const leave = () => fail(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
      const breakOff = () => fail(closedEarly());
      stream.on('error', fail);
      stream.on('close', breakOff);
      stream.on('data', (chunk: Buffer) => {
        missingBytes -= chunk.length;
        if (missingBytes < 0) return fail(wrongLength('more'));
        if (chunk.length === 0) return;
        if (missingBytes === 0) held = chunk;
        else this.#take(chunk);
        if (!this.#isFarEnough()) return;
        stream.pause();
        this.#paused = stream;
        // Whoever is answered takes less than comes, so there is time.
        this.keepAll();
      });
      stream.on('end', () => {
        if (held === null) return fail(wrongLength('fewer'));
        signal.removeEventListener('abort', leave);
        // What follows an end is no failure, and making an error takes as long as sending a piece.
        stream.off('close', breakOff);
        this.#take(held);
        resolve();
      });
      if (signal.aborted) leave();
      // Whatever it had to say was said before anybody listened.
      else if (stream.destroyed) fail(stream.errored ?? closedEarly());
    });
  }

  #take(chunk: Buffer): void {
    for (let taken = 0; taken < chunk.length; ) {
      const missingBytes = blockLength(this.#next, this.#options.sizeBytes) - this.#filling.lengthBytes;
      const part = chunk.subarray(taken, taken + missingBytes);
      if (this.#landing.holds(this.#next, part)) this.#filling.addInPlace(part);
      else this.#filling.add(part);
      taken += part.length;
      this.#options.onBytes(this.#next, this.#filling);
      if (part.length === missingBytes) this.#completeBlock();
    }
    this.#wakeAll();
  }

  #completeBlock(): void {
    const [block, bytes] = [this.#next, this.#filling];
    this.#recent.set(block, bytes);
    this.#putOff.push(block);
    this.#next += 1;
    this.#filling = new BlockBytes();
    const { memory } = this.#options;
    const own = this.#landing.release(block);
    if (own !== null) bytes.whenFree(() => memory.giveBack(own));
    if (this.#putOff.length > MAX_PUT_OFF) this.#keep(this.#putOff.shift());
    this.#letGo();
  }

  #keep(block: number | undefined): void {
    const bytes = block === undefined ? undefined : this.#recent.get(block);
    if (block === undefined || bytes === undefined) return;
    this.#beingKept.add(block);
    void this.#options.keep(block, bytes).finally(() => {
      this.#beingKept.delete(block);
      this.#letGo();
      this.moved();
      this.#endWhenKept();
    });
  }

  /** Until then its blocks are found nowhere else. */
  #endWhenKept(): void {
    if (!this.isOver || this.#beingKept.size > 0 || this.#putOff.length > 0) return;
    this.#options.onEnd(this);
    this.#letGoWhenUnused();
  }

  /** Whoever wants its blocks from now on finds them where they are kept. */
  #letGoWhenUnused(): void {
    const isUsed = this.#followers.size > 0 || this.#beingKept.size > 0 || this.#putOff.length > 0;
    if (!this.isOver || isUsed) return;
    for (const bytes of this.#recent.values()) bytes.letGo();
    this.#recent.clear();
  }

  #letGo(): void {
    for (const [block, bytes] of this.#recent) {
      if (block >= this.#next - RECENT_BLOCKS) return;
      if (this.#beingKept.has(block) || this.#putOff.includes(block)) continue;
      this.#recent.delete(block);
      bytes.letGo();
    }
  }

  #isFarEnough(): boolean {
    if (this.#stop.signal.aborted) return false;
    if (this.#beingKept.size >= MAX_WRITES) return true;
    if (this.#followers.size === 0) return false;
    let furthest = 0;
    for (const { block } of this.#followers) furthest = Math.max(furthest, block);
    return this.#next > furthest + AHEAD_BLOCKS;
  }

  #wakeAll(): void {
    for (const follower of this.#followers) follower.wake();
  }
}

function closedEarly(): CodedError {
  return new CodedError('unavailable', 'The source was closed early.');
}

function wrongLength(what: 'more' | 'fewer'): CodedError {
  return new CodedError('corrupt', `The source gave ${what} bytes than were asked for.`);
}
