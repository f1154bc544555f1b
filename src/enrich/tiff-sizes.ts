import type { ByteReader } from './byte-reader.ts';
import type { PixelSize } from './image-size.ts';

const TAG_NEW_SUBFILE_TYPE = 0x00fe;
const TAG_WIDTH = 0x0100;
const TAG_HEIGHT = 0x0101;
const TAG_SUB_IFDS = 0x014a;
const TAG_EXIF_IFD = 0x8769;
const TAG_EXIF_WIDTH = 0xa002;
const TAG_EXIF_HEIGHT = 0xa003;
/** Sensor borders of Panasonic's RW2: top, left, bottom, right. */
const TAG_RW2_BORDERS = [0x0004, 0x0005, 0x0006, 0x0007] as const;

/** Directories that are looked at: enough for every camera, an end for one that leads in circles. */
const MAX_DIRECTORIES = 16;
const MAX_ENTRIES = 512;
const MAX_SUB_IFDS = 8;

/**
 * The size of the largest picture of a TIFF or of a camera raw file built like one. exifr reads neither the
 * directories that hold the full picture of a raw file nor a directory behind large pixels.
 */
export function tiffSizeOf(reader: ByteReader): PixelSize | null {
  const header = reader.read(0, 8);
  // BigTIFF has other directories; sharp reads those.
  if (header.length < 8 || header.subarray(2, 4).includes(0x2b)) return null;
  const isLittle = header[0] === 0x49;
  const walker = new DirectoryWalker(reader, isLittle);
  const first = isLittle ? header.readUInt32LE(4) : header.readUInt32BE(4);
  walker.walk(first);
  return walker.largest;
}

class DirectoryWalker {
  readonly #reader: ByteReader;
  readonly #isLittle: boolean;
  readonly #seen = new Set<number>();
  largest: PixelSize | null = null;

  constructor(reader: ByteReader, isLittle: boolean) {
    this.#reader = reader;
    this.#isLittle = isLittle;
  }

  /** A directory, those it leads to, and those that follow it. */
  walk(first: number): void {
    const waiting = [first];
    for (let offset = waiting.shift(); offset !== undefined; offset = waiting.shift()) {
      if (offset === 0 || this.#seen.has(offset) || this.#seen.size >= MAX_DIRECTORIES) continue;
      this.#seen.add(offset);
      waiting.push(...this.#directory(offset));
    }
  }

  /** @returns places of further directories. */
  #directory(offset: number): number[] {
    const count = this.#u16(this.#reader.read(offset, 2), 0);
    if (count === null || count > MAX_ENTRIES) return [];
    const entries = this.#reader.read(offset + 2, count * 12 + 4);
    const values = new Map<number, number>();
    const further: number[] = [];
    for (let at = 0; at + 12 <= Math.min(entries.length, count * 12); at += 12) {
      const tag = this.#u16(entries, at);
      if (tag === TAG_SUB_IFDS) further.push(...this.#list(entries, at));
      else if (tag !== null) values.set(tag, this.#value(entries, at) ?? 0);
    }
    this.#note(values);
    const exif = values.get(TAG_EXIF_IFD);
    const next = this.#u32(entries, count * 12);
    return [...further, exif ?? 0, next ?? 0];
  }

  #note(values: ReadonlyMap<number, number>): void {
    const isReduced = ((values.get(TAG_NEW_SUBFILE_TYPE) ?? 0) & 1) === 1;
    if (!isReduced) this.#take(values.get(TAG_WIDTH), values.get(TAG_HEIGHT));
    this.#take(values.get(TAG_EXIF_WIDTH), values.get(TAG_EXIF_HEIGHT));
    const [top, left, bottom, right] = TAG_RW2_BORDERS.map((tag) => values.get(tag));
    if (top !== undefined && left !== undefined && bottom !== undefined && right !== undefined) {
      this.#take(right - left, bottom - top);
    }
  }

  #take(width: number | undefined, height: number | undefined): void {
    if (width === undefined || height === undefined || width <= 0 || height <= 0) return;
    const { largest } = this;
    if (largest === null || width * height > largest.width * largest.height) this.largest = { width, height };
  }

  /** The first value of an entry of 8, 16 or 32 bits. */
  #value(entries: Buffer, at: number): number | null {
    const type = this.#u16(entries, at + 2);
    if (type === 1) return entries[at + 8] ?? null;
    if (type === 3) return this.#u16(entries, at + 8);
    return type === 4 || type === 9 || type === 13 ? this.#u32(entries, at + 8) : null;
  }

  #list(entries: Buffer, at: number): number[] {
    const count = Math.min(this.#u32(entries, at + 4) ?? 0, MAX_SUB_IFDS);
    const value = this.#u32(entries, at + 8);
    if (value === null || count === 0) return [];
    if (count === 1) return [value];
    const bytes = this.#reader.read(value, count * 4);
    return Array.from({ length: count }, (_, index) => this.#u32(bytes, index * 4) ?? 0);
  }

  #u16(bytes: Buffer, at: number): number | null {
    if (at + 2 > bytes.length) return null;
    return this.#isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  #u32(bytes: Buffer, at: number): number | null {
    if (at + 4 > bytes.length) return null;
    return this.#isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }
}
