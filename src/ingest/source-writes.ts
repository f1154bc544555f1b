import type { Readable } from 'node:stream';
import type { Catalog, Scan } from '../catalog/catalog.ts';
import type { AssetFacts } from '../model/asset.ts';
import { CodedError, codeOf, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type {
  CopyWrite,
  MoveWrite,
  Over,
  Permit,
  PutWrite,
  TreeWriter,
  WriteFailure,
} from '../model/write.ts';
import type { Held, Staged } from '../provider/provider.ts';
import type { Source } from '../source/source.ts';
import type { SourceWriting } from '../source/source-writing.ts';
import { Coalescer } from './coalescer.ts';
import { createLayout, type LayoutOptions } from './layout.ts';
import type { ScanRemarks } from './scan-remarks.ts';
import type { TimePlaces } from './time-places.ts';
import type { TouchedPaths } from './touched-paths.ts';
import type { Turns } from './turns.ts';
import { PathReading } from './watch-paths.ts';

/** A scan between two of its steps. */
export interface OpenScan {
  readonly scan: Scan;
  readonly touched: TouchedPaths;
}

export interface SourceWritesOptions {
  readonly source: Source;
  readonly writing: SourceWriting;
  readonly catalog: Catalog;
  readonly layout: LayoutOptions;
  /** See `sourcePrefix`. */
  readonly prefix: readonly string[];
  readonly logger: Logger;
  readonly held: Held;
  readonly places: TimePlaces;
  readonly remarks: ScanRemarks;
  readonly turns: Turns;
  /** Ends looking when the server stops. */
  readonly stop: AbortSignal;
  readonly sourceId: () => Promise<number>;
  /** The scan that lets others in between its steps now; null: there is none. */
  readonly openScan: () => OpenScan | null;
  /** Resolves when the source is known to be there; rejects `unavailable` when it is not. */
  readonly ready: () => Promise<void>;
  /** Called for each asset that was looked at. @param isWhole nobody is writing to it any more. */
  readonly onAsset: (facts: AssetFacts, isWhole: boolean) => void;
  /** Called after the catalog was brought in line with a write. */
  readonly onApplied: () => void;
  /** Called when that failed: only a scan helps. */
  readonly onMissed: () => void;
}

interface Change<T> {
  /** Where something may be another than before. */
  readonly touched: readonly string[];
  /** All that is there afterwards was written by us, to its end. */
  readonly isWhole: boolean;
  /** Makes the change. @param gone to be filled with those of `touched` at which nothing is any more. */
  work(gone: Set<string>): Promise<T>;
}

/**
 * Changes a source and looks at once at what was changed, the same way as a watcher's hints are followed: so catalog
 * and change log have it before anybody is told that it was done. The bytes of an upload come in beside all that; only
 * what shows them takes a turn.
 */
export class SourceWrites implements TreeWriter {
  readonly #options: SourceWritesOptions;

  constructor(options: SourceWritesOptions) {
    this.#options = options;
  }

  async put(
    path: string,
    content: Readable,
    { claims, over, permit }: PutWrite,
    signal: AbortSignal,
  ): Promise<void> {
    const { writing, held, ready } = this.#options;
    await ready();
    const staged = await writing.receive(path, content, claims, signal, held);
    await this.#showing(staged, path, { signal, permit }, () => staged.place(over));
  }

  async makeCollection(path: string, signal: AbortSignal): Promise<void> {
    const { writing, held, ready } = this.#options;
    await ready();
    const work = () => writing.makeCollection(path, signal, held);
    await this.#change({ touched: [path], isWhole: true, work });
  }

  async remove(path: string, signal: AbortSignal): Promise<readonly WriteFailure[]> {
    const { writing, held, ready } = this.#options;
    await ready();
    const work = async (gone: Set<string>) => {
      const failures = await writing.remove(path, signal, held);
      if (failures.length === 0) gone.add(path);
      return failures;
    };
    return await this.#change({ touched: [path], isWhole: false, work });
  }

  async move(
    from: string,
    to: string,
    write: MoveWrite,
    signal: AbortSignal,
  ): Promise<readonly WriteFailure[]> {
    const { writing, held, ready } = this.#options;
    const { over } = write;
    await ready();
    let isElsewhere = false;
    const work = async (gone: Set<string>) => {
      const inTheWay = await this.#overwriting(to, over, signal, async () => {
        isElsewhere = !(await writing.move(from, to, over, signal, held));
      });
      if (inTheWay.length === 0 && !isElsewhere) gone.add(from);
      return inTheWay;
    };
    const inTheWay = await this.#change({ touched: [from, to], isWhole: false, work });
    return isElsewhere ? await this.#carry(from, to, write, signal) : inTheWay;
  }

  async copy(
    from: string,
    to: string,
    { over, isDeep, permit }: CopyWrite,
    signal: AbortSignal,
  ): Promise<readonly WriteFailure[]> {
    const { writing, held, ready } = this.#options;
    await ready();
    const staged = await writing.copy(from, to, isDeep, signal, held);
    return await this.#showing(staged, to, { signal, permit }, () =>
      this.#overwriting(to, over, signal, () => staged.place(over)),
    );
  }

  async setModifiedTime(path: string, modifiedMs: number, signal: AbortSignal): Promise<void> {
    const { writing, held, ready } = this.#options;
    await ready();
    const work = () => writing.setModifiedTime(path, modifiedMs, signal, held);
    await this.#change({ touched: [path], isWhole: false, work });
  }

  async checkSpace(path: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
    const { writing, held, ready } = this.#options;
    await ready();
    if ((await writing.freeBytes(path, signal, held)) >= sizeBytes) return;
    throw new CodedError('no-space', 'The disk has not enough space left.');
  }

  /** To another disk: all of it is there before anything goes here. */
  async #carry(
    from: string,
    to: string,
    { onCopied, ...write }: MoveWrite,
    signal: AbortSignal,
  ): Promise<readonly WriteFailure[]> {
    const inTheWay = await this.copy(from, to, { ...write, isDeep: true }, signal);
    if (inTheWay.length > 0) return inTheWay;
    await onCopied?.();
    return await this.remove(from, signal);
  }

  /** Nothing is left of what was staged, unless it is shown. */
  async #showing<T>(
    staged: Staged,
    path: string,
    { signal, permit }: { readonly signal: AbortSignal; readonly permit: Permit | undefined },
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      const result = await this.#change({
        ...{ touched: [path], isWhole: true },
        work: async () => {
          signal.throwIfAborted();
          await permit?.();
          return await work();
        },
      });
      // Beside the turns of others, so that many who upload wait for the disk together.
      await staged.persist();
      return result;
    } finally {
      await staged.discard();
    }
  }

  /** @returns what was in the way and could not be removed, so that the work was not done. */
  async #overwriting(
    to: string,
    over: Over,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<readonly WriteFailure[]> {
    try {
      await work();
      return [];
    } catch (error) {
      if (over !== 'anything' || codeOf(error) !== 'exists') throw error;
    }
    const { writing, held } = this.#options;
    const inTheWay = await writing.remove(to, signal, held);
    if (inTheWay.length === 0) await work();
    return inTheWay;
  }

  async #change<T>({ touched, isWhole, work }: Change<T>): Promise<T> {
    const { turns, openScan, onMissed } = this.#options;
    return await turns.between(async () => {
      for (const path of touched) openScan()?.touched.note(path);
      const gone = new Set<string>();
      let result: T;
      try {
        result = await work(gone);
      } catch (error) {
        // It may have failed because the catalog was wrong, or halfway.
        await this.#look(touched, new Set(), false).catch((second) => this.#note(second));
        throw error;
      }
      try {
        await this.#look(touched, gone, isWhole);
      } catch (error) {
        onMissed();
        throw error;
      }
      return result;
    });
  }

  async #look(touched: readonly string[], gone: ReadonlySet<string>, isWhole: boolean): Promise<void> {
    const { source, catalog, layout, prefix, held, places, remarks, stop, sourceId, openScan } =
      this.#options;
    const { writer } = catalog;
    const id = await sourceId();
    const scan = writer.beginScan(id, openScan()?.scan);
    const reading = new PathReading({
      ...{ writer, sourceId: id, scan, layout: createLayout(layout) },
      ...{ places, remarks },
      onAsset: (facts) => this.#options.onAsset(facts, isWhole),
      look: (path, warn) => source.look(path, stop, warn, held),
    });
    await reading.read(Coalescer.outermost(new Set(touched.filter((path) => !gone.has(path)))));
    remarks.ofLook([...gone]);
    // Of what was removed, looking tells nothing new; where it was the last of a source, it looks like an outage.
    for (const path of [...gone, ...reading.gone]) {
      await writer.removeAt(id, [...prefix, ...path.split('/')], scan);
    }
    await writer.settle(scan);
    this.#options.onApplied();
  }

  #note(error: unknown): void {
    this.#options.logger.debug('what was not changed could not be looked at', { reason: messageOf(error) });
  }
}
