import { randomBytes } from 'node:crypto';
import { lstat, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../translate-error.ts';

/** Hidden, so that nobody is shown it, and plain enough to be known for what it is when somebody finds one. */
const NAME = /^\.mediadav-upload-([0-9a-f]+)-[0-9a-f]{8}-\d+$/;
/** What has made room for something else, under its own name in a folder of this one. */
const ASIDE = /^\.mediadav-aside-([0-9a-f]+)-([0-9a-f]{8})-\d+-([0-9a-f]+)$/;
/** What another server writes moves at least this often. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;
/** Of this process: whatever has another one was left behind by one that is over. */
const PROCESS = randomBytes(4).toString('hex');

let count = 0;
/** Names of what is set aside now, by this process. */
const asideNow = new Set<string>();
/** Names under which this process writes something now. */
const stagingNow = new Set<string>();

/**
 * No scan touches what has it, until `stagingIsOver`.
 * @param writer hexadecimal; see `LocalProviderSettings.writer`.
 */
export function newStagingName(writer: string): string {
  count += 1;
  const name = `.mediadav-upload-${writer}-${PROCESS}-${count}`;
  stagingNow.add(name);
  return name;
}

/**
 * Whatever still has that name is a leftover from now on: what could not be removed, or came when nobody waited for the
 * disk any more.
 */
export function stagingIsOver(name: string): void {
  stagingNow.delete(name);
}

export function isStagingName(name: string): boolean {
  return NAME.test(name);
}

/**
 * No scan touches what has it, until `asideIsOver`.
 * @param writer hexadecimal; see `LocalProviderSettings.writer`.
 * @param inode of what it makes room for.
 */
export function newAsideName(writer: string, inode: bigint): string {
  count += 1;
  const name = `.mediadav-aside-${writer}-${PROCESS}-${count}-${inode.toString(16)}`;
  asideNow.add(name);
  return name;
}

/** Whatever still has that name is a leftover from now on. */
export function asideIsOver(name: string): void {
  asideNow.delete(name);
}

export function isAsideName(name: string): boolean {
  return ASIDE.test(name);
}

/** Has this process set it aside, for a write that goes on? */
export function isAsideNow(name: string): boolean {
  return asideNow.has(name);
}

/** Removes what uploads and copies that were cut short, by the end of the process or by the disk, have left behind. */
export class Leftovers {
  readonly #writer: string;

  constructor(writer: string) {
    this.#writer = writer;
  }

  /**
   * @param folder absolute path.
   * @param names of what is in it, whatever it is.
   */
  async removeAbandoned(folder: string, names: readonly string[]): Promise<void> {
    for (const name of names) if (isStagingName(name)) await this.#removeIfAbandoned(folder, name);
  }

  /**
   * What had made room for something else when its process ended, or could not be put back, goes when that is there, and
   * else comes back: to its place, or beside what somebody else has put there. That of another writer, which may be a
   * catalog that is no more, comes back after a day, and never goes.
   * @returns whether there was any.
   */
  async bringBack(folder: string, names: readonly string[]): Promise<boolean> {
    let isAny = false;
    for (const name of names) {
      const [, writer, , inode = ''] = ASIDE.exec(name) ?? [];
      if (writer === undefined || asideNow.has(name)) continue;
      const isOurs = writer === this.#writer;
      try {
        const aside = join(folder, name);
        if (!isOurs && !(await isAbandoned(aside))) continue;
        isAny = true;
        for (const kept of await readdir(aside)) {
          if (isOurs && (await inodeAt(join(folder, kept))) === inode)
            await rm(join(aside, kept), { recursive: true });
          else await rename(join(aside, kept), await freePlace(folder, kept));
        }
        await rmdir(aside);
      } catch (error) {
        // It stays where it is, whole, and the next scan tries again; a bug of ours would have no errno.
        if (errnoOf(error) === '') throw error;
      }
    }
    return isAny;
  }

  async #removeIfAbandoned(folder: string, name: string): Promise<void> {
    const [, writer] = NAME.exec(name) ?? [];
    if (writer === undefined || stagingNow.has(name)) return;
    const path = join(folder, name);
    try {
      // A catalog has one server, so what an earlier process of it began is over. Of others only time tells.
      const isOurs = writer === this.#writer;
      if (!isOurs && !(await isAbandoned(path))) return;
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      // It does no harm where it lies, and the next scan tries again; a bug of ours would have no errno.
      if (errnoOf(error) === '') throw error;
    }
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  return Date.now() - (await lstat(path)).ctimeMs >= ABANDONED_AFTER_MS;
}

/** For what comes back: its own place if nothing is there, else the first name that nothing has. */
export async function freePlace(folder: string, name: string): Promise<string> {
  for (let count = 0; ; count += 1) {
    const mark = count === 0 ? '' : count === 1 ? '(set aside) ' : `(set aside ${count}) `;
    const place = join(folder, mark + name);
    if ((await inodeAt(place)) === null) return place;
  }
}

/** Hexadecimal; null: nothing is there. */
async function inodeAt(path: string): Promise<string | null> {
  try {
    return (await lstat(path, { bigint: true })).ino.toString(16);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
