import { crc32, deflateSync } from 'node:zlib';

/** Red, green and blue, each 0–255. */
export type Colour = readonly [number, number, number];

/** A valid baseline JPEG of one colour. `comment` makes its bytes, and so its checksum, different from any other. */
export function makeJpeg(width: number, height: number, colour: Colour, comment: string): Buffer {
  const [red, green, blue] = colour;
  const levels = [
    Math.round(0.299 * red + 0.587 * green + 0.114 * blue) - 128,
    Math.round(-0.1687 * red - 0.3313 * green + 0.5 * blue),
    Math.round(0.5 * red - 0.4187 * green - 0.0813 * blue),
  ];
  const categories = levels.map((level) => (level === 0 ? 0 : 32 - Math.clz32(Math.abs(level))));
  const symbols = [...new Set([0, ...categories])];
  const codeOf = (category: number) => '1'.repeat(symbols.indexOf(category)).concat('0');
  const firstMcu = levels.map((level, i) => {
    const category = categories[i] ?? 0;
    const value = level < 0 ? level + 2 ** category - 1 : level;
    const offset = category === 0 ? '' : value.toString(2).padStart(category, '0');
    return `${codeOf(category)}${offset}0`;
  });
  const mcuCount = Math.ceil(width / 8) * Math.ceil(height / 8);
  const bits = firstMcu.join('') + '00'.repeat(3).repeat(mcuCount - 1);

  return Buffer.concat([
    Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'),
    segment(0xfe, Buffer.from(comment)),
    // Quantisation by 8 turns a level into a DC value one to one.
    segment(0xdb, Buffer.from([0, ...Array.from({ length: 64 }, () => 8)])),
    segment(0xc0, frameHeader(width, height)),
    segment(0xc4, huffmanTable(0x00, symbols)),
    segment(0xc4, huffmanTable(0x10, [0])),
    segment(0xda, Buffer.from([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])),
    packed(bits),
    Buffer.from([0xff, 0xd9]),
  ]);
}

function segment(marker: number, payload: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(payload.length + 2, 2);
  return Buffer.concat([head, payload]);
}

function frameHeader(width: number, height: number): Buffer {
  const header = Buffer.from([8, 0, 0, 0, 0, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
  header.writeUInt16BE(height, 1);
  header.writeUInt16BE(width, 3);
  return header;
}

/** One code of each length: 0, 10, 110, and so on. */
function huffmanTable(id: number, symbols: readonly number[]): Buffer {
  const counts = Array.from({ length: 16 }, (_, i) => (i < symbols.length ? 1 : 0));
  return Buffer.from([id, ...counts, ...symbols]);
}

function packed(bits: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    bytes.push(...(byte === 0xff ? [0xff, 0] : [byte]));
  }
  return Buffer.from(bytes);
}

/** A valid PNG of one colour. */
export function makePng(width: number, height: number, colour: Colour): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const row = Buffer.from([0, ...Array.from({ length: width }, () => colour).flat()]);
  const rows = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', rows),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** The outer boxes of an MP4 or MOV with made-up content: enough for everything that goes by name and signature. */
export function makeMp4(size: number, comment: string, brand: 'isom' | 'qt  ' = 'isom'): Buffer {
  const file = Buffer.alloc(Math.max(size, 40 + Buffer.byteLength(comment)), 0);
  file.writeUInt32BE(24, 0);
  file.write(`ftyp${brand}`, 4, 'latin1');
  file.writeUInt32BE(512, 12);
  file.write(`${brand}mp41`, 16, 'latin1');
  file.writeUInt32BE(file.length - 24, 24);
  file.write('mdat', 28, 'latin1');
  file.write(comment, 32);
  return file;
}

export const TINY_JPEG: Buffer = makeJpeg(16, 16, [120, 140, 160], 'preview');

/** One pixel, lossless. */
export const TINY_WEBP: Buffer = Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64');
