import { CodedError } from '../../src/model/coded-error.ts';

/** An eighth of the threads that the process has for files (`start.js`): more than disks do at once. */
const MAX_TRIPS = 16;
/** A disk that was asleep takes so long to wake up; what takes longer does not answer. */
export const PATIENCE_MS = 15_000;
/**
 * The same for calls that bring something to the disk. They wait for what others have written to it, too: where somebody
 * copies gigabytes there, longer than any other call.
 */
export const WRITE_PATIENCE_MS = 60_000;
const RETRY_AFTER_MS = 10_000;

interface Waiting {
  begin(): void;
  refuse(): void;
}

/**
 * What one source may hold of Node's thread pool, which is one for the whole process: a call to a disk that hangs (a
 * network share, a sleeping drive) takes its thread along, and cannot be ended. So a source has some of them at most,
 * whoever else wants something of it waits, and is refused when nothing has moved for long. Other sources go on meanwhile.
 */
export class PoolShare {
  readonly #maxTrips: number;
  readonly #patienceMs: number;
  readonly #waiting = new Set<Waiting>();
  #underWay = 0;
  /** When a trip last began while none was under way, or ended. */
  #movedMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor({ maxTrips = MAX_TRIPS, patienceMs = PATIENCE_MS } = {}) {
    this.#maxTrips = maxTrips;
    this.#patienceMs = patienceMs;
  }

  /**
   * Makes a trip to the disk when its turn comes. Rejects as it does, with `unavailable` when the disk hangs, and with the
   * reason of the signal when that ends the waiting.
   */
  async run<T>(trip: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#underWay >= this.#maxTrips) await this.#turn(signal);
    else this.#begin();
    try {
      return await trip();
    } finally {
      this.#end();
    }
  }

  /**
   * As `run`, for who cannot wait for a trip without an end: rejects `unavailable`, too, when this one takes longer than a
   * disk that answers. The trip goes on then, counts as before, and uses what it was given until it is over.
   */
  runInTime<T>(trip: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      let deadline: NodeJS.Timeout | undefined;
      const begin = () => {
        deadline = setTimeout(() => reject(hangs()), this.#patienceMs).unref();
        return trip();
      };
      this.run(begin, signal)
        .finally(() => clearTimeout(deadline))
        .then(resolve, reject);
    });
  }

  /** Resolves when a trip has begun. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    if (performance.now() - this.#movedMs >= this.#patienceMs) throw hangs();
    signal?.throwIfAborted();
    let leave: (() => void) | null = null;
    try {
      await new Promise<void>((resolve, reject) => {
        const waiting: Waiting = {
          begin: () => {
            this.#begin();
            resolve();
          },
          refuse: () => reject(hangs()),
        };
        leave = () => {
          this.#waiting.delete(waiting);
          reject(signal?.reason);
        };
        this.#waiting.add(waiting);
        signal?.addEventListener('abort', leave, { once: true });
        this.#watch();
      });
    } finally {
      if (leave !== null) signal?.removeEventListener('abort', leave);
    }
  }

  #begin(): void {
    if (this.#underWay === 0) this.#movedMs = performance.now();
    this.#underWay += 1;
  }

  #end(): void {
    this.#underWay -= 1;
    this.#movedMs = performance.now();
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next.begin();
  }

  /** Looks from time to time whether those who wait do so in vain. */
  #watch(): void {
    if (this.#timer !== null) return;
    const leftMs = this.#movedMs + this.#patienceMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        if (performance.now() - this.#movedMs >= this.#patienceMs) {
          for (const waiting of this.#waiting) waiting.refuse();
          this.#waiting.clear();
        } else if (this.#waiting.size > 0) this.#watch();
      },
      Math.max(1, leftMs),
    );
    this.#timer.unref();
  }
}

/** What whoever asks for something of a disk that does not answer is told. */
export function hangs(): CodedError {
  const text = 'The disk of this folder does not answer.';
  return new CodedError('unavailable', text, { retryAfterMs: RETRY_AFTER_MS });
}
