import { fsync } from 'node:fs';
import { promisify } from 'node:util';
import { PoolShare, WRITE_PATIENCE_MS } from '../pool-share.ts';

const syncAll = promisify(fsync);
/** More often than anybody looks for one. */
const SIGN_OF_LIFE_MS = 1_000;

export interface FileSyncsOptions {
  /** What syncs may hold of Node's thread pool, which this thread has in common with all others of the process. */
  readonly share?: PoolShare;
  /** How often those under way are counted as a call. */
  readonly signMs?: number;
  /** Brings a file to the disk; another way is for tests. */
  readonly syncFile?: (fd: number) => Promise<void>;
  /** Told of each sync when it begins, and when it is over, though nobody waits for it any more. */
  readonly countUnderWay?: (more: 1n | -1n) => void;
}

/** Brings files to the disk, as many at once as there are. Whoever watches the disk is told meanwhile that nothing is wrong. */
export class FileSyncs {
  readonly #countCall: () => void;
  readonly #share: PoolShare;
  readonly #signMs: number;
  readonly #syncFile: (fd: number) => Promise<void>;
  readonly #countUnderWay: (more: 1n | -1n) => void;
  readonly #underWay = new Map<number, Promise<void>>();
  /** How many wait. */
  #waits = 0;
  #signs: NodeJS.Timeout | undefined;

  /** @param countCall the sign of life. */
  constructor(countCall: () => void, options: FileSyncsOptions = {}) {
    this.#countCall = countCall;
    this.#share = options.share ?? new PoolShare({ patienceMs: WRITE_PATIENCE_MS });
    this.#signMs = options.signMs ?? SIGN_OF_LIFE_MS;
    this.#syncFile = options.syncFile ?? syncAll;
    this.#countUnderWay = options.countUnderWay ?? (() => undefined);
  }

  /**
   * Resolves when the file is on the disk. Rejects with the disk's error, and `unavailable` when it takes too long; it is
   * under way then still.
   */
  async sync(fd: number): Promise<void> {
    // Not before all files of this message are written: the disk takes in at once what it is asked for at once, and a sync
    // that runs already would have the others wait for another one.
    await Promise.resolve();
    if (this.#waits === 0) this.#signs = setInterval(this.#countCall, this.#signMs);
    this.#waits += 1;
    try {
      await this.#share.runInTime(() => this.#begin(fd));
    } finally {
      this.#waits -= 1;
      if (this.#waits === 0) clearInterval(this.#signs);
    }
  }

  /** @returns what resolves when the sync of this descriptor is over, which must not be closed before; null: there is none. */
  underWay(fd: number): Promise<void> | null {
    return this.#underWay.get(fd) ?? null;
  }

  #begin(fd: number): Promise<void> {
    this.#countUnderWay(1n);
    const syncing = this.#syncFile(fd).finally(() => {
      this.#underWay.delete(fd);
      this.#countUnderWay(-1n);
    });
    this.#underWay.set(fd, syncing);
    return syncing;
  }
}
