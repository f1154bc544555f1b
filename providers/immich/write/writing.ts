import type { Readable } from 'node:stream';
import type { AssetFacts } from '../../../src/model/asset.ts';
import { codeOf } from '../../../src/model/coded-error.ts';
import type { Provider, Staged, WriteCall } from '../../../src/provider/provider.ts';
import type { ImmichClient } from '../http-client.ts';
import type { Limits } from '../limits.ts';
import { AlbumChanges } from './album-changes.ts';
import { ContentHolds } from './content-holds.ts';
import { HeldBackFile, timeGivenTo } from './held-back.ts';
import { MemberChanges } from './member-changes.ts';
import { patientCall } from './patient-call.ts';
import { requireOriginalAt } from './placement.ts';
import { albumPlaceAt, assetBehind } from './places.ts';
import { letGo, StagedUpload } from './staged-upload.ts';
import type { ReceivedFile, UploadFolder } from './upload-folder.ts';
import { type UploadName, Uploads } from './uploads.ts';

export interface WritingOptions {
  readonly client: ImmichClient;
  readonly folder: UploadFolder;
  readonly limits: Pick<Limits, 'changeMs' | 'lostMs'>;
  readonly deletes: 'album' | 'trash';
  /** Why no album can be made here; null: one can. */
  readonly noNewAlbums: string | null;
  /** Ref of the view that albums are in; null: they are at the top. */
  readonly albumView: string | null;
  /** See `AlbumChangesOptions`. */
  readonly showsLiveVideos: boolean;
  /** See `MemberChangesOptions`. */
  readonly shownFactsOf: (assetId: string, call: WriteCall) => Promise<AssetFacts>;
  /** See `StagedUpload`. */
  readonly factsOf: (assetId: string, call: WriteCall) => Promise<AssetFacts>;
}

/** All that some write needs. */
export const WRITE_PERMISSIONS: readonly string[] = [
  ...['asset.upload', 'asset.delete', 'albumAsset.create', 'albumAsset.delete'],
  ...['album.create', 'album.update', 'album.delete'],
];

type Powers =
  | 'receive'
  | 'copy'
  | 'copyAsset'
  | 'move'
  | 'makeCollection'
  | 'remove'
  | 'setModifiedTime'
  | 'freeBytes';

/** The powers of an Immich server that may be changed. */
export function createWriting(options: WritingOptions): Required<Pick<Provider, Powers>> {
  const { client, folder, limits } = options;
  const changes = new AlbumChanges(client, { ...options, lostMs: limits.lostMs });
  const uploads = new Uploads(client);
  const holds = new ContentHolds();
  const members = new MemberChanges({ ...options, changes, uploads });

  const patiently = (call: WriteCall) => patientCall(call, limits.changeMs);

  const receive = async (
    path: string,
    content: Readable,
    { modifiedMs }: { readonly modifiedMs: number | null },
    asked: WriteCall,
  ): Promise<Staged> => {
    const call = patiently(asked);
    const place = await albumPlaceAt(path, call);
    const { name, ref } = place;
    await uploads.checkExtension(name, call);
    const old = assetBehind(ref);
    const replacing = old === null ? [] : ['asset.delete'];
    await uploads.requirePermissions(['asset.upload', 'albumAsset.create', ...replacing], call);
    if (old !== null) await changes.requireMember(old, call);
    await requireOriginalAt(place, call);
    const file = await folder.receive(content, call.signal);
    try {
      if (file.sizeBytes === 0) return new HeldBackFile(path, modifiedMs, call);
      const given = modifiedMs ?? (await timeGivenTo(ref, call));
      const time = { modifiedMs: given ?? Date.now(), isModifiedNow: given === null };
      return await bring(file, path, { name, ...time }, call);
    } finally {
      await file.discard();
    }
  };

  const bring = async (
    file: ReceivedFile,
    path: string,
    named: UploadName,
    call: WriteCall,
  ): Promise<Staged> => {
    const { sha1, sizeBytes } = file;
    const hold = await holds.hold(sha1);
    try {
      const asset = await uploads.bring(file, named, call);
      if (asset.isNew) hold.brought(asset.id);
      if (!asset.isKnown) await uploads.requireIntact(asset.id, sha1, call);
      // An asset that no album would show is refused as it is; one from the trash is looked at when it is back.
      if (!asset.isNew && !asset.isTrashed) await requireShown(asset.id, call);
      return new StagedUpload({
        path,
        sizeBytes,
        asset,
        hold,
        changes,
        factsOf: options.factsOf,
        call,
      });
    } catch (error) {
      await letGo(hold, changes, call);
      throw error;
    }
  };

  /** Unless somebody has just thrown it away: then it comes back when it is placed. */
  const requireShown = async (assetId: string, call: WriteCall): Promise<void> => {
    try {
      await options.factsOf(assetId, call);
    } catch (error) {
      if (codeOf(error) !== 'denied' || (await changes.isTrashed(assetId, call)) !== true) throw error;
    }
  };

  return {
    receive,
    copy: (from, to, { isDeep }, call) => members.copy(from, to, isDeep, patiently(call)),
    copyAsset: (refId, to, call) => members.copyAsset(refId, to, patiently(call)),
    move: async (from, to, over, call) => {
      await members.move(from, to, over, patiently(call));
      return true;
    },
    makeCollection: (path, call) => members.makeAlbum(path, patiently(call)),
    remove: async (path, call) => {
      await members.remove(path, patiently(call));
      return [];
    },
    setModifiedTime: (path, modifiedMs, call) => members.setModifiedTime(path, modifiedMs, patiently(call)),
    freeBytes: () => folder.freeBytes(),
  };
}
