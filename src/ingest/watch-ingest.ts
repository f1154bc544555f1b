import { setTimeout as wait } from 'node:timers/promises';
import type { Catalog, Scan } from '../catalog/catalog.ts';
import type { AssetFacts } from '../model/asset.ts';
import { codeOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { Held } from '../provider/provider.ts';
import type { Source } from '../source/source.ts';
import { Coalescer } from './coalescer.ts';
import { createLayout, type LayoutOptions, sourcePrefix } from './layout.ts';
import type { OwnWrites } from './own-writes.ts';
import type { ScanRemarks } from './scan-remarks.ts';
import type { TimePlaces } from './time-places.ts';
import { PathReading } from './watch-paths.ts';
import { Watcher } from './watcher.ts';

export interface WatchIngestOptions {
  readonly source: Source;
  readonly catalog: Catalog;
  readonly layout: LayoutOptions;
  readonly logger: Logger;
  readonly sourceId: () => Promise<number>;
  readonly held: Held;
  readonly places: TimePlaces;
  readonly remarks: ScanRemarks;
  readonly ownWrites: OwnWrites;
  /** Ends what runs. */
  readonly signal: AbortSignal;
  /** Runs the work when neither a scan nor other such work runs. */
  readonly exclusively: (work: () => Promise<void>) => Promise<void>;
  /** Asks for a scan, which must not be waited for within `exclusively`. */
  readonly scan: () => void;
  /** The source cannot be read now, and scans try from time to time. */
  readonly isFailing: () => boolean;
  /** Called when hints were not taken in, because of `isFailing` or of this error: scans have to. */
  readonly onMissed: (error?: unknown) => void;
  readonly onAsset: (facts: AssetFacts) => void;
  /** Called after the catalog was brought in line with some hints. */
  readonly onApplied: () => void;
}

/**
 * How long something that is gone is waited for to show elsewhere, or at the same place again: a move is two hints, an
 * editor that saves removes a file first.
 */
const GRACE_MS = 100;
/** What is new must not wait for what is gone: while that is waited for, hints are taken in this often. */
const GRACE_STEP_MS = 25;
/** While there is no end of changes, there must be one of waiting. */
const MAX_ROUNDS = 5;
/** Where paths tell nothing, this long after something went all is read anew, once for all of a burst. */
const RESCAN_AFTER_MS = 2_000;

/** Codes of failures that a scan can do something about, if only tell them. */
const SCAN_HELPS = new Set(['unavailable', 'throttled', 'unsupported', 'denied', 'invalid', 'not-found']);

/** Keeps the catalog in step with one source between scans, by looking where hints lead. */
export class WatchIngest {
  readonly #options: WatchIngestOptions;
  readonly #coalescer: Coalescer;
  readonly #watcher: Watcher;
  #rescanTimer: NodeJS.Timeout | null = null;

  constructor(options: WatchIngestOptions) {
    this.#options = options;
    const { source, logger, scan } = options;
    this.#coalescer = new Coalescer({ onReady: () => void this.#follow() });
    const onHint = (path: string) => this.#coalescer.add(path);
    this.#watcher = new Watcher({ source, logger, onHint, onLost: scan });
  }

  get isWhole(): boolean {
    return this.#watcher.isWhole;
  }

  get isBlind(): boolean {
    return this.#watcher.isBlind;
  }

  /** @returns to be handed to `endScan`, if the scan that begins now reads everything. */
  beginScan(): number {
    return this.#watcher.beginScan();
  }

  /**
   * What moved while the scan went on may have been seen nowhere, because it went from where the scan was still to come
   * to where it had been. So what was hinted at meanwhile is looked at before anything is removed.
   * @returns false when that is too much: nothing may be removed, and another scan follows.
   */
  async catchUp(scan: Scan): Promise<boolean> {
    const reading = await this.#readingFor(scan);
    for (let round = 0; this.#watcher.isOpen && round < MAX_ROUNDS; round += 1) {
      await wait(GRACE_MS, undefined, { signal: this.#options.signal });
      const paths = this.#coalescer.take();
      if (paths === 'everything') {
        this.#coalescer.add('');
        return false;
      }
      if (paths.length === 0) break;
      await reading.read(paths);
    }
    // What is gone has its turn after the scan.
    for (const path of reading.gone) this.#coalescer.add(path);
    if (this.#watcher.isOpen) this.#lookAgain(scan);
    return true;
  }

  endScan(begun: number): void {
    this.#watcher.endScan(begun);
  }

  async close(): Promise<void> {
    if (this.#rescanTimer !== null) clearTimeout(this.#rescanTimer);
    await this.#watcher.close();
    this.#coalescer.clear();
  }

  /** Takes in the hints that wait. Those that come meanwhile have their own turn. */
  async #follow(): Promise<void> {
    const { exclusively, signal, isFailing, onMissed, onApplied, scan } = this.#options;
    await exclusively(async () => {
      const paths = this.#coalescer.take();
      if (signal.aborted || paths.length === 0) return;
      if (paths === 'everything') {
        scan();
        return;
      }
      if (isFailing()) {
        onMissed();
        return;
      }
      try {
        const others = await this.#notOwn(paths);
        if (others.length === 0) return;
        await this.#reconcile(others);
        onApplied();
      } catch (error) {
        if (signal.aborted) return;
        if (SCAN_HELPS.has(codeOf(error))) scan();
        else onMissed(error);
      }
    });
  }

  /** Without those at which there still is what was written through us: the hint was about that. */
  async #notOwn(paths: readonly string[]): Promise<readonly string[]> {
    const { source, ownWrites, signal } = this.#options;
    const written = ownWrites.take(paths);
    if (written.size === 0) return paths;
    const unchanged = new Set(await source.unchangedAt(written, signal));
    return paths.filter((path) => !unchanged.has(path));
  }

  async #reconcile(paths: readonly string[]): Promise<void> {
    const { writer } = this.#options.catalog;
    const scan = writer.beginScan(await this.#options.sourceId());
    const reading = await this.#readingFor(scan);
    await reading.read(paths);
    const prefix = sourcePrefix(this.#options.layout);
    if (prefix !== null) await this.#forgetUnheld(reading.gone);
    if (reading.gone.size > 0 && prefix === null) this.#rescanSoon();
    if (reading.gone.size > 0 || scan.displacements > 0) {
      const gone = new Set(prefix === null ? [] : reading.gone);
      reading.gone.clear();
      if (!(await this.#lookElsewhere(reading, scan))) return;
      if (prefix !== null) await this.#remove(gone, reading, scan, prefix);
    }
    await writer.settle(scan);
    this.#lookAgain(scan);
  }

  /**
   * What was looked at ahead is told at its old place after it was told where it went. That it has left is hinted at, but
   * where it is may have been listened to only from then on.
   */
  #lookAgain(scan: Scan): void {
    for (const path of scan.leftPaths) this.#coalescer.add(path);
  }

  /** What the catalog has lost already, because it was removed through us, need not be waited for. */
  async #forgetUnheld(gone: Set<string>): Promise<void> {
    for (const path of gone) if ((await this.#options.held.refAt(path)) === null) gone.delete(path);
  }

  /** Looks for what is gone where it may have moved to. @returns false when that is everywhere. */
  async #lookElsewhere(reading: PathReading, scan: Scan): Promise<boolean> {
    let displacements: number;
    let round = 0;
    do {
      ({ displacements } = scan);
      for (let waitedMs = 0; waitedMs < GRACE_MS; waitedMs += GRACE_STEP_MS) {
        await wait(GRACE_STEP_MS, undefined, { signal: this.#options.signal });
        const paths = this.#coalescer.take();
        if (paths === 'everything') {
          // What lost its name is for the scan to find, or to sweep.
          this.#options.scan();
          return false;
        }
        await reading.read(paths);
      }
      round += 1;
      // Who has lost a name only now is to be waited for as long.
    } while (scan.displacements > displacements && round < MAX_ROUNDS);
    return true;
  }

  async #remove(
    gone: ReadonlySet<string>,
    reading: PathReading,
    scan: Scan,
    prefix: readonly string[],
  ): Promise<void> {
    const { catalog, sourceId } = this.#options;
    this.#putBack(reading.gone, (path) => !gone.has(path));
    reading.gone.clear();
    await reading.read(Coalescer.outermost(gone));
    // Something above may be gone by now; that has not been waited for yet.
    this.#putBack(reading.gone, (path) => !gone.has(path));
    const id = await sourceId();
    for (const path of reading.gone) {
      if (!gone.has(path)) continue;
      const names = [...prefix, ...path.split('/')];
      await catalog.writer.removeAt(id, names, scan);
      // It stayed because it was seen there meanwhile; since then it went as well, and has not been waited for.
      if ((await catalog.reader.refAt(id, names)) !== null) this.#coalescer.add(path);
    }
  }

  #putBack(paths: Iterable<string>, isMeant: (path: string) => boolean): void {
    for (const path of paths) if (isMeant(path)) this.#coalescer.add(path);
  }

  async #readingFor(scan: Scan): Promise<PathReading> {
    const { source, catalog, layout, held, places, remarks, signal, onAsset, sourceId } = this.#options;
    return new PathReading({
      ...{ writer: catalog.writer, sourceId: await sourceId(), scan, layout: createLayout(layout) },
      ...{ places, remarks, onAsset },
      look: (path, warn) => source.look(path, signal, warn, held),
    });
  }

  #rescanSoon(): void {
    this.#rescanTimer ??= setTimeout(() => {
      this.#rescanTimer = null;
      this.#options.scan();
    }, RESCAN_AFTER_MS).unref();
  }
}
