/** Without a write for so long, a burst of them counts as over. */
const QUIET_MS = 200;
/** Nothing waits longer, however long the burst lasts. */
const LONGEST_MS = 2_000;

/**
 * Puts off what can wait while clients are writing: looking into new files takes processors and disk from the uploads that
 * follow.
 */
export class Lull {
  readonly #work: () => void;
  readonly #quietMs: number;
  readonly #longestMs: number;
  #isWanted = false;
  #sinceMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(work: () => void, quietMs = QUIET_MS, longestMs = LONGEST_MS) {
    this.#work = work;
    this.#quietMs = quietMs;
    this.#longestMs = longestMs;
  }

  /** Something was written, and more may follow. */
  noteWrite(): void {
    if (this.#timer === null) {
      this.#sinceMs = performance.now();
      this.#timer = setTimeout(() => this.#end(), this.#quietMs).unref();
    } else if (performance.now() - this.#sinceMs + this.#quietMs < this.#longestMs) this.#timer.refresh();
  }

  /** Does the work now, or once the writes are over; any number of calls until then are one. */
  ask(): void {
    if (this.#timer === null) this.#work();
    else this.#isWanted = true;
  }

  /** What was asked for is not done any more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isWanted = false;
  }

  #end(): void {
    this.#timer = null;
    if (!this.#isWanted) return;
    this.#isWanted = false;
    this.#work();
  }
}
