import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ByteRange } from '../../src/model/byte-range.ts';
import { CodedError } from '../../src/model/coded-error.ts';
import type { PoolShare } from './pool-share.ts';
import { versionOf } from './stat-facts.ts';
import { translateFileError } from './translate-error.ts';

/** Larger reads cost memory, smaller ones time: 1 MiB measured fastest for large files, 64 KiB a third of it. */
const MAX_READ_BYTES = 1024 * 1024;

/**
 * The bytes of one version of an open file. Ends in `changed` instead of an end when the file was written to while it
 * was being read: what was read until then is a mixture that nobody ever stored. Closes the handle, however it ends.
 */
export class FileContent extends Readable {
  readonly #handle: FileHandle;
  readonly #version: string;
  readonly #pool: PoolShare;
  #position: number;
  #left: number;

  /** @param range within the file; for an empty file any, because nothing comes of it. */
  constructor(handle: FileHandle, range: ByteRange, version: string, pool: PoolShare) {
    const length = range.end - range.start + 1;
    super({ highWaterMark: Math.min(MAX_READ_BYTES, Math.max(length, 1)) });
    this.#handle = handle;
    this.#version = version;
    this.#pool = pool;
    this.#position = range.start;
    this.#left = length;
  }

  override _read(): void {
    this.#pool
      .run(() => this.#next())
      .then(
        (chunk) => this.push(chunk),
        (error: unknown) => this.destroy(translateFileError(error)),
      );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#handle.close().then(
      () => callback(error),
      (closeError: Error) => callback(error ?? closeError),
    );
  }

  /** @returns null at the end, after a last look at the file. A file that ends early is the counting caller's to tell. */
  async #next(): Promise<Buffer | null> {
    if (this.#left > 0) {
      // Not from Node's pool: whoever hashes a chunk hands it over to another thread.
      const buffer = Buffer.allocUnsafeSlow(Math.min(MAX_READ_BYTES, this.#left));
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#position);
      this.#position += bytesRead;
      this.#left -= bytesRead;
      if (bytesRead > 0) return buffer.subarray(0, bytesRead);
    }
    if (versionOf(await this.#handle.stat({ bigint: true })) !== this.#version) {
      throw new CodedError('changed', 'The file was written to while it was being read.');
    }
    return null;
  }
}
