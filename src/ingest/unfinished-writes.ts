import { CodedError } from '../model/coded-error.ts';

const RETRY_AFTER_MS = 10_000;

/**
 * Writes of one source that were given up because it does not answer, and may yet be done. Until they are over nothing else
 * in it is moved, made or removed: each of those could hang as well, and hold up all others for as long as it is waited for.
 * Uploads go on; they wait for the disk beside the turns.
 */
export class UnfinishedWrites {
  #count = 0;

  /** @param over see `WriteCall.goesOn`. */
  add(over: Promise<void>): void {
    this.#count += 1;
    void over.then(() => {
      this.#count -= 1;
    });
  }

  /** @throws CodedError `unavailable` while there are any. */
  checkNone(): void {
    if (this.#count === 0) return;
    const text = 'A disk of this source does not answer.';
    throw new CodedError('unavailable', text, { retryAfterMs: RETRY_AFTER_MS });
  }
}
