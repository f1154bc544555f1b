import { Readable } from 'node:stream';
import type { AssetFacts, SourceRef } from '../../src/model/asset.ts';
import { CodedError, codeOf, messageOf } from '../../src/model/coded-error.ts';
import type { Call, Provider, ScanCall, ScanEvent, Want } from '../../src/provider/provider.ts';
import { type ImmichAsset, parseAsset } from './api-answers.ts';
import { assetFactsOf, isArchived, isShown, knownSizeOf } from './asset-facts.ts';
import { ImmichClient } from './http-client.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { openOriginal } from './original-bytes.ts';
import { type Rendition, renditionOf } from './rendition.ts';
import { type AlbumChoice, scanAlbums, shownOf } from './scan-albums.ts';
import { searchAssets } from './views/search-assets.ts';
import { viewRef } from './views/view-names.ts';
import { isHeldBack } from './write/held-back-id.ts';
import { requireOriginal } from './write/placement.ts';
import { UploadFolder } from './write/upload-folder.ts';
import { createWriting, WRITE_PERMISSIONS } from './write/writing.ts';

export interface ImmichProviderSettings extends Partial<AlbumChoice> {
  /** Base URL without `/api`. Redirects of it are followed once. */
  readonly url: string;
  /** Needs the permissions `album.read`, `asset.read` and `asset.download`; without the last a scan ends with `denied`. */
  readonly apiKey: string;
  /** Absent: nothing is ever changed. */
  readonly write?: WriteSettings;
}

export interface WriteSettings {
  /** Absolute path of a folder that uploads wait in; what is in it at the start is thrown away. */
  readonly uploadFolder: string;
  /** DELETE of a file takes it out of its album, or puts it into the trash. */
  readonly deletes: 'album' | 'trash';
}

/** What is shown when nothing else is said: every album as Immich shows it. */
const ALL: AlbumChoice = {
  albumIds: [],
  rendition: 'original',
  showsArchived: true,
  showsLiveVideos: false,
  collapsesStacks: false,
  views: ['albums'],
  hasSearch: false,
  writePermissions: [],
  fullReadMs: 24 * 3_600_000,
};

const NO_NEW_ALBUMS = 'Only the albums named in ALBUM_IDS are shown, and a new one would not be among them.';
/** Everything else would be another path of the API. */
const ASSET_ID = /^[\w-]{1,64}$/;

/**
 * The albums of one Immich server (1.118 to 3.x) as a source: one collection per album, refs by Immich's ids. Read-only
 * without `write`.
 * Keeps no state but its connections and the place where the server was last found. Does nothing until first asked.
 */
export function createImmichProvider(
  settings: ImmichProviderSettings,
  limits: Limits = DEFAULT_LIMITS,
): Provider {
  const client = new ImmichClient(settings, limits);
  const writePermissions = settings.write === undefined ? [] : WRITE_PERMISSIONS;
  const choice: AlbumChoice = { ...ALL, writePermissions, ...settings };

  const readShown = async (id: string, call: Call): Promise<ImmichAsset> => {
    const request = { method: 'GET', path: `/assets/${id}`, what: 'this asset' } as const;
    const asset = parseAsset(await call.attempt((signal) => client.readJson(request, signal)));
    // The owner can still read what is in the trash, but no album shows it.
    const isLiveVideo = choice.showsLiveVideos && asset.visibility === 'hidden' && !asset.isTrashed;
    if (!isShown(asset) && !isLiveVideo)
      throw new CodedError('not-found', 'Immich does not show this asset any more.');
    return asset;
  };

  const readSize = (id: string, rendition: Rendition, call: Call): Promise<number> =>
    call
      .attempt((signal) => client.readSize(id, rendition, signal))
      .catch((error: unknown) => {
        throw codeOf(error) === 'not-found' ? fileUnreadable(error) : error;
      });

  const describe = async (ref: SourceRef, call: Call): Promise<AssetFacts> => {
    const asset = await readShown(checkedId(ref), call);
    const rendition = renditionOf(asset, choice.rendition);
    const knownSize = rendition === 'original' ? knownSizeOf(asset) : null;
    const sizeBytes = knownSize ?? (await readSize(asset.id, rendition, call));
    const { facts } = assetFactsOf(asset, sizeBytes, rendition);
    // The video of a live photo is shown under the name of its still.
    return asset.visibility === 'hidden' ? { ...facts, ref } : facts;
  };

  const shown = shownOf(choice);
  const folder = settings.write === undefined ? null : new UploadFolder(settings.write.uploadFolder);

  const scan = async function* (call: ScanCall): AsyncGenerator<ScanEvent> {
    await folder?.prepare();
    yield* scanAlbums(client, choice, limits.doubtMs, call);
  };

  const open = async (ref: SourceRef, want: Want, call: Call): Promise<Readable> => {
    const id = checkedId(ref);
    try {
      return await openOriginal(client, id, want, call.signal, limits);
    } catch (error) {
      if (codeOf(error) !== 'not-found') throw error;
      // Only the asset's own route tells an asset that is gone from one whose disk is.
      await readShown(id, call);
      throw fileUnreadable(error);
    }
  };

  const shownFactsOf = async (id: string, call: Call): Promise<AssetFacts> => {
    const asset = await readShown(id, call).catch((error: unknown) => {
      throw codeOf(error) === 'not-found' ? shownNowhere(error) : error;
    });
    if (isLeftOut(asset, choice)) throw shownNowhere();
    return await describe({ id, path: '' }, call);
  };

  const factsOf = async (id: string, call: Call): Promise<AssetFacts> => {
    const facts = await shownFactsOf(id, call);
    requireOriginal(facts);
    return facts;
  };

  const writing =
    settings.write === undefined || folder === null || !shown.hasAlbums
      ? {}
      : createWriting({
          ...{ client, folder, factsOf, shownFactsOf, deletes: settings.write.deletes },
          limits,
          showsLiveVideos: choice.showsLiveVideos,
          albumView: shown.isAlone ? null : viewRef('albums'),
          noNewAlbums: choice.albumIds.length === 0 ? null : NO_NEW_ALBUMS,
        });

  return {
    ...writing,
    ...(shown.isAlone ? {} : { writesBelow: ['albums'] }),
    traits: { identity: 'stable', ranges: 'native', membership: 'many', naming: 'free' },
    scan,
    describe: async (ref, call) => {
      if (isHeldBack(ref.id)) throw beingWritten();
      return await describe(ref, call).catch(rejectForClient);
    },
    open: async (ref, want, call) => {
      if (isHeldBack(ref.id)) return Readable.from([]);
      return await open(ref, want, call).catch(rejectForClient);
    },
    ...(choice.hasSearch && {
      search: (words: string, limit: number, call: Call) =>
        searchAssets(client, choice, { words, limit }, call).catch(rejectForClient),
    }),
    close: async () => client.close(),
  };
}

/** What of the assets that Immich shows is not shown here. */
function isLeftOut(asset: ImmichAsset, { showsArchived }: AlbumChoice): boolean {
  return asset.visibility === 'hidden' || (!showsArchived && isArchived(asset));
}

function shownNowhere(cause?: unknown): CodedError {
  const text =
    'Immich has exactly this file already where no album shows it: archived, locked, or in a live photo.';
  return new CodedError('denied', text, cause === undefined ? {} : { cause });
}

function beingWritten(): CodedError {
  return new CodedError('unavailable', 'It is being written, and Immich does not have it yet.');
}

function checkedId(ref: SourceRef): string {
  if (ASSET_ID.test(ref.id)) return ref.id;
  throw new CodedError('not-found', 'This is not the id of an asset of Immich.');
}

/** Immich 3 answers 404 for the file of an asset that it still shows, as when the disk of an external library is away. */
function fileUnreadable(cause: unknown): CodedError {
  return new CodedError('unavailable', 'Immich cannot read the file of this asset at the moment.', { cause });
}

/**
 * A wrong URL, key or permission is a matter of the settings and shows on the status page: who asks for one asset
 * only learns that it cannot be had now. "Denied" would tell a client that it is the one who may not.
 */
function rejectForClient(error: unknown): never {
  const code = codeOf(error);
  if (code !== 'invalid' && code !== 'denied') throw error;
  throw new CodedError('unavailable', messageOf(error), { cause: error });
}
