import type { ByteReader } from './byte-reader.ts';
import type { Container } from './content-sniff.ts';
import { boxContent, boxesOf, findBox } from './iso-boxes.ts';

/** Pixels as stored, before any rotation. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

const HEADER_BYTES = 64;

/** The size from the header of formats that sharp does not read; null for others and for broken headers. */
export function headerSizeOf(reader: ByteReader, container: Container): PixelSize | null {
  const head = reader.read(0, HEADER_BYTES);
  switch (container) {
    case 'jxl':
      return jxlSize(reader);
    case 'jp2':
      return jp2Size(reader);
    case 'j2k':
      return head.length < 24 ? null : codestreamSize(head);
    case 'bmp':
      return head.length < 26 ? null : bmpSize(head);
    case 'psd':
      return head.length < 22 ? null : { width: head.readUInt32BE(18), height: head.readUInt32BE(14) };
    default:
      return null;
  }
}

function bmpSize(head: Buffer): PixelSize {
  // The header of OS/2 has 16-bit numbers; the others are signed, a negative height means top-down.
  if (head.readUInt32LE(14) === 12) return { width: head.readUInt16LE(18), height: head.readUInt16LE(20) };
  return { width: head.readInt32LE(18), height: Math.abs(head.readInt32LE(22)) };
}

function jp2Size(reader: ByteReader): PixelSize | null {
  const header = findBox(reader, ['jp2h', 'ihdr']);
  if (header === null) return null;
  const content = boxContent(reader, header, 8);
  return content.length < 8 ? null : { height: content.readUInt32BE(0), width: content.readUInt32BE(4) };
}

/** SIZ segment of a bare JPEG 2000 codestream. */
function codestreamSize(head: Buffer): PixelSize {
  return {
    width: head.readUInt32BE(8) - head.readUInt32BE(16),
    height: head.readUInt32BE(12) - head.readUInt32BE(20),
  };
}

function jxlSize(reader: ByteReader): PixelSize | null {
  const head = reader.read(0, HEADER_BYTES);
  if (head[0] === 0xff) return jxlCodestreamSize(head.subarray(2));
  for (const box of boxesOf(reader)) {
    // A partial codestream begins with its number.
    const skipped = box.type === 'jxlc' ? 0 : box.type === 'jxlp' ? 4 : null;
    if (skipped === null) continue;
    const content = boxContent(reader, box, HEADER_BYTES).subarray(skipped);
    return content[0] === 0xff && content[1] === 0x0a ? jxlCodestreamSize(content.subarray(2)) : null;
  }
  return null;
}

const JXL_LARGE_BITS = [9, 13, 18, 30];
/** Width to height, as numerator and denominator; 0 says that the width is told. */
const JXL_RATIOS: readonly (readonly [number, number])[] = [
  [0, 1],
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
];

/**
 * SizeHeader and the orientation of ISO/IEC 18181-1. The size is told as displayed: a decoder applies the
 * orientation of the codestream by itself.
 */
function jxlCodestreamSize(bytes: Buffer): PixelSize | null {
  const bits = new BitReader(bytes);
  const isSmall = bits.take(1) === 1;
  const side = () => (isSmall ? (bits.take(5) + 1) * 8 : bits.take(JXL_LARGE_BITS[bits.take(2)] ?? 9) + 1);
  const height = side();
  const [numerator, denominator] = JXL_RATIOS[bits.take(3)] ?? [0, 1];
  const width = numerator === 0 ? side() : Math.floor((height * numerator) / denominator);
  if (bits.isOver) return null;
  const isAllDefault = bits.take(1) === 1;
  const hasExtraFields = !isAllDefault && bits.take(1) === 1;
  const orientation = hasExtraFields ? bits.take(3) + 1 : 1;
  return orientation >= 5 && !bits.isOver ? { width: height, height: width } : { width, height };
}

/** Bits from the least significant one of each byte on. */
class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** More was taken than there is. */
  get isOver(): boolean {
    return this.#at > this.#bytes.length * 8;
  }

  take(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit++, this.#at++) {
      const byte = this.#bytes[this.#at >> 3] ?? 0;
      value += ((byte >> (this.#at & 7)) & 1) * 2 ** bit;
    }
    return value;
  }
}
