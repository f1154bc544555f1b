import cron, { type ScheduledTask } from 'node-cron';
import type { Logger } from '../model/logger.ts';
import { RUN_WAITS, waitAfter } from '../model/retry-waits.ts';
import type { SourceIngest } from './source-ingest.ts';

export interface ScheduledIngest {
  readonly ingest: SourceIngest;
  /** Between the end of one scan and the start of the next, in milliseconds; 0: only at start. */
  readonly intervalMs: number;
}

/** A source whose changes may be missed is read anew this often; a slow one so that at most half the time goes there. */
const BLIND_INTERVAL_MS = 60_000;

/** What is known of a source's scans so far. */
export interface ScanHistory {
  /** How many have failed since one did not. */
  readonly failuresInARow: number;
  /** How long the source asked to be left alone when it refused last. */
  readonly retryAfterMs?: number | null;
  /** End of the last one, in milliseconds since 1970; null: none has ended. */
  readonly endedMs: number | null;
  /** How long the last good one took. */
  readonly durationMs: number | null;
  /** Changes should be noticed by watching, but some may be missed. */
  readonly isBlind: boolean;
}

/**
 * Starts due scans. Ticks every second and asks each source whether it is time: an interval may be a fraction of
 * an hour, which no cron expression can say, and a failed scan comes earlier than a regular one.
 */
export class Schedule {
  readonly #entries: readonly ScheduledIngest[];
  readonly #logger: Logger;
  #task: ScheduledTask | null = null;

  constructor(entries: readonly ScheduledIngest[], logger: Logger) {
    this.#entries = entries;
    this.#logger = logger;
  }

  /** Starts watching and the first scans at once and does not wait for them. */
  start(): void {
    for (const { ingest } of this.#entries) {
      ingest.watch();
      this.#run(ingest);
    }
    this.#task = cron.schedule('* * * * * *', () => this.#tick(Date.now()), { noOverlap: true });
  }

  async stop(): Promise<void> {
    await this.#task?.destroy();
    this.#task = null;
  }

  #tick(nowMs: number): void {
    for (const { ingest, intervalMs } of this.#entries) {
      const dueMs = dueAt(ingest.history, intervalMs);
      if (dueMs !== null && nowMs >= dueMs) this.#run(ingest);
    }
  }

  #run(ingest: SourceIngest): void {
    ingest.scan().catch((error: unknown) => {
      this.#logger.error('a scan ended in a bug', { source: ingest.name, error });
    });
  }
}

/** When the next scan is due, in milliseconds since 1970; null: not by itself. */
export function dueAt(history: ScanHistory, intervalMs: number): number | null {
  if (history.endedMs === null) return null;
  const regularMs = intervalMs > 0 ? intervalMs : Number.POSITIVE_INFINITY;
  const blindMs = history.isBlind
    ? Math.max(BLIND_INTERVAL_MS, history.durationMs ?? 0)
    : Number.POSITIVE_INFINITY;
  const retryMs =
    history.failuresInARow === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(waitAfter(history.failuresInARow, RUN_WAITS), history.retryAfterMs ?? 0);
  const waitMs = Math.min(regularMs, blindMs, retryMs);
  return Number.isFinite(waitMs) ? history.endedMs + waitMs : null;
}
