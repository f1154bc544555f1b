import {
  type BigIntStats,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  FOUND,
  FoundBuilder,
  type FoundColumns,
  type FoundType,
  LISTED,
  type ListedType,
  type Listing,
  type LookAsk,
  type NamesPart,
  type ReadAsk,
  type Root,
  type ShortRead,
  type UnchangedAsk,
} from './disk-messages.ts';
import { isSystemName, isWithin } from './names.ts';
import { statFactsOf, versionOf } from './stat-facts.ts';
import { errnoOf, isUnreadable } from './translate-error.ts';

/** Names of one part of a listing: what is done with them in one go takes a few milliseconds. */
const PART_NAMES = 1_000;

/** What Node shows in place of bytes that are no UTF-8. */
const REPLACED = '\ufffd';

/** The rest of a listing, last name first. */
type Rest = Dirent[];

/**
 * The questions to a disk. They wait for it, each for as long as the disk takes, so they are asked on a thread of
 * their own: there, one after the other, they take a fraction of what as many promises would.
 */
export class DiskReads {
  readonly #countRead: () => void;
  readonly #rests = new Map<number, Rest>();
  #lastRestId = 0;

  /** @param countRead called before each call that may wait for the disk. */
  constructor(countRead: () => void) {
    this.#countRead = countRead;
  }

  root({ path: given }: { readonly path: string }): Root | null {
    this.#countRead();
    const path = realpathSync(given);
    const stats = statSync(path, { bigint: true });
    if (!stats.isDirectory()) return null;
    return { path, device: stats.dev, inode: stats.ino };
  }

  list({ path }: { readonly path: string }): Listing {
    this.#countRead();
    const entries = readdirSync(path, { withFileTypes: true });
    const isEmpty = entries.every(({ name }) => isSystemName(name));
    entries.sort((a, b) => (a.name > b.name ? -1 : 1));
    return { isEmpty, ...this.#nextPart(entries, null) };
  }

  listRest({ restId }: { readonly restId: number }): NamesPart {
    return this.#nextPart(this.#rests.get(restId) ?? [], restId);
  }

  dropRest({ restId }: { readonly restId: number }): null {
    this.#rests.delete(restId);
    return null;
  }

  look(ask: LookAsk): FoundColumns {
    const found = new FoundBuilder(ask.names.length);
    let listed: ReadonlySet<string> | null = null;
    for (const name of ask.names) {
      const path = ask.folderPath === '' ? name : `${ask.folderPath}/${name}`;
      try {
        const { type, stats } = this.#lookAt(path, ask.rootPath);
        found.add(type, stats === null ? null : statFactsOf(stats, ask.rootDevice, path));
      } catch (error) {
        let why: FoundType = whyNot(error);
        if (why === FOUND.nothing && name.includes(REPLACED)) {
          // A name of bytes that are no UTF-8 is listed, but Node cannot ask for it.
          listed ??= this.#namesIn(join(ask.rootPath, ask.folderPath));
          if (listed.has(name)) why = FOUND.nameNotUtf8;
        }
        found.add(why);
      }
    }
    return found.columns();
  }

  unchanged({ rootPath, paths, versions }: UnchangedAsk): Uint8Array {
    return Uint8Array.from(paths, (path, at) => {
      this.#countRead();
      try {
        const stats = lstatSync(join(rootPath, path), { bigint: true });
        return stats.isFile() && stats.nlink === 1n && versionOf(stats) === versions[at] ? 1 : 0;
      } catch (error) {
        // What is wrong there, a look will tell.
        if (errnoOf(error) === '') throw error;
        return 0;
      }
    });
  }

  /** As `readShort`, which says why it looks after it has read. */
  read({ path, startByte, lengthBytes }: ReadAsk): ShortRead {
    this.#countRead();
    const startedMs = performance.now();
    // O_NONBLOCK: a file that was replaced by a pipe must not hold this thread for ever.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const bytes = readAt(fd, startByte, lengthBytes);
      const actual = process.platform === 'linux' ? readlinkSync(`/proc/self/fd/${fd}`) : realpathSync(path);
      const stats = fstatSync(fd, { bigint: true });
      const tookMs = performance.now() - startedMs;
      return { bytes, isFile: stats.isFile(), version: versionOf(stats), path: actual, tookMs };
    } finally {
      closeSync(fd);
    }
  }

  /** Reads no further than to the first name that a person gave. */
  isEmpty({ path }: { readonly path: string }): boolean {
    this.#countRead();
    using folder = opendirSync(path);
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (!isSystemName(entry.name)) return false;
    }
    return true;
  }

  #namesIn(path: string): ReadonlySet<string> {
    this.#countRead();
    try {
      return new Set(readdirSync(path));
    } catch (error) {
      // The folder went in this moment, or cannot be read: it is hinted at itself.
      if (errnoOf(error) === '') throw error;
      return new Set();
    }
  }

  #nextPart(rest: Rest, restId: number | null): NamesPart {
    const part = rest.splice(-PART_NAMES).reverse();
    let nextId: number | null = null;
    if (rest.length > 0) {
      this.#lastRestId += restId === null ? 1 : 0;
      nextId = restId ?? this.#lastRestId;
      this.#rests.set(nextId, rest);
    } else if (restId !== null) this.#rests.delete(restId);
    return { names: part.map(({ name }) => name), types: Uint8Array.from(part, typeOf), restId: nextId };
  }

  #lookAt(path: string, rootPath: string): Found {
    const absolutePath = join(rootPath, path);
    this.#countRead();
    const stats = lstatSync(absolutePath, { bigint: true });
    if (stats.isFile()) return { type: FOUND.file, stats };
    if (stats.isDirectory()) return { type: FOUND.folder, stats };
    if (!stats.isSymbolicLink()) return { type: FOUND.nothing, stats: null };
    // A link is shown with the facts of the file it leads to, and an id of its own.
    const target = realpathSync(absolutePath);
    if (!isWithin(rootPath, target)) return { type: FOUND.linkOutside, stats: null };
    const behind = statSync(target, { bigint: true });
    if (!behind.isFile()) return { type: FOUND.linkToFolder, stats: null };
    return { type: FOUND.file, stats: asHardLink(behind) };
  }
}

interface Found {
  readonly type: FoundType;
  /** Of a file or a folder. */
  readonly stats: BigIntStats | null;
}

/** Fewer than asked for where the file ends; null for what cannot be read at a position. */
function readAt(fd: number, startByte: number, lengthBytes: number): Uint8Array | null {
  // Not from Node's pool: its memory is handed over to the other thread.
  const buffer = Buffer.allocUnsafeSlow(lengthBytes);
  try {
    for (let filled = 0; filled < lengthBytes; ) {
      const readBytes = readSync(fd, buffer, filled, lengthBytes - filled, startByte + filled);
      if (readBytes === 0) return buffer.subarray(0, filled);
      filled += readBytes;
    }
    return buffer;
  } catch (error) {
    if (isUnreadable(error)) return null;
    throw error;
  }
}

/** Null when there is nothing (any more) that could be shown, `unreadable` when that cannot be told. */
function whyNot(error: unknown): (typeof FOUND)['nothing' | 'unreadable'] {
  const errno = errnoOf(error);
  // What is no error of the disk is a bug.
  if (errno === '') throw error;
  return errno === 'ENOENT' || errno === 'ENOTDIR' ? FOUND.nothing : FOUND.unreadable;
}

/** A link and the file it leads to are two places of one content, as two hard links are. */
function asHardLink(stats: BigIntStats): BigIntStats {
  return Object.assign(Object.create(Object.getPrototypeOf(stats)), stats, { nlink: 2n });
}

function typeOf(entry: Dirent): ListedType {
  if (entry.isFile()) return LISTED.file;
  if (entry.isDirectory()) return LISTED.folder;
  if (entry.isSymbolicLink()) return LISTED.link;
  const isSpecial = entry.isFIFO() || entry.isSocket() || entry.isBlockDevice() || entry.isCharacterDevice();
  return isSpecial ? LISTED.special : LISTED.unknown;
}
