import { Readable } from 'node:stream';
import type { Content } from '../../../src/http/send-content.ts';
import { type ByteRange, lengthOf } from '../../../src/model/byte-range.ts';

export interface CountingContent extends Content {
  /** Ranges opened so far, in order; undefined for "everything". */
  readonly opened: (ByteRange | undefined)[];
  /** Streams handed out and not destroyed yet. */
  readonly openStreams: Set<Readable>;
  /** Bytes the streams have given away. */
  givenBytes: number;
}

export interface CountingOptions {
  readonly bytes?: Buffer;
  /** Instead of `bytes`: that many zeros, made as they are read. */
  readonly zeros?: number;
  /** Makes the stream of one open; by default it gives exactly what was asked. */
  readonly stream?: (range: ByteRange | undefined) => Readable;
  readonly facts?: Partial<Content>;
}

export const SAMPLE = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz');
export const MODIFIED_MS = Date.UTC(2024, 4, 6, 7, 8, 9, 123);
export const MODIFIED_TEXT = 'Mon, 06 May 2024 07:08:09 GMT';

/** A content that knows what was opened and what is still open. */
export function countingContent(options: CountingOptions = {}): CountingContent {
  const { bytes = SAMPLE, zeros, facts = {} } = options;
  const sizeBytes = facts.sizeBytes ?? zeros ?? bytes.length;
  const content: CountingContent = {
    etag: '"v1"',
    modifiedMs: MODIFIED_MS,
    contentType: 'image/jpeg',
    opened: [],
    openStreams: new Set(),
    givenBytes: 0,
    open(range) {
      content.opened.push(range);
      const stream = options.stream?.(range) ?? exact(range);
      content.openStreams.add(stream);
      stream.once('close', () => content.openStreams.delete(stream));
      return Promise.resolve(stream);
    },
    ...facts,
    sizeBytes,
  };

  const exact = (range: ByteRange | undefined): Readable => {
    const wanted = range ?? { start: 0, end: sizeBytes - 1 };
    let left = lengthOf(wanted);
    let position = wanted.start;
    return new Readable({
      read(): void {
        const count = Math.min(left, 64 * 1024);
        if (count === 0) {
          this.push(null);
          return;
        }
        const chunk = zeros === undefined ? bytes.subarray(position, position + count) : Buffer.alloc(count);
        position += count;
        left -= count;
        content.givenBytes += count;
        this.push(chunk);
      },
    });
  };
  return content;
}
