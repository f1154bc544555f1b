import type { AssetFacts } from '../model/asset.ts';
import { type RetryWaits, RUN_WAITS, waitAfter } from '../model/retry-waits.ts';

interface Setback {
  readonly version: string;
  readonly failures: number;
  readonly notBeforeMs: number;
}

const FILE_WAITS: RetryWaits = { firstMs: 60_000, longestMs: 3_600_000 };
/** Failing files that are remembered; more than this are tried with every run. */
const MAX_REMEMBERED = 100_000;

/**
 * What did not work, and when to try again: a file after a minute, a run that ended as a whole after some seconds, both
 * doubled with each failure. A changed file starts anew. Nothing of it is kept over an end of the process.
 */
export class Setbacks {
  readonly #wake: () => void;
  readonly #byRef = new Map<string, Setback>();
  #failedRuns = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  /** @param wake called when it is time to try something again. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  mayTry({ ref, version }: AssetFacts): boolean {
    const setback = this.#byRef.get(ref.id);
    return setback === undefined || setback.version !== version || Date.now() >= setback.notBeforeMs;
  }

  /** The file could not be read. @returns how often its present version could not be read by now. */
  note({ ref, version }: AssetFacts): number {
    const before = this.#byRef.get(ref.id);
    const failures = before?.version === version ? before.failures + 1 : 1;
    const waitMs = waitAfter(failures, FILE_WAITS);
    if (this.#byRef.size < MAX_REMEMBERED) {
      this.#byRef.set(ref.id, { version, failures, notBeforeMs: Date.now() + waitMs });
    }
    this.wakeIn(waitMs);
    return failures;
  }

  forget({ ref }: AssetFacts): void {
    this.#byRef.delete(ref.id);
  }

  /** A run as a whole came to an end before its time. */
  noteRun(): void {
    this.#failedRuns += 1;
    this.wakeIn(waitAfter(this.#failedRuns, RUN_WAITS));
  }

  forgetRuns(): void {
    this.#failedRuns = 0;
  }

  /** Wakes after this time, or earlier when something else is due. Does not keep the process alive. */
  wakeIn(waitMs: number): void {
    const dueMs = Date.now() + waitMs;
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#wake();
    }, waitMs);
    this.#timer.unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
