import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { AssetFacts, SourceRef } from '../../src/model/asset.ts';
import { lengthOf } from '../../src/model/byte-range.ts';
import { CodedError } from '../../src/model/coded-error.ts';
import type { Call, Provider, ScanCall, ScanEvent, Traits, Want } from '../../src/provider/provider.ts';
import { fileFactsOf, versionOf } from './file-facts.ts';
import { errnoOf, translateFileError } from './translate-error.ts';
import { isWithin, type WalkRoot, walk } from './walk.ts';

export interface LocalProviderSettings {
  /** Absolute path of the folder. */
  readonly path: string;
}

/** Larger reads cost memory, smaller ones time: 1 MiB measured fastest for large files, 64 KiB a third of it. */
const MAX_READ_BYTES = 1024 * 1024;

/** Shows a folder of this machine. Reads only. */
export function createLocalProvider(settings: LocalProviderSettings): Provider {
  return new LocalProvider(settings.path);
}

class LocalProvider implements Provider {
  readonly traits: Traits = { identity: 'stable', ranges: 'native', membership: 'one', naming: 'disk' };
  readonly #path: string;
  #root: WalkRoot | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async *scan(call: ScanCall): AsyncGenerator<ScanEvent> {
    this.#root = await this.#findRoot();
    yield* walk(this.#root, call);
    // A disk that was pulled in the middle of the walk leaves empty folders behind.
    const after = await this.#findRoot();
    if (after.device !== this.#root.device || after.path !== this.#root.path) throw missingRoot();
  }

  async describe(ref: SourceRef, _call: Call): Promise<AssetFacts> {
    const root = await this.#knownRoot();
    try {
      const path = await this.#resolve(root, ref);
      const stats = await stat(path, { bigint: true });
      if (!stats.isFile()) throw new CodedError('not-found', 'There is no file of that name any more.');
      const facts = fileFactsOf(stats, root.device, ref.path);
      // A replaced file is the same place with a new content, whatever its inode.
      return { ...facts, ref };
    } catch (error) {
      throw await this.#translate(root, error);
    }
  }

  async open(ref: SourceRef, want: Want, call: Call): Promise<Readable> {
    const root = await this.#knownRoot();
    let handle: FileHandle | null = null;
    try {
      // O_NONBLOCK: a file that was replaced by a pipe must not hold this call for ever.
      handle = await open(join(root.path, ref.path), constants.O_RDONLY | constants.O_NONBLOCK);
      await this.#check(root, handle, ref, want);
      return streamOf(handle, want, call.signal);
    } catch (error) {
      await handle?.close();
      throw await this.#translate(root, error);
    }
  }

  async close(): Promise<void> {
    this.#root = null;
  }

  /** What was opened must be the promised content, and inside the root whatever links were put in the way. */
  async #check(root: WalkRoot, handle: FileHandle, ref: SourceRef, want: Want): Promise<void> {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw new CodedError('not-found', 'There is no file of that name any more.');
    const actual = await pathOf(handle, join(root.path, ref.path));
    if (!isWithin(root.path, actual)) throw outside();
    if (versionOf(stats) !== want.version) {
      throw new CodedError('changed', 'The file has changed since it was last looked at.');
    }
  }

  async #resolve(root: WalkRoot, ref: SourceRef): Promise<string> {
    const path = await realpath(join(root.path, ref.path));
    if (!isWithin(root.path, path)) throw outside();
    return path;
  }

  async #knownRoot(): Promise<WalkRoot> {
    this.#root ??= await this.#findRoot();
    return this.#root;
  }

  async #findRoot(): Promise<WalkRoot> {
    try {
      const path = await realpath(this.#path);
      const stats = await stat(path, { bigint: true });
      if (!stats.isDirectory()) throw new CodedError('unavailable', 'What should be a folder is none.');
      return { path, device: stats.dev };
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR') throw missingRoot(error);
      const code = translateFileError(error).code;
      if (code === 'denied') {
        throw new CodedError('unavailable', 'The folder may not be read by this server.', { cause: error });
      }
      throw translateFileError(error);
    }
  }

  /** A missing file below a missing or empty root is an unmounted disk, not a removed file. */
  async #translate(root: WalkRoot, error: unknown): Promise<CodedError> {
    const translated = translateFileError(error);
    if (translated.code !== 'not-found') return translated;
    try {
      await lstat(root.path);
      const entries = await readdir(root.path);
      return entries.length === 0 ? missingRoot(error) : translated;
    } catch (cause) {
      return missingRoot(cause);
    }
  }
}

function streamOf(handle: FileHandle, want: Want, signal: AbortSignal): Readable {
  const range = want.range ?? { start: 0, end: want.sizeBytes - 1 };
  const length = Math.max(lengthOf(range), 1);
  const stream = handle.createReadStream({
    start: range.start,
    // `end` is inclusive, so an empty file is told by the size that the caller counts.
    end: Math.max(range.end, range.start),
    highWaterMark: Math.min(MAX_READ_BYTES, length),
  });
  return addAbortSignal(signal, stream);
}

/** Where an open file really is. Linux tells it of the descriptor itself, so nothing can be swapped meanwhile. */
async function pathOf(handle: FileHandle, path: string): Promise<string> {
  return process.platform === 'linux' ? readlink(`/proc/self/fd/${handle.fd}`) : realpath(path);
}

function missingRoot(cause?: unknown): CodedError {
  const text = 'The folder is missing, empty or not mounted.';
  return new CodedError('unavailable', text, cause === undefined ? {} : { cause });
}

function outside(): CodedError {
  return new CodedError('denied', 'The file is not inside its source.');
}
