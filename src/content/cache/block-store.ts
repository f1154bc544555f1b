import { mkdirSync } from 'node:fs';
import { opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { messageOf } from '../../model/coded-error.ts';
import type { Logger } from '../../model/logger.ts';
import type { BlockBytes } from './block-bytes.ts';
import { BlockIndex, type IndexedContent } from './block-index.ts';
import { StoredContent } from './stored-content.ts';

export interface BlockStoreOptions {
  /** Absolute path. Made if missing; everything in it is the store's. */
  readonly folder: string;
  readonly maxBytes: number;
  readonly logger: Logger;
  /** How long nothing is written after the disk was full or failed, in milliseconds. */
  readonly pauseMs?: number;
}

/** Folder of the files, one a content, by its number. */
export const FILES = 'contents';
const PAUSE_MS = 10 * 60 * 1000;

/**
 * Blocks of contents on the disk, the least recently used contents going first. A file a content, with holes where
 * blocks are missing; the index tells which are there, and is written after the block is. So a block is there as a
 * whole or not at all, and one that a disk has changed is found by its checksum and fetched anew.
 *
 * When the disk is full or fails, nothing is written for a while, and the log tells so once. What is there is still read.
 */
export class BlockStore {
  readonly maxBytes: number;
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #index: BlockIndex;
  readonly #pauseMs: number;
  /** Contents in use are not removed to make room. */
  readonly #inUse = new Set<number>();
  readonly #stop = new AbortController();
  #work: Promise<void>;
  #usedBytes: number;
  #isClosed = false;
  readonly #keeping = new Set<Promise<boolean>>();
  /** Of blocks that are being written. */
  #comingBytes = 0;
  #failure: { readonly reason: string; readonly untilMs: number } | null = null;

  /** @throws whatever the disk or SQLite does not allow. */
  constructor(options: BlockStoreOptions) {
    this.maxBytes = options.maxBytes;
    this.#folder = options.folder;
    this.#logger = options.logger;
    this.#pauseMs = options.pauseMs ?? PAUSE_MS;
    mkdirSync(join(this.#folder, FILES), { recursive: true, mode: 0o700 });
    this.#index = BlockIndex.open(this.#folder, this.#logger);
    this.#usedBytes = this.#index.totalBytes();
    // The limit may have been another one.
    this.#work = this.#tidy();
    this.#guarded(false, () => this.#makeRoom());
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get contentCount(): number {
    return this.#guarded(0, () => this.#index.contentCount());
  }

  /** Why nothing is written now; null: it is. */
  get failure(): string | null {
    return this.#failure?.reason ?? null;
  }

  /** False while a pause after a failure lasts. */
  get mayWrite(): boolean {
    return this.#failure === null || Date.now() >= this.#failure.untilMs;
  }

  /** What is there of a content, without using it. */
  find(key: string): IndexedContent | null {
    return this.#guarded(null, () => this.#index.find(key));
  }

  /** Takes a content into use, until `close` of what is returned. Null when it is new and cannot be noted now. */
  use(key: string, sizeBytes: number): StoredContent | null {
    return this.#guarded(null, () => {
      const found = this.#index.find(key);
      if (found === null && !this.mayWrite) return null;
      const { id } = found ?? this.#index.create(key, sizeBytes);
      if (this.mayWrite) this.#guarded(undefined, () => this.#index.touch(id));
      this.#inUse.add(id);
      const { isVerified = false, state = null } = found ?? {};
      return new StoredContent(this, { id, sizeBytes, isVerified, state });
    });
  }

  /** Safe to call more than once. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#keeping, this.#work]);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#index.close();
  }

  // What follows is for `StoredContent`.

  checksumOf(id: number, block: number): number | null {
    return this.#guarded(null, () => this.#index.checksumOf(id, block));
  }

  /** The first block from this one on that is there. */
  firstFrom(id: number, block: number): number | null {
    return this.#guarded(null, () => this.#index.firstFrom(id, block));
  }

  holds(id: number, first: number, last: number): boolean {
    return this.#guarded(false, () => this.#index.holds(id, first, last));
  }

  storedBytesOf(id: number): number {
    return this.#guarded(0, () => this.#index.storedBytesOf(id));
  }

  markVerified(id: number): void {
    this.#guarded(undefined, () => this.#index.markVerified(id));
  }

  markUnverified(id: number): void {
    this.#guarded(undefined, () => this.#index.markUnverified(id));
  }

  noteState(id: number, state: string): void {
    this.#guarded(undefined, () => this.#index.noteState(id, state));
  }

  /** Throws a content away, whoever uses it: nothing of it is found any more. */
  discard(id: number): void {
    this.#guarded(undefined, () => this.#forget(id));
  }

  pathOf(id: number): string {
    return join(this.#folder, FILES, String(id));
  }

  release(id: number): void {
    this.#inUse.delete(id);
  }

  /** Writes a block by `write`, if there is room for it and the disk takes it. @returns whether it is there then. */
  async keep(id: number, block: number, bytes: BlockBytes, write: () => Promise<void>): Promise<boolean> {
    if (!this.mayWrite || this.#stop.signal.aborted) return false;
    const keeping = this.#keep(id, block, bytes, write);
    this.#keeping.add(keeping);
    return await keeping.finally(() => this.#keeping.delete(keeping));
  }

  /** A block that is not what was written. */
  dropBlock(id: number, block: number, lengthBytes: number): void {
    const isDropped = this.#guarded(false, () => this.#index.drop(id, block, lengthBytes));
    if (isDropped) this.#usedBytes -= lengthBytes;
  }

  /** Told once a content, however much of it is lost. */
  tellDamage(reason: string): void {
    this.#logger.warn('a part of the cache was damaged on the disk, and is fetched anew', { reason });
  }

  async #keep(id: number, block: number, bytes: BlockBytes, write: () => Promise<void>): Promise<boolean> {
    this.#comingBytes += bytes.lengthBytes;
    try {
      if (this.#index.checksumOf(id, block) !== null) return true;
      if (!this.#index.knows(id) || !this.#makeRoom()) return false;
      await write();
      if (this.#index.put(id, block, checksumOf(bytes), bytes.lengthBytes))
        this.#usedBytes += bytes.lengthBytes;
      this.#recovered();
      return this.#index.checksumOf(id, block) !== null;
    } catch (error) {
      this.#fail(error);
      return false;
    } finally {
      this.#comingBytes -= bytes.lengthBytes;
    }
  }

  #makeRoom(): boolean {
    while (this.#usedBytes + this.#comingBytes > this.maxBytes) {
      const oldest = this.#index.oldest(this.#inUse.size + 1);
      const idle = oldest.find((id) => !this.#inUse.has(id));
      if (idle === undefined) return false;
      this.#forget(idle);
    }
    return true;
  }

  #forget(id: number): void {
    this.#usedBytes -= this.#index.forget(id);
    this.#later(async () => {
      await rm(this.pathOf(id), { force: true });
      await this.#forgetBlocks(id);
    });
  }

  async #forgetBlocks(id: number): Promise<void> {
    let from: number | null = 0;
    while (from !== null && !this.#stop.signal.aborted) {
      from = this.#index.forgetBlocks(id, from);
      await yieldToEventLoop();
    }
  }

  /** Removes what a crash has left: files and blocks of contents that the index does not know. In small steps. */
  async #tidy(): Promise<void> {
    try {
      for await (const entry of await opendir(join(this.#folder, FILES))) {
        if (this.#stop.signal.aborted) return;
        if (!this.#index.knows(Number(entry.name)))
          await rm(join(this.#folder, FILES, entry.name), { force: true });
      }
      let lost = this.#index.lostAfter(0);
      while (lost !== null && !this.#stop.signal.aborted) {
        await this.#forgetBlocks(lost);
        lost = this.#index.lostAfter(lost);
      }
    } catch (error) {
      this.#logger.warn('the folder of the cache could not be tidied up', { error: messageOf(error) });
    }
  }

  /** One after the other, and all before the store is closed. */
  #later(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#logger.warn('something could not be removed from the cache', { error: messageOf(error) });
    });
  }

  /** What the index cannot tell or note turns writing off, and ends nobody's reading. */
  #guarded<T>(fallback: T, work: () => T): T {
    if (this.#isClosed) return fallback;
    try {
      return work();
    } catch (error) {
      this.#fail(error);
      return fallback;
    }
  }

  #fail(error: unknown): void {
    const reason = reasonOf(error);
    if (this.#failure === null) {
      const text = 'the cache of remote bytes takes nothing in until its disk can be written to again';
      this.#logger.warn(text, { reason, error: messageOf(error) });
    }
    this.#failure = { reason, untilMs: Date.now() + this.#pauseMs };
  }

  #recovered(): void {
    if (this.#failure === null) return;
    this.#failure = null;
    this.#logger.info('the cache of remote bytes takes in again');
  }
}

function checksumOf({ pieces }: BlockBytes): number {
  return pieces.reduce((checksum, piece) => crc32(piece, checksum), 0);
}

/** SQLite's FULL, https://sqlite.org/rescode.html */
const SQLITE_FULL = 13;

/** A sentence without paths of this machine. */
function reasonOf(error: unknown): string {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || errcode === SQLITE_FULL;
  return isFull
    ? 'There is no space left on the disk of DATA_DIR.'
    : 'The folder "cache" in DATA_DIR cannot be used.';
}
