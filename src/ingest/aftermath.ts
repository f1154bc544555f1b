import type { Catalog, Scan } from '../catalog/catalog.ts';
import type { AssetFacts } from '../model/asset.ts';
import type { Logger } from '../model/logger.ts';
import type { TreeWriter } from '../model/write.ts';
import type { PlaceEvent, WriteEvent } from '../provider/provider.ts';
import type { LayoutOptions } from './layout.ts';
import type { TimePlaces } from './time-places.ts';
import type { TouchedPaths } from './touched-paths.ts';
import type { TouchedRefs } from './touched-refs.ts';

/** A scan between two of its steps. */
export interface OpenScan {
  readonly scan: Scan;
  /** By paths of the source, where it can be looked at. */
  readonly touched: TouchedPaths;
  /** By ids, where it tells what became of things. */
  readonly refs: TouchedRefs;
}

/** What a write did, as far as it is known. */
export interface Change {
  /** Where something may be another than before. */
  readonly touched: readonly string[];
  /** Those of them at which nothing is any more. */
  readonly gone: ReadonlySet<string>;
  /** All that is there was written by us, to its end. */
  readonly isWhole: boolean;
  /** See `WriteCall.tell`. */
  readonly told: readonly WriteEvent[];
  /** By path, those of `touched` of which it is known what is there now: see `Staged.place`. */
  readonly placed?: ReadonlyMap<string, readonly PlaceEvent[]>;
}

/** What every kind of aftermath needs. */
export interface AftermathOptions {
  readonly catalog: Catalog;
  readonly layout: LayoutOptions;
  readonly logger: Logger;
  readonly places: TimePlaces;
  readonly sourceId: () => Promise<number>;
  /** The scan that lets others in between its steps now; null: there is none. */
  readonly openScan: () => OpenScan | null;
  /** Called for each asset that was met. @param isWhole nobody is writing to it any more. */
  readonly onAsset: (facts: AssetFacts, isWhole: boolean) => void;
  /** Called after the catalog was brought in line with a write. */
  readonly onApplied: () => void;
}

/** How catalog and change log learn of a write, before anybody is told that it was done. */
export interface Aftermath {
  readonly paths: TreeWriter['paths'];
  /** So many uploads may be shown in one turn. */
  readonly atOnce: number;
  /**
   * Rejects `denied` where the catalog could not show something under the name. Absent: the source refuses by itself.
   * @param except what is at this path goes from there.
   */
  check?(path: string, except?: string): Promise<void>;
  /** Called before the source is changed, while no scan takes a step. Absent: what was touched is told afterwards. */
  begin?(touched: readonly string[]): void;
  /** Brings the catalog in line. */
  follow(change: Change): Promise<void>;
  /** The same after a write that failed, perhaps halfway. Does not reject. */
  followFailure(change: Change, error: unknown): Promise<void>;
}
