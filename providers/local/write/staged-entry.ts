import { lstat } from 'node:fs/promises';
import { lastNameOf } from '../../../src/model/name.ts';
import type { Over } from '../../../src/model/write.ts';
import type { PlaceEvent, Staged } from '../../../src/provider/provider.ts';
import type { Disk } from '../disk.ts';
import type { FolderAsk, PlacedFile, Root } from '../disk-messages.ts';
import { fileFactsOf } from '../file-facts.ts';
import { FOLDER_SYNCS, type SyncedFolder } from './folder-syncs.ts';
import { memberPath } from './member-path.ts';
import { stagingIsOver } from './staging-name.ts';
import { translateWriteError } from './translate-write-error.ts';

/** Held by an entry until it is discarded. */
export interface StagingFolder extends SyncedFolder {
  readonly asked: FolderAsk;
  letGo(): Promise<void>;
}

export interface StagedEntryOptions {
  readonly disk: Disk;
  readonly root: Root;
  readonly folder: StagingFolder;
  /** Where it belongs, by its path in the source. */
  readonly path: string;
  /** What it is called in the same folder until then. */
  readonly stagingName: string;
  readonly kind: 'asset' | 'collection';
  readonly sizeBytes: number;
  /** Of the staged file, if it is still open. Closed with it. */
  readonly fd: number | null;
  /** Called once, when it is discarded. */
  readonly onOver?: () => void;
}

/** A whole file or folder under a hidden name, all of it on the disk. */
export class StagedEntry implements Staged {
  readonly sizeBytes: number;
  readonly #options: StagedEntryOptions;
  #state: 'staged' | 'placed' | 'over' = 'staged';
  /** Null as soon as a thread was told to close it: its number may soon be another file's, whether the thread lives or not. */
  #fd: number | null;
  /** Brings its new name to the disk. */
  #syncing: Promise<void> | null = null;

  constructor(options: StagedEntryOptions) {
    this.#options = options;
    this.#fd = options.fd;
    this.sizeBytes = options.sizeBytes;
  }

  /** Number of the file or folder on its disk. */
  async inode(): Promise<bigint> {
    const { folder, stagingName } = this.#options;
    return (await lstat(memberPath(folder.asked, stagingName), { bigint: true })).ino;
  }

  async place(over: Over): Promise<readonly PlaceEvent[] | undefined> {
    const { disk, root, folder, path, stagingName, kind } = this.#options;
    if (this.#state !== 'staged') throw new Error('a staged entry was placed twice');
    const fd = this.#takeFd();
    let placed: PlacedFile | null;
    try {
      const ask = { root, folder: folder.asked, path, name: lastNameOf(path), stagingName, kind, over, fd };
      placed = await disk.ask('place', ask);
    } catch (error) {
      throw translateWriteError(error);
    }
    this.#state = 'placed';
    // While the catalog takes it in; what comes of it, `persist` tells.
    this.#syncing = FOLDER_SYNCS.sync(folder);
    this.#syncing.catch(() => undefined);
    return placed === null ? undefined : eventsOf(placed, path);
  }

  async persist(): Promise<void> {
    try {
      await this.#syncing;
    } catch (error) {
      throw translateWriteError(error);
    }
  }

  async discard(): Promise<void> {
    const before = this.#state;
    if (before === 'over') return;
    this.#state = 'over';
    const { disk, folder, stagingName, onOver } = this.#options;
    const fd = this.#takeFd();
    try {
      if (before === 'staged') await disk.ask('drop', { folder: folder.asked, stagingName, fd });
    } catch (error) {
      throw translateWriteError(error);
    } finally {
      stagingIsOver(stagingName);
      onOver?.();
      await this.#syncing?.catch(() => undefined);
      await folder.letGo();
    }
  }

  #takeFd(): number | null {
    const fd = this.#fd;
    this.#fd = null;
    return fd;
  }
}

/** As a look at the file would tell it. */
function eventsOf({ file, above }: PlacedFile, path: string): PlaceEvent[] {
  const names = path.split('/');
  let parent: string | null = null;
  const events: PlaceEvent[] = [];
  for (const [at, { refId, modifiedMs, createdMs }] of above.entries()) {
    events.push({ kind: 'collection', ref: refId, parent, name: names[at] ?? '', modifiedMs, createdMs });
    parent = refId;
  }
  events.push({ kind: 'asset', collection: parent, name: lastNameOf(path), facts: fileFactsOf(file, path) });
  return events;
}
