import type { AssetEntry, CollectionEntry, Naming } from '../../src/catalog/catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { contentTypeOf, mediaKindOf } from '../../src/model/content-type.ts';

/** A folder or album as a source tells it. */
export function folder(
  ref: string,
  name: string,
  parent: string | null = null,
  naming: Naming = 'disk',
): CollectionEntry {
  const times = { modifiedMs: 1_700_000_000_000, createdMs: null };
  return { kind: 'collection', ref, name, parent, naming, isVirtual: false, ...times };
}

/** A file or photo as a source tells it; its version is `v-` and its id. */
export function asset(
  id: string,
  name: string,
  collection: string | null = null,
  naming: Naming = 'disk',
): AssetEntry {
  const times = { modifiedMs: 1_700_000_000_000, createdMs: null };
  const type = { contentType: contentTypeOf(name), kind: mediaKindOf(name) };
  const facts = {
    ...UNKNOWN_MEDIA,
    ref: { id, path: name },
    version: `v-${id}`,
    sizeBytes: 10,
    digests: {},
    statusChangedMs: null,
  };
  return { kind: 'asset', facts: { ...facts, ...times, ...type }, collection, anchor: null, name, naming };
}
