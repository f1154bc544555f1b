import type { CatalogReader } from '../catalog/catalog.ts';
import type { Held } from '../provider/provider.ts';
import { versionUnder, versionUnderAny } from './scan-versions.ts';
import type { ShownPlaces } from './shown-places.ts';

export interface HeldOptions {
  readonly reader: CatalogReader;
  readonly sourceId: () => Promise<number>;
  /** See `sourcePrefix`. */
  readonly prefix: readonly string[] | null;
  /** Where paths are made of the names that are shown; null: of the source's own. */
  readonly shown: ShownPlaces | null;
  /** See `Layout.showsOnce`. */
  readonly showsOnce: boolean;
  readonly settingsVersion: string;
  /** See `SourceIngestOptions.acceptsEmpty`. */
  readonly acceptsEmpty: boolean;
}

/** Other places of one file, at most. */
const MAX_PLACES = 100;

/** What the catalog holds of a source, for its provider. */
export function createHeld(options: HeldOptions): Held {
  const { reader, sourceId, prefix, shown, showsOnce, settingsVersion, acceptsEmpty } = options;
  const refAtStored = async (path: string) =>
    prefix === null ? null : reader.refAt(await sourceId(), [...prefix, ...path.split('/')]);
  const storedVersion = async (collection: string | null) =>
    reader.contentVersion(await sourceId(), collection);
  return {
    refAt: (path) => (shown === null ? refAtStored(path) : shown.refAt(path)),
    pathsOf: async (refPrefix) => reader.assetPaths(await sourceId(), refPrefix, MAX_PLACES),
    // Where it has no place, or its members have others too, what it held cannot be told from what is gone.
    versionOf: async (collection) =>
      collection !== null && !showsOnce
        ? null
        : versionUnder(settingsVersion, await storedVersion(collection)),
    // What a source said under other settings, it said all the same. Where somebody has looked, and says that it is empty, it
    // counts as always having been.
    toldVersionOf: async (collection) =>
      acceptsEmpty ? null : versionUnderAny(await storedVersion(collection)),
    factsOf: async (refId) => reader.asset(await sourceId(), refId),
    placesOf: async (refId, collection) => shown?.placesOf(refId, collection) ?? [],
  };
}
