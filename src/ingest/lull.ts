/** Without a write for so long, a burst of them counts as over. */
const QUIET_MS = 200;
/** Nobody is kept waiting longer, however long the burst lasts; … */
const LONGEST_MS = 2_000;
/** … and who was has this long before others come first again. */
const SHARE_MS = 1_000;

/**
 * A gate for what can wait while clients are writing: looking into new files takes processors and disk from the uploads
 * that follow. It is shut by a write, and opens when there are no more for a moment, or when it was shut long enough.
 *
 * What it owes to those who wait grows while it is shut and shrinks while it is open. So a burst that follows another
 * shuts it at once, and short pauses in an endless burst starve nobody.
 */
export class Lull {
  #lastWriteMs = 0;
  /** For how long it was shut and not made up for, when it was last shut or opened. */
  #owedMs = 0;
  /** When it was last shut or opened. */
  #turnedMs = 0;
  /** It was opened because it was shut too long, not because nobody wrote. */
  #isShare = false;
  #timer: NodeJS.Timeout | null = null;
  #opened: PromiseWithResolvers<void> | null = null;

  /** Something was written, and more may follow. */
  noteWrite(): void {
    const nowMs = performance.now();
    this.#lastWriteMs = nowMs;
    if (this.#opened !== null) return;
    const madeUpMs = (nowMs - this.#turnedMs) * (LONGEST_MS / SHARE_MS);
    if (this.#isShare && madeUpMs < this.#owedMs) return;
    this.#owedMs = Math.max(0, this.#owedMs - madeUpMs);
    this.#turnedMs = nowMs;
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
    const owedMs = this.#owedMs + nowMs - this.#turnedMs;
    this.#isShare = owedMs >= LONGEST_MS;
    if (nowMs - this.#lastWriteMs < QUIET_MS && !this.#isShare) return;
    this.#owedMs = owedMs;
    this.#turnedMs = nowMs;
    this.close();
  }
}
