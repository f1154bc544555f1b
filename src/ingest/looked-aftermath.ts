import { messageOf } from '../model/coded-error.ts';
import type { Held } from '../provider/provider.ts';
import type { Source } from '../source/source.ts';
import type { Aftermath, AftermathOptions, Change } from './aftermath.ts';
import { Coalescer } from './coalescer.ts';
import { createLayout } from './layout.ts';
import type { OwnWrites } from './own-writes.ts';
import type { ScanRemarks } from './scan-remarks.ts';
import { PathReading } from './watch-paths.ts';

export interface LookedAftermathOptions extends AftermathOptions {
  readonly source: Source;
  /** See `sourcePrefix`. */
  readonly prefix: readonly string[];
  readonly held: Held;
  readonly remarks: ScanRemarks;
  /** Told of what is in the catalog and need not be looked at again. */
  readonly ownWrites: OwnWrites;
  /** Ends looking when the server stops. */
  readonly stop: AbortSignal;
}

/** Looks at once at what was changed, the same way as a watcher's hints are followed. */
export class LookedAftermath implements Aftermath {
  readonly paths = 'stored';
  /** A few milliseconds of the catalog's work. */
  readonly atOnce = 64;
  readonly #options: LookedAftermathOptions;

  constructor(options: LookedAftermathOptions) {
    this.#options = options;
  }

  begin(touched: readonly string[]): void {
    for (const path of touched) this.#options.openScan()?.touched.note(path);
  }

  async follow({ touched, gone, isWhole, placed = new Map() }: Change): Promise<void> {
    const { source, catalog, layout, prefix, held, places, remarks, stop, sourceId, openScan } =
      this.#options;
    const { writer } = catalog;
    const id = await sourceId();
    const scan = writer.beginScan(id, openScan()?.scan);
    const reading = new PathReading({
      ...{ writer, sourceId: id, scan, layout: createLayout(layout), places, remarks },
      onAsset: (facts) => this.#options.onAsset(facts, isWhole),
      look: (path, warn) => source.look(path, stop, warn, held),
    });
    await reading.take(placed);
    const others = touched.filter((path) => !placed.has(path));
    for (const path of others) this.#options.ownWrites.forget(path);
    const toLookAt = others.filter((path) => !gone.has(path));
    await reading.read(Coalescer.outermost(new Set(toLookAt)));
    remarks.ofLook([...gone]);
    // Of what was removed, looking tells nothing new; where it was the last of a source, it looks like an outage.
    for (const path of [...gone, ...reading.gone]) {
      await writer.removeAt(id, [...prefix, ...path.split('/')], scan);
    }
    await writer.settle(scan);
    for (const event of [...placed.values()].flat()) {
      if (event.kind === 'asset') this.#options.ownWrites.note(event.facts);
    }
    this.#options.onApplied();
  }

  async followFailure({ touched }: Change): Promise<void> {
    try {
      await this.follow({ touched, gone: new Set(), isWhole: false, told: [] });
    } catch (error) {
      const reason = messageOf(error);
      this.#options.logger.debug('what was not changed could not be looked at', { reason });
    }
  }
}
