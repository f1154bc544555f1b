import type { AssetFacts } from '../../../src/model/asset.ts';
import { CodedError, codeOf, isTransient } from '../../../src/model/coded-error.ts';
import type { Over } from '../../../src/model/write.ts';
import type { Staged, WriteCall } from '../../../src/provider/provider.ts';
import type { AlbumChanges } from './album-changes.ts';
import type { ContentHold } from './content-holds.ts';
import { Placement } from './placement.ts';
import { albumPlaceAt, checkOver } from './places.ts';
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
    const { path, asset, hold, changes, factsOf, call } = this.#options;
    const place = await albumPlaceAt(path, call);
    await checkOver(place, over, call);
    await this.#restoreIfTrashed();
    const placement = new Placement({
      ...{ assetId: asset.id, changes, call },
      factsOf: () => factsOf(asset.id, call),
      keep: () => hold.keep(asset.id),
    });
    await placement.at(place);
  }

  /** Immich has answered: it is stored there. */
  readonly persist = async () => undefined;

  /** Beside the turns of others: see `ContentHolds`. */
  async discard(): Promise<void> {
    const { hold, changes, call } = this.#options;
    await letGo(hold, changes, call);
  }

  /** Another write may have thrown it away since Immich was asked. It comes back to the albums that it was in. */
  async #restoreIfTrashed(): Promise<void> {
    const { asset, hold, changes, call } = this.#options;
    if (asset.isNew) return;
    const isTrashed = await changes.isTrashed(asset.id, call);
    if (isTrashed === null) throw new CodedError('unavailable', 'Immich has just lost it: send it again.');
    if (!isTrashed) return;
    await changes.restore(asset.id, call);
    hold.brought(asset.id, await changes.albumsOf(asset.id, call));
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
