/** Without a write for so long, a burst of them counts as over. */
const QUIET_MS = 200;
/** Nobody waits longer, however long the burst lasts; … */
const LONGEST_MS = 2_000;
/** … and who has waited has this long before others come first again. */
const SHARE_MS = 1_000;

/**
 * A gate for what can wait while clients are writing: looking into new files takes processors and disk from the uploads
 * that follow. It is shut by a write, and opens when there are no more for a moment, or when it was shut long enough.
 */
export class Lull {
  #lastWriteMs = 0;
  #shutMs = 0;
  #openedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #opened: PromiseWithResolvers<void> | null = null;

  /** Something was written, and more may follow. */
  noteWrite(): void {
    const nowMs = performance.now();
    this.#lastWriteMs = nowMs;
    if (this.#opened !== null || nowMs - this.#openedMs < SHARE_MS) return;
    this.#shutMs = nowMs;
    this.#opened = Promise.withResolvers();
    this.#timer = setInterval(() => this.#openIfDue(), QUIET_MS / 4).unref();
  }

  /** Resolves when it is open, or when the signal ends. */
  async untilOpen(signal: AbortSignal): Promise<void> {
    while (this.#opened !== null && !signal.aborted) {
      const { promise } = this.#opened;
      await new Promise<void>((resolve) => {
        const leave = () => resolve();
        signal.addEventListener('abort', leave, { once: true });
        void promise.then(leave).finally(() => signal.removeEventListener('abort', leave));
      });
    }
  }

  /** Opens it for whoever waits. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#opened?.resolve();
    this.#opened = null;
  }

  #openIfDue(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastWriteMs < QUIET_MS && nowMs - this.#shutMs < LONGEST_MS) return;
    this.#openedMs = nowMs;
    this.close();
  }
}
