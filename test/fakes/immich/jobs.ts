/** What Immich does after its answer was sent: reading metadata, making thumbnails, writing a changed date. */
export class Jobs {
  /** Milliseconds that a job waits, or `manual`: until it is run by `runWaiting()` or `runAll()`. */
  delayMs: number | 'manual' = 50;
  readonly #waiting: (() => void)[] = [];

  add(job: () => void): void {
    this.#waiting.push(job);
    if (this.delayMs !== 'manual') setTimeout(() => this.runWaiting(), this.delayMs).unref();
  }

  /** Runs the jobs that wait now, but not those that they queue: after an upload the metadata, then the thumbnail. */
  runWaiting(): void {
    for (const job of this.#waiting.splice(0)) job();
  }

  /** Runs jobs until none is left. */
  runAll(): void {
    while (this.#waiting.length > 0) this.runWaiting();
  }
}
