/**
 * Rings when the change log has grown. It only wakes whoever waits for the next change: what has changed, and
 * whether anything was missed, only the log tells, because other processes write without ringing.
 */
export interface ChangeBell {
  /** Resolves at the next ring, or as soon as the signal is aborted. Ask for it before looking into the log. */
  wait(signal: AbortSignal): Promise<void>;
}

/** The bell of one process. */
export class CommitBell implements ChangeBell {
  readonly #sleepers = new Set<() => void>();

  ring(): void {
    for (const wake of [...this.#sleepers]) wake();
  }

  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}
