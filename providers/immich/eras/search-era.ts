import { CodedError } from '../../../src/model/coded-error.ts';
import {
  type ImmichAlbum,
  type ImmichAsset,
  parseAlbum,
  parseAlbums,
  parseSearchPage,
} from '../api-answers.ts';
import { isShown } from '../asset-facts.ts';
import { ALBUM_LIST, type AlbumReading, type Ask, albumPath, type Era, ONE_ALBUM } from './era.ts';

/** The most a page may hold; 1001 is refused. */
const PAGE_SIZE = 1000;
/** Pages beyond those that `assetCount` asks for: for hidden members, and for what is added meanwhile. */
const SPARE_PAGES = 20;

/** Immich 3.0 and later: albums have no `assets` field any more, their content comes page by page from the search. */
export const SEARCH_ERA: Era = {
  async listAlbums(ask) {
    return parseAlbums(await ask({ method: 'GET', path: '/albums', what: ALBUM_LIST }));
  },

  async readHeader(ask, albumId) {
    return parseAlbum(await ask({ method: 'GET', path: albumPath(albumId), what: ONE_ALBUM }));
  },

  async readAlbum(ask, album): Promise<AlbumReading> {
    const found = new Map<string, ImmichAsset>();
    await collect(ask, album, true, found);
    // With exif the server joins the exif table, and an asset without a row there vanishes. Before 3.1.0 pages also
    // lost assets where two share a time; the second pass brings back both.
    if (countShown(found) < album.assetCount) await collect(ask, album, false, found);
    return { assets: [...found.values()], assetCount: album.assetCount };
  },
};

/** Adds the assets of all pages that `found` does not have yet. */
async function collect(
  ask: Ask,
  album: ImmichAlbum,
  withExif: boolean,
  found: Map<string, ImmichAsset>,
): Promise<void> {
  const maxPages = Math.ceil(album.assetCount / PAGE_SIZE) + SPARE_PAGES;
  for (let page = 1; page <= maxPages; page += 1) {
    const body = { albumIds: [album.id], size: PAGE_SIZE, page, withExif, order: 'asc' };
    const answer = parseSearchPage(
      await ask({ method: 'POST', path: '/search/metadata', body, what: ONE_ALBUM }),
    );
    for (const asset of answer.assets) if (!found.has(asset.id)) found.set(asset.id, asset);
    if (answer.nextPage === null) return;
    if (answer.nextPage !== page + 1) {
      throw new CodedError('unavailable', 'Immich answered the pages of an album out of order.');
    }
  }
  throw new CodedError('unavailable', 'Immich answered more pages of an album than its asset count allows.');
}

function countShown(found: ReadonlyMap<string, ImmichAsset>): number {
  let count = 0;
  for (const asset of found.values()) if (isShown(asset)) count += 1;
  return count;
}
