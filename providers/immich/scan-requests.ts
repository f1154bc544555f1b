import { CodedError } from '../../src/model/coded-error.ts';
import type { ScanCall } from '../../src/provider/provider.ts';
import { asksToWait, cancelledBy } from './translate-error.ts';

/**
 * The requests of one scan, which end together: when the consumer has enough, and when the server asks to come back
 * later. Going on with the other albums would be what it asked not to do.
 */
export class ScanRequests {
  readonly #call: ScanCall;
  readonly #stop = new AbortController();
  #slowdown: CodedError | null = null;
  #longestWaitMs: number | undefined;

  constructor(call: ScanCall) {
    this.#call = call;
  }

  /** Runs one request, retried as the caller of the scan sees fit. */
  async attempt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await this.#call.attempt((signal) => this.#once(work, signal));
    } catch (error) {
      if (asksToWait(error)) {
        this.#slowdown ??= error;
        this.stop();
      }
      throw error;
    }
  }

  /** Ends what is under way, and lets nothing begin any more. */
  stop(): void {
    this.#stop.abort();
  }

  /** What the scan ends with: where the server asked to wait, that and the longest wait, whatever else was cut short by it. */
  reasonOf(error: unknown): unknown {
    const slowdown = this.#slowdown;
    if (slowdown === null || !(error instanceof CodedError)) return error;
    const { code, message, cause } = slowdown;
    const wait = this.#longestWaitMs === undefined ? {} : { retryAfterMs: this.#longestWaitMs };
    return new CodedError(code, message, { cause, ...wait });
  }

  async #once<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const either = AbortSignal.any([signal, this.#stop.signal]);
    if (either.aborted) throw cancelledBy(either);
    try {
      return await work(either);
    } catch (error) {
      // Noted at each try: while one request ends the scan, another may still be waiting for its next try.
      if (asksToWait(error) && error.retryAfterMs !== undefined) {
        this.#longestWaitMs = Math.max(error.retryAfterMs, this.#longestWaitMs ?? 0);
      }
      throw error;
    }
  }
}
