import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CollectionEvent, ScanCall, ScanEvent } from '../../../src/provider/provider.ts';
import { chooseAlbums, type Told, tellAlbums } from '../album-events.ts';
import type { AlbumList } from '../album-list.ts';
import { parseReading } from '../album-version.ts';
import type { ImmichAlbum } from '../api-answers.ts';
import type { AlbumContent } from '../read-album.ts';
import { conclude, type Doubts } from './emptiness.ts';
import { type ViewName, viewRef } from './view-names.ts';

export interface AlbumViewParts {
  readonly call: ScanCall;
  /** Ref of the view; null where albums stand alone. */
  readonly parent: string | null;
  /** Null: the one that is remembered. */
  readonly list: AlbumList | null;
  readonly readList: () => Promise<AlbumList | null>;
  /** Empty: all albums. */
  readonly albumIds: readonly string[];
  /** What was read before this is read anew, in milliseconds since 1970. */
  readonly staleMs: number;
  readonly doubts: Doubts;
  readonly read: (album: ImmichAlbum) => Promise<AlbumContent>;
}

/** The albums; beside other views in a folder, which is told as unchanged when only those others have changed. */
export async function* tellAlbumView(parts: AlbumViewParts): AsyncGenerator<ScanEvent, Told, undefined> {
  const { call, parent, staleMs, doubts, read } = parts;
  const nothing: Told = { sampleId: null, isComplete: true, oldestReadMs: Date.now() };
  const held = parent === null ? null : parseReading(await call.held.versionOf(parent));
  if (parent !== null) yield viewFolder('albums');
  if (parts.list === null && held !== null && held.readMs > 0) {
    yield { kind: 'unchanged', collection: parent };
    return { ...nothing, oldestReadMs: held.readMs };
  }
  const list = parts.list ?? (await parts.readList());
  if (list === null) throw new Error('a list that was asked for without condition is not there');
  await yieldToEventLoop();
  const albums = chooseAlbums(list.albums, parts.albumIds, call);
  const told = yield* tellAlbums(albums, { call, parent, staleMs, read });
  // Where it was not complete only whether there were any is remembered: what is held of them may be older.
  const readMs = told.isComplete ? told.oldestReadMs : 0;
  const place = { ref: parent, mark: viewRef('albums'), name: 'albums' };
  const outcome = { ...place, state: list.digest, readMs, isEmpty: list.albums.length === 0 };
  const isBelieved = yield* conclude(doubts, outcome);
  return { ...told, isComplete: told.isComplete && isBelieved };
}

/** The folder of a view, beside others. */
export function viewFolder(name: ViewName): CollectionEvent {
  const ref = viewRef(name);
  return { kind: 'collection', ref, parent: null, name, modifiedMs: 0, createdMs: null, made: 'view' };
}
