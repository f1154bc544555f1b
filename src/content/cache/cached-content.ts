import type { Readable } from 'node:stream';
import type { Digests } from '../../model/asset.ts';
import type { ByteRange } from '../../model/byte-range.ts';
import { CodedError, messageOf } from '../../model/coded-error.ts';
import type { Logger } from '../../model/logger.ts';
import { ALL_DIGESTS, contradictionIn, RunningDigests } from '../../model/running-digests.ts';
import type { BlockBytes } from './block-bytes.ts';
import { lastBlockOf } from './blocks.ts';
import type { ReadableContent } from './content-reader.ts';
import { Fill } from './fill.ts';
import type { StoredContent } from './stored-content.ts';

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
   */
  fetch(
    range: ByteRange | undefined,
    signal: AbortSignal,
    onState: (state: string) => void,
  ): Promise<Readable>;
}

export interface CachedContentOptions {
  readonly remote: RemoteContent;
  readonly stored: StoredContent;
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
  /** Of all blocks before `#nextToDigest`; null when there is nothing to find out. */
  #running: RunningDigests | null;
  #nextToDigest = 0;
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
    this.#running = digestsToFind(remote, stored);
  }

  enter(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    this.#endWhenIdle();
  }

  async stored(block: number): Promise<Buffer | null> {
    const bytes = await this.#stored.read(block);
    if (bytes !== null) this.#digest(block, [bytes]);
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
    // What came out of order is compared from the disk, so it has to be there.
    if (this.#running !== null) {
      for (const fill of this.#fills) fill.keepAll();
      await Promise.all(this.#keeping);
    }
    if (this.#running !== null && this.#stored.isWhole) await this.#settle();
    if (this.#mismatch !== null) throw this.#mismatch;
  }

  /** Compares what is there as a whole, although nobody waits for it; a crash may have come before that. */
  settleInBackground(): void {
    if (this.#running === null || !this.#stored.isWhole) return;
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
      fetch: (range, signal) => {
        return this.#options.remote.fetch(range, signal, (state) => this.#meetState(state));
      },
      onBlock: (block, bytes) => {
        this.#options.onFetched(bytes.lengthBytes);
        this.#digest(block, bytes.pieces);
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

  /** Takes a block in when it is the one that is due; they come in order more often than not. */
  #digest(block: number, pieces: readonly Buffer[]): void {
    if (this.#running === null || block !== this.#nextToDigest) return;
    for (const piece of pieces) this.#running.update(piece);
    this.#nextToDigest += 1;
    if (block === this.#lastBlock) this.#conclude(this.#running.end());
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
      while (this.#running !== null && !this.#stop.signal.aborted) {
        // Whoever reads meanwhile takes it further, too.
        if ((await this.stored(this.#nextToDigest)) === null) return;
      }
    } finally {
      this.leave();
    }
  }

  /** What was compared is not all there any more, and what is fetched for it may be something else. */
  #compareAnew(): void {
    this.#damages = this.#stored.damages;
    this.#nextToDigest = 0;
    this.#running = digestsToFind(this.#options.remote, this.#stored);
  }

  #conclude(found: Digests): void {
    const { remote, logger } = this.#options;
    this.#running = null;
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
    this.#stored.close();
    this.#options.onOver();
  }
}

/** From the first block on; null when there is nothing to find out. */
function digestsToFind(
  { digests, wantsDigests }: RemoteContent,
  { isVerified }: StoredContent,
): RunningDigests | null {
  const told = ALL_DIGESTS.filter((algorithm) => digests[algorithm] !== undefined);
  const algorithms = wantsDigests ? ALL_DIGESTS : isVerified ? [] : told.slice(0, 1);
  return algorithms.length === 0 ? null : new RunningDigests(algorithms);
}
