import { close, constants, fstat, open, read, readlinkSync, realpath } from 'node:fs';
import type { ReadAsk, ShortRead } from './disk-messages.ts';
import { versionOf } from './stat-facts.ts';
import { isUnreadable, translateFileError } from './translate-error.ts';

/**
 * Opens a file, reads a range of it and closes it. It is the same as a stream of one piece, in half the time: with
 * descriptors instead of handles, and without a look at the file before the reading, as the one after it tells more.
 * Reading before looking harms nothing: reads at a position are refused by pipes, sockets and folders.
 * Rejects with the error of the file system.
 */
export function readShort({ path, startByte, lengthBytes }: ReadAsk): Promise<ShortRead> {
  const startedMs = performance.now();
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
            if (error !== null) return;
            const tookMs = performance.now() - startedMs;
            resolve({ bytes, isFile: stats.isFile(), version: versionOf(stats), path: actual, tookMs });
          });
        });
      };
      const buffer = Buffer.allocUnsafeSlow(lengthBytes);
      fill(fd, buffer, startByte, (error, readBytes) => {
        if (error === null) finish(buffer.subarray(0, readBytes));
        else if (isUnreadable(error)) finish(null);
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
