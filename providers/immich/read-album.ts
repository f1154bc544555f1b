import type { AssetFacts } from '../../src/model/asset.ts';
import { CodedError } from '../../src/model/coded-error.ts';
import { AlbumAssets, type AssetChoice } from './album-assets.ts';
import { type ImmichAlbum, parseAlbum } from './api-answers.ts';
import type { AssetDetails } from './asset-details.ts';
import type { Ask, Era } from './eras/era.ts';
import { ONE_ALBUM } from './eras/era.ts';

/** An album as far as it could be read. */
export interface AlbumContent {
  readonly album: ImmichAlbum;
  readonly assets: Iterable<AssetFacts>;
  readonly assetCount: number;
  /** Id of one of them, if there is any. */
  readonly sampleId: string | null;
  /** False: something of it could not be read, so what is not in `assets` may still exist. */
  readonly isComplete: boolean;
}

/** What the reading of albums needs of the scan it is part of. */
export interface AlbumReader {
  readonly era: Era;
  readonly ask: Ask;
  readonly choice: AssetChoice;
  readonly details: AssetDetails;
  readonly warn: (reason: string, name: string) => void;
}

/**
 * Reads one album, and once more when what came does not have as many assets as the album says: it may just have changed.
 * @throws CodedError when the album cannot be read at all.
 */
export async function readAlbum(reader: AlbumReader, listed: ImmichAlbum): Promise<AlbumContent> {
  const { era, ask, choice } = reader;
  let album = listed;
  let found = new AlbumAssets(choice);
  let count = await era.readAlbum(ask, album, found);
  if (found.shownCount !== count) {
    const request = { method: 'GET', path: era.headerPath(album.id), what: ONE_ALBUM } as const;
    album = parseAlbum(await ask.json(request));
    if (album.id !== listed.id) throw new CodedError('unavailable', 'Immich answered another album.');
    found = new AlbumAssets(choice);
    count = await era.readAlbum(ask, album, found);
  }
  if (found.shownCount !== count) {
    reader.warn(
      'the changes of an album that does not come with as many photos as Immich counts',
      album.albumName,
    );
    return unread(album);
  }
  const isComplete = await reader.details.complete(found);
  for (const name of found.badDates) reader.warn('an asset with a time that makes no sense', name);
  return {
    album,
    isComplete,
    assetCount: found.facts.length,
    sampleId: found.facts.sampleId,
    assets: found.facts.inTimeOrder(),
  };
}

/** An album of which nothing could be read. */
export function unread(album: ImmichAlbum): AlbumContent {
  return { album, assets: [], assetCount: 0, sampleId: null, isComplete: false };
}
