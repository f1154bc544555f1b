import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { CodedError, isTransient, messageOf } from '../../src/model/coded-error.ts';
import type { CollectionEvent, ScanCall, ScanEvent } from '../../src/provider/provider.ts';
import { type AlbumReading, albumState, parseReading, writeReading } from './album-version.ts';
import type { ImmichAlbum } from './api-answers.ts';
import { parseTime } from './asset-facts.ts';
import { readAhead } from './read-ahead.ts';
import { type AlbumContent, unread } from './read-album.ts';
import { asksToWait } from './translate-error.ts';

const MAX_ALBUMS_AT_ONCE = 4;
/** Assets of the albums that are read at once; a bigger album is read alone. Some 700 bytes of memory each. */
const MAX_ASSETS_AT_ONCE = 50_000;
/** Albums that are compared in one turn of the event loop: asking what is held of one takes some microseconds. */
const COMPARED_AT_ONCE = 500;
/** So many albums in a row that cannot be reached: then it is the server, and asking on would take hours. */
const MAX_UNREACHABLE_ALBUMS = 10;

export interface AlbumTelling {
  readonly call: ScanCall;
  /** Ref of the collection that they are in; null: the top. */
  readonly parent: string | null;
  /** Albums that were read completely before this, in milliseconds since 1970, are read anew although nothing tells of changes. */
  readonly staleMs: number;
  readonly read: (album: ImmichAlbum) => Promise<AlbumContent>;
}

/** What came of telling all albums. */
export interface Told {
  /** Id of an asset that was told, if any. */
  readonly sampleId: string | null;
  /** Every album was told completely or is unchanged. */
  readonly isComplete: boolean;
  /** When the oldest of those readings was, in milliseconds since 1970. */
  readonly oldestReadMs: number;
}

/**
 * The albums, each followed by its assets, unless it is as it was. One that cannot be read is told as `kept`; so is one
 * of which only a part could be read, after that part.
 */
export async function* tellAlbums(
  albums: readonly ImmichAlbum[],
  { call, parent, staleMs, read }: AlbumTelling,
): AsyncGenerator<ScanEvent, Told, undefined> {
  const startedMs = Date.now();
  let sampleId: string | null = null;
  let oldestReadMs = startedMs;
  let isComplete = true;
  const changed: ImmichAlbum[] = [];
  for (const [at, album] of albums.entries()) {
    if (at % COMPARED_AT_ONCE === 0) await yieldToEventLoop();
    const reading = parseReading(await call.held.versionOf(album.id));
    if (reading === null || isStale(reading, album, staleMs)) {
      changed.push(album);
      continue;
    }
    oldestReadMs = Math.min(oldestReadMs, reading.readMs);
    yield collectionOf(album, parent);
    yield { kind: 'unchanged', collection: album.id };
  }
  const attempts = readAhead(changed, (album) => readOrExplain(album, read), {
    maxReads: MAX_ALBUMS_AT_ONCE,
    weightOf: (album) => album.assetCount,
    maxWeight: MAX_ASSETS_AT_ONCE,
  });
  let unreachable = 0;
  for await (const { listed, content, error } of attempts) {
    unreachable = isTransient(error) ? unreachable + 1 : 0;
    if (unreachable >= MAX_UNREACHABLE_ALBUMS) throw error;
    if (error !== null) {
      call.warn(`an album that could not be read: ${messageOf(error)}`, listed.albumName);
    }
    sampleId ??= content.sampleId;
    isComplete &&= content.isComplete;
    yield* eventsOf(content, parent);
    if (!content.isComplete) continue;
    // As it was listed, before it was read: what changed in between is found the next time.
    const version = writeReading({ readMs: startedMs, state: albumState(listed) });
    yield { kind: 'complete', collection: listed.id, version };
  }
  return { sampleId, isComplete, oldestReadMs };
}

/** In an order of their own, oldest first, whatever order the server lists them in. */
export function chooseAlbums(
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
    .map((album) => ({ album, key: sortKeyOf(album) }))
    .sort((left, right) => (left.key < right.key ? -1 : 1))
    .map(({ album }) => album);
}

function isStale(reading: AlbumReading, album: ImmichAlbum, staleMs: number): boolean {
  return reading.state !== albumState(album) || reading.readMs <= staleMs;
}

interface Attempt {
  readonly listed: ImmichAlbum;
  readonly content: AlbumContent;
  readonly error: CodedError | null;
}

/** A failure that concerns this album only becomes an incomplete content; every other is thrown. */
async function readOrExplain(
  listed: ImmichAlbum,
  read: (album: ImmichAlbum) => Promise<AlbumContent>,
): Promise<Attempt> {
  try {
    return { listed, content: await read(listed), error: null };
  } catch (error) {
    if (!(error instanceof CodedError) || concernsAllAlbums(error)) throw error;
    return { listed, content: unread(listed), error };
  }
}

function concernsAllAlbums(error: CodedError): boolean {
  return error.code === 'denied' || error.code === 'cancelled' || asksToWait(error);
}

function* eventsOf(content: AlbumContent, parent: string | null): Generator<ScanEvent, void, undefined> {
  const { album } = content;
  yield collectionOf(album, parent);
  for (const facts of content.assets) {
    yield { kind: 'asset', collection: album.id, name: facts.ref.path, facts };
  }
  if (content.isComplete) return;
  // An album of which nothing came may come soon; a file whose size nobody tells may never.
  const kept = { kind: 'kept', collection: album.id } as const;
  yield content.assetCount === 0 ? { ...kept, mayHeal: true } : kept;
}

/** The album itself, as an event. */
export function collectionOf(album: ImmichAlbum, parent: string | null): CollectionEvent {
  const createdMs = album.createdAt === null ? null : parseTime(album.createdAt);
  const updatedMs = album.updatedAt === null ? null : parseTime(album.updatedAt);
  return {
    kind: 'collection',
    ref: album.id,
    parent,
    name: album.albumName,
    modifiedMs: updatedMs ?? createdMs ?? 0,
    createdMs,
  };
}

function sortKeyOf(album: ImmichAlbum): string {
  const createdMs = album.createdAt === null ? null : parseTime(album.createdAt);
  return `${String(createdMs ?? 0).padStart(16, '0')} ${album.id}`;
}
