import type { Scan } from '../catalog/catalog.ts';
import type { TreeWriter } from '../model/write.ts';
import type { PlaceEvent, WriteEvent } from '../provider/provider.ts';
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
