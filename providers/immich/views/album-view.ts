import type { CollectionEvent, ScanCall, ScanEvent } from '../../../src/provider/provider.ts';
import { chooseAlbums, type Told, tellAlbums } from '../album-events.ts';
import { type AlbumList, isOfNone } from '../album-list.ts';
import { parseReading, writeReading } from '../album-version.ts';
import type { ImmichAlbum } from '../api-answers.ts';
import type { AlbumContent } from '../read-album.ts';
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
  readonly read: (album: ImmichAlbum) => Promise<AlbumContent>;
}

/** The albums; beside other views in a folder, which is told as unchanged when only those others have changed. */
export async function* tellAlbumView(parts: AlbumViewParts): AsyncGenerator<ScanEvent, Told, undefined> {
  const { call, parent, staleMs, read } = parts;
  const nothing: Told = { sampleId: null, isComplete: true, oldestReadMs: Date.now() };
  const held = parent === null ? null : parseReading(await call.held.versionOf(parent));
  if (parent !== null) yield viewFolder('albums');
  if (parts.list === null && held !== null && held.readMs > 0) {
    yield { kind: 'unchanged', collection: parent };
    return { ...nothing, oldestReadMs: held.readMs };
  }
  const list = parts.list ?? (await parts.readList());
  if (list === null) throw new Error('a list that was asked for without condition is not there');
  const last = parent === null ? null : parseReading(await call.held.toldVersionOf(parent));
  if (list.albums.length === 0 && parent !== null && last !== null && !isOfNone(last.state)) {
    // Beside other views nobody above sees that the source is suddenly empty.
    call.warn('a list of albums that is suddenly empty', 'albums');
    yield { kind: 'kept', collection: parent, mayHeal: true };
    return { ...nothing, isComplete: false };
  }
  const albums = chooseAlbums(list.albums, parts.albumIds, call);
  const told = yield* tellAlbums(albums, { call, parent, staleMs, read });
  if (parent !== null) {
    // Else only whether there were any is remembered: what is held of them may be older.
    const readMs = told.isComplete ? told.oldestReadMs : 0;
    const version = writeReading({ readMs, state: list.digest });
    yield { kind: 'complete', collection: parent, version };
  }
  return told;
}

/** The folder of a view, beside others. */
export function viewFolder(name: ViewName): CollectionEvent {
  const ref = viewRef(name);
  return { kind: 'collection', ref, parent: null, name, modifiedMs: 0, createdMs: null, made: 'view' };
}
