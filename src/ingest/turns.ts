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
   * The events of a long work, which has its turn; while the next one is waited for, others are let in.
   * @param prepare called before that: what was told so far has to be taken in.
   */
  async *interleaved<T>(events: AsyncGenerator<T>, prepare: () => Promise<void>): AsyncGenerator<T> {
    try {
      let next = events.next();
      for (;;) {
        const outcome = await this.#untilWoken(next);
        if (outcome === 'woken') {
          await prepare();
          await this.#runWaiting();
          continue;
        }
        if (outcome.done === true) return;
        yield outcome.value;
        next = events.next();
      }
    } finally {
      this.#wake = null;
      await events.return(undefined);
    }
  }

  #untilWoken<T>(next: Promise<IteratorResult<T>>): Promise<IteratorResult<T> | 'woken'> {
    if (this.#waiting.length > 0) return Promise.resolve('woken');
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve('woken');
      next.then(resolve, reject);
    });
  }

  /** Those that came meanwhile wait for the next step, so that a long work gets on. */
  async #runWaiting(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) await work();
  }
}
