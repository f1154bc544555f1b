/** So long at a time a long work goes on beside others who wait: nobody who saves a file should notice. */
const MAX_SHARE_MS = 50;

/**
 * One work on a source at a time: what one has seen before the other must not come after it. A long one lets short ones
 * in between its steps, so that nobody who saves a file waits for a scan of minutes.
 */
export class Turns {
  /** Ends when everything that was asked for so far has had its turn. */
  #last: Promise<void> = Promise.resolve();
  #waiting: (() => Promise<void>)[] = [];
  /** Called when something begins to wait while a long work listens. */
  #wake: (() => void) | null = null;

  /** Runs the work when nothing else runs. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** Runs the work between two steps of a long one, or in a turn of its own, whichever comes first. */
  between<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push(async () => {
        await work().then(resolve, reject);
      });
      void this.exclusively(() => this.#runWaiting());
      this.#wake?.();
    });
  }

  /** Resolves when everything that was asked for so far is over. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /**
   * The events of a long work, which has its turn; while the next one is waited for, others are let in. After that it goes
   * on for as long as they took, at most, whoever waits: writes without end would stop it otherwise.
   * @param prepare called before others are let in: what was told so far has to be taken in.
   */
  async *interleaved<T>(events: AsyncGenerator<T>, prepare: () => Promise<void>): AsyncGenerator<T> {
    let ownUntilMs = 0;
    try {
      let next = heard(events.next());
      for (;;) {
        const outcome = await this.#untilWoken(next, ownUntilMs);
        if (outcome === 'woken') {
          const startedMs = performance.now();
          await prepare();
          await this.#runWaiting();
          const endedMs = performance.now();
          ownUntilMs = endedMs + Math.min(Math.max(endedMs - startedMs, 1), MAX_SHARE_MS);
          continue;
        }
        if (outcome.done === true) return;
        yield outcome.value;
        next = heard(events.next());
      }
    } finally {
      this.#wake = null;
      await events.return(undefined);
    }
  }

  #untilWoken<T>(next: Promise<IteratorResult<T>>, ownUntilMs: number): Promise<IteratorResult<T> | 'woken'> {
    const ownMs = ownUntilMs - performance.now();
    if (this.#waiting.length > 0 && ownMs <= 0) return Promise.resolve('woken');
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | null = null;
      this.#wake = () => {
        if (ownMs <= 0) resolve('woken');
        else timer ??= setTimeout(() => resolve('woken'), Math.max(ownUntilMs - performance.now(), 0));
      };
      if (this.#waiting.length > 0) this.#wake();
      next.then(resolve, reject).finally(() => {
        if (timer !== null) clearTimeout(timer);
      });
    });
  }

  /** Those that came meanwhile wait for the next step, so that a long work gets on. */
  async #runWaiting(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) await work();
  }
}

/** The same promise. While others have their turn nobody listens to it, and a failure then would end the process. */
function heard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
