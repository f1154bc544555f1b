import exifr from 'exifr';

/** Tags as they stand in the file, by the names of exifr. Nothing is revived: that would ignore time zones. */
export interface PictureTags {
  readonly ifd0: Tags;
  readonly exif: Tags;
  readonly gps: Tags;
  readonly iptc: Tags;
  readonly xmp: string | null;
}

export type Tags = Readonly<Record<string, unknown>>;

export const NO_TAGS: PictureTags = { ifd0: {}, exif: {}, gps: {}, iptc: {}, xmp: null };

const OPTIONS = {
  tiff: true,
  ifd0: { pick: ['Make', 'Model', 'Orientation'] },
  ifd1: false,
  exif: {
    pick: [
      ...['DateTimeOriginal', 'SubSecTimeOriginal', 'OffsetTimeOriginal'],
      ...['CreateDate', 'SubSecTimeDigitized', 'OffsetTimeDigitized', 'OffsetTime'],
    ],
  },
  gps: {
    pick: [
      ...['GPSLatitudeRef', 'GPSLatitude', 'GPSLongitudeRef', 'GPSLongitude'],
      ...['GPSTimeStamp', 'GPSDateStamp'],
    ],
  },
  interop: false,
  makerNote: false,
  userComment: false,
  xmp: { parse: false },
  iptc: true,
  icc: false,
  jfif: false,
  ihdr: false,
  mergeOutput: false,
  reviveValues: false,
  translateValues: false,
  translateKeys: true,
  sanitize: true,
};

/**
 * Tags of a JPEG, a TIFF, an HEIC or a bare EXIF block.
 * @throws whatever exifr throws at a broken file.
 */
export async function readPictureTags(content: Buffer): Promise<PictureTags> {
  const found: Record<string, unknown> = (await exifr.parse(content, OPTIONS)) ?? {};
  return {
    ifd0: tagsOf(found.ifd0),
    exif: tagsOf(found.exif),
    gps: tagsOf(found.gps),
    iptc: tagsOf(found.iptc),
    xmp: typeof found.xmp === 'string' ? found.xmp : null,
  };
}

/** The small picture that cameras put beside the large one, or null. */
export async function readEmbeddedThumbnail(content: Buffer): Promise<Uint8Array | null> {
  return (await exifr.thumbnail(content)) ?? null;
}

/** An EXIF block as JPEG, WebP and HEIC wrap it, without the wrapping. */
export function bareExif(block: Buffer): Buffer {
  return block.toString('latin1', 0, 6) === 'Exif\0\0' ? block.subarray(6) : block;
}

function tagsOf(block: unknown): Tags {
  return typeof block === 'object' && block !== null ? (block as Tags) : {};
}

const BARE_OPTIONS = {
  ...OPTIONS,
  ifd0: {},
  exif: false,
  gps: false,
  xmp: false,
  iptc: false,
  translateKeys: false,
};

/**
 * The first directory of a bare TIFF structure under the names given for its numbers, for formats that keep the
 * directories of EXIF apart.
 */
export async function readBareDirectory(
  content: Buffer,
  names: Readonly<Record<number, string>>,
): Promise<Tags> {
  const found: Record<string, unknown> = (await exifr.parse(content, BARE_OPTIONS)) ?? {};
  const directory = tagsOf(found.ifd0);
  return Object.fromEntries(Object.entries(names).map(([tag, name]) => [name, directory[tag]]));
}
