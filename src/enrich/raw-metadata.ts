import { type ByteReader, memoryReader } from './byte-reader.ts';
import type { Container } from './content-sniff.ts';
import type { PixelSize } from './image-size.ts';
import { type Box, boxContent, boxesOf, findBox } from './iso-boxes.ts';
import { NO_TAGS, type PictureTags, readBareDirectory, readPictureTags } from './picture-tags.ts';
import { tiffSizeOf } from './tiff-sizes.ts';

/** Tags and size of the picture of a camera raw file, as stored. */
export interface RawFacts {
  readonly tags: PictureTags;
  readonly size: PixelSize | null;
}

/** The directories of a raw file lie within this; behind it are pixels. */
const HEAD_BYTES = 4 * 1024 * 1024;

/**
 * Reads a camera raw file without touching its pixels. Most are TIFF under another name.
 * @throws whatever exifr throws at a broken file.
 */
export async function readRaw(reader: ByteReader, container: Container): Promise<RawFacts> {
  if (container === 'raf') return await readFujifilm(reader);
  if (container === 'cr3') return await readCanonCr3(reader);
  const head = Buffer.from(reader.read(0, HEAD_BYTES));
  // exifr wants the number that TIFF has there; Olympus and Panasonic write their own.
  const isLittle = head[0] === 0x49;
  if (head.length >= 4) head.set(isLittle ? [0x2a, 0] : [0, 0x2a], 2);
  return { tags: await readPictureTags(head), size: tiffSizeOf(reader) };
}

const RAF_JPEG_AT = 84;
const RAF_DIRECTORY_AT = 92;
const RAF_CROPPED_SIZE = 0x0111;
const RAF_MAX_ENTRIES = 256;

/** A JPEG with EXIF, and a directory with the size of the sensor's picture. */
async function readFujifilm(reader: ByteReader): Promise<RawFacts> {
  const header = reader.read(0, RAF_DIRECTORY_AT + 8);
  if (header.length < RAF_DIRECTORY_AT + 8) return { tags: NO_TAGS, size: null };
  const jpeg = reader.read(
    header.readUInt32BE(RAF_JPEG_AT),
    Math.min(header.readUInt32BE(RAF_JPEG_AT + 4), HEAD_BYTES),
  );
  const size = fujifilmSize(reader.read(header.readUInt32BE(RAF_DIRECTORY_AT), 16 * 1024));
  return { tags: await readPictureTags(jpeg), size };
}

function fujifilmSize(directory: Buffer): PixelSize | null {
  if (directory.length < 4) return null;
  const count = Math.min(directory.readUInt32BE(0), RAF_MAX_ENTRIES);
  let at = 4;
  for (let entry = 0; entry < count && at + 8 <= directory.length; entry++) {
    if (directory.readUInt16BE(at) === RAF_CROPPED_SIZE) {
      return { height: directory.readUInt16BE(at + 4), width: directory.readUInt16BE(at + 6) };
    }
    at += 4 + directory.readUInt16BE(at + 2);
  }
  return null;
}

/** Canon's own box in `moov` and the TIFF structures in it: IFD0, EXIF and GPS, each for itself. */
const CR3_BOX_ID = '85c0b687820f11e08111f4ce462b6a48';
const CR3_IFD0 = { 271: 'Make', 272: 'Model', 274: 'Orientation' };
const CR3_EXIF = {
  36867: 'DateTimeOriginal',
  37521: 'SubSecTimeOriginal',
  36881: 'OffsetTimeOriginal',
  36880: 'OffsetTime',
};
const CR3_GPS = {
  1: 'GPSLatitudeRef',
  2: 'GPSLatitude',
  3: 'GPSLongitudeRef',
  4: 'GPSLongitude',
  7: 'GPSTimeStamp',
  29: 'GPSDateStamp',
};

async function readCanonCr3(reader: ByteReader): Promise<RawFacts> {
  const moov = findBox(reader, ['moov']);
  if (moov === null) return { tags: NO_TAGS, size: null };
  const own = [...boxesOf(reader, moov.start, moov.end)].find(
    (box) => box.type === 'uuid' && reader.read(box.start, 16).toString('hex') === CR3_BOX_ID,
  );
  if (own === undefined) return { tags: NO_TAGS, size: null };
  const parts = new Map<string, Box>();
  for (const box of boxesOf(reader, own.start + 16, own.end)) parts.set(box.type, box);
  const contentOf = (type: string) => {
    const box = parts.get(type);
    return box === undefined ? null : boxContent(reader, box, HEAD_BYTES);
  };
  const directoryOf = async (type: string, names: Readonly<Record<number, string>>) => {
    const content = contentOf(type);
    return content === null ? {} : await readBareDirectory(content, names);
  };
  const tags: PictureTags = {
    ...NO_TAGS,
    ifd0: await directoryOf('CMT1', CR3_IFD0),
    exif: await directoryOf('CMT2', CR3_EXIF),
    gps: await directoryOf('CMT4', CR3_GPS),
  };
  const first = contentOf('CMT1');
  return { tags, size: first === null ? null : tiffSizeOf(memoryReader(first)) };
}
