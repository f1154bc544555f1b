import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { CodedError } from '../model/coded-error.ts';

/**
 * Passes exactly `expectedBytes` on. A source that gives fewer, or more, ends in an error instead of content
 * that only looks whole. Destroying the result destroys `source`; so does an error on either side.
 */
export function countBytes(source: Readable, expectedBytes: number): Readable {
  let seen = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      seen += chunk.length;
      if (seen > expectedBytes) callback(wrongLength(expectedBytes, seen));
      else callback(null, chunk);
    },
    flush(callback) {
      callback(seen === expectedBytes ? null : wrongLength(expectedBytes, seen));
    },
    destroy(error, callback) {
      source.destroy();
      callback(error);
    },
  });
  source.once('error', (error) => counter.destroy(error));
  source.once('close', () => {
    if (!source.readableEnded && !counter.destroyed) counter.destroy(wrongLength(expectedBytes, seen));
  });
  return source.pipe(counter);
}

export function wrongLength(expected: number, seen: number): CodedError {
  return new CodedError('corrupt', `The source gave ${seen} bytes instead of ${expected}.`);
}
