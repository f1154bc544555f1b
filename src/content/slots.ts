import { CodedError } from '../model/coded-error.ts';

interface Waiting {
  readonly start: () => void;
}

/** Lets a few works run at once and the others wait in line, up to a number of them. */
export class Slots {
  readonly #maxWaiting: number;
  readonly #line: Waiting[] = [];
  #free: number;

  constructor(atOnce: number, maxWaiting: number) {
    this.#free = atOnce;
    this.#maxWaiting = maxWaiting;
  }

  /** Runs the work when its turn comes. Rejects `throttled` when the line is full; leaves it when aborted. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#free += 1;
      this.#line.shift()?.start();
    }
  }

  #enter(signal: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    if (this.#line.length >= this.#maxWaiting) {
      const error = new CodedError('throttled', 'Too many wait for this already.', { retryAfterMs: 5_000 });
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line.splice(this.#line.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        start: () => {
          signal.removeEventListener('abort', leave);
          this.#free -= 1;
          resolve();
        },
      };
      this.#line.push(waiting);
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
    });
  }
}
