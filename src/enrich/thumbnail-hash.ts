import sharp from 'sharp';
import { rgbaToThumbHash } from 'thumbhash';
import type { Container } from './content-sniff.ts';
import type { PixelSize } from './image-size.ts';
import { readEmbeddedThumbnail } from './picture-tags.ts';

// One picture at a time in each worker, and nothing kept: memory stays what one picture takes.
sharp.concurrency(1);
sharp.cache(false);

/** The format works on at most 100 by 100 pixels. */
const MAX_SIDE = 100;
const MAX_DECODE_SECONDS = 10;

/** Millions of pixels up to which decoding is cheap; a JPEG is read at an eighth of its size. */
const CHEAP_MEGAPIXELS: Partial<Record<Container, number>> = {
  jpeg: 200,
  png: 50,
  webp: 50,
  gif: 50,
  tiff: 50,
  heif: 4,
};

/** How much of that is left where a decoder must hold the whole picture. */
const PROGRESSIVE_SHARE = 0.25;

/** How far the proportions of an embedded thumbnail may be off; those with black bars are more. */
const MAX_PROPORTION_ERROR = 0.03;

export interface HashablePicture {
  readonly content: Buffer;
  readonly container: Container;
  /** As stored. */
  readonly size: PixelSize;
  readonly orientation: number;
  readonly isProgressive: boolean;
}

/**
 * Base64 of the thumbhash of a picture as displayed; null when that would be expensive or the picture cannot be
 * decoded, which is no error: the hash only fills the place until a thumbnail is there.
 */
export async function thumbhashOf(picture: HashablePicture): Promise<string | null> {
  try {
    return (await hashEmbedded(picture)) ?? (await hashWhole(picture));
  } catch {
    return null;
  }
}

async function hashEmbedded({
  content,
  container,
  size,
  orientation,
}: HashablePicture): Promise<string | null> {
  if (container !== 'jpeg') return null;
  const thumbnail = await readEmbeddedThumbnail(content).catch(() => null);
  if (thumbnail === null) return null;
  const pixels = await smallPixels(thumbnail);
  const error = Math.abs((pixels.width * size.height) / (pixels.height * size.width) - 1);
  return error <= MAX_PROPORTION_ERROR ? hash(turned(pixels, orientation)) : null;
}

async function hashWhole(picture: HashablePicture): Promise<string | null> {
  const { content, container, size, orientation, isProgressive } = picture;
  const cheap = (CHEAP_MEGAPIXELS[container] ?? 0) * (isProgressive ? PROGRESSIVE_SHARE : 1);
  if (size.width * size.height > cheap * 1e6) return null;
  return hash(turned(await smallPixels(content), container === 'heif' ? 1 : orientation));
}

/** At most 100 by 100 pixels, each red, green, blue and alpha. */
interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

async function smallPixels(content: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(content, { failOn: 'none', sequentialRead: true })
    .timeout({ seconds: MAX_DECODE_SECONDS })
    .resize(MAX_SIDE, MAX_SIDE, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgba: data };
}

function hash({ width, height, rgba }: Pixels): string {
  return Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64');
}

/** As displayed with that EXIF orientation. */
function turned(pixels: Pixels, orientation: number): Pixels {
  if (orientation === 1) return pixels;
  const { width, height, rgba } = pixels;
  const isOnItsSide = orientation >= 5;
  const [newWidth, newHeight] = isOnItsSide ? [height, width] : [width, height];
  const isFromRight = [2, 3, 7, 8].includes(orientation);
  const isFromBottom = [3, 4, 6, 7].includes(orientation);
  const result = new Uint8Array(rgba.length);
  for (let y = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++) {
      const [column, row] = isOnItsSide ? [y, x] : [x, y];
      const from =
        (isFromBottom ? height - 1 - row : row) * width + (isFromRight ? width - 1 - column : column);
      result.set(rgba.subarray(from * 4, from * 4 + 4), (y * newWidth + x) * 4);
    }
  }
  return { width: newWidth, height: newHeight, rgba: result };
}
