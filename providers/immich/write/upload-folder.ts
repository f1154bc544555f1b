import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { CodedError, codeOf } from '../../../src/model/coded-error.ts';

/** A content as it came from a client, on the disk of this machine. Whoever has it discards it. */
export interface ReceivedFile {
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha1: string;
  /** Its bytes with others around them. The caller destroys the stream. */
  readBetween(head: Buffer, tail: Buffer): Readable;
  discard(): Promise<void>;
}

/**
 * Where uploads wait until they are whole: Immich is told a checksum first, and takes nothing back. Belongs to one process
 * at a time, so whatever is there when it begins is left from one that was ended.
 */
export class UploadFolder {
  readonly #path: string;
  #ready: Promise<void> | null = null;

  /** @param path absolute; made when it is needed. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Removes what an earlier process has left. Once; everything else waits for it. */
  async prepare(): Promise<void> {
    this.#ready ??= this.#empty().catch((error: unknown) => {
      this.#ready = null;
      throw asUploadError(error);
    });
    await this.#ready;
  }

  async freeBytes(): Promise<number> {
    await this.prepare();
    const { bavail, bsize } = await statfs(this.#path);
    return bavail * bsize;
  }

  /** Takes in a content to its end. Rejects with the error of `content`, which the caller destroys, or `no-space`. */
  async receive(content: Readable, signal: AbortSignal): Promise<ReceivedFile> {
    await this.prepare();
    const path = join(this.#path, randomUUID());
    const discard = () => rm(path, { force: true });
    const hash = createHash('sha1');
    let sizeBytes = 0;
    try {
      const handle = await open(path, 'wx', 0o600);
      try {
        for await (const chunk of addAbortSignal(signal, content)) {
          hash.update(chunk as Buffer);
          for (let from = 0; from < chunk.length; ) {
            from += (await handle.write(chunk as Buffer, from)).bytesWritten;
          }
          sizeBytes += chunk.length;
        }
      } finally {
        await handle.close();
      }
    } catch (error) {
      await discard();
      // The reason of a call that was ended is what counts, not how the stream took it.
      throw signal.aborted ? signal.reason : asUploadError(error);
    }
    const readBetween = (head: Buffer, tail: Buffer) =>
      Readable.from(
        between(head, () => createReadStream(path), tail),
        { objectMode: false },
      );
    return { sizeBytes, sha1: hash.digest('hex'), readBetween, discard };
  }

  async #empty(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
  }
}

/** The file is opened when its turn comes, and closed however this ends. */
async function* between(head: Buffer, open: () => Readable, tail: Buffer): AsyncGenerator<Buffer> {
  yield head;
  yield* open();
  yield tail;
}

function asUploadError(error: unknown): unknown {
  const errno = (error as { code?: unknown } | null)?.code;
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new CodedError('no-space', 'The disk of this server is full.', { cause: error });
  }
  if (codeOf(error) !== 'internal' || typeof errno !== 'string') return error;
  return new CodedError('unavailable', 'Uploads cannot be stored in DATA_DIR.', { cause: error });
}
