import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Catalog, Entry } from '../catalog/catalog.ts';
import type { AssetFacts } from '../model/asset.ts';
import { codeOf, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import { lastNameOf } from '../model/name.ts';
import type { UnchangedEvent } from '../provider/provider.ts';
import { createLayout, type Layout, type LayoutOptions, type NamedEvent } from './layout.ts';

export interface TimePlacesOptions {
  readonly catalog: Catalog;
  readonly layout: LayoutOptions;
  readonly logger: Logger;
  readonly sourceId: () => Promise<number>;
  /** Ends what runs. */
  readonly signal: AbortSignal;
  /** Runs the work when no scan does: what it places is not seen by one that is under way, and would be swept. */
  readonly exclusively: (work: () => Promise<void>) => Promise<void>;
}

/** Assets of one transaction. */
const BATCH_ASSETS = 256;

/**
 * Places by capture time where the source does not tell it: a folder knows when a file was written, and when a photo
 * was taken stands in its bytes, which are read later. Does nothing for layouts that do not go by time.
 */
export class TimePlaces {
  readonly #options: TimePlacesOptions;
  readonly #goesByTime: boolean;
  readonly #toPlace = new Set<string>();
  #placing: Promise<void> | null = null;

  constructor(options: TimePlacesOptions) {
    this.#options = options;
    this.#goesByTime = createLayout(options.layout).goesByTime;
  }

  /** The entries for what a source tells, with the capture time that the catalog knows where it tells none. */
  async entriesOf(layout: Layout, event: NamedEvent | UnchangedEvent): Promise<Entry[]> {
    const isUntold = this.#goesByTime && event.kind === 'asset' && event.facts.taken === null;
    if (!isUntold) return layout.entriesOf(event);
    const { catalog, sourceId } = this.#options;
    const known = await catalog.reader.asset(await sourceId(), event.facts.ref.id);
    return layout.entriesOf(event, known?.taken ?? null);
  }

  /** More is known of an asset: it gets its place anew, soon. */
  placeAnew({ ref, taken }: AssetFacts): void {
    // What the source itself tells has placed it already.
    if (!this.#goesByTime || taken !== null || this.#options.signal.aborted) return;
    this.#toPlace.add(ref.id);
    this.#begin();
  }

  /** Resolves when nothing is left to place. */
  async settled(): Promise<void> {
    while (this.#placing !== null) await this.#placing;
  }

  #begin(): void {
    this.#placing ??= this.#options
      .exclusively(() => this.#placeAll())
      .catch((error: unknown) => this.#report(error))
      .finally(() => {
        this.#placing = null;
        if (this.#toPlace.size > 0 && !this.#options.signal.aborted) this.#begin();
      });
  }

  async #placeAll(): Promise<void> {
    const { catalog, layout, signal, sourceId } = this.#options;
    const id = await sourceId();
    await yieldToEventLoop();
    while (this.#toPlace.size > 0 && !signal.aborted) {
      const refs = [...this.#toPlace].slice(0, BATCH_ASSETS);
      const { timeEntriesOf } = createLayout(layout);
      const entries: Entry[] = [];
      for (const ref of refs) {
        this.#toPlace.delete(ref);
        const facts = await catalog.reader.asset(id, ref);
        if (facts === null) continue;
        entries.push(...timeEntriesOf(lastNameOf(facts.ref.path), facts));
      }
      await catalog.writer.apply(id, entries);
      await yieldToEventLoop();
    }
  }

  /** The next scan places what is left. */
  #report(error: unknown): void {
    this.#toPlace.clear();
    const { logger } = this.#options;
    if (codeOf(error) === 'internal') logger.error('placing by capture time ended in a bug', { error });
    else
      logger.warn('some photos stay in the folder of another month until the next scan', {
        reason: messageOf(error),
      });
  }
}
