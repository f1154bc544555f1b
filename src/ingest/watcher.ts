import { setTimeout as wait } from 'node:timers/promises';
import { codeOf, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { WatchHint } from '../provider/provider.ts';
import type { Source } from '../source/source.ts';

export interface WatcherOptions {
  readonly source: Source;
  readonly logger: Logger;
  readonly onHint: (path: string) => void;
  /** Called when hints were whole and no longer are: a scan is needed now. */
  readonly onLost: () => void;
  /** Before the source is asked to watch again, doubled with each time in a row. */
  readonly firstWaitMs?: number;
  readonly maxWaitMs?: number;
}

const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;

/**
 * Takes in the hints of one source for as long as the server runs, and knows whether they are whole: whether every
 * change since the beginning of the last good scan has been hinted at. Where they are not, only scans help.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #toldReasons = new Set<string>();
  #isSupported = true;
  #isOpen = false;
  /** How often hints may have been missed so far. */
  #lostCount = 0;
  /** The same number when the last good scan began; null: there was none. */
  #coveredCount: number | null = null;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Nothing that changes is missed. */
  get isWhole(): boolean {
    return this.#isOpen && this.#coveredCount === this.#lostCount;
  }

  /** The source can be watched, but something may be missed. */
  get isBlind(): boolean {
    return this.#isSupported && !this.isWhole;
  }

  /** Hints are coming in now, whole or not. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** To be handed to `endScan` when the scan that begins now has read everything. */
  beginScan(): number {
    return this.#lostCount;
  }

  endScan(lostCount: number): void {
    this.#coveredCount = lostCount;
    if (!this.isWhole || this.#toldReasons.size === 0) return;
    this.#toldReasons.clear();
    this.#options.logger.info(`"${this.#options.source.name}" is watched again`);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { source, firstWaitMs = FIRST_WAIT_MS, maxWaitMs = MAX_WAIT_MS } = this.#options;
    const { signal } = this.#stop;
    for (let waitMs = firstWaitMs; !signal.aborted; waitMs = Math.min(waitMs * 2, maxWaitMs)) {
      this.#isOpen = true;
      try {
        for await (const hint of source.watch(signal)) {
          waitMs = firstWaitMs;
          this.#take(hint);
        }
        if (!signal.aborted) this.#lose('The source has stopped telling what changes.');
      } catch (error) {
        if (signal.aborted) return;
        if (codeOf(error) === 'unsupported') {
          this.#isSupported = false;
          return;
        }
        this.#lose(codeOf(error) === 'internal' ? 'Watching failed.' : messageOf(error), error);
      } finally {
        this.#isOpen = false;
      }
      await wait(waitMs, undefined, { signal, ref: false }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  #take(hint: WatchHint): void {
    if (hint.kind === 'path') {
      this.#options.onHint(hint.path);
      return;
    }
    const wasWhole = this.isWhole;
    this.#lose(hint.reason);
    if (wasWhole) this.#options.onLost();
  }

  #lose(reason: string, error?: unknown): void {
    const { source, logger } = this.#options;
    this.#lostCount += 1;
    // A folder of ten thousand that may not be watched is one line in the log.
    if (!this.#toldReasons.has(reason)) {
      this.#toldReasons.add(reason);
      const message = `Changes of "${source.name}" may be noticed late, by reading it anew. ${reason}`;
      logger.warn(message, error === undefined ? {} : { error });
    }
  }
}
