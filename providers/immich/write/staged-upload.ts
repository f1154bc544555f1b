import type { AssetFacts } from '../../../src/model/asset.ts';
import { CodedError, codeOf, isTransient, messageOf } from '../../../src/model/coded-error.ts';
import type { Over } from '../../../src/model/write.ts';
import type { Staged, WriteCall } from '../../../src/provider/provider.ts';
import type { AlbumChanges } from './album-changes.ts';
import type { ContentHold } from './content-holds.ts';
import { type AlbumPlace, albumPlaceAt, assetBehind, checkOver, hasOtherName } from './places.ts';
import type { UploadedAsset } from './uploads.ts';

export interface StagedUploadOptions {
  readonly path: string;
  readonly sizeBytes: number;
  readonly asset: UploadedAsset;
  /** Let go when this is discarded. */
  readonly hold: ContentHold;
  readonly changes: AlbumChanges;
  /** Facts of an asset as an album shows it; rejects `denied` for one that none would show. */
  readonly factsOf: (assetId: string, call: WriteCall) => Promise<AssetFacts>;
  readonly call: WriteCall;
}

/** An asset that Immich has, in no album on behalf of this upload yet. */
export class StagedUpload implements Staged {
  readonly sizeBytes: number;
  readonly #options: StagedUploadOptions;

  constructor(options: StagedUploadOptions) {
    this.#options = options;
    this.sizeBytes = options.sizeBytes;
  }

  async place(over: Over): Promise<undefined> {
    const { path, asset, hold, call } = this.#options;
    const place = await albumPlaceAt(path, call);
    await checkOver(place, over, call);
    if (asset.isTrashed) await this.#restore();
    const old = await this.#replacedBy(place);
    const facts =
      old === null ? await this.#add([place.albumId]) : await this.#replace(old.id, place, old.others);
    hold.keep(asset.id);
    const takes = place.ref === null ? {} : { takes: path };
    call.tell({ kind: 'asset', collection: place.albumId, name: place.name, facts, ...takes });
    if (old === null) return;
    // In other albums it has the name that the one before had there.
    for (const { collection, name, path: takenPath } of await call.held.placesOf(old.id)) {
      if (!old.others.includes(collection)) continue;
      call.tell({ kind: 'asset', collection, name, facts, takes: takenPath });
    }
    call.tell({ kind: 'removed', ref: old.id });
  }

  /** Immich has answered: it is stored there. */
  readonly persist = async () => undefined;

  /** Beside the turns of others: see `ContentHolds`. */
  async discard(): Promise<void> {
    const { hold, changes, call } = this.#options;
    await letGo(hold, changes, call);
  }

  /** It comes back to the albums that it was in. */
  async #restore(): Promise<void> {
    const { asset, hold, changes, call } = this.#options;
    await changes.restore(asset.id, call);
    hold.brought(asset.id, await changes.albumsOf(asset.id, call));
  }

  /** The asset that goes to the trash for this one, and what other albums it is in; null: none does. */
  async #replacedBy(place: AlbumPlace): Promise<{ id: string; others: readonly string[] } | null> {
    const { asset, changes, call } = this.#options;
    const old = assetBehind(place.ref);
    if (old === null || old === asset.id || (await hasOtherName(place, old, call))) return null;
    // What has left the album meanwhile is nobody's to throw away here.
    const albums = await changes.albumsOf(old, call);
    if (!albums.includes(place.albumId)) return null;
    return { id: old, others: albums.filter((id) => id !== place.albumId) };
  }

  /** The old one goes when the new one is everywhere it was. */
  async #replace(old: string, { albumId }: AlbumPlace, others: readonly string[]): Promise<AssetFacts> {
    const { asset, hold, changes, call } = this.#options;
    const added: string[] = [];
    const facts = await this.#add([albumId, ...others], added);
    try {
      await changes.trash(old, call);
      return facts;
    } catch (error) {
      if (codeOf(error) === 'denied') throw await this.#undone(added, error);
      hold.keep(asset.id);
      const text = 'The new file is in Immich, but the one before may still be beside it: send it again.';
      throw new CodedError('unavailable', text, { cause: error });
    }
  }

  /** All of them or none. @param added is filled with those it was not in before. */
  async #add(albumIds: readonly string[], added: string[] = []): Promise<AssetFacts> {
    const { asset, hold, changes, factsOf, call } = this.#options;
    try {
      for (const albumId of albumIds) if (await changes.add(albumId, asset.id, call)) added.push(albumId);
      return await factsOf(asset.id, call);
    } catch (error) {
      if (!isTransient(error)) throw await this.#undone(added, error);
      hold.keep(asset.id);
      const text = 'The file has reached Immich, but could not be put into the album yet: send it again.';
      throw new CodedError('unavailable', text, { cause: error });
    }
  }

  /** @returns what to throw. */
  async #undone(added: readonly string[], error: unknown): Promise<unknown> {
    const { asset, hold, changes, call } = this.#options;
    try {
      for (const albumId of added) await changes.remove(albumId, asset.id, call);
      return error;
    } catch (second) {
      hold.keep(asset.id);
      const text = `${messageOf(error)} What was begun could not be undone: ${messageOf(second)}`;
      return new CodedError('unavailable', text, { cause: error });
    }
  }
}

/** What it leaves unused goes to the trash, unless Immich has it in an album by now. */
export async function letGo(hold: ContentHold, changes: AlbumChanges, call: WriteCall): Promise<void> {
  try {
    await hold.letGo(async (assetId, albumIds) => {
      const albums = await changes.albumsOf(assetId, call);
      if (albums.every((id) => albumIds.includes(id))) await changes.trash(assetId, call);
    });
  } catch (error) {
    // It stays in the timeline of its owner, who has it on the way to the next attempt anyway.
    if (!isTransient(error) && codeOf(error) !== 'denied') throw error;
  }
}
