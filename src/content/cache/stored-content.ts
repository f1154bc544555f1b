import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { messageOf } from '../../model/coded-error.ts';
import { BlockBytes } from './block-bytes.ts';
import type { IndexedContent } from './block-index.ts';
import type { BlockMemory } from './block-memory.ts';
import type { BlockStore } from './block-store.ts';
import { BLOCK_BYTES, blockLength } from './blocks.ts';

/** The blocks of one content, while it is in use. */
export class StoredContent {
  readonly id: number;
  readonly sizeBytes: number;
  /** All of it was compared with the digest that the source tells. */
  isVerified: boolean;
  /** How often a block turned out to be another than was written, and went. */
  damages = 0;
  /** Which state of the bytes the blocks are of, in the words of the source; null: it has told none. */
  state: string | null;
  readonly #store: BlockStore;
  #file: Promise<FileHandle> | null = null;
  #pending = 0;
  /** The last write that was asked for. */
  #written: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #isDamageTold = false;

  constructor(store: BlockStore, found: Omit<IndexedContent, 'storedBytes'>) {
    this.#store = store;
    this.id = found.id;
    this.sizeBytes = found.sizeBytes;
    this.isVerified = found.isVerified;
    this.state = found.state;
  }

  has(block: number): boolean {
    return this.#store.checksumOf(this.id, block) !== null;
  }

  firstFrom(block: number): number | null {
    return this.#store.firstFrom(this.id, block);
  }

  get isEmpty(): boolean {
    return this.#store.storedBytesOf(this.id) === 0;
  }

  get isWhole(): boolean {
    return this.#store.storedBytesOf(this.id) === this.sizeBytes;
  }

  /** A whole block as it was written, which the caller holds; null when it is not there, or not any more what it was. */
  async read(block: number, memory: BlockMemory): Promise<BlockBytes | null> {
    const checksum = this.#store.checksumOf(this.id, block);
    if (checksum === null) return null;
    const lengthBytes = blockLength(block, this.sizeBytes);
    const own = memory.take(lengthBytes);
    const bytes = own.subarray(0, lengthBytes);
    try {
      const { bytesRead } = await this.#using((file) =>
        file.read(bytes, 0, lengthBytes, block * BLOCK_BYTES),
      );
      if (bytesRead === lengthBytes && crc32(bytes) === checksum) {
        const whole = new BlockBytes();
        whole.addInPlace(bytes);
        whole.whenFree(() => memory.giveBack(own));
        return whole;
      }
      // Thrown away by another reader, and written anew meanwhile.
      if (this.#store.checksumOf(this.id, block) === checksum)
        this.#drop(block, 'other bytes than were written');
    } catch (error) {
      // Whatever else keeps the file from being read (too many are open) says nothing of what is in it.
      if ((error as NodeJS.ErrnoException).code === 'EIO') this.#drop(block, messageOf(error));
    }
    return null;
  }

  #drop(block: number, reason: string): void {
    this.damages += 1;
    this.isVerified = false;
    this.#store.dropBlock(this.id, block, blockLength(block, this.sizeBytes));
    if (!this.#isDamageTold) this.#store.tellDamage(reason);
    this.#isDamageTold = true;
  }

  /** @returns false when it could not be kept; whoever has the bytes goes on without. */
  async write(block: number, bytes: BlockBytes): Promise<boolean> {
    return await this.#store.keep(this.id, block, bytes, async () => {
      // The system lets one thread at a time write to a file, and the others turn in circles until then.
      const before = this.#written;
      const written = this.#using(async (file) => {
        await before;
        await writeAll(file, bytes, block * BLOCK_BYTES);
      });
      this.#written = written.catch(() => undefined);
      await written;
    });
  }

  markVerified(): void {
    this.isVerified = true;
    this.#store.markVerified(this.id);
  }

  markUnverified(): void {
    this.isVerified = false;
    this.#store.markUnverified(this.id);
  }

  /** Before its first block is written. */
  setState(state: string): void {
    this.state = state;
    this.#store.noteState(this.id, state);
  }

  discard(): void {
    this.#store.discard(this.id);
  }

  /** No call follows. */
  close(): void {
    this.#isClosed = true;
    this.#store.release(this.id);
    this.#closeWhenIdle();
  }

  async #using<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      this.#file ??= openContent(this.#store.pathOf(this.id));
      return await work(await this.#file);
    } catch (error) {
      // The next one tries to open it anew.
      if (await isRejected(this.#file)) this.#file = null;
      throw error;
    } finally {
      this.#pending -= 1;
      this.#closeWhenIdle();
    }
  }

  #closeWhenIdle(): void {
    if (!this.#isClosed || this.#pending > 0 || this.#file === null) return;
    const file = this.#file;
    this.#file = null;
    // Nothing was promised of it that a failed close could break: blocks have their checksums.
    file.then((handle) => handle.close()).catch(() => undefined);
  }
}

async function writeAll(file: FileHandle, bytes: BlockBytes, position: number): Promise<void> {
  let { bytesWritten: done } = await file.writev(bytes.pieces, position);
  while (done < bytes.lengthBytes) {
    // A disk that is nearly full takes a part, and says why at the next try.
    const rest = bytes.from(done);
    if (rest === null) throw new Error('more was written than there is');
    done += (await file.write(rest, 0, rest.length, position + done)).bytesWritten;
  }
}

async function openContent(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return await open(path, 'wx+', 0o600);
  }
}

async function isRejected(promise: Promise<unknown> | null): Promise<boolean> {
  if (promise === null) return false;
  return await promise.then(
    () => false,
    () => true,
  );
}
