import { CodedError, codeOf, isTransient } from '../../../src/model/coded-error.ts';
import type { Call, WriteCall } from '../../../src/provider/provider.ts';
import { type ImmichAlbum, type ImmichAsset, parseAlbum, parseAlbums, parseAsset } from '../api-answers.ts';
import { albumPath } from '../eras/era.ts';
import type { ChangeRequest, ImmichClient } from '../http-client.ts';
import { isAnswered, isNeverHeard } from '../translate-error.ts';
import { type ItemError, parseItemError } from './change-answers.ts';

const THIS_ALBUM = 'this album';
const THIS_PHOTO = 'this photo';
const NOT_MADE_YET = 'Immich has not said whether it makes this album: try again in a minute.';

/** Albums that may have been made, or may still be, although nobody heard of it; the oldest are forgotten. */
const MAX_LOST = 1_000;

export interface AlbumChangesOptions {
  /** Assets are shown in albums that they are no members of. */
  readonly showsLiveVideos: boolean;
  /** See `Limits.lostMs`. */
  readonly lostMs: number;
}

/**
 * The requests that change albums and the trash, until there is an answer; where none comes, another request looks whether
 * it was done all the same. What is `unavailable` after that is not done, or not known.
 */
export class AlbumChanges {
  readonly #client: ImmichClient;
  readonly #showsLiveVideos: boolean;
  readonly #lostMs: number;
  /** By name, albums that were asked for without an answer: until when Immich may still make them (`performance.now`). */
  readonly #lost = new Map<string, number>();

  constructor(client: ImmichClient, { showsLiveVideos, lostMs }: AlbumChangesOptions) {
    this.#client = client;
    this.#showsLiveVideos = showsLiveVideos;
    this.#lostMs = lostMs;
  }

  /** Rejects `denied` for the video of a live photo: it is where its still is, and no album has it by itself. */
  async requireMember(assetId: string, call: Call): Promise<void> {
    if (!this.#showsLiveVideos) return;
    const asset = await this.#asset(assetId, call);
    if (asset?.visibility !== 'hidden') return;
    throw new CodedError('denied', 'The video of a live photo stays with its still.');
  }

  /**
   * An empty album of that name that came into being when nobody heard of it is the one that was asked for. Twice would be two
   * albums: while Immich may still be about to make it, it is only looked for, and `unavailable` when it is not there yet.
   */
  async create(name: string, call: Call): Promise<ImmichAlbum> {
    return await this.#surely(
      () => call.attempt((signal) => this.#createUnlessLost(name, signal)),
      async () => (this.#lost.has(name) ? call.attempt((signal) => this.#foundAlbum(name, signal)) : null),
    );
  }

  async #createUnlessLost(name: string, signal: AbortSignal): Promise<ImmichAlbum> {
    const lostUntil = this.#lost.get(name);
    if (lostUntil !== undefined) {
      const found = await this.#foundAlbum(name, signal);
      if (found !== null) return found;
      if (performance.now() < lostUntil) throw new CodedError('unavailable', NOT_MADE_YET);
    }
    const body = { albumName: name };
    const request = { method: 'POST', path: '/albums', what: THIS_ALBUM, body } as const;
    this.#noteLost(name, performance.now() + this.#lostMs);
    try {
      const album = parseAlbum(await this.#client.change(request, signal));
      this.#lost.delete(name);
      return album;
    } catch (error) {
      if (isNeverHeard(error) && lostUntil === undefined) this.#lost.delete(name);
      // What has failed over there is done by now, if at all.
      else if (isNeverHeard(error) || isAnswered(error)) this.#noteLost(name, lostUntil ?? 0);
      throw error;
    }
  }

  async rename(albumId: string, name: string, call: Call): Promise<ImmichAlbum> {
    const body = { albumName: name };
    const request = { method: 'PATCH', path: albumPath(albumId), what: THIS_ALBUM, body } as const;
    return await this.#ofAlbum(albumId, call, () =>
      this.#surely(
        async () => parseAlbum(await this.#change(request, call)),
        async () => {
          const album = await this.#album(albumId, call);
          return album?.albumName === name ? album : null;
        },
      ),
    );
  }

  /** The assets stay in Immich. */
  async delete(albumId: string, call: Call): Promise<void> {
    const request = { method: 'DELETE', path: albumPath(albumId), what: THIS_ALBUM } as const;
    try {
      await this.#ofAlbum(albumId, call, () =>
        this.#surely(
          () => this.#change(request, call),
          async () => (await this.#album(albumId, call)) === null || null,
        ),
      );
    } catch (error) {
      // It is gone already, as it was to be.
      if (codeOf(error) !== 'changed') throw error;
    }
  }

  /** @returns whether it was not in the album before. Rejects `denied` when Immich does not let it in. */
  async add(albumId: string, assetId: string, call: WriteCall): Promise<boolean> {
    const { error, tries } = await this.#changeMember('PUT', albumId, assetId, call);
    if (error === null) return true;
    if (error === 'duplicate') {
      if (tries === 1) return false;
      // An earlier try may have put it there.
      return (await call.held.placesOf(assetId, albumId)).length === 0;
    }
    throw new CodedError('denied', 'Immich lets only photos of your own into an album, and this is none.');
  }

  /** Also when it was not in it. Rejects `denied` when it is not this account's to take out. */
  async remove(albumId: string, assetId: string, call: Call): Promise<void> {
    const { error } = await this.#changeMember('DELETE', albumId, assetId, call);
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
    const request = { method: 'DELETE', path: '/assets', what: THIS_PHOTO, body } as const;
    try {
      await this.#surely(
        () => this.#change(request, call),
        async () => (await this.isTrashed(assetId, call)) !== false || null,
      );
    } catch (error) {
      if (codeOf(error) !== 'not-found') throw error;
      if ((await this.#asset(assetId, call)) !== null) throw notOwn(error);
    }
  }

  async restore(assetId: string, call: Call): Promise<void> {
    const body = { ids: [assetId] };
    const path = '/trash/restore/assets';
    await this.#surely(
      () => this.#change({ method: 'POST', path, what: THIS_PHOTO, body }, call),
      async () => (await this.isTrashed(assetId, call)) === false || null,
    );
  }

  /** Null: Immich does not have the asset, or does not show it to this account. */
  async isTrashed(assetId: string, call: Call): Promise<boolean | null> {
    return (await this.#asset(assetId, call))?.isTrashed ?? null;
  }

  /** @returns what Immich says of it, and at which try; what was done without an answer is as at a further one. */
  async #changeMember(
    method: 'PUT' | 'DELETE',
    albumId: string,
    assetId: string,
    call: Call,
  ): Promise<{ readonly error: ItemError | null; readonly tries: number }> {
    const body = { ids: [assetId] };
    const request = { method, path: `${albumPath(albumId)}/assets`, what: THIS_ALBUM, body };
    let tries = 0;
    const change = async (signal: AbortSignal) => {
      tries += 1;
      return parseItemError(await this.#client.change(request, signal), assetId);
    };
    return await this.#ofAlbum(albumId, call, () =>
      this.#surely(
        async () => ({ error: await call.attempt(change), tries }),
        async () => {
          const isMember = (await this.albumsOf(assetId, call)).includes(albumId);
          if (isMember !== (method === 'PUT')) return null;
          return { error: isMember ? 'duplicate' : 'not_found', tries: tries + 1 };
        },
      ),
    );
  }

  async #change(request: ChangeRequest, call: Call): Promise<unknown> {
    return await call.attempt((signal) => this.#client.change(request, signal));
  }

  /**
   * An answer may be lost although Immich has done what it was asked.
   * @param find what the answer would have been; null: it is not done.
   */
  async #surely<T>(change: () => Promise<T>, find: () => Promise<T | null>): Promise<T> {
    try {
      return await change();
    } catch (error) {
      if (!isTransient(error)) throw error;
      // Who cannot look either does not know; the first failure is the one to tell of.
      const found = await find().catch(() => null);
      if (found === null) throw error;
      return found;
    }
  }

  /** An empty one: it was not there when it was asked for, as the catalog had none of that name. */
  async #foundAlbum(name: string, signal: AbortSignal): Promise<ImmichAlbum | null> {
    const request = { method: 'GET', path: '/albums', what: THIS_ALBUM } as const;
    const albums = parseAlbums(await this.#client.readJson(request, signal));
    const found = albums.find(({ albumName, assetCount }) => albumName === name && assetCount === 0) ?? null;
    if (found !== null) this.#lost.delete(name);
    return found;
  }

  #noteLost(name: string, until: number): void {
    this.#lost.delete(name);
    this.#lost.set(name, until);
    const [oldest] = this.#lost.keys();
    if (this.#lost.size > MAX_LOST && oldest !== undefined) this.#lost.delete(oldest);
  }

  /** Immich says the same of an album that is gone (`changed`) and of one that may not be changed (`denied`). */
  async #ofAlbum<T>(albumId: string, call: Call, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== 'not-found') throw error;
      if ((await this.#album(albumId, call)) === null) {
        throw new CodedError('changed', 'The album is not in Immich any more.', { cause: error });
      }
      const text = 'Immich does not let this account change the album: it is shared by somebody else.';
      throw new CodedError('denied', text, { cause: error });
    }
  }

  /** Null: it is not there, or nobody may see it. */
  async #album(albumId: string, call: Call): Promise<ImmichAlbum | null> {
    const body = await this.#readIfThere(`${albumPath(albumId)}?withoutAssets=true`, THIS_ALBUM, call);
    return body === null ? null : parseAlbum(body);
  }

  async #asset(assetId: string, call: Call): Promise<ImmichAsset | null> {
    const body = await this.#readIfThere(`/assets/${encodeURIComponent(assetId)}`, THIS_PHOTO, call);
    return body === null ? null : parseAsset(body);
  }

  async #readIfThere(path: string, what: string, call: Call): Promise<unknown> {
    try {
      return await call.attempt((signal) => this.#client.readJson({ method: 'GET', path, what }, signal));
    } catch (error) {
      if (codeOf(error) === 'not-found') return null;
      throw error;
    }
  }
}

function notOwn(cause: unknown): CodedError {
  return new CodedError('denied', 'Immich lets only your own photos be trashed, and this is none.', {
    cause,
  });
}
