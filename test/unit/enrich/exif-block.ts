/** A value of a TIFF directory: a text, bytes of no type, or numbers of one of its types. */
export type TiffValue =
  | string
  | Buffer
  | { readonly short: readonly number[] }
  | { readonly long: readonly number[] }
  | { readonly rational: readonly (readonly [number, number])[] };

export type Directory = Readonly<Record<number, TiffValue>>;

export interface ExifDirectories {
  readonly ifd0?: Directory;
  readonly exif?: Directory;
  readonly gps?: Directory;
  /** Further pictures, as raw files have them. */
  readonly subIfds?: readonly Directory[];
}

const EXIF_POINTER = 0x8769;
const GPS_POINTER = 0x8825;
const SUB_IFDS = 0x014a;
const HEADER_BYTES = 8;

/** A little-endian TIFF structure with the given directories, written byte by byte so that tests know what is in it. */
export function tiffOf({ ifd0 = {}, exif, gps, subIfds = [] }: ExifDirectories): Buffer {
  const parts: Buffer[] = [];
  let size = HEADER_BYTES;
  const add = (part: Buffer): number => {
    const at = size;
    parts.push(part);
    size += part.length;
    return at;
  };
  const pointers: Record<number, TiffValue> = {};
  if (exif !== undefined) pointers[EXIF_POINTER] = { long: [addDirectory(exif, add)] };
  if (gps !== undefined) pointers[GPS_POINTER] = { long: [addDirectory(gps, add)] };
  const places = subIfds.map((directory) => addDirectory(directory, add));
  if (places.length > 0) pointers[SUB_IFDS] = { long: places };
  const first = addDirectory({ ...ifd0, ...pointers }, add);
  const header = Buffer.from('II*\0\0\0\0\0', 'latin1');
  header.writeUInt32LE(first, 4);
  return Buffer.concat([header, ...parts]);
}

/** A whole JPEG with this in front of everything else. */
export function withExif(jpeg: Buffer, directories: ExifDirectories): Buffer {
  return withSegment(jpeg, 0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiffOf(directories)]));
}

export function withXmp(jpeg: Buffer, properties: string): Buffer {
  const header = Buffer.from('http://ns.adobe.com/xap/1.0/\0', 'latin1');
  return withSegment(jpeg, 0xe1, Buffer.concat([header, Buffer.from(xmpOf(properties))]));
}

/** @param properties attributes of the description, such as `photoshop:DateCreated="…"`. */
export function xmpOf(properties: string): string {
  return `<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:ps="http://ns.adobe.com/photoshop/1.0/"
    xmlns:xap="http://ns.adobe.com/xap/1.0/" ${properties}/></rdf:RDF></x:xmpmeta>`;
}

export function withSegment(jpeg: Buffer, marker: number, content: Buffer): Buffer {
  const header = Buffer.from([0xff, marker, 0, 0]);
  header.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), header, content, jpeg.subarray(2)]);
}

function addDirectory(directory: Directory, add: (part: Buffer) => number): number {
  const entries = Object.entries(directory)
    .map(([tag, value]) => ({ tag: Number(tag), ...encoded(value) }))
    .sort((a, b) => a.tag - b.tag);
  const block = Buffer.alloc(2 + entries.length * 12 + 4);
  block.writeUInt16LE(entries.length, 0);
  for (const [index, { tag, type, count, bytes }] of entries.entries()) {
    const at = 2 + index * 12;
    block.writeUInt16LE(tag, at);
    block.writeUInt16LE(type, at + 2);
    block.writeUInt32LE(count, at + 4);
    if (bytes.length <= 4) bytes.copy(block, at + 8);
    else block.writeUInt32LE(add(bytes), at + 8);
  }
  return add(block);
}

function encoded(value: TiffValue): { type: number; count: number; bytes: Buffer } {
  if (typeof value === 'string') {
    const bytes = Buffer.from(`${value}\0`, 'latin1');
    return { type: 2, count: bytes.length, bytes };
  }
  if (Buffer.isBuffer(value)) return { type: 7, count: value.length, bytes: value };
  if ('short' in value) {
    const bytes = Buffer.alloc(value.short.length * 2);
    for (const [at, number] of value.short.entries()) bytes.writeUInt16LE(number, at * 2);
    return { type: 3, count: value.short.length, bytes };
  }
  if ('long' in value) {
    const bytes = Buffer.alloc(value.long.length * 4);
    for (const [at, number] of value.long.entries()) bytes.writeUInt32LE(number, at * 4);
    return { type: 4, count: value.long.length, bytes };
  }
  const bytes = Buffer.alloc(value.rational.length * 8);
  for (const [at, [numerator, denominator]] of value.rational.entries()) {
    bytes.writeUInt32LE(numerator, at * 8);
    bytes.writeUInt32LE(denominator, at * 8 + 4);
  }
  return { type: 5, count: value.rational.length, bytes };
}
