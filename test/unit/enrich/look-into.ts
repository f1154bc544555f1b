import sharp from 'sharp';
import { memoryReader } from '../../../src/enrich/byte-reader.ts';
import { type FoundMedia, findMedia } from '../../../src/enrich/find-media.ts';
import { contentTypeOf } from '../../../src/model/content-type.ts';

/** What is found in a file of that name and content. */
export async function lookInto(content: Buffer, name: string): Promise<FoundMedia> {
  return await findMedia({ reader: memoryReader(content), whole: content }, contentTypeOf(name));
}

/** A picture that differs from left to right and from top to bottom. */
export async function pictureOf(
  format: 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif',
  width = 40,
  height = 30,
): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    pixels[at * 3] = Math.floor(((at % width) * 255) / width);
    pixels[at * 3 + 1] = Math.floor((Math.floor(at / width) * 255) / height);
  }
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}
