import { parseAsset, parseAssetCount } from '../api-answers.ts';
import { albumPath, type Era, ONE_ALBUM } from './era.ts';

const COUNT = '$.assetCount';

/**
 * Immich 1.x and 2.x. The album answer holds its assets, in one consistent read and of all contributors, those without
 * exif row too. Searching by album is no substitute: up to 1.134 it answers the whole library, later it leaves out
 * archived assets and those of other people.
 */
export const ALBUM_ERA: Era = {
  // Without a parameter only owned albums come; `shared=true` gives owned-and-shared and shared-with-me.
  albumLists: ['/albums', '/albums?shared=true'],

  headerPath: (albumId) => `${albumPath(albumId)}?withoutAssets=true`,

  async readAlbum(ask, album, sink) {
    const request = { method: 'GET', path: albumPath(album.id), what: ONE_ALBUM } as const;
    // 124 MB for an album of 100,000 assets. From 3.0 there is no such list: then the count tells that it is missing.
    const wanted = { list: '$.assets', values: [COUNT] };
    const values = await ask.items(request, wanted, (entry) => sink.take(parseAsset(entry)));
    // The count of the same answer: that of the list may be some minutes older.
    return parseAssetCount(values.get(COUNT));
  },
};
