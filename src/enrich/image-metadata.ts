import { brotliDecompressSync } from 'node:zlib';
import sharp, { type Metadata } from 'sharp';
import { contentIdentifierOf } from './apple-note.ts';
import { type ByteReader, memoryReader } from './byte-reader.ts';
import type { Container } from './content-sniff.ts';
import { headerSizeOf, type PixelSize } from './image-size.ts';
import { boxContent, boxesOf } from './iso-boxes.ts';
import { type ExtraTimes, pictureFacts } from './picture-facts.ts';
import { bareExif, NO_TAGS, type PictureTags, readPictureTags } from './picture-tags.ts';
import { readPng } from './png-chunks.ts';
import { type RawFacts, readRaw } from './raw-metadata.ts';
import { chunkContent, findChunk } from './riff-chunks.ts';
import { type Findings, orientationOf } from './sound-facts.ts';
import { thumbhashOf } from './thumbnail-hash.ts';
import { tiffSizeOf } from './tiff-sizes.ts';

/** A picture to be looked at. */
export interface Picture {
  readonly reader: ByteReader;
  /** All bytes, or null for a file that is too large for memory. */
  readonly whole: Buffer | null;
  readonly container: Container;
  readonly isRaw: boolean;
}

/** What parsers get of a file that is too large for memory. The tags of pictures lie within it. */
const HEAD_BYTES = 8 * 1024 * 1024;
const MAX_TAG_BYTES = 4 * 1024 * 1024;

/** Formats whose header sharp reads. */
const SHARP_READS: ReadonlySet<Container> = new Set(['jpeg', 'png', 'gif', 'webp', 'tiff', 'heif']);

/** Formats whose decoder turns the picture by itself: their size is told as displayed, whatever EXIF says. */
const TURNED_ALREADY: ReadonlySet<Container> = new Set(['heif', 'jxl']);

/**
 * Size, tags and thumbhash of a picture. What cannot be read is missing in the result.
 * @param onProblem told of each part that is broken; the others are read all the same.
 */
export async function imageFindings(
  picture: Picture,
  onProblem: (error: unknown) => void,
): Promise<Findings> {
  const guarded = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      onProblem(error);
      return otherwise;
    }
  };
  const { reader, container, isRaw } = picture;
  const raw = isRaw ? await guarded(() => readRaw(reader, container), null) : null;
  const header = isRaw || !SHARP_READS.has(container) ? null : await guarded(() => readHeader(picture), null);
  const tagged = await guarded(() => readTags(picture, header, raw), { tags: NO_TAGS });
  const facts = pictureFacts(tagged.tags, tagged);
  const stored = isRaw ? (raw?.size ?? null) : sizeOf(picture, header);
  if (stored === null) onProblem(new Error('no size'));
  const orientation = orientationOf(facts.orientation) ?? orientationOf(header?.orientation) ?? 1;
  const isTurned = orientation >= 5 && !TURNED_ALREADY.has(container);
  const size = isTurned && stored !== null ? { width: stored.height, height: stored.width } : stored;
  const thumbhash = await hashOf(picture, stored, header, orientation);
  const livePhotoId = await guarded(async () => livePhotoIdOf(picture, header), null);
  const found = { ...facts, ...size, thumbhash, livePhotoId };
  return { ...found, orientation: facts.orientation ?? header?.orientation };
}

/** Phones write HEIC and JPEG, and raw files that are TIFF structures themselves. */
function livePhotoIdOf({ reader, container, isRaw }: Picture, header: Metadata | null): string | null {
  if (container === 'tiff') return isRaw ? contentIdentifierOf(reader) : null;
  const exif = header?.exif;
  return exif === undefined ? null : contentIdentifierOf(memoryReader(bareExif(exif)));
}

function bytesOf({ reader, whole }: Picture): Buffer {
  return whole ?? reader.read(0, HEAD_BYTES);
}

async function readHeader(picture: Picture): Promise<Metadata> {
  return await sharp(bytesOf(picture), { failOn: 'none', limitInputPixels: false }).metadata();
}

function sizeOf({ reader, container }: Picture, header: Metadata | null): PixelSize | null {
  if (header?.width !== undefined && header.height !== undefined) {
    return { width: header.width, height: header.height };
  }
  if (container === 'png') {
    const { width, height } = readPng(reader);
    return width === null || height === null ? null : { width, height };
  }
  return container === 'tiff' ? tiffSizeOf(reader) : headerSizeOf(reader, container);
}

interface Tagged extends ExtraTimes {
  readonly tags: PictureTags;
}

/** Each container has its own place for EXIF and XMP. */
async function readTags(picture: Picture, header: Metadata | null, raw: RawFacts | null): Promise<Tagged> {
  const { reader, container, isRaw } = picture;
  if (isRaw) return { tags: raw?.tags ?? NO_TAGS };
  switch (container) {
    case 'jpeg':
    case 'tiff':
      return { tags: await readPictureTags(bytesOf(picture)) };
    case 'heif': {
      if (header === null) return { tags: await readPictureTags(bytesOf(picture)) };
      return { tags: await tagsOfBlocks(header.exif ?? null, header.xmp?.toString('utf8') ?? null) };
    }
    case 'png': {
      const png = readPng(reader);
      return { tags: await tagsOfBlocks(png.exif, png.xmp), ...png };
    }
    case 'webp': {
      const [exif, xmp] = ['EXIF', 'XMP '].map((type) => {
        const chunk = findChunk(reader, type);
        return chunk === null ? null : chunkContent(reader, chunk, MAX_TAG_BYTES);
      });
      return { tags: await tagsOfBlocks(exif ?? null, xmp?.toString('utf8') ?? null) };
    }
    case 'jxl': {
      const { exif, xmp } = jxlBlocks(reader);
      return { tags: await tagsOfBlocks(exif, xmp) };
    }
    default:
      return { tags: NO_TAGS };
  }
}

async function tagsOfBlocks(exif: Buffer | null, xmp: string | null): Promise<PictureTags> {
  if (exif === null || exif.length === 0) return { ...NO_TAGS, xmp };
  return { ...(await readPictureTags(bareExif(exif))), xmp };
}

/** Boxes of JPEG XL, as they are or packed with Brotli (`brob`), which is unpacked to a limit. */
function jxlBlocks(reader: ByteReader): { exif: Buffer | null; xmp: string | null } {
  let exif: Buffer | null = null;
  let xmp: string | null = null;
  if (reader.read(0, 1)[0] === 0xff) return { exif, xmp };
  for (const box of boxesOf(reader)) {
    if (!['Exif', 'xml ', 'brob'].includes(box.type)) continue;
    const content = boxContent(reader, box, MAX_TAG_BYTES);
    const isPacked = box.type === 'brob';
    const type = isPacked ? content.toString('latin1', 0, 4) : box.type;
    const unpack = () =>
      isPacked ? brotliDecompressSync(content.subarray(4), { maxOutputLength: MAX_TAG_BYTES }) : content;
    // Four bytes say where the TIFF structure begins; it is always right behind them.
    if (type === 'Exif') exif ??= unpack().subarray(4);
    if (type === 'xml ') xmp ??= unpack().toString('utf8');
  }
  return { exif, xmp };
}

async function hashOf(
  { whole, container }: Picture,
  size: PixelSize | null,
  header: Metadata | null,
  orientation: number,
): Promise<string | null> {
  if (whole === null || size === null || header === null) return null;
  // sharp has no decoder for what HEIC is coded with.
  if (container === 'heif' && header.compression !== 'av1') return null;
  return await thumbhashOf({
    content: whole,
    container,
    size,
    orientation,
    isProgressive: header.isProgressive ?? false,
  });
}
