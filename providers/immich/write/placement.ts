import type { AssetFacts } from '../../../src/model/asset.ts';
import { CodedError, codeOf, isTransient } from '../../../src/model/coded-error.ts';
import type { WriteCall } from '../../../src/provider/provider.ts';
import { renditionOfVersion } from '../rendition.ts';
import type { AlbumChanges } from './album-changes.ts';
import { type AlbumPlace, assetBehind, hasOtherName } from './places.ts';
import { notUndone, notYet } from './translate-write-error.ts';

export interface PlacementOptions {
  readonly assetId: string;
  readonly changes: AlbumChanges;
  /** Facts of the asset as an album shows it; rejects `denied` for one that none would show. */
  readonly factsOf: () => Promise<AssetFacts>;
  /** Called when the asset may be needed where it is: nobody may throw it away any more. */
  readonly keep: () => void;
  readonly call: WriteCall;
}

/** A photo that goes to the trash for another one. */
interface Replaced {
  readonly id: string;
  /** The albums that it is in, beside the one that was written to. */
  readonly others: readonly string[];
}

/**
 * Puts an asset that Immich has at a place of an album. A photo that is there goes to the trash, and the asset is in all
 * albums of that one before. What Immich refuses is undone; where it is not certain what happened, nothing more is touched.
 */
export class Placement {
  readonly #options: PlacementOptions;

  constructor(options: PlacementOptions) {
    this.#options = options;
  }

  /**
   * Tells of everything but what became of where the asset was before.
   * @returns the other albums in which it has taken the place of the photo that was there.
   */
  async at(place: AlbumPlace): Promise<readonly string[]> {
    const { keep, call } = this.#options;
    const old = await this.#replacedAt(place);
    const facts = old === null ? await this.#addTo([place.albumId]) : await this.#replace(old, place.albumId);
    keep();
    const takes = place.ref === null ? {} : { takes: place.path };
    call.tell({ kind: 'asset', collection: place.albumId, name: place.name, facts, ...takes });
    if (old === null) return [];
    // In other albums it has the name that the one before had there.
    for (const collection of old.others) {
      for (const { name, path } of await call.held.placesOf(old.id, collection))
        call.tell({ kind: 'asset', collection, name, facts, takes: path });
    }
    call.tell({ kind: 'removed', ref: old.id });
    return old.others;
  }

  /** Null: nothing goes to the trash. */
  async #replacedAt(place: AlbumPlace): Promise<Replaced | null> {
    const { assetId, changes, call } = this.#options;
    const old = assetBehind(place.ref);
    if (old === null || old === assetId || (await hasOtherName(place, old, call))) return null;
    // What has left the album meanwhile is nobody's to throw away here.
    const albums = await changes.albumsOf(old, call);
    if (!albums.includes(place.albumId)) return null;
    return { id: old, others: albums.filter((id) => id !== place.albumId) };
  }

  /** The old one goes when the new one is everywhere it was. */
  async #replace({ id, others }: Replaced, albumId: string): Promise<AssetFacts> {
    const { changes, keep, call } = this.#options;
    const added: string[] = [];
    const facts = await this.#addTo([albumId, ...others], added);
    try {
      await changes.trash(id, call);
      return facts;
    } catch (error) {
      if (codeOf(error) === 'denied') throw await this.#undone(added, error);
      keep();
      const text = 'The new file is in Immich, but the one before may still be beside it: try it again.';
      throw notYet(text, error);
    }
  }

  /** All of them or none. @param added is filled with those it was not in before. */
  async #addTo(albumIds: readonly string[], added: string[] = []): Promise<AssetFacts> {
    const { assetId, changes, factsOf, keep, call } = this.#options;
    try {
      for (const albumId of albumIds) if (await changes.add(albumId, assetId, call)) added.push(albumId);
      return await factsOf();
    } catch (error) {
      if (!isTransient(error)) throw await this.#undone(added, error);
      keep();
      const text = 'The file has reached Immich, but could not be put everywhere yet: try it again.';
      throw notYet(text, error);
    }
  }

  /** @returns what to throw. */
  async #undone(added: readonly string[], error: unknown): Promise<unknown> {
    const { assetId, changes, keep, call } = this.#options;
    try {
      for (const albumId of added) await changes.remove(albumId, assetId, call);
      return error;
    } catch (second) {
      keep();
      return notUndone(error, second);
    }
  }
}

/**
 * Rejects `denied` for a place at which the edited rendition of a photo is shown (`IMMICH_RENDITION`). A client knows no more
 * than that: what it would put in its place may be made of it, and the original would go to the trash.
 */
export async function requireOriginalAt(place: AlbumPlace, call: WriteCall): Promise<void> {
  const old = assetBehind(place.ref);
  const facts = old === null ? null : await call.held.factsOf(old);
  if (facts !== null) requireOriginal(facts);
}

/** The same for the facts of an asset. */
export function requireOriginal({ version }: AssetFacts): void {
  if (renditionOfVersion(version) === 'original') return;
  const text =
    'The edited rendition of this photo is shown here (IMMICH_RENDITION): its original is not replaced, nor sent again.';
  throw new CodedError('denied', text);
}
