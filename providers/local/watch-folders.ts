import { type FSWatcher, watch as watchWithNode } from 'node:fs';
import { basename, join } from 'node:path';
import type { HintQueue } from './hint-queue.ts';
import { isSystemName } from './names.ts';
import { errnoOf } from './translate-error.ts';
import type { WalkListener } from './walk.ts';
import type { QueueGauge } from './watch-queue.ts';

type OnEvent = (kind: string, name: string | null) => void;
/** `fs.watch` of one folder, not of what is below it, or of one file. */
export type OpenWatch = (path: string, onEvent: OnEvent) => FSWatcher;

export interface FolderWatchesOptions {
  readonly hints: HintQueue;
  readonly gauge: QueueGauge;
  readonly open?: OpenWatch;
}

/** Files with several names that are watched themselves; the rest of them are looked at where one name shows. */
const MAX_FILES = 4_096;

interface Watched {
  watcher: FSWatcher | null;
  identity: string;
  readonly members: Map<string, Watched>;
}

/**
 * One watch a folder, set by whoever walks the tree just before it reads the folder: what was there then is told by
 * the walk, what comes later by the watch, and nothing falls between. A new folder is a hint like any other; looking
 * there walks it and so watches it.
 *
 * A watch belongs to a folder, a path to its place. So whatever happens to a name drops the watches at and below it,
 * and the look that the hint leads to sets them again where the folders are by then.
 */
export class FolderWatches implements WalkListener {
  readonly #hints: HintQueue;
  readonly #gauge: QueueGauge;
  readonly #open: OpenWatch;
  readonly #top: Watched = unwatched();
  readonly #ignoreGauge: () => void;
  #rootPath = '';
  #fileCount = 0;
  #isFull = false;
  #isClosed = false;

  constructor(options: FolderWatchesOptions) {
    this.#hints = options.hints;
    this.#gauge = options.gauge;
    this.#open = options.open ?? openWatch;
    this.#ignoreGauge = this.#gauge.onOverflow(() => this.#hints.lost(overflowText(this.#gauge.limit)));
  }

  /**
   * To be called before each walk. Where the limit of the system was met, it is tried again from here on.
   * @param rootPath absolute and resolved.
   */
  beginWalk(rootPath: string): void {
    if (this.#rootPath !== rootPath) drop(this.#top);
    this.#rootPath = rootPath;
    this.#isFull = false;
  }

  entering(path: string, identity: string): void {
    if (this.#isClosed) return;
    const place = this.#placeAt(path);
    if (place.watcher !== null && place.identity === identity) return;
    drop(place);
    if (!this.#isFull) place.watcher = this.#tryOpen(path, (kind, name) => this.#onEvent(path, kind, name));
    place.identity = identity;
  }

  sharing(path: string, identity: string): boolean {
    if (this.#isClosed || this.#isFull || this.#fileCount >= MAX_FILES) return false;
    const place = this.#placeAt(path);
    if (place.watcher !== null && place.identity === identity) return false;
    drop(place);
    const watcher = this.#tryOpen(path, (kind) => this.#onFileEvent(path, kind));
    place.watcher = watcher;
    place.identity = identity;
    if (watcher === null) return false;
    this.#fileCount += 1;
    watcher.once('close', () => {
      this.#fileCount -= 1;
    });
    return true;
  }

  metAgain(path: string): void {
    if (!this.#isClosed) this.#hints.path(path);
  }

  close(): void {
    this.#isClosed = true;
    this.#ignoreGauge();
    drop(this.#top);
  }

  #tryOpen(path: string, onEvent: OnEvent): FSWatcher | null {
    try {
      const watcher = this.#open(join(this.#rootPath, path), onEvent);
      watcher.on('error', () => {
        // On Linux only a failing read of all watches' events gets here.
        this.#hints.lost('The system failed to tell what changes.');
      });
      return watcher;
    } catch (error) {
      const errno = errnoOf(error);
      // Gone again, or not ours to read: its own folder tells when that changes.
      if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EACCES') return null;
      this.#isFull = true;
      this.#hints.lost(limitText(errno));
      return null;
    }
  }

  #onEvent(folderPath: string, kind: string, name: string | null): void {
    this.#gauge.count();
    if (this.#isClosed) return;
    if (name === null) {
      this.#hints.path(folderPath);
      return;
    }
    const isOfName = kind === 'rename';
    // Of the folder itself (moved, removed, unmounted) libuv tells with its own name, as of a member of that name.
    if (isOfName && name === basename(folderPath || this.#rootPath)) {
      this.#dropAt(folderPath);
      this.#hints.path(folderPath);
    }
    if (isSystemName(name)) return;
    const path = folderPath === '' ? name : `${folderPath}/${name}`;
    if (isOfName) this.#dropAt(path);
    this.#hints.path(path);
  }

  #onFileEvent(path: string, kind: string): void {
    this.#gauge.count();
    if (this.#isClosed) return;
    if (kind === 'rename') this.#dropAt(path);
    this.#hints.path(path);
  }

  #placeAt(path: string): Watched {
    let place = this.#top;
    for (const name of namesIn(path)) {
      let member = place.members.get(name);
      if (member === undefined) {
        member = unwatched();
        place.members.set(name, member);
      }
      place = member;
    }
    return place;
  }

  #dropAt(path: string): void {
    const names = namesIn(path);
    const last = names.pop();
    if (last === undefined) {
      drop(this.#top);
      return;
    }
    let folder: Watched | undefined = this.#top;
    for (const name of names) folder = folder?.members.get(name);
    const dropped = folder?.members.get(last);
    if (dropped === undefined) return;
    drop(dropped);
    folder?.members.delete(last);
  }
}

function unwatched(): Watched {
  return { watcher: null, identity: '', members: new Map() };
}

function drop(place: Watched): void {
  place.watcher?.close();
  place.watcher = null;
  for (const member of place.members.values()) drop(member);
  place.members.clear();
}

function namesIn(path: string): string[] {
  return path === '' ? [] : path.split('/');
}

function openWatch(path: string, onEvent: OnEvent): FSWatcher {
  return watchWithNode(path, { persistent: false }, onEvent);
}

function limitText(errno: string): string {
  if (errno === 'ENOSPC') {
    return 'The system allows no more watches: raise fs.inotify.max_user_watches with sysctl.';
  }
  if (errno === 'EMFILE') {
    return 'The system allows no more watchers: raise fs.inotify.max_user_instances with sysctl.';
  }
  return `The system does not let a folder be watched (${errno || 'unknown error'}).`;
}

function overflowText(limit: number): string {
  return `Too much changed at once: should that happen often, raise fs.inotify.max_queued_events (${limit}) with sysctl.`;
}
