import type { Readable } from 'node:stream';
import type { Digests } from '../../model/asset.ts';
import type { ByteRange } from '../../model/byte-range.ts';
import { CodedError, messageOf } from '../../model/coded-error.ts';
import type { Landing } from '../../model/landing.ts';
import type { Logger } from '../../model/logger.ts';
import { ALL_DIGESTS, contradictionIn, RunningDigests } from '../../model/running-digests.ts';
import type { BlockBytes } from './block-bytes.ts';
import type { BlockMemory } from './block-memory.ts';
import { blockLength, lastBlockOf } from './blocks.ts';
import { ContentDigest } from './content-digest.ts';
import type { ReadableContent } from './content-reader.ts';
import { Fill } from './fill.ts';
import type { StoredContent } from './stored-content.ts';

/**
 * What bytes are compared by, where several digests of them are known. SHA-1 is the one that Immich tells, and costs least:
 * without instructions of the processor for them, SHA-256 takes twice as long.
 */
const COMPARED_BY: readonly (keyof Digests)[] = ['sha1', 'sha256', 'md5'];

/** One content of a remote source. */
export interface RemoteContent {
  /** Names the content: the same key means the same bytes, for ever. */
  readonly key: string;
  /** More than none. */
  readonly sizeBytes: number;
  /** What the source says of the bytes. */
  readonly digests: Digests;
  /** Are digests wanted that nobody knows yet? Then `onDigests` is told them, once all bytes are there and are right. */
  readonly wantsDigests: boolean;
  onDigests(digests: Digests): void;
  /** For people who read the log. */
  readonly path: string;
  /**
   * The bytes from the source, as many as were asked for. Rejects before the first byte; aborting ends it.
   * @param onState told which state of the bytes they are of, where the source tells; throws when it is the wrong one.
   * @param landing see `Want.landing`.
   */
  fetch(
    range: ByteRange | undefined,
    signal: AbortSignal,
    onState: (state: string) => void,
    landing: Landing,
  ): Promise<Readable>;
}

export interface CachedContentOptions {
  readonly remote: RemoteContent;
  readonly stored: StoredContent;
  readonly memory: BlockMemory;
  readonly logger: Logger;
  /** Nobody is to find it any more: nobody uses it, or it turned out to be something else. */
  readonly onOver: () => void;
  readonly onFetched: (bytes: number) => void;
}

/**
 * One content while somebody reads it: what is kept of it, the requests that bring the rest, and the comparison of all of
 * it with what the source says of it.
 */
export class CachedContent implements ReadableContent {
  readonly sizeBytes: number;
  readonly #options: CachedContentOptions;
  readonly #stored: StoredContent;
  readonly #lastBlock: number;
  readonly #fills = new Set<Fill>();
  readonly #keeping = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #users = 0;
  /** Null when there is nothing to find out. */
  #digest: ContentDigest | null;
  /** Damages of what is kept that are taken account of. */
  #damages = 0;
  #settling: Promise<void> | null = null;
  #mismatch: CodedError | null = null;

  constructor(options: CachedContentOptions) {
    const { remote, stored } = options;
    this.#options = options;
    this.#stored = stored;
    this.sizeBytes = remote.sizeBytes;
    this.#lastBlock = lastBlockOf(remote.sizeBytes);
    // Not all that was compared could be kept, or a crash came before: what is fetched for the rest is compared by nobody.
    if (stored.isVerified && !stored.isWhole) stored.markUnverified();
    this.#digest = this.#newDigest();
  }

  enter(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    this.#endWhenIdle();
  }

  async stored(block: number): Promise<BlockBytes | null> {
    const bytes = await this.#stored.read(block, this.#options.memory);
    if (bytes !== null) this.#digest?.take(block, bytes);
    else if (this.#stored.damages > this.#damages) this.#compareAnew();
    return bytes;
  }

  fillFor(block: number, last: number): Fill {
    for (const fill of this.#fills) if (fill.brings(block)) return fill;
    return this.#startFill(block, last);
  }

  /** Has these blocks fetched although nobody waits for them; by a few larger requests instead of one for each. */
  readAhead(first: number, last: number): void {
    const middle = Math.floor((first + last) / 2);
    for (let block = first; block <= Math.min(middle, this.#lastBlock); block++) {
      const isComing = [...this.#fills].some((fill) => fill.brings(block));
      if (isComing || this.#stored.has(block)) continue;
      this.#startFill(block, last);
      return;
    }
  }

  async settled(): Promise<void> {
    this.#digest?.catchUp();
    // What came out of order is compared from the disk, so it has to be there.
    if (this.#isOpen) {
      for (const fill of this.#fills) fill.keepAll();
      await Promise.all(this.#keeping);
    }
    if (this.#isOpen && this.#stored.isWhole) await this.#settle();
    if (this.#mismatch !== null) throw this.#mismatch;
  }

  /** Compares what is there as a whole, although nobody waits for it; a crash may have come before that. */
  settleInBackground(): void {
    this.#digest?.catchUp();
    if (!this.#isOpen || !this.#stored.isWhole) return;
    const { logger } = this.#options;
    this.#settle().catch((error: unknown) =>
      logger.warn('a content of the cache could not be compared', { reason: messageOf(error) }),
    );
  }

  /** Ends all requests. */
  stop(): void {
    this.#stop.abort();
    for (const fill of this.#fills) fill.stop();
  }

  #startFill(first: number, last: number): Fill {
    // No further than to what is there, or is coming. The first may be listed and yet not be readable now.
    const stops = [this.#stored.firstFrom(first + 1) ?? Number.POSITIVE_INFINITY];
    for (const fill of this.#fills) if (fill.first > first) stops.push(fill.first);
    const before = Math.min(...stops) - 1;
    const { sizeBytes } = this;
    const fill = new Fill({
      ...{ sizeBytes, first, last: Math.min(last, before, this.#lastBlock) },
      memory: this.#options.memory,
      fetch: (range, signal, landing) => {
        return this.#options.remote.fetch(range, signal, (state) => this.#meetState(state), landing);
      },
      onBytes: (block, bytes) => {
        const { lengthBytes } = bytes;
        if (lengthBytes === blockLength(block, sizeBytes)) this.#options.onFetched(lengthBytes);
        this.#digest?.grown(block, bytes);
      },
      keep: (block, bytes) => {
        const keeping = this.#keep(block, bytes).finally(() => this.#keeping.delete(keeping));
        this.#keeping.add(keeping);
        return keeping;
      },
      onEnd: (ended) => {
        this.#fills.delete(ended);
        this.#endWhenIdle();
      },
    });
    this.#fills.add(fill);
    return fill;
  }

  async #keep(block: number, bytes: BlockBytes): Promise<void> {
    if (this.#mismatch !== null) return;
    this.enter();
    try {
      if (await this.#stored.write(block, bytes)) this.settleInBackground();
    } finally {
      this.leave();
    }
  }

  /** Is it still to be found out what the bytes are? */
  get #isOpen(): boolean {
    return this.#digest !== null && !this.#digest.isOver;
  }

  /** Takes in what is left, from the disk. One after the other, in small steps. */
  #settle(): Promise<void> {
    this.#settling ??= this.#digestRest().finally(() => {
      this.#settling = null;
    });
    return this.#settling;
  }

  async #digestRest(): Promise<void> {
    this.enter();
    try {
      while (this.#digest !== null && this.#isOpen && !this.#stop.signal.aborted) {
        // Whoever reads meanwhile takes it further, too.
        const bytes = await this.stored(this.#digest.next);
        if (bytes === null) return;
        bytes.letGo();
      }
    } finally {
      this.leave();
    }
  }

  /** What was compared is not all there any more, and what is fetched for it may be something else. */
  #compareAnew(): void {
    this.#damages = this.#stored.damages;
    this.#digest?.catchUp();
    this.#stored.markUnverified();
    this.#digest = this.#newDigest();
  }

  #newDigest(): ContentDigest | null {
    const { digests, wantsDigests, sizeBytes } = this.#options.remote;
    const known = COMPARED_BY.filter((algorithm) => digests[algorithm] !== undefined);
    const algorithms = wantsDigests ? ALL_DIGESTS : this.#stored.isVerified ? [] : known.slice(0, 1);
    if (algorithms.length === 0) return null;
    return new ContentDigest(new RunningDigests(algorithms), sizeBytes, (found) => this.#conclude(found));
  }

  #conclude(found: Digests): void {
    const { remote, logger } = this.#options;
    const algorithm = contradictionIn(remote.digests, found);
    if (algorithm !== null) {
      this.#mismatch = new CodedError('corrupt', `The source gave other bytes than its ${algorithm} says.`);
      this.#stored.discard();
      this.#options.onOver();
      logger.warn(`a source gave other bytes than its ${algorithm} says`, { path: remote.path });
      return;
    }
    this.#stored.markVerified();
    if (remote.wantsDigests) remote.onDigests(found);
  }

  /**
   * Where no digest tells what the bytes are, parts are put together only from one state of them. Of two states the later
   * one is believed: what was kept is thrown away, and whoever asks next begins anew.
   */
  #meetState(state: string): void {
    if (this.#mismatch !== null) throw this.#mismatch;
    if (Object.keys(this.#options.remote.digests).length > 0) return;
    const known = this.#stored.state;
    // What is there without one (from before they were noted, or lost by a power cut) may be of any.
    const isFirst = known === null && this.#stored.isEmpty;
    if (isFirst) this.#stored.setState(state);
    if (isFirst || known === state) return;
    this.#mismatch = new CodedError('changed', 'The source has changed the bytes while they were read.');
    this.#stored.discard();
    this.#options.onOver();
    throw this.#mismatch;
  }

  #endWhenIdle(): void {
    if (this.#users > 0 || this.#fills.size > 0) return;
    this.#digest?.catchUp();
    this.#stored.close();
    this.#options.onOver();
  }
}
