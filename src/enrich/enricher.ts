import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Catalog, PendingAsset } from '../catalog/catalog.ts';
import { type AssetFacts, type Digests, UNKNOWN_MEDIA } from '../model/asset.ts';
import { CodedError, codeOf, type ErrorCode, isTransient, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import { ALL_DIGESTS, contradictionIn } from '../model/running-digests.ts';
import type { Source } from '../source/source.ts';
import { readAsset } from './asset-reading.ts';
import type { JobResult, MediaJob } from './media-job.ts';
import { WorkerLostError } from './pool-worker.ts';
import { type EnrichProgress, RunMeter } from './run-meter.ts';
import { Setbacks } from './setbacks.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface EnricherOptions {
  readonly source: Source;
  /** Of the source in the catalog. */
  readonly sourceId: number;
  readonly catalog: Catalog;
  /** Shared with the enrichers of other sources. */
  readonly pool: WorkerPool;
  readonly logger: Logger;
  /** False while a file may still be being written; whoever says so wakes us afterwards. Default: always true. */
  readonly isStill?: (facts: AssetFacts) => boolean;
  /** Resolves when nothing more urgent goes on, or the signal ends. Default: at once. */
  readonly untilQuiet?: (signal: AbortSignal) => Promise<void>;
  /** Called after more has become known of an asset. The facts are those from before. */
  readonly onEnriched?: (facts: AssetFacts) => void;
  /** All three by default. */
  readonly algorithms?: readonly (keyof Digests)[];
}

/** Why a run came to an end before its time. */
export interface EnrichFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly atMs: number;
}

/** Assets of one page of the catalog's list. */
const PAGE_ASSETS = 200;
/** So many files in a row that are out of reach mean that the source is. */
const UNAVAILABLE_IN_A_ROW = 3;

const UNREADABLE = 'a file that could not be read';

const MEDIA_KEYS = Object.keys(UNKNOWN_MEDIA) as (keyof typeof UNKNOWN_MEDIA)[];

/**
 * Reads what nobody has looked into yet: every asset of a source whose present version was not read. Keeps no list
 * of its own: what is left over, by an end of the process too, is found in the catalog again.
 */
export class Enricher {
  readonly #options: EnricherOptions;
  readonly #stop = new AbortController();
  readonly #setbacks = new Setbacks(() => this.wake());
  /** What was told of in the log already. */
  readonly #told = new Set<string>();
  /** One for each file that is being read. */
  readonly #readings = new Set<AbortController>();
  #meter = new RunMeter(0);
  #running: Promise<void> | null = null;
  #isWanted = false;
  #unavailableInARow = 0;
  #failure: EnrichFailure | null = null;

  constructor(options: EnricherOptions) {
    this.#options = options;
  }

  /**
   * There may be something to read. Begins a run, or another one after that which is under way; any number of
   * calls meanwhile are one. Returns at once.
   */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#isWanted = true;
    this.#running ??= this.#runWhileWanted();
  }

  /** Resolves when nothing is under way; what failed may still be waiting for another try. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  progress(): EnrichProgress {
    return this.#meter.progress();
  }

  /** Why the last run could not be finished, when that is no matter of the source; null when it could. */
  get failure(): EnrichFailure | null {
    return this.#failure;
  }

  /** Ends what is under way. What it had not finished is pending still. */
  async close(): Promise<void> {
    this.#stop.abort(new CodedError('cancelled', 'The server is stopping.'));
    for (const reading of this.#readings) reading.abort(this.#stop.signal.reason);
    this.#setbacks.close();
    await this.#running;
  }

  async #runWhileWanted(): Promise<void> {
    // Whoever wakes us more than once in a row means one run.
    await yieldToEventLoop();
    while (this.#isWanted && !this.#stop.signal.aborted) {
      this.#isWanted = false;
      try {
        await this.#run();
        this.#setbacks.forgetRuns();
        this.#failure = null;
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        this.#reportEnd(error);
        this.#setbacks.noteRun();
      }
    }
    this.#running = null;
  }

  /** Throws what ends a run as a whole: source or catalog are out of reach, or this is a bug. */
  async #run(): Promise<void> {
    const { catalog, sourceId, pool, source, logger } = this.#options;
    const total = await catalog.reader.pendingCount(sourceId);
    if (total === 0) return;
    const meter = new RunMeter(total);
    this.#meter = meter;
    this.#unavailableInARow = 0;
    const assets = new PendingAssets(catalog, sourceId);
    const lane = async () => {
      for (let asset = await assets.next(); asset !== null; asset = await assets.next()) {
        await this.#options.untilQuiet?.(this.#stop.signal);
        if (this.#stop.signal.aborted) return;
        await this.#enrich(asset);
      }
    };
    const work = async () => {
      try {
        await lane();
      } catch (error) {
        assets.end();
        throw error;
      }
    };
    // One more than there are threads, so that the next file is at hand when a thread is free.
    const lanes = await Promise.allSettled(Array.from({ length: pool.size + 1 }, work));
    meter.stop();
    for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
    const { filesDone, bytesDone } = meter.progress();
    logger.info(`"${source.name}": looked into ${filesDone} files`, { bytes: bytesDone });
  }

  /** Throws only what ends the run. */
  async #enrich(asset: PendingAsset): Promise<void> {
    const { facts } = asset;
    const { source, pool, isStill } = this.#options;
    const meter = this.#meter;
    const isDue = this.#setbacks.mayTry(facts) && (isStill?.(facts) ?? true);
    if (!isDue) return meter.end(null, 0);
    // Of its own for each file: listeners at one for all would pile up.
    const reading = new AbortController();
    this.#readings.add(reading);
    let bytesRead: (() => number) | null = null;
    const onStart = (bytes: () => number) => {
      bytesRead = bytes;
      meter.begin(bytes);
    };
    let result: JobResult;
    try {
      const job = this.#jobFor(asset);
      result = await readAsset({ source, pool, facts, job, signal: reading.signal, onStart });
      checkDigests(facts, result);
    } catch (error) {
      meter.end(bytesRead, 0);
      return await this.#onFailure(facts, error);
    } finally {
      this.#readings.delete(reading);
    }
    meter.end(bytesRead, facts.sizeBytes);
    this.#unavailableInARow = 0;
    await this.#store(facts, result);
  }

  /**
   * What a source tells of its media itself is better than what is found here: then only the digests are wanted. What
   * was read before keeps its digests, and is looked into for what was not looked for then.
   */
  #jobFor({ facts, wasRead }: PendingAsset): MediaJob {
    const wanted = this.#options.algorithms ?? ALL_DIGESTS;
    const isHashed = wasRead && wanted.every((algorithm) => facts.digests[algorithm] !== undefined);
    const isTold = !wasRead && MEDIA_KEYS.some((key) => facts[key] !== null);
    return {
      sizeBytes: facts.sizeBytes,
      algorithms: isHashed ? [] : wanted,
      namedType: isTold ? null : facts.contentType,
    };
  }

  async #store(facts: AssetFacts, { digests, found, problem }: JobResult): Promise<void> {
    const { catalog, sourceId, onEnriched } = this.#options;
    const enrichment = {
      digests,
      media: found?.media ?? UNKNOWN_MEDIA,
      contentType: found?.contentType ?? null,
      problem,
    };
    const isStored = await catalog.writer.enrich(sourceId, facts.ref.id, facts.version, enrichment);
    this.#setbacks.forget(facts);
    if (problem !== null && isStored) this.#tell(problem, facts);
    onEnriched?.(facts);
  }

  async #onFailure(facts: AssetFacts, error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { catalog, logger, source, sourceId } = this.#options;
    const code = codeOf(error);
    // The next scan, or whoever watches, tells the new version or the removal.
    if (code === 'changed' || code === 'not-found') return;
    const failures = this.#setbacks.note(facts);
    // Out of reach may be the whole source; the second time it is known to be this file.
    if (failures === (isTransient(error) ? 2 : 1)) {
      await catalog.writer.noteProblem(sourceId, facts.ref.id, facts.version, UNREADABLE);
      this.#tell(UNREADABLE, facts);
    }
    const isLost = error instanceof WorkerLostError;
    if (isLost)
      logger.warn(`"${source.name}": a file ended its reader twice`, { reason: messageOf(error.cause) });
    else if (code === 'internal')
      logger.error(`"${source.name}": looking into a file ended in a bug`, { error });
    else logger.debug('a file could not be looked into', { code, reason: messageOf(error) });
    if (!isTransient(error)) return;
    this.#unavailableInARow += 1;
    if (this.#unavailableInARow >= UNAVAILABLE_IN_A_ROW) throw error;
  }

  /** The first of a kind is news, though not of trouble with the server; how many there are the catalog knows. */
  #tell(reason: string, facts: AssetFacts): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    const { logger, source } = this.#options;
    logger.info(`"${source.name}" holds ${reason}`, { example: facts.ref.path });
  }

  #reportEnd(error: unknown): void {
    const { logger, source } = this.#options;
    const message = `"${source.name}": looking into files has stopped and will be tried again`;
    const fields = { code: codeOf(error), reason: messageOf(error) };
    // A source that is out of reach is told by its scans.
    if (isTransient(error)) {
      logger.debug(message, fields);
      return;
    }
    const isInternal = fields.code === 'internal';
    const text = isInternal ? 'Internal error, see the log.' : fields.reason;
    // The same trouble again, with the next file that changes, is no news.
    const isNews = this.#failure?.message !== text;
    this.#failure = { code: fields.code, message: text, atMs: Date.now() };
    if (isInternal) logger.error(message, { error });
    else if (isNews) logger.warn(message, fields);
    else logger.debug(message, fields);
  }
}

/** All that is pending, in the order of the catalog, page by page. Each asset is handed out once. */
class PendingAssets {
  readonly #catalog: Catalog;
  readonly #sourceId: number;
  #page: PendingAsset[] = [];
  #afterId = 0;
  #isOver = false;
  #reading: Promise<void> | null = null;

  constructor(catalog: Catalog, sourceId: number) {
    this.#catalog = catalog;
    this.#sourceId = sourceId;
  }

  /** @returns null at the end. */
  async next(): Promise<PendingAsset | null> {
    for (;;) {
      const asset = this.#page.shift();
      if (asset !== undefined) return asset;
      if (this.#isOver) return null;
      this.#reading ??= this.#read().finally(() => {
        this.#reading = null;
      });
      await this.#reading;
    }
  }

  /** Nothing more is handed out. */
  end(): void {
    this.#isOver = true;
    this.#page = [];
  }

  async #read(): Promise<void> {
    const page = { afterId: this.#afterId, limit: PAGE_ASSETS };
    const found = await this.#catalog.reader.pendingAssets(this.#sourceId, page);
    if (this.#isOver) return;
    this.#afterId = found.at(-1)?.id ?? this.#afterId;
    this.#isOver = found.length < PAGE_ASSETS;
    this.#page.push(...found);
    // Pages of files that are not due yet are passed without waiting for anything else.
    await yieldToEventLoop();
  }
}

/** A source that names the digest of its content has to keep its word. */
function checkDigests(facts: AssetFacts, { digests }: JobResult): void {
  const algorithm = contradictionIn(facts.digests, digests);
  if (algorithm !== null) {
    throw new CodedError('corrupt', `The source gave other bytes than its ${algorithm} says.`);
  }
}
