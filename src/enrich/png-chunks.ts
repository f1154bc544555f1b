import type { ByteReader } from './byte-reader.ts';

/** What a PNG tells beside its pixels. Compressed text is left alone: it may unpack to anything. */
export interface PngFacts {
  readonly width: number | null;
  readonly height: number | null;
  /** A TIFF structure. */
  readonly exif: Buffer | null;
  readonly xmp: string | null;
  /** The text `Creation Time`, as somebody wrote it. */
  readonly creationText: string | null;
  /** `tIME` as `YYYY-MM-DDTHH:MM:SSZ`: when the pixels were last changed. */
  readonly changedText: string | null;
}

const SIGNATURE_BYTES = 8;
const MAX_CHUNKS = 20_000;
const MAX_TEXT_BYTES = 1024 * 1024;
const XMP_KEYWORD = 'XML:com.adobe.xmp\0';
/** Of an iTXt chunk behind its keyword: not compressed, method 0, no language, no translated keyword. */
const PLAIN_TEXT = '\0\0\0\0';

export function readPng(reader: ByteReader): PngFacts {
  let width: number | null = null;
  let height: number | null = null;
  let exif: Buffer | null = null;
  let xmp: string | null = null;
  let creationText: string | null = null;
  let changedText: string | null = null;
  let at = SIGNATURE_BYTES;
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const header = reader.read(at, 8);
    if (header.length < 8) break;
    const length = header.readUInt32BE(0);
    const type = header.toString('latin1', 4, 8);
    const content = () => reader.read(at + 8, Math.min(length, MAX_TEXT_BYTES));
    if (type === 'IEND') break;
    if (type === 'IHDR') {
      const bytes = content();
      if (bytes.length >= 8) {
        width = bytes.readUInt32BE(0);
        height = bytes.readUInt32BE(4);
      }
    } else if (type === 'eXIf') exif ??= content();
    else if (type === 'iTXt') xmp ??= xmpOf(content());
    else if (type === 'tEXt') creationText ??= creationTextOf(content());
    else if (type === 'tIME') changedText ??= timeOf(content());
    at += 12 + length;
  }
  return { width, height, exif, xmp, creationText, changedText };
}

function xmpOf(content: Buffer): string | null {
  const start = XMP_KEYWORD.length;
  if (content.toString('latin1', 0, start) !== XMP_KEYWORD) return null;
  if (content.toString('latin1', start, start + 4) !== PLAIN_TEXT) return null;
  return content.toString('utf8', start + 4);
}

function creationTextOf(content: Buffer): string | null {
  const [keyword, text] = content.toString('latin1', 0, 200).split('\0');
  return /^creation time$/i.test(keyword ?? '') ? (text ?? null) : null;
}

function timeOf(content: Buffer): string | null {
  if (content.length < 7) return null;
  const [month, day, hour, minute, second] = [...content.subarray(2, 7)].map((part) =>
    `${part}`.padStart(2, '0'),
  );
  return `${content.readUInt16BE(0)}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
