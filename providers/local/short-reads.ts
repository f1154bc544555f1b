import type { Call } from '../../src/provider/provider.ts';
import { Disk } from './disk.ts';
import type { ReadAsk, ShortRead } from './disk-messages.ts';
import { PoolShare } from './pool-share.ts';
import { readShort } from './short-read.ts';

/** More at once than Node's own threads take: then one that does nothing else is worth its while. */
const MANY = 4;
/** On average over the last reads: what is in memory takes a fraction of this, and what does not waits for the disk. */
const QUICK_MS = 2;
/** What the last read counts in that average: a single one that waited, for a processor perhaps, says nothing. */
const LAST_SHARE = 0.1;
/** Without an answer for so long, the disk is what is waited for. */
const STALLED_MS = 100;

/**
 * Short reads of the files of one source. There are two ways. A thread of their own opens, reads, looks and closes in one
 * go, so that a read costs one message and not four trips through Node's thread pool, which were half of the time of
 * sending a small file. But it reads one file after the other. So it gets what a disk answers from memory; while the disk
 * has to be waited for, all but one read go through the pool, which waits for several at once. Few reads always do: a
 * thread would first have to begin.
 */
export class ShortReads {
  readonly #disk: Disk;
  readonly #share: PoolShare;
  #poolReads = 0;
  #threadReads = 0;
  #isBeginning = false;
  #averageMs = 0;
  /** When the thread last answered, or was first asked after a pause. */
  #movedMs = 0;

  /**
   * @param share of the thread pool, with all else that reads the source.
   * @param disk of these reads alone; closed with them.
   */
  constructor(share = new PoolShare(), disk = new Disk()) {
    this.#share = share;
    this.#disk = disk;
  }

  /**
   * Rejects with the error of the file system, or `unavailable` when the disk hangs.
   * @param call looked at only where there is something to wait for.
   */
  async read(ask: ReadAsk, call?: Pick<Call, 'signal'>): Promise<ShortRead> {
    if (this.#mayAskThread()) return await this.#readByThread(ask);
    this.#poolReads += 1;
    if (this.#poolReads > MANY && !this.#disk.isRunning) this.#beginThread(ask);
    try {
      return await this.#share.run(() => readShort(ask), call?.signal);
    } finally {
      this.#poolReads -= 1;
    }
  }

  close(): void {
    this.#disk.close();
  }

  #mayAskThread(): boolean {
    if (!this.#disk.isRunning || this.#isBeginning) return false;
    if (this.#threadReads === 0) return true;
    return this.#averageMs < QUICK_MS && performance.now() - this.#movedMs < STALLED_MS;
  }

  async #readByThread(ask: ReadAsk): Promise<ShortRead> {
    if (this.#threadReads === 0) this.#movedMs = performance.now();
    this.#threadReads += 1;
    try {
      const read = await this.#disk.ask('read', ask);
      this.#averageMs += LAST_SHARE * (read.tookMs - this.#averageMs);
      return read;
    } finally {
      this.#threadReads -= 1;
      this.#movedMs = performance.now();
    }
  }

  /** Has it read something of no interest, so that nobody waits for its beginning. */
  #beginThread(ask: ReadAsk): void {
    this.#isBeginning = true;
    const end = () => {
      this.#isBeginning = false;
    };
    // Whatever is wrong, whoever asks next is told.
    this.#disk.ask('read', { ...ask, lengthBytes: 1 }).then(end, end);
  }
}
