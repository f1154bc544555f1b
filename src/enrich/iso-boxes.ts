import type { ByteReader } from './byte-reader.ts';

/** One box of an ISO base media file (MP4, MOV, HEIC, CR3, JXL, JP2): where its content lies. */
export interface Box {
  /** Four characters, byte by byte: `©xyz` is one of them. */
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** More boxes than any real file has on one level; a hostile one holds millions of empty ones. */
const MAX_BOXES = 2000;

/** The boxes between two places, in order. A box that claims more than there is ends where its parent ends. */
export function* boxesOf(reader: ByteReader, start = 0, end = reader.sizeBytes): Generator<Box> {
  let at = start;
  for (let count = 0; count < MAX_BOXES && at + 8 <= end; count++) {
    const header = reader.read(at, 16);
    if (header.length < 8) return;
    const claimed = header.readUInt32BE(0);
    const isLarge = claimed === 1 && header.length >= 16;
    const size = isLarge ? Number(header.readBigUInt64BE(8)) : claimed === 0 ? end - at : claimed;
    const headerSize = isLarge ? 16 : 8;
    if (size < headerSize) return;
    const boxEnd = Math.min(at + size, end);
    yield { type: header.toString('latin1', 4, 8), start: at + headerSize, end: boxEnd };
    at = boxEnd;
  }
}

/** The first box at the end of a path of types, each inside the one before; null when there is none. */
export function findBox(reader: ByteReader, path: readonly string[]): Box | null {
  let found: Box | null = null;
  for (const type of path) {
    found = firstBox(found === null ? boxesOf(reader) : boxesOf(reader, found.start, found.end), type);
    if (found === null) return null;
  }
  return found;
}

function firstBox(boxes: Iterable<Box>, type: string): Box | null {
  for (const box of boxes) if (box.type === type) return box;
  return null;
}

/** The content of a box, at most `maxBytes` of it. */
export function boxContent(reader: ByteReader, box: Box, maxBytes: number): Buffer {
  return reader.read(box.start, Math.min(box.end - box.start, maxBytes));
}
