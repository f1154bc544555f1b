import type { ImmichAlbum, ImmichAsset } from '../api-answers.ts';
import type { JsonRequest } from '../http-client.ts';

/** Sends one request, retried as the caller of the provider sees fit, and gives its parsed JSON. */
export type Ask = (request: JsonRequest) => Promise<unknown>;

/** What one reading of an album found; the caller compares it with `assetCount`. */
export interface AlbumReading {
  /** Each asset once, in no order, hidden and trashed ones included where the server tells them. */
  readonly assets: readonly ImmichAsset[];
  /** The server's own count of the assets that are to be shown. */
  readonly assetCount: number;
}

/**
 * How to ask the servers of one age. A server ignores fields of another age and answers 200 with other data, so the era
 * is chosen by version, and a field that an answer lacks is an error, never an empty list.
 */
export interface Era {
  /** Every album the key may see, owned and shared, each once. */
  listAlbums(ask: Ask): Promise<ImmichAlbum[]>;
  /** The header of one album as it is now. */
  readHeader(ask: Ask, albumId: string): Promise<ImmichAlbum>;
  readAlbum(ask: Ask, album: ImmichAlbum): Promise<AlbumReading>;
}

export const ALBUM_LIST = 'the list of albums';
export const ONE_ALBUM = 'this album';

/** Where one album is, below `/api`. */
export function albumPath(albumId: string): string {
  return `/albums/${encodeURIComponent(albumId)}`;
}
