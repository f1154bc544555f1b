import { type AssetFacts, UNKNOWN_MEDIA } from '../../../src/model/asset.ts';
import { contentTypeOf, mediaKindOf } from '../../../src/model/content-type.ts';
import type { Over } from '../../../src/model/write.ts';
import type { Staged, WriteCall } from '../../../src/provider/provider.ts';
import { isHeldBack, newHeldBackId } from './held-back-id.ts';
import { albumPlaceAt, checkOver, hasOtherName } from './places.ts';

/**
 * An empty file that a client has sent, as Finder and Explorer do before the real one. It is shown, and never sent to
 * Immich; a photo that it takes the place of stays in Immich until there are bytes.
 */
export class HeldBackFile implements Staged {
  readonly sizeBytes = 0;
  /** Nothing is kept of it but what was told. */
  readonly discard = async () => undefined;
  /** The catalog, which was told, keeps it. */
  readonly persist = async () => undefined;
  readonly #path: string;
  readonly #modifiedMs: number | null;
  readonly #call: WriteCall;

  /** @param modifiedMs null: now. */
  constructor(path: string, modifiedMs: number | null, call: WriteCall) {
    this.#path = path;
    this.#modifiedMs = modifiedMs;
    this.#call = call;
  }

  async place(over: Over): Promise<undefined> {
    const call = this.#call;
    const place = await albumPlaceAt(this.#path, call);
    await checkOver(place, over, call);
    const { ref, albumId, name, path } = place;
    if (ref !== null && isHeldBack(ref)) return;
    const hides = ref === null || (await hasOtherName(place, ref, call)) ? null : ref;
    call.tell({
      ...{ kind: 'asset', collection: albumId, name, isHeldBack: true },
      facts: emptyFacts(newHeldBackId(hides), name, this.#modifiedMs),
      ...(ref === null ? {} : { takes: path }),
      ...(hides === null ? {} : { hides }),
    });
  }
}

function emptyFacts(id: string, name: string, modifiedMs: number | null): AssetFacts {
  const now = Date.now();
  return {
    ...UNKNOWN_MEDIA,
    ref: { id, path: name },
    version: id,
    sizeBytes: 0,
    contentType: contentTypeOf(name),
    kind: mediaKindOf(name),
    modifiedMs: modifiedMs ?? now,
    createdMs: now,
    statusChangedMs: null,
    digests: {},
  };
}

/** The time that a client gave to a file which it has sent no bytes of; null: it gave none. */
export async function timeGivenTo(ref: string | null, call: WriteCall): Promise<number | null> {
  if (ref === null || !isHeldBack(ref)) return null;
  const facts = await call.held.factsOf(ref);
  return facts === null || facts.modifiedMs === facts.createdMs ? null : facts.modifiedMs;
}
