import { close, fdatasync, fsync, futimes, unlink, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { PoolShare } from '../pool-share.ts';
import type { ContentPieces } from './content-pieces.ts';
import { leaveToScan } from './leave-to-scan.ts';

/** A large file is brought to the disk while the rest of it comes in, so that its end does not wait for all of it. */
const SYNC_BYTES = 32 * 1024 * 1024;

const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const setTimes = promisify(futimes);
const writePieces = promisify(writev);
const closeFile = promisify(close);
const removeFile = promisify(unlink);

export interface FillingOptions {
  /** Of the file, which this does not close. */
  readonly fd: number;
  /** Of the thread pool, for each of its calls. */
  readonly share: PoolShare;
  /** Ends waiting for a turn. */
  readonly signal: AbortSignal;
}

/** The rest of a large content on its way into a file. Of a disk that hangs it rejects `unavailable`. */
export class Filling {
  readonly #options: FillingOptions;
  /** Calls to the disk, also those that nobody waits for any more. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: FillingOptions) {
    this.#options = options;
  }

  /**
   * Writes all that is left of a content: one part is synced while the next one comes in. To be called once.
   * @returns its size in bytes.
   */
  async fill(pieces: ContentPieces, modifiedMs: number | null): Promise<number> {
    const { fd } = this.#options;
    let sizeBytes = 0;
    let unsyncedBytes = 0;
    let syncing: Promise<void> | null = null;
    try {
      for (let some = await pieces.next(); some !== null; some = await pieces.next()) {
        const lengthBytes = await this.#writeAll(some);
        sizeBytes += lengthBytes;
        unsyncedBytes += lengthBytes;
        if (unsyncedBytes < SYNC_BYTES) continue;
        unsyncedBytes = 0;
        // The disk is told of an error once, and whoever syncs first is told; so no outcome may be missed.
        await syncing;
        syncing = this.#call(() => syncData(fd));
        syncing.catch(() => undefined);
      }
    } catch (error) {
      // Nothing may use the file any more when this is over; what failed first is told.
      await syncing?.catch(() => undefined);
      throw error;
    }
    await syncing;
    if (modifiedMs !== null) await this.#call(() => setTimes(fd, Date.now() / 1000, modifiedMs / 1000));
    await this.#call(() => syncAll(fd));
    return sizeBytes;
  }

  /** After a failure: is the file still used by a call that the disk does not answer? */
  get isAtDisk(): boolean {
    return this.#underWay.size > 0;
  }

  /** Closes and removes the file when the disk has answered the last call. Does not wait for that, and does not fail. */
  removeLater(path: string): void {
    void leaveToScan(async () => {
      await Promise.allSettled(this.#underWay);
      await closeFile(this.#options.fd);
      await removeFile(path);
    });
  }

  /** @returns how many bytes that were. */
  async #writeAll(pieces: readonly Buffer[]): Promise<number> {
    const { fd } = this.#options;
    const totalBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    let left = pieces;
    for (let leftBytes = totalBytes; leftBytes > 0; ) {
      const { bytesWritten } = await this.#call(() => writePieces(fd, left));
      leftBytes -= bytesWritten;
      if (leftBytes > 0) left = after(left, bytesWritten);
    }
    return totalBytes;
  }

  async #call<T>(trip: () => Promise<T>): Promise<T> {
    const { share, signal } = this.#options;
    return await share.runInTime(() => {
      const going = trip().finally(() => this.#underWay.delete(going));
      this.#underWay.add(going);
      return going;
    }, signal);
  }
}

/** What is left of them when so many bytes are written: a disk that is nearly full takes some. */
function after(pieces: readonly Buffer[], writtenBytes: number): Buffer[] {
  let skipBytes = writtenBytes;
  return pieces.flatMap((piece) => {
    const skipped = Math.min(skipBytes, piece.length);
    skipBytes -= skipped;
    return skipped === piece.length ? [] : [piece.subarray(skipped)];
  });
}
