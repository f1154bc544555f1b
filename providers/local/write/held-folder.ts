import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, open, opendir, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { WriteCall } from '../../../src/provider/provider.ts';
import type { FolderAsk, Root } from '../disk-messages.ts';
import { isSystemName } from '../names.ts';
import { errnoOf, isMissing } from '../translate-error.ts';
import { unmountedRef } from '../unmounted.ts';
import { FOLDER_FLAGS, memberPath } from './member-path.ts';
import { elsewhere } from './moved-folder.ts';
import { translateWriteError } from './translate-write-error.ts';

const IS_LINUX = process.platform === 'linux';

/**
 * A folder that is held open while something in it is changed. Names are looked up in the folder itself, not along a
 * path, so nothing that is put in the way meanwhile (a link in place of a folder above) leads a write elsewhere. Where
 * there is no `/proc` the path has to do, checked just before.
 */
export class HeldFolder {
  /** Relative to the root; `''` for the root. */
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #absolute: string;

  private constructor(path: string, handle: FileHandle, absolute: string) {
    this.path = path;
    this.#handle = handle;
    this.#absolute = absolute;
  }

  /**
   * Opens a folder that is shown. The caller closes it.
   * @throws CodedError `parent-missing`, `denied`, or `unavailable` where another disk should be mounted.
   */
  static async open(root: Root, path: string, call: WriteCall): Promise<HeldFolder> {
    checkShown(path, call);
    const folder = await HeldFolder.#openAt(join(root.path, path), path);
    try {
      if (path !== '') await folder.#checkMounted(call);
      return folder;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  /** A folder in this one. Rejects with the error of the system when it is none, or a link. */
  async enter(name: string): Promise<HeldFolder> {
    const path = this.path === '' ? name : `${this.path}/${name}`;
    const handle = await open(this.at(name), FOLDER_FLAGS);
    return new HeldFolder(path, handle, join(this.#absolute, name));
  }

  /** A path for the system that leads to a member of exactly this folder. */
  at(name: string): string {
    return memberPath(this.asked, name);
  }

  /** For a thread that does something in it; valid until it is closed. */
  get asked(): FolderAsk {
    return { fd: this.#handle.fd, path: this.#absolute };
  }

  /** Names the folder itself: another one may be at its path by now. */
  async identity(): Promise<string> {
    const { dev, ino } = await this.#handle.stat({ bigint: true });
    return `${dev}-${ino}`;
  }

  /** The folder itself, for listing it. */
  get own(): string {
    return IS_LINUX ? `/proc/self/fd/${this.#handle.fd}` : this.#absolute;
  }

  /** What has a name in it; null when nothing has. */
  async member(name: string): Promise<BigIntStats | null> {
    try {
      return await lstat(this.at(name), { bigint: true });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw translateWriteError(error);
    }
  }

  async isOnDiskOf(stats: BigIntStats): Promise<boolean> {
    return (await this.#handle.stat({ bigint: true })).dev === stats.dev;
  }

  /** What was done in it outlasts a power cut from now on. */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  /** Its own times, in seconds since 1970. */
  async utimes(accessedS: number, modifiedS: number): Promise<void> {
    await this.#handle.utimes(accessedS, modifiedS);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  static async #openAt(absolute: string, path: string): Promise<HeldFolder> {
    let handle: FileHandle;
    try {
      handle = await open(absolute, FOLDER_FLAGS);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw translateWriteError(error);
      throw new CodedError('parent-missing', 'There is no folder for it any more.', { cause: error });
    }
    const folder = new HeldFolder(path, handle, absolute);
    try {
      if ((await folder.#actualPath()) === absolute) return folder;
      throw elsewhere(absolute, await resolved(absolute));
    } catch (error) {
      await handle.close();
      throw translateWriteError(error);
    }
  }

  async #actualPath(): Promise<string> {
    return IS_LINUX ? await readlink(this.own) : await realpath(this.#absolute);
  }

  async #isEmpty(): Promise<boolean> {
    for await (const { name } of await opendir(this.own)) {
      if (!isSystemName(name)) return false;
    }
    return true;
  }

  /** What is written into the place of a disk that is not mounted would be hidden by it later. */
  async #checkMounted(call: WriteCall): Promise<void> {
    const [own, parent] = await Promise.all([
      this.#handle.stat({ bigint: true }),
      lstat(dirname(this.#absolute), { bigint: true }),
    ]);
    const folder = { path: this.path, device: `${own.dev}`, parentDevice: `${parent.dev}` };
    if ((await unmountedRef(folder, call.held)) === null || !(await this.#isEmpty())) return;
    throw new CodedError('unavailable', 'The disk that belongs there is not mounted.');
  }
}

/** Null: nothing is there. */
async function resolved(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** A member by its folder and its name. */
export interface HeldPlace {
  readonly folder: HeldFolder;
  readonly name: string;
  /** Relative to the root. */
  readonly path: string;
}

/** Opens the folder that a path is in. The caller closes it. @throws as `HeldFolder.open`; `denied` for hidden names. */
export async function holdPlace(root: Root, path: string, call: WriteCall): Promise<HeldPlace> {
  const { folderPath, name } = splitPlace(path);
  return { folder: await HeldFolder.open(root, folderPath, call), name, path };
}

/** A member that may be written, by the folder it is in (`''`: the top). @throws CodedError `denied` for hidden names. */
export function splitPlace(path: string): { readonly folderPath: string; readonly name: string } {
  const name = basename(path);
  if (path === '' || isSystemName(name)) throw hidden();
  return { folderPath: dirname(path) === '.' ? '' : dirname(path), name };
}

/** Hidden folders, and those that the settings leave out, are nobody's to write into. */
export function checkShown(path: string, call: WriteCall): void {
  if (path === '') return;
  const names = path.split('/');
  for (const [at, name] of names.entries()) {
    if (name === '' || isSystemName(name)) throw hidden();
    if (!call.enters(names.slice(0, at + 1).join('/'))) throw leftOut();
  }
}

export function hidden(): CodedError {
  return new CodedError(
    'denied',
    'Names that systems hide are not shown here, so nothing is stored under them.',
  );
}

export function leftOut(): CodedError {
  return new CodedError('denied', 'The settings of this server leave such names out.');
}
