import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Catalog, Entry, SourceRecord } from '../catalog/catalog.ts';
import { CodedError, codeOf, type ErrorCode, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { ScanWarning, Source } from '../source/source.ts';
import { createLayout, type LayoutOptions } from './layout.ts';

export interface SourceIngestOptions {
  readonly source: Source;
  readonly catalog: Catalog;
  readonly layout: Omit<LayoutOptions, 'traits'>;
  readonly logger: Logger;
}

export type SourceState = 'waiting' | 'scanning' | 'ready' | 'failing';

/** How a source is doing, for people and for `/api/health`. */
export interface SourceStatus {
  readonly name: string;
  readonly state: SourceState;
  readonly assetCount: number;
  readonly collectionCount: number;
  readonly sizeBytes: number;
  /** End of the last scan that read everything; survives restarts. */
  readonly completedMs: number | null;
  readonly lastScanDurationMs: number | null;
  readonly lastError: SourceFailure | null;
  readonly warnings: readonly ScanWarning[];
}

export interface SourceFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly atMs: number;
}

/** Entries of one transaction: a few milliseconds of work. */
const BATCH_ENTRIES = 256;

/** Keeps the catalog in step with one source: one scan at a time, whoever asks. */
export class SourceIngest {
  readonly name: string;
  readonly #source: Source;
  readonly #catalog: Catalog;
  readonly #layout: LayoutOptions;
  readonly #logger: Logger;
  #record: SourceRecord | null = null;
  #running: Promise<void> | null = null;
  #stop = new AbortController();
  #lastError: SourceFailure | null = null;
  #lastScanDurationMs: number | null = null;
  #warnings: readonly ScanWarning[] = [];
  #failuresInARow = 0;
  #endedMs: number | null = null;

  constructor(options: SourceIngestOptions) {
    this.name = options.source.name;
    this.#source = options.source;
    this.#catalog = options.catalog;
    this.#layout = { ...options.layout, traits: options.source.traits };
    this.#logger = options.logger;
  }

  /** Makes the source known to the catalog, so that its last tree can be served before any scan. */
  async prepare(): Promise<SourceRecord> {
    this.#record = await this.#catalog.writer.ensureSource(this.name);
    return this.#record;
  }

  /** Reads the source once; joins a scan that is under way. Never rejects: how it went is in `status()`. */
  async scan(): Promise<void> {
    this.#running ??= this.#scanOnce().finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  async status(): Promise<SourceStatus> {
    const record = (await this.#catalog.reader.source(this.name)) ?? this.#record;
    return {
      name: this.name,
      state: this.#state(),
      assetCount: record?.assetCount ?? 0,
      collectionCount: record?.collectionCount ?? 0,
      sizeBytes: record?.sizeBytes ?? 0,
      completedMs: record?.completedMs ?? null,
      lastScanDurationMs: this.#lastScanDurationMs,
      lastError: this.#lastError,
      warnings: this.#warnings,
    };
  }

  /** The failure that keeps this source from being read now, or null. */
  get failure(): SourceFailure | null {
    return this.#lastError;
  }

  /** How many scans have failed since one did not, and when the last one ended. For the schedule. */
  get history(): { failuresInARow: number; endedMs: number | null } {
    return { failuresInARow: this.#failuresInARow, endedMs: this.#endedMs };
  }

  /** Ends a running scan between two batches, then releases the source. */
  async close(): Promise<void> {
    this.#stop.abort(new CodedError('cancelled', 'The server is stopping.'));
    await this.#running;
    await this.#source.close();
  }

  async #scanOnce(): Promise<void> {
    const startedMs = Date.now();
    try {
      const removed = await this.#readAll();
      this.#lastError = null;
      this.#failuresInARow = 0;
      this.#lastScanDurationMs = Date.now() - startedMs;
      await this.#reportSuccess(removed);
    } catch (error) {
      if (codeOf(error) === 'cancelled' || this.#stop.signal.aborted) return;
      this.#reportFailure(error);
    } finally {
      this.#endedMs = Date.now();
    }
  }

  /** @returns how many nodes went because a complete scan did not see them any more. */
  async #readAll(): Promise<number> {
    const record = this.#record ?? (await this.prepare());
    const { writer } = this.#catalog;
    const layout = createLayout(this.#layout);
    const warnings = new Map<string, ScanWarning>();
    const scan = writer.beginScan(record.id);
    let batch: Entry[] = [];
    let eventCount = 0;
    let mayRemove = true;
    const flush = async () => {
      await writer.apply(record.id, batch, scan);
      batch = [];
      await yieldToEventLoop();
    };
    for await (const event of this.#source.scan(this.#stop.signal, warnings)) {
      if (event.kind !== 'kept') eventCount += 1;
      // Where the layout has no place for the collection, what it held cannot be told from what is gone.
      else if (event.collection === null || !layout.showsCollections) mayRemove = false;
      batch.push(...layout.entriesOf(event));
      if (batch.length >= BATCH_ENTRIES) await flush();
    }
    this.#warnings = [...warnings.values()];
    const before = await this.#catalog.reader.source(this.name);
    const isEmptied = eventCount === 0 && before !== null && before.assetCount + before.collectionCount > 0;
    if (isEmptied) {
      throw new CodedError('unavailable', 'The source is suddenly empty. What it held last stays listed.');
    }
    await flush();
    const removed = mayRemove ? await writer.sweep(scan) : 0;
    await writer.completeScan(record.id, Date.now());
    return removed;
  }

  #state(): SourceState {
    if (this.#running !== null) return 'scanning';
    if (this.#lastError !== null) return 'failing';
    return this.#endedMs === null ? 'waiting' : 'ready';
  }

  async #reportSuccess(removed: number): Promise<void> {
    const { assetCount, collectionCount, sizeBytes } = await this.status();
    const fields = { assets: assetCount, collections: collectionCount, sizeBytes, removed };
    this.#logger.info(`"${this.name}" is up to date`, { ...fields, durationMs: this.#lastScanDurationMs });
    for (const { reason, count, example } of this.#warnings) {
      this.#logger.warn(`"${this.name}" left out ${count} × ${reason}`, { example });
    }
  }

  #reportFailure(error: unknown): void {
    this.#failuresInARow += 1;
    const failure = { code: codeOf(error), message: messageOf(error), atMs: Date.now() };
    const isNew = failure.code !== this.#lastError?.code || failure.message !== this.#lastError.message;
    this.#lastError =
      failure.code === 'internal' ? { ...failure, message: 'Internal error, see the log.' } : failure;
    const message = `"${this.name}" could not be read: ${failure.message} Its last known content stays.`;
    // The same failure every minute is news only once.
    if (failure.code === 'internal') this.#logger.error(message, { error });
    else if (isNew) this.#logger.warn(message, { code: failure.code, cause: causeOf(error) });
    else this.#logger.debug(message, { code: failure.code });
  }
}

function causeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? undefined : messageOf(cause);
}
