import { type AssetFacts, UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { contentTypeOf, mediaKindOf } from '../../src/model/content-type.ts';
import { lastNameOf } from '../../src/model/name.ts';
import type { StatFacts } from './stat-facts.ts';

/** What is known of a file without reading it. Pixels and digests take that. */
export function fileFactsOf(told: StatFacts, path: string): AssetFacts {
  const name = lastNameOf(path);
  return {
    ...UNKNOWN_MEDIA,
    ref: { id: told.refId, path },
    version: told.version,
    sizeBytes: told.sizeBytes,
    contentType: contentTypeOf(name),
    kind: mediaKindOf(name),
    modifiedMs: told.modifiedMs,
    createdMs: told.createdMs,
    statusChangedMs: told.statusChangedMs,
    digests: {},
  };
}
