import type { ImmichAlbum, ImmichAsset } from '../api-answers.ts';
import type { JsonRequest } from '../http-client.ts';
import type { ItemRequest } from '../json-items.ts';

/** Sends requests of one scan, each retried as the caller of the provider sees fit. */
export interface Ask {
  /** The parsed answer. */
  json(request: JsonRequest): Promise<unknown>;
  /**
   * The entries of a list in the answer, as they come, and the values asked for. When it is tried again, entries that
   * were handed out come again.
   */
  items(
    request: JsonRequest,
    wanted: ItemRequest,
    take: (entry: unknown) => void,
  ): Promise<ReadonlyMap<string, unknown>>;
}

/** Takes in what one reading of an album finds. */
export interface AssetSink {
  /** In any order, and as often as it may come; hidden and trashed ones too where the server tells them. */
  take(asset: ImmichAsset): void;
  /** How many different assets it has that are to be shown. */
  readonly shownCount: number;
}

/**
 * How to ask the servers of one age. A server ignores fields of another age and answers 200 with other data, so the era
 * is chosen by version, and what was found is compared with the server's own count.
 */
export interface Era {
  /** What to GET, below `/api`, to have every album the key may see, owned and shared; one may be in several answers. */
  readonly albumLists: readonly string[];
  /** Where the header of one album is told as it is now. */
  headerPath(albumId: string): string;
  /** Hands all assets of an album to the sink. @returns the server's own count of the assets that are to be shown. */
  readAlbum(ask: Ask, album: ImmichAlbum, sink: AssetSink): Promise<number>;
}

export const ONE_ALBUM = 'this album';

/** Where one album is, below `/api`. */
export function albumPath(albumId: string): string {
  return `/albums/${encodeURIComponent(albumId)}`;
}
