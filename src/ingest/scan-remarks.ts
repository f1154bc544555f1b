import type { Logger } from '../model/logger.ts';
import type { ScanWarning, Warn } from '../source/source.ts';
import { LeftOut } from './left-out.ts';

/** What one scan has met, until it ends. */
export interface OpenRemarks {
  /** Counts something that is left out. */
  readonly warn: Warn;
  /** @param text a sentence about the source as a whole; logged at once. */
  note(text: string): void;
  /** From now on these are the remarks of the source, in place of those of the scan before. */
  end(): void;
  /** The scan has ended, and what was said before still holds. */
  drop(): void;
}

/** What people should know of a source besides what is in it. The same at every scan is logged only once. */
export class ScanRemarks {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #hasPaths: boolean;
  readonly #logged = new Set<string>();
  #leftOut: LeftOut;
  /** Of the scan that runs. */
  #open: LeftOut | null = null;
  #notes: readonly string[] = [];

  /** @param hasPaths see `LeftOut`. */
  constructor(name: string, hasPaths: boolean, logger: Logger) {
    this.#name = name;
    this.#hasPaths = hasPaths;
    this.#logger = logger;
    this.#leftOut = new LeftOut(hasPaths);
  }

  get warnings(): readonly ScanWarning[] {
    return this.#leftOut.warnings;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  ofScan(): OpenRemarks {
    const leftOut = new LeftOut(this.#hasPaths);
    this.#open = leftOut;
    const notes = new Set<string>();
    return {
      warn: (reason, place) => leftOut.note(reason, place),
      note: (text) => {
        if (!this.#notes.includes(text)) this.#logger.warn(`"${this.#name}": ${text}`);
        notes.add(text);
      },
      end: () => {
        this.#open = null;
        this.#leftOut = leftOut;
        this.#notes = [...notes];
      },
      drop: () => {
        this.#open = null;
      },
    };
  }

  /** Somebody looks at these paths, and at all that is below, between two scans or within one. @returns who is told. */
  ofLook(paths: readonly string[]): Warn {
    const looked = new Set(paths);
    const all = this.#open === null ? [this.#leftOut] : [this.#leftOut, this.#open];
    for (const each of all) each.forget(looked);
    return (reason, place) => {
      for (const each of all) each.noteAgain(reason, place);
    };
  }

  /** Logs the warnings that were not logged after the last scan that came to its end. */
  tell(): void {
    const before = new Set(this.#logged);
    this.#logged.clear();
    for (const { reason, count, example } of this.warnings) {
      const text = `${count} ${reason} ${example}`;
      this.#logged.add(text);
      if (!before.has(text)) this.#logger.warn(`"${this.#name}" left out ${count} × ${reason}`, { example });
    }
  }
}
