import { type ExifDirectories, withExif } from './exif-block.ts';

export const MAKER_NOTE = 0x927c;

/** What Apple's phones write as the note of the maker: big-endian, with places counted from its own start. */
export function appleNote(contentIdentifier: string): Buffer {
  const text = Buffer.from(`${contentIdentifier}\0`, 'latin1');
  const header = Buffer.from('Apple iOS\0\0\x01MM', 'latin1');
  const directory = Buffer.alloc(2 + 2 * 12 + 4);
  directory.writeUInt16BE(2, 0);
  // The version of the note.
  directory.writeUInt16BE(0x0001, 2);
  directory.writeUInt16BE(9, 4);
  directory.writeUInt32BE(1, 6);
  directory.writeInt32BE(14, 10);
  directory.writeUInt16BE(0x0011, 14);
  directory.writeUInt16BE(2, 16);
  directory.writeUInt32BE(text.length, 18);
  directory.writeUInt32BE(header.length + directory.length, 22);
  return Buffer.concat([header, directory, text]);
}

/** The still of a live photo as a phone exports it. */
export function liveStill(jpeg: Buffer, contentIdentifier: string): Buffer {
  const directories: ExifDirectories = {
    ifd0: { 271: 'Apple', 272: 'iPhone 15' },
    exif: { [MAKER_NOTE]: appleNote(contentIdentifier) },
  };
  return withExif(jpeg, directories);
}

/** A QuickTime film without pictures: its header, and what Apple writes beside it; null: what others leave of that. */
export function liveFilm(contentIdentifier: string | null): Buffer {
  const name = 'com.apple.quicktime.content.identifier';
  const handler = box('hdlr', Buffer.concat([Buffer.alloc(8), Buffer.from('mdta'), Buffer.alloc(12)]));
  const keys = box('keys', Buffer.concat([number(0), number(1), box('mdta', Buffer.from(name))]));
  const value = box('data', Buffer.concat([number(1), number(0), Buffer.from(contentIdentifier ?? '')]));
  const list = box('ilst', box(1, value));
  const header = Buffer.alloc(100);
  header.writeUInt32BE(600, 12);
  const meta = box('meta', Buffer.concat([handler, keys, list]));
  const film = box(
    'moov',
    Buffer.concat([box('mvhd', header), ...(contentIdentifier === null ? [] : [meta])]),
  );
  return Buffer.concat([box('ftyp', Buffer.from('qt  \0\0\0\0qt  ', 'latin1')), film]);
}

/** @param type four characters, or a number as items of `ilst` have it. */
function box(type: string | number, content: Buffer): Buffer {
  const header = number(content.length + 8);
  const name = typeof type === 'number' ? number(type) : Buffer.from(type, 'latin1');
  return Buffer.concat([header, name, content]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
