import { readFileSync } from 'node:fs';

/** What the kernel holds for one process until it is read, unless it is told otherwise. */
const DEFAULT_LIMIT = 16_384;
const LIMIT_FILE = '/proc/sys/fs/inotify/max_queued_events';

/**
 * Notices that the kernel may have dropped changes. All watches of a process share one inotify queue of
 * `fs.inotify.max_queued_events`; when it is full the kernel drops what comes and queues a note of that, which libuv
 * (as of 1.51) throws away, and so do the watcher packages. But a full queue is read in one go, within one turn of the
 * event loop. So a turn that brings about as many events as the queue holds is one before which it may have been
 * full: half of it already counts, because events of watches that were closed meanwhile are not seen here.
 */
export class QueueGauge {
  readonly #listeners = new Set<() => void>();
  #limit: number | null;
  #inThisTurn = 0;

  /** @param limit null: what the system says. */
  constructor(limit: number | null = null) {
    this.#limit = limit;
  }

  get limit(): number {
    this.#limit ??= readLimit();
    return this.#limit;
  }

  /** @returns takes the listener away again. */
  onOverflow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** To be called for each event as it comes. */
  count(): void {
    this.#inThisTurn += 1;
    if (this.#inThisTurn === 1) setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    const mayHaveOverflowed = this.#inThisTurn >= this.limit / 2;
    this.#inThisTurn = 0;
    if (!mayHaveOverflowed) return;
    for (const listener of this.#listeners) listener();
  }
}

/** The one of this thread, as there is one queue of the kernel for it. */
export const QUEUE_GAUGE = new QueueGauge();

function readLimit(): number {
  try {
    return Number(readFileSync(LIMIT_FILE, 'utf8')) || DEFAULT_LIMIT;
  } catch {
    // Only Linux has the file.
    return DEFAULT_LIMIT;
  }
}
