import { CodedError, codeOf } from '../../../src/model/coded-error.ts';
import type { Call } from '../../../src/provider/provider.ts';
import { type ImmichAlbum, parseAlbum, parseAlbums, parseAsset } from '../api-answers.ts';
import { albumPath } from '../eras/era.ts';
import type { ChangeRequest, ImmichClient } from '../http-client.ts';
import { type ItemError, parseItemError } from './change-answers.ts';

const THIS_ALBUM = 'this album';
const THIS_PHOTO = 'this photo';

/** The requests that change albums and the trash. What may be repeated is; making an album is not. */
export class AlbumChanges {
  readonly #client: ImmichClient;
  readonly #showsLiveVideos: boolean;

  /** @param showsLiveVideos assets are shown in albums that they are no members of. */
  constructor(client: ImmichClient, showsLiveVideos: boolean) {
    this.#client = client;
    this.#showsLiveVideos = showsLiveVideos;
  }

  /** Rejects `denied` for the video of a live photo: it is where its still is, and no album has it by itself. */
  async requireMember(assetId: string, call: Call): Promise<void> {
    if (!this.#showsLiveVideos) return;
    const request = {
      method: 'GET',
      path: `/assets/${encodeURIComponent(assetId)}`,
      what: THIS_PHOTO,
    } as const;
    const asset = parseAsset(await call.attempt((signal) => this.#client.readJson(request, signal)));
    if (asset.visibility !== 'hidden') return;
    throw new CodedError('denied', 'The video of a live photo stays with its still.');
  }

  async create(name: string, call: Call): Promise<ImmichAlbum> {
    const body = { albumName: name };
    const request = { method: 'POST', path: '/albums', what: THIS_ALBUM, body } as const;
    // Twice would be two albums.
    return parseAlbum(await this.#client.change(request, call.signal));
  }

  async rename(albumId: string, name: string, call: Call): Promise<ImmichAlbum> {
    const body = { albumName: name };
    const request = { method: 'PATCH', path: albumPath(albumId), what: THIS_ALBUM, body } as const;
    return await this.#ofAlbum(albumId, call, async () => parseAlbum(await this.#change(request, call)));
  }

  /** The assets stay in Immich. */
  async delete(albumId: string, call: Call): Promise<void> {
    const request = { method: 'DELETE', path: albumPath(albumId), what: THIS_ALBUM } as const;
    try {
      await this.#ofAlbum(albumId, call, () => this.#change(request, call));
    } catch (error) {
      // It is gone already, as it was to be.
      if (codeOf(error) !== 'changed') throw error;
    }
  }

  /** @returns whether it was not in the album before. Rejects `denied` when Immich does not let it in. */
  async add(albumId: string, assetId: string, call: Call): Promise<boolean> {
    const error = await this.#changeMember('PUT', albumId, assetId, call);
    if (error === null || error === 'duplicate') return error === null;
    throw new CodedError('denied', 'Immich lets only photos of your own into an album, and this is none.');
  }

  /** Also when it was not in it. Rejects `denied` when it is not this account's to take out. */
  async remove(albumId: string, assetId: string, call: Call): Promise<void> {
    const error = await this.#changeMember('DELETE', albumId, assetId, call);
    if (error === null || error === 'not_found') return;
    throw new CodedError('denied', 'In an album of somebody else only photos of your own can be removed.');
  }

  /** Albums that show an asset, as far as this account sees them. */
  async albumsOf(assetId: string, call: Call): Promise<readonly string[]> {
    const path = `/albums?assetId=${encodeURIComponent(assetId)}`;
    const request = { method: 'GET', path, what: THIS_PHOTO } as const;
    const albums = parseAlbums(await call.attempt((signal) => this.#client.readJson(request, signal)));
    return albums.map(({ id }) => id);
  }

  /** Into the trash, out of all albums; it comes back to them when it is restored. */
  async trash(assetId: string, call: Call): Promise<void> {
    const body = { ids: [assetId], force: false };
    try {
      await this.#change({ method: 'DELETE', path: '/assets', what: THIS_PHOTO, body }, call);
    } catch (error) {
      if (codeOf(error) !== 'not-found') throw error;
      const asset = { path: `/assets/${encodeURIComponent(assetId)}`, what: THIS_PHOTO };
      if (await this.#isThere(asset, call)) throw notOwn(error);
    }
  }

  async restore(assetId: string, call: Call): Promise<void> {
    const body = { ids: [assetId] };
    await this.#change({ method: 'POST', path: '/trash/restore/assets', what: THIS_PHOTO, body }, call);
  }

  async #changeMember(
    method: 'PUT' | 'DELETE',
    albumId: string,
    assetId: string,
    call: Call,
  ): Promise<ItemError | null> {
    const body = { ids: [assetId] };
    const request = { method, path: `${albumPath(albumId)}/assets`, what: THIS_ALBUM, body };
    return await this.#ofAlbum(albumId, call, async () =>
      parseItemError(await this.#change(request, call), assetId),
    );
  }

  async #change(request: ChangeRequest, call: Call): Promise<unknown> {
    return await call.attempt((signal) => this.#client.change(request, signal));
  }

  /** Immich says the same of an album that is gone (`changed`) and of one that may not be changed (`denied`). */
  async #ofAlbum<T>(albumId: string, call: Call, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== 'not-found') throw error;
      const header = { path: `${albumPath(albumId)}?withoutAssets=true`, what: THIS_ALBUM };
      if (!(await this.#isThere(header, call))) {
        throw new CodedError('changed', 'The album is not in Immich any more.', { cause: error });
      }
      const text = 'Immich does not let this account change the album: it is shared by somebody else.';
      throw new CodedError('denied', text, { cause: error });
    }
  }

  async #isThere(where: { readonly path: string; readonly what: string }, call: Call): Promise<boolean> {
    try {
      await call.attempt((signal) => this.#client.readJson({ method: 'GET', ...where }, signal));
      return true;
    } catch (error) {
      if (codeOf(error) === 'not-found') return false;
      throw error;
    }
  }
}

function notOwn(cause: unknown): CodedError {
  return new CodedError('denied', 'Immich lets only your own photos be trashed, and this is none.', {
    cause,
  });
}
