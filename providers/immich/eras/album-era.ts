import { type ImmichAlbum, parseAlbum, parseAlbumAssets, parseAlbums } from '../api-answers.ts';
import { ALBUM_LIST, type AlbumReading, type Ask, albumPath, type Era, ONE_ALBUM } from './era.ts';

/**
 * Immich 1.x and 2.x. The album answer holds its assets, in one consistent read and of all contributors, those without
 * exif row too. Searching by album is no substitute: up to 1.134 it answers the whole library, later it leaves out
 * archived assets and those of other people.
 */
export const ALBUM_ERA: Era = {
  async listAlbums(ask) {
    // Without a parameter only owned albums come; `shared=true` gives owned-and-shared and shared-with-me.
    const owned = await list(ask, '/albums');
    const shared = await list(ask, '/albums?shared=true');
    return [...new Map([...shared, ...owned].map((album) => [album.id, album])).values()];
  },

  async readHeader(ask, albumId) {
    const path = `${albumPath(albumId)}?withoutAssets=true`;
    return parseAlbum(await ask({ method: 'GET', path, what: ONE_ALBUM }));
  },

  async readAlbum(ask, album): Promise<AlbumReading> {
    const answer = await ask({ method: 'GET', path: albumPath(album.id), what: ONE_ALBUM });
    const assets = parseAlbumAssets(answer);
    return {
      assets: [...new Map(assets.map((asset) => [asset.id, asset])).values()],
      // The count of the same answer: that of the list may be some minutes older.
      assetCount: parseAlbum(answer).assetCount,
    };
  },
};

async function list(ask: Ask, path: string): Promise<ImmichAlbum[]> {
  return parseAlbums(await ask({ method: 'GET', path, what: ALBUM_LIST }));
}
