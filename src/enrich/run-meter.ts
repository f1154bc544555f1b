/** How far the present run is, or the last one when none is under way. */
export interface EnrichProgress {
  /** Files that were dealt with, also those that could not be read. */
  readonly filesDone: number;
  /** As many as there were when the run began; never less than `filesDone`. */
  readonly filesTotal: number;
  readonly bytesDone: number;
  /** On average since the run began. */
  readonly bytesPerSecond: number;
}

/** Counts what one run has done, the files that are being read included. */
export class RunMeter {
  readonly #filesTotal: number;
  readonly #startedMs = performance.now();
  readonly #underWay = new Set<() => number>();
  #endedMs: number | null = null;
  #filesDone = 0;
  #bytesDone = 0;

  constructor(filesTotal: number) {
    this.#filesTotal = filesTotal;
  }

  progress(): EnrichProgress {
    const filesDone = this.#filesDone;
    let bytesDone = this.#bytesDone;
    for (const bytesRead of this.#underWay) bytesDone += bytesRead();
    const seconds = ((this.#endedMs ?? performance.now()) - this.#startedMs) / 1000;
    return {
      filesDone,
      filesTotal: Math.max(this.#filesTotal, filesDone),
      bytesDone,
      bytesPerSecond: seconds > 0 ? Math.round(bytesDone / seconds) : 0,
    };
  }

  /** A file is being read; `bytesRead` says how far. */
  begin(bytesRead: () => number): void {
    this.#underWay.add(bytesRead);
  }

  /** A file is dealt with. @param bytesRead what was given to `begin`, or null when reading never began. */
  end(bytesRead: (() => number) | null, bytes: number): void {
    if (bytesRead !== null) this.#underWay.delete(bytesRead);
    this.#filesDone += 1;
    this.#bytesDone += bytes;
  }

  stop(): void {
    this.#endedMs ??= performance.now();
  }
}
