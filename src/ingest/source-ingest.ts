import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Catalog, SourceRecord } from '../catalog/catalog.ts';
import type { AssetFacts } from '../model/asset.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { TreeWriter } from '../model/write.ts';
import type { Held } from '../provider/provider.ts';
import type { Source } from '../source/source.ts';
import type { Aftermath, AftermathOptions, OpenScan } from './aftermath.ts';
import { FirstMeeting } from './first-meeting.ts';
import { GivenNames } from './given-names.ts';
import { createHeld } from './held.ts';
import { createLayout, type LayoutOptions, sourcePrefix } from './layout.ts';
import { LookedAftermath } from './looked-aftermath.ts';
import { Lull } from './lull.ts';
import { OwnWrites } from './own-writes.ts';
import { ScanBatch } from './scan-batch.ts';
import { ScanOutcomes } from './scan-outcomes.ts';
import { ScanRemarks } from './scan-remarks.ts';
import { ScanVersions } from './scan-versions.ts';
import type { ScanHistory } from './schedule.ts';
import { ShownPlaces } from './shown-places.ts';
import type { SourceState, SourceStatus } from './source-status.ts';
import { SourceWrites } from './source-writes.ts';
import { Stillness } from './stillness.ts';
import { TimePlaces } from './time-places.ts';
import { ToldAftermath } from './told-aftermath.ts';
import { TouchedPaths } from './touched-paths.ts';
import { TouchedRefs } from './touched-refs.ts';
import { Turns } from './turns.ts';
import { UnfinishedWrites } from './unfinished-writes.ts';
import { WatchIngest } from './watch-ingest.ts';

export interface SourceIngestOptions {
  readonly source: Source;
  readonly catalog: Catalog;
  readonly layout: Omit<LayoutOptions, 'traits'>;
  readonly logger: Logger;
  /** A source that is suddenly empty is believed: somebody looked and said so. Default: it counts as an outage. */
  readonly acceptsEmpty?: boolean;
  /**
   * Names the settings that decide what the source tells and how it is placed: what was read under others has to be read
   * again. One word.
   */
  readonly settingsVersion?: string;
  /** Called when there may be assets to read that were not read yet: after a scan, and when what changed holds still. */
  readonly changed?: () => void;
}

/** Keeps the catalog in step with one source: one scan at a time, whoever asks. */
export class SourceIngest {
  readonly name: string;
  readonly #source: Source;
  readonly #catalog: Catalog;
  readonly #layout: LayoutOptions;
  /** See `sourcePrefix`. */
  readonly #prefix: readonly string[] | null;
  readonly #logger: Logger;
  readonly #acceptsEmpty: boolean;
  readonly #settingsVersion: string;
  readonly #changed: () => void;
  readonly #stillness: Stillness;
  readonly #remarks: ScanRemarks;
  readonly #outcomes: ScanOutcomes;
  readonly #held: Held;
  readonly #names: GivenNames;
  readonly #shown: ShownPlaces;
  readonly #places: TimePlaces;
  readonly #ownWrites = new OwnWrites();
  readonly #lull = new Lull();
  #watch: WatchIngest | null = null;
  /** Some asset that was told since the last call of `#changed` may be read. */
  #sawStill = false;
  readonly #turns = new Turns();
  readonly #unfinished = new UnfinishedWrites();
  /** Set while a scan reads and lets others in between its steps. */
  #openScan: OpenScan | null = null;
  readonly #meeting = new FirstMeeting();
  #record: SourceRecord | null = null;
  #running: Promise<void> | null = null;
  #stop = new AbortController();

  constructor(options: SourceIngestOptions) {
    this.name = options.source.name;
    this.#source = options.source;
    this.#catalog = options.catalog;
    this.#layout = { ...options.layout, traits: options.source.traits };
    this.#logger = options.logger;
    this.#acceptsEmpty = options.acceptsEmpty ?? false;
    this.#settingsVersion = options.settingsVersion ?? '-';
    this.#changed = options.changed ?? (() => undefined);
    this.#stillness = new Stillness(this.#changed);
    this.#remarks = new ScanRemarks(this.name, options.source.looks, options.logger);
    this.#outcomes = new ScanOutcomes(this.name, options.logger);
    this.#prefix = sourcePrefix(this.#layout);
    const { catalog } = options;
    const sourceId = () => this.#sourceId();
    this.#names = new GivenNames({ catalog, sourceId });
    this.#shown = new ShownPlaces({ catalog, prefix: this.writesBelow, sourceId });
    this.#held = createHeld({
      ...{ reader: catalog.reader, sourceId, prefix: this.#prefix },
      showsOnce: createLayout(this.#layout).showsOnce,
      ...{ settingsVersion: this.#settingsVersion, acceptsEmpty: this.#acceptsEmpty },
      shown: options.source.canLook ? null : this.#shown,
    });
    this.#places = new TimePlaces({
      ...{ catalog, sourceId, layout: this.#layout, logger: this.#logger, signal: this.#stop.signal },
      exclusively: (work) => this.#exclusively(work),
    });
  }

  /** Makes the source known to the catalog, so that its last tree can be served before any scan. */
  async prepare(): Promise<SourceRecord> {
    const { writer } = this.#catalog;
    this.#record = await writer.ensureSource(this.name);
    if (createLayout(this.#layout).holdsPaths) await writer.preparePaths();
    await this.#names.load();
    return this.#record;
  }

  /** Reads the source once; joins a scan that is under way. Never rejects: how it went is in `status()`. */
  async scan(): Promise<void> {
    this.#running ??= this.#exclusively(() => this.#scanOnce()).finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  /**
   * Follows what changes from now on, where the source tells. Only a scan that begins after this makes it whole. Does
   * nothing the second time.
   */
  watch(): void {
    this.#watch ??= new WatchIngest({
      ...{ source: this.#source, catalog: this.#catalog, layout: this.#layout, logger: this.#logger },
      ...{ held: this.#held, places: this.#places, remarks: this.#remarks, ownWrites: this.#ownWrites },
      ...{ signal: this.#stop.signal, sourceId: () => this.#sourceId() },
      exclusively: (work) => this.#exclusively(work),
      scan: () => void this.scan(),
      isFailing: () => this.#outcomes.lastError !== null,
      onMissed: (error) => {
        if (error !== undefined) this.#outcomes.failed(error);
        this.#outcomes.retrySoon();
      },
      onAsset: (facts) => this.#note(facts),
      // What is still being written tells later by itself.
      onApplied: () => {
        if (this.#sawStill) this.#tellChanged();
      },
    });
  }

  /** False while the asset may still be being written: whoever reads it now may read half of it. */
  isStill(facts: AssetFacts): boolean {
    return this.#stillness.isStill(facts);
  }

  /** Resolves when what can wait for writes to end need not wait any longer, or the signal ends. */
  async untilQuiet(signal: AbortSignal): Promise<void> {
    await this.#lull.untilOpen(signal);
  }

  /** More has become known of an asset than the source tells. @param facts those from before. */
  onEnriched(facts: AssetFacts): void {
    this.#places.placeAnew(facts);
  }

  /** Resolves when everything that `onEnriched` was told has its place. */
  async placed(): Promise<void> {
    await this.#places.settled();
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
      lastScanDurationMs: this.#outcomes.lastDurationMs,
      lastError: this.#outcomes.lastError,
      warnings: this.#remarks.warnings,
      notes: this.#remarks.notes,
      watching: this.#watch?.isWhole ?? false,
    };
  }

  /** Why nothing of this source may be known yet, as a sentence, or null when what the catalog has is what it last held. */
  get obstacle(): string | null {
    const { lastError, endedMs } = this.#outcomes;
    if (lastError !== null) return lastError.message;
    const isFirstReading = endedMs === null && this.#record?.completedMs === null;
    return isFirstReading ? 'It is being read for the first time.' : null;
  }

  /** For the schedule. */
  get history(): ScanHistory {
    return { ...this.#outcomes.history, isBlind: this.#watch?.isBlind ?? false };
  }

  /** Ends a running scan between two batches, then releases the source. */
  async close(): Promise<void> {
    this.#stop.abort(new CodedError('cancelled', 'The server is stopping.'));
    await this.#watch?.close();
    await this.#turns.settled();
    this.#stillness.close();
    this.#lull.close();
    await this.#source.close();
  }

  /** Names from the top of what is shown down to where paths of writes begin. */
  get writesBelow(): readonly string[] {
    return [...(this.#prefix ?? []), ...this.#source.writesBelow];
  }

  /** Changes the source; null when it is read-only, or is not shown by the paths it has. */
  get writer(): TreeWriter | null {
    const { writing } = this.#source;
    const prefix = this.#prefix;
    if (writing === null || prefix === null) return null;
    return new SourceWrites({
      ...{ writing, aftermath: this.#aftermath(prefix), held: this.#held, turns: this.#turns },
      ...{ unfinished: this.#unfinished, logger: this.#logger },
      ready: () => this.#untilMet(),
      // A scan that is under way may have passed by already.
      onMissed: () => void Promise.resolve(this.#running).then(() => this.scan()),
    });
  }

  /** How it learns of its own writes: by looking where the source can be looked at, else by what it is told. */
  #aftermath(prefix: readonly string[]): Aftermath {
    const common: AftermathOptions = {
      ...{ catalog: this.#catalog, layout: this.#layout, logger: this.#logger, places: this.#places },
      sourceId: () => this.#sourceId(),
      openScan: () => this.#openScan,
      onAsset: (facts, isWhole) => this.#note(facts, isWhole),
      onApplied: () => {
        this.#lull.noteWrite();
        if (this.#sawStill) this.#tellChanged();
      },
    };
    if (this.#source.canLook) {
      const look = {
        source: this.#source,
        prefix,
        held: this.#held,
        stop: this.#stop.signal,
        remarks: this.#remarks,
        ownWrites: this.#ownWrites,
      };
      return new LookedAftermath({ ...common, ...look });
    }
    const onMissed = () => void this.scan();
    return new ToldAftermath({ ...common, names: this.#names, shown: this.#shown, onMissed });
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    return this.#turns.exclusively(work);
  }

  /** Into the folder that an unmounted disk leaves behind nothing must be written. Rejects `unavailable`. */
  async #untilMet(): Promise<void> {
    await this.#meeting.over(() => {
      if (this.#running === null) void this.scan();
    });
    const { lastError } = this.#outcomes;
    if (lastError === null) return;
    throw new CodedError('unavailable', `"${this.name}" cannot be read now. ${lastError.message}`);
  }

  async #sourceId(): Promise<number> {
    return (this.#record ?? (await this.prepare())).id;
  }

  #tellChanged(): void {
    this.#sawStill = false;
    this.#changed();
  }

  #note(facts: AssetFacts, isWhole = false): void {
    this.#stillness.note(facts, isWhole);
    this.#sawStill ||= this.#stillness.isStill(facts);
  }

  async #scanOnce(): Promise<void> {
    const startedMs = Date.now();
    const begun = this.#watch?.beginScan();
    try {
      const { removed, mayHeal } = await this.#readAll();
      if (begun !== undefined) this.#watch?.endScan(begun);
      this.#outcomes.succeeded(Date.now() - startedMs, mayHeal);
      await this.#reportSuccess(removed);
    } catch (error) {
      if (codeOf(error) === 'cancelled' || this.#stop.signal.aborted) return;
      this.#outcomes.failed(error);
    } finally {
      this.#outcomes.ended();
      this.#meeting.note();
    }
    this.#tellChanged();
  }

  /**
   * @returns how many nodes went because a complete scan did not see them any more, and whether some collection could
   * not be read that may be readable soon.
   */
  async #readAll(): Promise<{ removed: number; mayHeal: boolean }> {
    const record = this.#record ?? (await this.prepare());
    const { writer } = this.#catalog;
    const layout = createLayout(this.#layout);
    const remarks = this.#remarks.ofScan();
    const scan = writer.beginScan(record.id);
    const versions = new ScanVersions(this.#held);
    const batch = new ScanBatch();
    let isEmpty = true;
    const onMet = () => {
      isEmpty = false;
      this.#meeting.note();
    };
    const open: OpenScan = { scan, touched: new TouchedPaths(), refs: new TouchedRefs() };
    let mayRemove = true;
    const flush = async () => {
      // What came to make a batch has taken its part of this turn: a piece of an answer was parsed, a folder compared.
      await yieldToEventLoop();
      await writer.apply(record.id, batch.take(), scan);
      await yieldToEventLoop();
    };
    const takeIn = async () => {
      if (!batch.isEmpty) await flush();
    };
    let mayHeal = false;
    try {
      const told = this.#source.scan(this.#stop.signal, remarks.warn, this.#held, onMet);
      const mayBeWritten = this.#source.writing !== null;
      if (mayBeWritten) this.#openScan = open;
      for await (const event of mayBeWritten ? this.#turns.interleaved(told, takeIn) : told) {
        if (event.kind === 'note') {
          remarks.note(event.text);
          continue;
        }
        if (event.kind === 'complete' || event.kind === 'unchanged' || event.kind === 'kept')
          await versions.take(event);
        if (event.kind === 'complete') continue;
        if (mayBeWritten && (open.touched.isOutdated(event) || open.refs.isOutdated(event))) continue;
        if (event.kind === 'asset') this.#note(event.facts);
        if (event.kind === 'kept') mayHeal ||= event.mayHeal ?? false;
        // Where the layout has no place for the collection, what it held cannot be told from what is gone.
        if (event.kind === 'kept' && (event.collection === null || !layout.showsCollections))
          mayRemove = false;
        for (const shown of await this.#names.shown(event))
          batch.add(await this.#places.entriesOf(layout, shown));
        if (batch.isFull) await flush();
      }
    } catch (error) {
      // What was told before is true all the same.
      await flush();
      throw error;
    } finally {
      this.#openScan = null;
      // What was said of a source that is as it was still holds.
      if (versions.isAllUnchanged) remarks.drop();
      else remarks.end();
    }
    if (versions.isAllUnchanged) {
      await writer.completeScan(record.id, Date.now());
      return { removed: 0, mayHeal: false };
    }
    const before = await this.#catalog.reader.source(this.name);
    const isEmptied = isEmpty && before !== null && before.assetCount + before.collectionCount > 0;
    if (isEmptied && !this.#acceptsEmpty) {
      throw new CodedError(
        'unavailable',
        'The source is suddenly empty. What it held last stays listed; if it was emptied, run `mediadav scan --accept-empty`.',
      );
    }
    batch.add(layout.viewEntries());
    await flush();
    if ((await this.#watch?.catchUp(scan)) === false) mayRemove = false;
    const removed = mayRemove ? await writer.sweep(scan) : await writer.settle(scan);
    const known = await this.#catalog.reader.contentVersions(record.id);
    const found = versions.under(this.#settingsVersion, known, mayRemove);
    await writer.completeScan(record.id, Date.now(), found);
    await this.#names.load();
    return { removed, mayHeal };
  }

  #state(): SourceState {
    if (this.#running !== null) return 'scanning';
    if (this.#outcomes.lastError !== null) return 'failing';
    return this.#outcomes.endedMs === null ? 'waiting' : 'ready';
  }

  async #reportSuccess(removed: number): Promise<void> {
    const { assetCount, collectionCount, sizeBytes } = await this.status();
    const fields = { assets: assetCount, collections: collectionCount, sizeBytes, removed };
    this.#logger.info(`"${this.name}" is up to date`, {
      ...fields,
      durationMs: this.#outcomes.lastDurationMs,
    });
    this.#remarks.tell();
  }
}
