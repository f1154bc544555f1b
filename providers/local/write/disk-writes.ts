import {
  type BigIntStats,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { Over } from '../../../src/model/write.ts';
import type {
  DropAsk,
  FolderAsk,
  PlaceAsk,
  PlacedFile,
  Root,
  StageAsk,
  StagedFile,
  WeighAsk,
} from '../disk-messages.ts';
import { isSystemName, isWithin } from '../names.ts';
import { type StatFacts, statFactsOf, versionOf } from '../stat-facts.ts';
import { errnoOf, isMissing } from '../translate-error.ts';
import { FileSyncs } from './file-syncs.ts';
import { leaveToScanSync } from './leave-to-scan.ts';
import { FOLDER_FLAGS, memberPath } from './member-path.ts';
import { elsewhere } from './moved-folder.ts';

const IS_LINUX = process.platform === 'linux';
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const PERMISSIONS = 0o7777;
/** Where a file system knows no hard links; `EIO` is what mounts of rclone say to them. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EIO']);

/** What was found out in this turn of the event loop. */
interface Looked {
  /** Sources that are where they belong: configured path, and what was found there, as one text. */
  readonly roots: Set<string>;
  /** Identities of open folders, by descriptor and path; null: it is not there any more. */
  readonly folders: Map<string, string | null>;
}

/**
 * The steps of an upload that are many short calls to the disk, one after the other: on a thread of their own they take one
 * message, where each of them would be a trip through Node's thread pool. It keeps nothing: descriptors belong to the main
 * thread. The files of one message wait for the disk together, so that it is asked to take them all in at once.
 */
export class DiskWrites {
  readonly #countCall: () => void;
  readonly #syncs: FileSyncs;
  /** Null as soon as others have a turn. */
  #looked: Looked | null = null;

  /** @param countCall called before calls that may wait for the disk. */
  constructor(countCall: () => void, syncs = new FileSyncs(countCall)) {
    this.#countCall = countCall;
    this.#syncs = syncs;
  }

  /**
   * Opens a folder and a new hidden file in it, and writes to it, before this returns; what is whole is on the disk when it
   * resolves. Nothing is left of what fails; of what the disk does not take in time, as soon as it answers again.
   */
  async stage(ask: StageAsk): Promise<StagedFile> {
    this.#countCall();
    this.#checkRoot(ask.givenPath, ask.root);
    const identity = this.#identityAt(ask.folder);
    const isOpen = ask.folder.fd !== null && identity !== null;
    const folderFd = isOpen ? ask.folder.fd : openFolder(ask.folder.path, ask.mayBeUnmounted);
    let fd: number | null = null;
    const staged = memberPath({ fd: folderFd, path: ask.folder.path }, ask.stagingName);
    const undo = (path: string) => {
      const opened = fd;
      if (opened !== null) {
        leaveToScanSync(() => closeSync(opened));
        leaveToScanSync(() => rmSync(path, { force: true }));
      }
      if (folderFd !== ask.folder.fd) leaveToScanSync(() => closeSync(folderFd));
    };
    try {
      fd = openSync(staged, NEW_FILE, 0o666);
      this.#writeAll(fd, ask.bytes);
      if (ask.modifiedMs !== null) futimesSync(fd, Date.now() / 1000, ask.modifiedMs / 1000);
      const folderIdentity = isOpen ? identity : identityOf(fstatSync(folderFd, { bigint: true }));
      if (ask.isWhole) {
        await this.#syncs.sync(fd);
        this.#countCall();
      }
      return { fd, folderFd, folderIdentity };
    } catch (error) {
      const syncing = fd === null ? null : this.#syncs.underWay(fd);
      // Whoever asked may have closed the folder by then; nothing else has that name.
      if (syncing === null) undo(staged);
      else void Promise.allSettled([syncing]).then(() => undo(join(ask.folder.path, ask.stagingName)));
      throw error;
    }
  }

  /**
   * See `Staged.place`. Closes the staged file, whatever comes of it.
   * @returns what was placed, also when somebody else has put another thing there at once: whoever asks is told the version
   *   of his own bytes. Null: a look tells.
   */
  place({ root, folder, path, name, stagingName, kind, over, fd }: PlaceAsk): PlacedFile | null {
    this.#countCall();
    if (fd !== null) closeSync(fd);
    const identity = this.#identityAt(folder);
    if (identity === null) throw new CodedError('parent-missing', 'The folder was moved meanwhile.');
    const [from, to] = [memberPath(folder, stagingName), memberPath(folder, name)];
    if (kind === 'collection') {
      this.weigh({ root, folder, name, over: 'nothing' });
      renameSync(from, to);
      return null;
    }
    const own = statsAt(from);
    if (own === null) throw new CodedError('unavailable', 'What was uploaded was taken away meanwhile.');
    // Most are new, and what is not there need not be weighed.
    const isNew = typeof over !== 'object' && appear(from, to);
    if (!isNew) {
      const there = this.weigh({ root, folder, name, over });
      if (there !== null) replace(from, to, { own, there });
      else if (!appear(from, to)) throw taken();
    }
    return this.#factsOf(root, path, { own, to, folder: identity });
  }

  /** May something take the place of what has a name now? @returns what that is; null: nothing. */
  weigh({ root, folder, name, over }: WeighAsk): BigIntStats | null {
    const there = statsAt(memberPath(folder, name));
    checkOver(root, memberPath(folder, name), there, over);
    return there;
  }

  /** Removes what was staged and not placed. */
  drop({ folder, stagingName, fd }: DropAsk): null {
    this.#countCall();
    if (fd !== null) closeSync(fd);
    rmSync(memberPath(folder, stagingName), { recursive: true, force: true });
    return null;
  }

  #checkRoot(givenPath: string, root: Root): void {
    const { roots } = this.#lookedNow();
    const key = `${root.device}-${root.inode} ${root.path}\0${givenPath}`;
    if (roots.has(key)) return;
    checkRoot(givenPath, root);
    roots.add(key);
  }

  /** Null: it is not open, or not where it was opened. */
  #identityAt({ fd, path }: FolderAsk): string | null {
    if (fd === null) return null;
    const { folders } = this.#lookedNow();
    const key = `${fd} ${path}`;
    const known = folders.get(key);
    if (known !== undefined) return known;
    const identity = identityAt(fd, path);
    folders.set(key, identity);
    return identity;
  }

  /** A group of uploads is of one folder as a rule, and comes in one message: where that is is looked up once for all. */
  #lookedNow(): Looked {
    if (this.#looked === null) {
      this.#looked = { roots: new Set(), folders: new Map() };
      queueMicrotask(() => {
        this.#looked = null;
      });
    }
    return this.#looked;
  }

  #writeAll(fd: number, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      this.#countCall();
      from += writeSync(fd, bytes, from);
    }
  }

  /**
   * Of the file, and of all folders above it. Null, too, when another folder has the place of the one it is in.
   * @param own of the file before it had its place.
   */
  #factsOf(
    root: Root,
    path: string,
    { own, to, folder }: { readonly own: BigIntStats; readonly to: string; readonly folder: string },
  ): PlacedFile | null {
    try {
      const there = statsAt(to);
      // By its number, too: what another server placed in the same tick of the disk's clock has the same time.
      const isOwn = there?.ino === own.ino && there.size === own.size && there.mtimeNs === own.mtimeNs;
      const file = isOwn ? there : own;
      // None: it was removed or replaced while this was asked, after it was stored.
      if (file.nlink > 1n) return null;
      const above: StatFacts[] = [];
      let innermost = folder;
      for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
        const folderPath = path.slice(0, end);
        const stats = statsAt(join(root.path, folderPath));
        if (stats === null || !stats.isDirectory()) return null;
        above.push(statFactsOf(stats, root.device, folderPath));
        innermost = identityOf(stats);
      }
      if (innermost !== folder) return null;
      return { file: statFactsOf(file, root.device, path), above };
    } catch (error) {
      // It is at its place; whatever is the matter there now, a look will tell.
      if (errnoOf(error) === '') throw error;
      return null;
    }
  }
}

/** Another disk, or none, in the place of the one that was read is no place to write to. */
function checkRoot(givenPath: string, root: Root): void {
  try {
    const path = realpathSync.native(givenPath);
    const stats = statSync(path, { bigint: true });
    if (path === root.path && stats.dev === root.device && stats.ino === root.inode) return;
  } catch (error) {
    if (errnoOf(error) === '') throw error;
  }
  throw new CodedError('unavailable', 'The folder is missing, empty or not mounted.');
}

/** @param mayBeUnmounted when it was told last, it was another disk than the folder it is in. */
function openFolder(path: string, mayBeUnmounted: boolean): number {
  let fd: number;
  try {
    fd = openSync(path, FOLDER_FLAGS);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw error;
    throw new CodedError('parent-missing', 'There is no folder for it any more.');
  }
  try {
    if (actualPath(fd, path) !== path) throw elsewhere(path, resolved(path));
    if (mayBeUnmounted && fstatSync(fd).dev === lstatSync(dirname(path)).dev && isEmpty(path)) {
      throw new CodedError('unavailable', 'The disk that belongs there is not mounted.');
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function isEmpty(path: string): boolean {
  return readdirSync(path).every(isSystemName);
}

/**
 * The identity of a folder that is open; null when it is not where it was opened any more. A disk that was mounted over it
 * since has its path, and would hide what is written here.
 */
function identityAt(fd: number, path: string): string | null {
  if (actualPath(fd, path) !== path) return null;
  const [open, there] = [fstatSync(fd, { bigint: true }), statsAt(path)];
  return open.dev === there?.dev && open.ino === there.ino ? identityOf(open) : null;
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}-${ino}`;
}

function actualPath(fd: number, path: string): string {
  return IS_LINUX ? readlinkSync(`/proc/self/fd/${fd}`) : realpathSync(path);
}

function statsAt(path: string): BigIntStats | null {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

/** Null: nothing is there. */
function resolved(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** May an asset take the place of what is there now? */
function checkOver(root: Root, path: string, there: BigIntStats | null, over: Over): void {
  if (there === null) {
    if (typeof over === 'object') throw changed();
    return;
  }
  if (over === 'nothing') throw taken();
  if (there.isDirectory()) throw new CodedError('exists', 'A folder of that name is there.');
  const file = shownFile(root, path, there);
  // A pipe, a link that leads out: nobody is shown it, so nobody can mean to lose it.
  if (file === null) throw new CodedError('denied', 'Something that is not shown has that name.');
  if (typeof over === 'object' && versionOf(file) !== over.version) throw changed();
}

/** The file that a name is shown as, behind a link too; null when it is not shown as a file. */
function shownFile(root: Root, path: string, there: BigIntStats): BigIntStats | null {
  if (!there.isSymbolicLink()) return there.isFile() ? there : null;
  try {
    const target = realpathSync(path);
    if (!isWithin(root.path, target)) return null;
    const stats = statSync(target, { bigint: true });
    return stats.isFile() ? stats : null;
  } catch (error) {
    if (errnoOf(error) === '') throw error;
    return null;
  }
}

/**
 * Never takes the place of what somebody else has put there in this very moment.
 * @returns false: something has that name.
 */
function appear(from: string, to: string): boolean {
  try {
    linkSync(from, to);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return false;
    if (!NO_LINKS.has(errno)) throw error;
    // A disk that fails takes its time to say so.
    if (statsAt(to) !== null) return false;
    renameSync(from, to);
    return true;
  }
  unlinkSync(from);
  return true;
}

/** Whoever might read and change the file before still may. */
function replace(
  from: string,
  to: string,
  { own, there: before }: { readonly own: BigIntStats; readonly there: BigIntStats },
): void {
  if (!before.isSymbolicLink()) {
    const isOwned = own.uid === before.uid && own.gid === before.gid;
    // Only an administrator may give files away; the order matters, as `chown` takes rights back.
    if (!isOwned && process.getuid?.() === 0) chownSync(from, Number(before.uid), Number(before.gid));
    if (own.mode !== before.mode) chmodSync(from, Number(before.mode) & PERMISSIONS);
  }
  renameSync(from, to);
}

function taken(): CodedError {
  return new CodedError('exists', 'Something of that name is there already.');
}

function changed(): CodedError {
  return new CodedError('changed', 'It was changed meanwhile.');
}
