import { type BigIntStats, close, constants, fstat, open, read, readlinkSync, realpath } from 'node:fs';
import type { ByteRange } from '../../src/model/byte-range.ts';
import { translateFileError } from './translate-error.ts';

/** What a short read has found; what it means, the caller decides. */
export interface ShortRead {
  /** As many as there were, up to those asked for; null when it is nothing that can be read at a position. */
  readonly bytes: Buffer | null;
  /** Of the open file, taken after the last byte was read: if it is the promised version now, so are the bytes. */
  readonly stats: BigIntStats;
  /** Where the open file really is, whatever links were in the way. */
  readonly path: string;
}

/**
 * Opens a file, reads a range of it and closes it. It is the same as a stream of one piece, in half the time: with
 * descriptors instead of handles, and without a look at the file before the reading, as the one after it tells more.
 * Reading before looking harms nothing: reads at a position are refused by pipes, sockets and folders.
 * Rejects with the error of the file system.
 */
export function readShort(path: string, range: ByteRange): Promise<ShortRead> {
  return new Promise((resolve, reject) => {
    // O_NONBLOCK: a file that was replaced by a pipe must not hold this call for ever.
    open(path, constants.O_RDONLY | constants.O_NONBLOCK, (openError, fd) => {
      if (openError !== null) {
        reject(openError);
        return;
      }
      const fail = (error: Error) => close(fd, () => reject(error));
      const finish = (bytes: Buffer | null) => {
        realPathOf(fd, path, (pathError, actual) => {
          if (pathError !== null) {
            fail(pathError);
            return;
          }
          fstat(fd, { bigint: true }, (error, stats) => {
            if (error !== null) fail(error);
            // Nothing was written, so nobody has to wait for the end of it.
            else close(fd, (closeError) => void closeError);
            if (error === null) resolve({ bytes, stats, path: actual });
          });
        });
      };
      const buffer = Buffer.allocUnsafeSlow(range.end - range.start + 1);
      fill(fd, buffer, range.start, (error, readBytes) => {
        if (error === null) finish(buffer.subarray(0, readBytes));
        else if (UNREADABLE.has(error.code ?? '')) finish(null);
        else fail(error);
      });
    });
  });
}

/** Fills a buffer from a position of an open file on. @returns how many bytes there were. Rejects with a code. */
export function readInto(fd: number, buffer: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fill(fd, buffer, position, (error, readBytes) => {
      if (error === null) resolve(readBytes);
      else reject(translateFileError(error));
    });
  });
}

/** What reading a folder, or a pipe at a position, fails with. */
const UNREADABLE = new Set(['EISDIR', 'ESPIPE', 'EINVAL', 'ENXIO']);

type Done<T> = (error: NodeJS.ErrnoException | null, result: T) => void;

/** Reads until the buffer is full or the file ends. */
function fill(fd: number, buffer: Buffer, position: number, done: Done<number>, filled = 0): void {
  read(fd, buffer, filled, buffer.length - filled, position + filled, (error, readBytes) => {
    if (error !== null) done(error, filled);
    else if (readBytes === 0 || filled + readBytes === buffer.length) done(null, filled + readBytes);
    else fill(fd, buffer, position, done, filled + readBytes);
  });
}

/** Linux tells it of the descriptor itself, so nothing can be swapped meanwhile, and without asking any disk. */
function realPathOf(fd: number, path: string, done: Done<string>): void {
  if (process.platform !== 'linux') realpath(path, done);
  else done(null, readlinkSync(`/proc/self/fd/${fd}`));
}
