import { close, fsync } from 'node:fs';
import { promisify } from 'node:util';
import type { FolderAsk, StageAsk, StagedFile } from '../disk-messages.ts';
import type { PoolShare } from '../pool-share.ts';
import type { StagingFolder } from './staged-entry.ts';

const closeFd = promisify(close);
const syncFd = promisify(fsync);

/** A folder that several uploads hold open together. Whoever took or added it lets go of it once. */
export class OpenFolder implements StagingFolder {
  readonly #path: string;
  readonly identity: string;
  readonly fd: number;
  /** See `StageAsk`. As long as it is open, it is asked for once. */
  readonly mayBeUnmounted: boolean;
  readonly #share: PoolShare;
  readonly #onUnused: (folder: OpenFolder) => void;
  #users = 1;

  constructor(
    path: string,
    opened: OpenedFolder,
    { share, onUnused }: { readonly share: PoolShare; readonly onUnused: (folder: OpenFolder) => void },
  ) {
    this.#path = path;
    this.#share = share;
    this.fd = opened.folderFd;
    this.mayBeUnmounted = opened.mayBeUnmounted;
    this.identity = opened.folderIdentity;
    this.#onUnused = onUnused;
  }

  get asked(): FolderAsk {
    return { fd: this.fd, path: this.#path };
  }

  hold(): this {
    this.#users += 1;
    return this;
  }

  sync(): Promise<void> {
    return this.#share.runInTime(() => syncFd(this.fd));
  }

  async letGo(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#onUnused(this);
    await closeFd(this.fd);
  }
}

export type OpenedFolder = Pick<StagedFile, 'folderFd' | 'folderIdentity'> & Pick<StageAsk, 'mayBeUnmounted'>;

/** Folders that are held open by uploads, so that those who write into one at the same time open it once. */
export class OpenFolders {
  readonly #byPath = new Map<string, OpenFolder>();

  /** @returns null when nobody has opened it: then whoever asks opens it and adds it. */
  take(path: string): OpenFolder | null {
    return this.#byPath.get(path)?.hold() ?? null;
  }

  /**
   * @param opened by the caller, whose it is no longer.
   * @param share for bringing it to the disk.
   */
  add(path: string, opened: OpenedFolder, share: PoolShare): OpenFolder {
    const onUnused = (unused: OpenFolder) => {
      if (this.#byPath.get(path) === unused) this.#byPath.delete(path);
    };
    const folder = new OpenFolder(path, opened, { share, onUnused });
    this.#byPath.set(path, folder);
    return folder;
  }
}
