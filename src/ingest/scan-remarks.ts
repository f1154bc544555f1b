import type { Logger } from '../model/logger.ts';
import type { ScanWarning } from '../source/source.ts';

/** What one scan has met, until it ends. */
export interface OpenRemarks {
  /** By reason; filled by the source. */
  readonly warnings: Map<string, ScanWarning>;
  /** @param text a sentence about the source as a whole; logged at once. */
  note(text: string): void;
  /** From now on these are the remarks of the source, in place of those of the scan before. */
  end(): void;
}

/** What people should know of a source besides what is in it. The same at every scan is logged only once. */
export class ScanRemarks {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #logged = new Set<string>();
  #warnings: readonly ScanWarning[] = [];
  #notes: readonly string[] = [];

  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  get warnings(): readonly ScanWarning[] {
    return this.#warnings;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  ofScan(): OpenRemarks {
    const warnings = new Map<string, ScanWarning>();
    const notes = new Set<string>();
    return {
      warnings,
      note: (text) => {
        if (!this.#notes.includes(text)) this.#logger.warn(`"${this.#name}": ${text}`);
        notes.add(text);
      },
      end: () => {
        this.#warnings = [...warnings.values()];
        this.#notes = [...notes];
      },
    };
  }

  /** Logs the warnings that were not logged after the last scan that came to its end. */
  tell(): void {
    const before = new Set(this.#logged);
    this.#logged.clear();
    for (const { reason, count, example } of this.#warnings) {
      const text = `${count} ${reason} ${example}`;
      this.#logged.add(text);
      if (!before.has(text)) this.#logger.warn(`"${this.#name}" left out ${count} × ${reason}`, { example });
    }
  }
}
