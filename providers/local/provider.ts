import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { AssetFacts, SourceRef } from '../../src/model/asset.ts';
import { CodedError } from '../../src/model/coded-error.ts';
import type { Space } from '../../src/model/space.ts';
import type {
  Call,
  LookEvent,
  OpenFile,
  Provider,
  ScanCall,
  ScanEvent,
  Traits,
  Want,
  WatchHint,
} from '../../src/provider/provider.ts';
import { Disk } from './disk.ts';
import type { Root, ShortRead } from './disk-messages.ts';
import { diskSpaceOf } from './disk-space.ts';
import { topOf } from './entry.ts';
import { FileContent } from './file-content.ts';
import { fileFactsOf } from './file-facts.ts';
import { HintQueue } from './hint-queue.ts';
import { look } from './look.ts';
import { isSystemName, isWithin } from './names.ts';
import { PATIENCE_MS, PoolShare } from './pool-share.ts';
import { readInto } from './short-read.ts';
import { ShortReads } from './short-reads.ts';
import { statFactsOf, versionOf } from './stat-facts.ts';
import { isMissing, translateFileError } from './translate-error.ts';
import { type WalkPlace, walk } from './walk.ts';
import { FolderWatches } from './watch-folders.ts';
import { MountWatch } from './watch-mounts.ts';
import { QUEUE_GAUGE } from './watch-queue.ts';
import { Leftovers } from './write/staging-name.ts';
import { createWriting } from './write/writing.ts';

export interface LocalProviderSettings {
  /** Absolute path of the folder. */
  readonly path: string;
  /**
   * Hexadecimal; names whoever writes there, of which never two run at once, so that what it has left behind can be told
   * from what others are doing. Absent: nothing is ever written.
   */
  readonly writer?: string;
}

/** Shows a folder of this machine; with a `writer` also changes it. */
export function createLocalProvider({ path, writer }: LocalProviderSettings): Provider {
  if (writer === undefined) return new LocalProvider(path, null);
  const provider = new LocalProvider(path, new Leftovers(writer));
  const writing = createWriting({
    ...{ root: () => provider.rootToWrite(), knownRoot: () => provider.knownRoot(), givenPath: path },
    ...{ disk: provider.writes, writer },
  });
  return Object.assign(provider, writing);
}

class LocalProvider implements Provider {
  readonly traits: Traits = { identity: 'stable', ranges: 'native', membership: 'one', naming: 'disk' };
  readonly #path: string;
  readonly #disk = new Disk();
  /** Everything here that is not asked of a thread of its own goes by it. */
  readonly #pool = new PoolShare();
  readonly #shortReads = new ShortReads(this.#pool);
  /**
   * For what changes something: a scan of a large folder must not hold up who saves a file. Somebody waits for each of its
   * calls, so it is given up as soon as reading is.
   */
  readonly writes = new Disk({ limitMs: PATIENCE_MS });
  #root: Root | null = null;
  #watches: FolderWatches | null = null;
  readonly #leftovers: Leftovers | null;

  constructor(path: string, leftovers: Leftovers | null) {
    this.#path = path;
    this.#leftovers = leftovers;
  }

  async *scan(call: ScanCall): AsyncGenerator<ScanEvent> {
    const root = await this.#findRoot(call.signal);
    this.#root = root;
    this.#watches?.beginWalk(root.path);
    yield* walk(this.#placeFor(root, call), topOf());
    // A disk that was pulled in the middle of the walk leaves empty folders behind.
    const after = await this.#findRoot(call.signal);
    if (after.device !== root.device || after.path !== root.path) throw missingRoot();
  }

  async *look(path: string, call: ScanCall): AsyncGenerator<LookEvent> {
    const root = await this.presentRoot(call.signal);
    this.#watches?.beginWalk(root.path);
    yield* look({ ...this.#placeFor(root, call), emptyRoot: missingRoot }, path);
  }

  /** The root that the last scan has found. Another disk, or none, in its place is `unavailable`: only a scan can tell. */
  async presentRoot(signal?: AbortSignal, disk = this.#disk): Promise<Root> {
    const known = await this.knownRoot();
    const root = await this.#findRoot(signal, disk);
    const isSame = root.path === known.path && root.device === known.device && root.inode === known.inode;
    if (!isSame) throw missingRoot();
    return root;
  }

  /** The same, beside what a scan waits for. */
  async rootToWrite(): Promise<Root> {
    return await this.presentRoot(undefined, this.writes);
  }

  async unchangedAt(versions: ReadonlyMap<string, string>, { signal }: Call): Promise<readonly string[]> {
    const root = await this.presentRoot(signal);
    const paths = [...versions.keys()];
    const ask = { rootPath: root.path, paths, versions: [...versions.values()] };
    const unchanged = await this.#disk.ask('unchanged', ask, signal);
    return paths.filter((_, at) => unchanged[at] === 1);
  }

  async *watch(call: Call): AsyncGenerator<WatchHint> {
    const hints = new HintQueue();
    const watches = new FolderWatches({ hints, gauge: QUEUE_GAUGE });
    const rootPath = () => this.#root?.path ?? this.#path;
    const mounts = new MountWatch({ rootPath, onChange: (path) => hints.path(path) });
    const end = () => hints.end();
    call.signal.addEventListener('abort', end, { once: true });
    if (call.signal.aborted) end();
    this.#watches = watches;
    try {
      yield* hints.hints();
    } finally {
      call.signal.removeEventListener('abort', end);
      if (this.#watches === watches) this.#watches = null;
      mounts.close();
      watches.close();
    }
  }

  async describe(ref: SourceRef, call: Call): Promise<AssetFacts> {
    const root = await this.knownRoot();
    try {
      const stats = await this.#pool.run(async () => {
        const path = await this.#resolve(root, ref);
        return await stat(path, { bigint: true });
      }, call.signal);
      if (!stats.isFile()) throw new CodedError('not-found', 'There is no file of that name any more.');
      const facts = fileFactsOf(statFactsOf(stats, root.device, ref.path), ref.path);
      // A replaced file is the same place with a new content, whatever its inode.
      return { ...facts, ref };
    } catch (error) {
      throw await this.#translate(root, error);
    }
  }

  async open(ref: SourceRef, want: Want, call: Call): Promise<Readable> {
    const handle = await this.#open(ref, want, call);
    const range = want.range ?? { start: 0, end: want.sizeBytes - 1 };
    return addAbortSignal(call.signal, new FileContent(handle, range, want.version, this.#pool));
  }

  async read(ref: SourceRef, want: Want, call: Call): Promise<Buffer> {
    const root = await this.knownRoot();
    const { start, end } = want.range ?? { start: 0, end: want.sizeBytes - 1 };
    try {
      const ask = { path: join(root.path, ref.path), startByte: start, lengthBytes: end - start + 1 };
      const read = await this.#shortReads.read(ask, call);
      checkOpened(root, read, want);
      if (read.bytes === null) throw new CodedError('unavailable', 'The file cannot be read.');
      return Buffer.from(read.bytes.buffer, read.bytes.byteOffset, read.bytes.byteLength);
    } catch (error) {
      throw await this.#translate(root, error);
    }
  }

  async openFile(ref: SourceRef, want: Want, call: Call): Promise<OpenFile> {
    const handle = await this.#open(ref, want, call);
    return {
      fd: handle.fd,
      readInto: (buffer, position) => this.#pool.run(() => readInto(handle.fd, buffer, position)),
      verify: async () => {
        const stats = await this.#pool.run(() => handle.stat({ bigint: true }));
        if (versionOf(stats) !== want.version) throw changed();
      },
      close: () => handle.close(),
    };
  }

  async space(call: Call): Promise<Space> {
    const root = await this.#findRoot();
    return await this.#pool.run(() => diskSpaceOf(root), call.signal);
  }

  async close(): Promise<void> {
    this.#root = null;
    this.#disk.close();
    this.#shortReads.close();
    this.writes.close();
  }

  async #open(ref: SourceRef, want: Want, { signal }: Call): Promise<FileHandle> {
    const root = await this.knownRoot();
    try {
      return await this.#pool.run(() => this.#openChecked(root, ref, want), signal);
    } catch (error) {
      throw await this.#translate(root, error);
    }
  }

  async #openChecked(root: Root, ref: SourceRef, want: Want): Promise<FileHandle> {
    // O_NONBLOCK: a file that was replaced by a pipe must not hold this call for ever.
    const handle = await open(join(root.path, ref.path), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      await this.#check(root, handle, ref, want);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** What was opened must be the promised content, and inside the root whatever links were put in the way. */
  async #check(root: Root, handle: FileHandle, ref: SourceRef, want: Want): Promise<void> {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw noFile();
    const path = await pathOf(handle, join(root.path, ref.path));
    checkOpened(root, { isFile: true, version: versionOf(stats), path }, want);
  }

  async #resolve(root: Root, ref: SourceRef): Promise<string> {
    const path = await realpath(join(root.path, ref.path));
    if (!isWithin(root.path, path)) throw outside();
    return path;
  }

  /** As it was found last. */
  async knownRoot(): Promise<Root> {
    this.#root ??= await this.#findRoot();
    return this.#root;
  }

  #placeFor(root: Root, call: ScanCall): WalkPlace {
    return { disk: this.#disk, root, call, listener: this.#watches, leftovers: this.#leftovers };
  }

  async #findRoot(signal?: AbortSignal, disk = this.#disk): Promise<Root> {
    try {
      const root = await disk.ask('root', { path: this.#path }, signal);
      if (root === null) throw new CodedError('unavailable', 'What should be a folder is none.');
      return root;
    } catch (error) {
      if (isMissing(error)) throw missingRoot(error);
      const code = translateFileError(error).code;
      if (code === 'denied') {
        throw new CodedError('unavailable', 'The folder may not be read by this server.', { cause: error });
      }
      throw translateFileError(error);
    }
  }

  /** A missing file below a missing or empty root is an unmounted disk, not a removed file. */
  async #translate(root: Root, error: unknown): Promise<CodedError> {
    const translated = translateFileError(error);
    if (translated.code !== 'not-found') return translated;
    try {
      const entries = await this.#pool.run(async () => {
        await lstat(root.path);
        return await readdir(root.path);
      });
      return entries.every(isSystemName) ? missingRoot(error) : translated;
    } catch (cause) {
      return missingRoot(cause);
    }
  }
}

function checkOpened(
  root: Root,
  { isFile, version, path }: Pick<ShortRead, 'isFile' | 'version' | 'path'>,
  want: Want,
): void {
  if (!isFile) throw noFile();
  if (!isWithin(root.path, path)) throw outside();
  if (version !== want.version) throw changed();
}

function noFile(): CodedError {
  return new CodedError('not-found', 'There is no file of that name any more.');
}

/** Where an open file really is. Linux tells it of the descriptor itself, so nothing can be swapped meanwhile. */
async function pathOf(handle: FileHandle, path: string): Promise<string> {
  return process.platform === 'linux' ? readlink(`/proc/self/fd/${handle.fd}`) : realpath(path);
}

function missingRoot(cause?: unknown): CodedError {
  const text = 'The folder is missing, empty or not mounted.';
  return new CodedError('unavailable', text, cause === undefined ? {} : { cause });
}

function changed(): CodedError {
  return new CodedError('changed', 'The file has changed since it was last looked at.');
}

function outside(): CodedError {
  return new CodedError('denied', 'The file is not inside its source.');
}
