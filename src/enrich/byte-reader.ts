import { readSync } from 'node:fs';

/**
 * The bytes of one file as the parsers of this room see them. Reading never throws for a place that is not there:
 * what lies beyond the end, or is not at hand, comes back shorter or empty, as the end of a cut-off file would.
 */
export interface ByteReader {
  readonly sizeBytes: number;
  /** At most `length` bytes from `start`. The result may be a view: it is not to be written to. */
  read(start: number, length: number): Buffer;
}

/** One read of a parser, such as the index of a film of many hours; what claims to be larger is cut. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

/** A file that is wholly in memory. */
export function memoryReader(content: Buffer): ByteReader {
  return {
    sizeBytes: content.length,
    read: (start, length) => {
      const { from, to } = boundsOf(start, length, content.length);
      return content.subarray(from, to);
    },
  };
}

/** A file by its descriptor. Errors of the disk are thrown as Node has them. */
export function fileReader(fd: number, sizeBytes: number): ByteReader {
  return {
    sizeBytes,
    read: (start, length) => {
      const { from, to } = boundsOf(start, length, sizeBytes);
      if (to <= from) return NOTHING;
      const buffer = Buffer.allocUnsafe(to - from);
      let filled = 0;
      while (filled < buffer.length) {
        const count = readSync(fd, buffer, filled, buffer.length - filled, from + filled);
        if (count === 0) break;
        filled += count;
      }
      return buffer.subarray(0, filled);
    },
  };
}

/** A stream that was too large to keep: its first and its last bytes. */
export function edgeReader(head: Buffer, tail: Buffer, sizeBytes: number): ByteReader {
  const tailStart = sizeBytes - tail.length;
  return {
    sizeBytes,
    read: (start, length) => {
      const { from, to } = boundsOf(start, length, sizeBytes);
      if (from >= tailStart) return tail.subarray(from - tailStart, to - tailStart);
      return head.subarray(from, to);
    },
  };
}

/** Passes at most `budgetBytes` on in all; then the file seems to end. Keeps a hostile one from being read for ever. */
export function limitedReader(reader: ByteReader, budgetBytes: number): ByteReader {
  let left = budgetBytes;
  return {
    sizeBytes: reader.sizeBytes,
    read: (start, length) => {
      if (left <= 0) return NOTHING;
      const bytes = reader.read(start, Math.min(length, left));
      // Every call costs something, even one that yields nothing.
      left -= Math.max(bytes.length, 64);
      return bytes;
    },
  };
}

function boundsOf(start: number, length: number, sizeBytes: number): { from: number; to: number } {
  if (!(start >= 0) || !(length > 0)) return { from: 0, to: 0 };
  const from = Math.min(start, sizeBytes);
  return { from, to: Math.min(from + Math.min(length, MAX_READ_BYTES), sizeBytes) };
}
