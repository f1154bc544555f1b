import { CodedError } from '../model/coded-error.ts';

const RETRY_AFTER_MS = 10_000;

/**
 * Writes of one source that were given up because it does not answer, and may yet be done. Until they are over nothing else
 * in it is moved, made or removed: each of those could hang as well, and hold up all others for as long as it is waited for.
 * Uploads go on; they wait for the disk beside the turns. Only to where such a write may yet be done none goes: its client
 * would be told that it is stored, and then it would be removed or written over.
 */
export class UnfinishedWrites {
  /** Of each, where something may be another than before. */
  readonly #touched = new Set<readonly string[]>();

  /**
   * @param over see `WriteCall.goesOn`.
   * @param touched paths at and below which it may yet be done.
   */
  add(over: Promise<void>, touched: readonly string[]): void {
    // Two writes may share a list, and each has its own end.
    const own = [...touched];
    this.#touched.add(own);
    void over.then(() => this.#touched.delete(own));
  }

  /** @throws CodedError `unavailable` while there are any. */
  checkNone(): void {
    if (this.#touched.size > 0) throw hangs();
  }

  /** @throws CodedError `unavailable` while one may yet change what is at the path. */
  checkNoneAt(path: string): void {
    for (const touched of this.#touched) {
      if (touched.some((each) => path === each || path.startsWith(`${each}/`))) throw hangs();
    }
  }
}

function hangs(): CodedError {
  const text = 'A disk of this source does not answer.';
  return new CodedError('unavailable', text, { retryAfterMs: RETRY_AFTER_MS });
}
