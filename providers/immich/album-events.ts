import { CodedError, codeOf, isTransient, messageOf } from '../../src/model/coded-error.ts';
import type { ScanCall, ScanEvent } from '../../src/provider/provider.ts';
import type { ImmichAlbum, ImmichAsset } from './api-answers.ts';
import { parseTime } from './asset-facts.ts';
import { DownloadCheck } from './download-check.ts';
import { chooseEra } from './eras/choose-era.ts';
import type { Era } from './eras/era.ts';
import type { ImmichClient } from './http-client.ts';
import { readAhead } from './read-ahead.ts';
import { type AlbumContent, readAlbum } from './read-album.ts';
import { ScanRequests } from './scan-requests.ts';
import { Slots } from './slots.ts';
import { asksToWait } from './translate-error.ts';

const MAX_ALBUMS_AT_ONCE = 4;
/** Assets of the albums that are read at once; a bigger album is read alone. Some 2 KB of memory each. */
const MAX_ASSETS_AT_ONCE = 50_000;
const MAX_SIZES_AT_ONCE = 4;
/** So many albums in a row that cannot be reached: then it is the server, and asking on would take hours. */
const MAX_UNREACHABLE_ALBUMS = 10;

/**
 * All albums of the server, or those of `albumIds`, each followed by its assets. An album that cannot be read is told as
 * `kept`; so is one of which only a part could be read, after that part.
 *
 * @throws CodedError when the version or the album list cannot be read, when the server refuses the key or a permission
 *   is missing (that is no matter of one album), when none of `albumIds` exists (`invalid`), when the server is lost on
 *   the way, and when it asks to wait, with the longest wait it asked for. `denied` for want of `asset.download` comes
 *   after everything was told: the tree is whole, but its files cannot be opened.
 */
export async function* scanAlbums(
  client: ImmichClient,
  albumIds: readonly string[],
  call: ScanCall,
): AsyncGenerator<ScanEvent, void, undefined> {
  const requests = new ScanRequests(call);
  try {
    // Each time anew: the server may have been upgraded since.
    const { version } = await requests.attempt((signal) => client.locate(signal));
    const era = chooseEra(version);
    const ask: Parameters<Era['listAlbums']>[0] = (request) =>
      requests.attempt((signal) => client.readJson(request, signal));
    const listed = await era.listAlbums(ask).catch((error: unknown) => {
      throw sourceErrorOf(error);
    });
    const albums = chooseAlbums(listed, albumIds, call);
    const downloads = new DownloadCheck(client, requests, version);
    const reader = {
      era,
      ask,
      askSize: sizeAsker(async ({ id }) => {
        if ((await downloads.refusal(id)) !== null) return null;
        return requests.attempt((signal) => client.readOriginalSize(id, signal));
      }),
      accepts: (name: string) => call.accepts(name),
      warn: (reason: string, name: string) => call.warn(reason, name),
    };
    const sampleId = yield* tellAlbums(albums, (album) => readAlbum(reader, album), call);
    const refusal = await downloads.refusal(sampleId);
    if (refusal !== null) throw refusal;
  } catch (error) {
    throw requests.reasonOf(error);
  } finally {
    requests.stop();
  }
}

/** @returns the id of an asset it told, if any. */
async function* tellAlbums(
  albums: readonly ImmichAlbum[],
  read: (album: ImmichAlbum) => Promise<AlbumContent>,
  call: ScanCall,
): AsyncGenerator<ScanEvent, string | null, undefined> {
  let sampleId: string | null = null;
  const attempts = readAhead(albums, (album) => readOrExplain(album, read), {
    maxReads: MAX_ALBUMS_AT_ONCE,
    weightOf: (album) => album.assetCount,
    maxWeight: MAX_ASSETS_AT_ONCE,
  });
  let unreachable = 0;
  for await (const { content, error } of attempts) {
    unreachable = isTransient(error) ? unreachable + 1 : 0;
    if (unreachable >= MAX_UNREACHABLE_ALBUMS) throw error;
    if (error !== null) {
      call.warn(`an album that could not be read: ${messageOf(error)}`, content.album.albumName);
    }
    sampleId ??= content.assets[0]?.ref.id ?? null;
    yield* eventsOf(content);
  }
  return sampleId;
}

/** A failure that concerns this album only becomes an incomplete content; every other is thrown. */
async function readOrExplain(
  album: ImmichAlbum,
  read: (album: ImmichAlbum) => Promise<AlbumContent>,
): Promise<{ content: AlbumContent; error: CodedError | null }> {
  try {
    return { content: await read(album), error: null };
  } catch (error) {
    if (!(error instanceof CodedError) || concernsAllAlbums(error)) throw error;
    return { content: { album, assets: [], isComplete: false }, error };
  }
}

function concernsAllAlbums(error: CodedError): boolean {
  return error.code === 'denied' || error.code === 'cancelled' || asksToWait(error);
}

function* eventsOf(content: AlbumContent): Generator<ScanEvent, void, undefined> {
  const { album } = content;
  const createdMs = album.createdAt === null ? null : parseTime(album.createdAt);
  const updatedMs = album.updatedAt === null ? null : parseTime(album.updatedAt);
  yield {
    kind: 'collection',
    ref: album.id,
    parent: null,
    name: album.albumName,
    modifiedMs: updatedMs ?? createdMs ?? 0,
    createdMs,
  };
  for (const facts of content.assets) {
    yield { kind: 'asset', collection: album.id, name: facts.ref.path, facts };
  }
  if (content.isComplete) return;
  // An album of which nothing came may come soon; a file whose size nobody tells may never.
  const kept = { kind: 'kept', collection: album.id } as const;
  yield content.assets.length === 0 ? { ...kept, mayHeal: true } : kept;
}

/** In an order of their own, oldest first, whatever order the server lists them in. */
function chooseAlbums(
  listed: readonly ImmichAlbum[],
  albumIds: readonly string[],
  call: ScanCall,
): ImmichAlbum[] {
  const known = new Map(listed.map((album) => [album.id.toLowerCase(), album]));
  const wanted = [...new Set(albumIds.map((id) => id.toLowerCase()))];
  const unknown = wanted.filter((id) => !known.has(id));
  for (const id of unknown) call.warn(`album id unknown to the server: ${id}`, id);
  if (wanted.length > 0 && unknown.length === wanted.length) {
    throw new CodedError('invalid', 'The Immich server has none of the configured albums.');
  }
  const chosen = wanted.length === 0 ? [...known.values()] : wanted.flatMap((id) => known.get(id) ?? []);
  return chosen
    .filter((album) => call.enters(album.albumName))
    .sort((left, right) => (sortKeyOf(left) < sortKeyOf(right) ? -1 : 1));
}

function sortKeyOf(album: ImmichAlbum): string {
  const createdMs = album.createdAt === null ? null : parseTime(album.createdAt);
  return `${String(createdMs ?? 0).padStart(16, '0')} ${album.id}`;
}

/** A few at a time, and each asset once a scan: one in several albums is told with equal facts. */
function sizeAsker<T>(ask: (asset: ImmichAsset) => Promise<T>): (asset: ImmichAsset) => Promise<T> {
  const slots = new Slots(MAX_SIZES_AT_ONCE);
  const asked = new Map<string, Promise<T>>();
  return (asset) => {
    const size = asked.get(asset.id) ?? slots.run(() => ask(asset));
    asked.set(asset.id, size);
    return size;
  };
}

/** Without the album list the source as a whole cannot be read. */
function sourceErrorOf(error: unknown): unknown {
  const code = codeOf(error);
  if (code !== 'not-found' && code !== 'too-large') return error;
  return new CodedError('unavailable', messageOf(error), { cause: error });
}
