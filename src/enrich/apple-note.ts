import type { ByteReader } from './byte-reader.ts';

const TAG_EXIF_IFD = 0x8769;
const TAG_MAKER_NOTE = 0x927c;
/** ContentIdentifier, which ExifTool called MediaGroupUUID before. */
const TAG_CONTENT_IDENTIFIER = 0x0011;

const NOTE_SIGNATURE = 'Apple iOS\0';
/** Behind the signature: two bytes of version, two of byte order. */
const NOTE_ORDER_AT = 12;
const NOTE_DIRECTORY_AT = 14;

/** More entries than any directory of EXIF has. */
const MAX_ENTRIES = 512;
const MAX_TEXT_BYTES = 200;
const ENTRY_BYTES = 12;

/**
 * What Apple's phones write into the still of a live photo and into its film. Not by exifr: where the note of a maker lies
 * outside of the block, as it may in a file that was edited, exifr stops there, and what comes behind it is lost.
 * @param exif a TIFF structure: an EXIF block without its wrapping, or a raw file that is one.
 * @returns the text as it stands there; null when there is none, whatever the reason.
 */
export function contentIdentifierOf(exif: ByteReader): string | null {
  const header = exif.read(0, 8);
  if (header.length < 8) return null;
  const whole = { reader: exif, isLittle: header[0] === 0x49 };
  const pointer = entryOf(whole, numberAt(whole, header, 4), TAG_EXIF_IFD);
  const note = pointer === null ? null : entryOf(whole, pointer.value, TAG_MAKER_NOTE);
  if (note === null) return null;
  const start = exif.read(note.value, NOTE_DIRECTORY_AT);
  if (
    start.length < NOTE_DIRECTORY_AT ||
    start.toString('latin1', 0, NOTE_SIGNATURE.length) !== NOTE_SIGNATURE
  )
    return null;
  // A structure of its own, whose places are counted from its signature.
  const isLittle = start.toString('latin1', NOTE_ORDER_AT) === 'II';
  const entry = entryOf({ reader: exif, isLittle }, note.value + NOTE_DIRECTORY_AT, TAG_CONTENT_IDENTIFIER);
  if (entry === null) return null;
  const text = exif.read(note.value + entry.value, Math.min(entry.count, MAX_TEXT_BYTES)).toString('latin1');
  return text.split('\0', 1)[0] ?? null;
}

interface Structure {
  readonly reader: ByteReader;
  readonly isLittle: boolean;
}

interface Entry {
  readonly count: number;
  /** A number, or where the value stands when it has more than four bytes. */
  readonly value: number;
}

function entryOf(structure: Structure, directoryAt: number, tag: number): Entry | null {
  const { reader, isLittle } = structure;
  const head = reader.read(directoryAt, 2);
  if (head.length < 2) return null;
  const count = isLittle ? head.readUInt16LE() : head.readUInt16BE();
  if (count > MAX_ENTRIES) return null;
  const entries = reader.read(directoryAt + 2, count * ENTRY_BYTES);
  for (let at = 0; at + ENTRY_BYTES <= entries.length; at += ENTRY_BYTES) {
    const found = isLittle ? entries.readUInt16LE(at) : entries.readUInt16BE(at);
    if (found !== tag) continue;
    return { count: numberAt(structure, entries, at + 4), value: numberAt(structure, entries, at + 8) };
  }
  return null;
}

function numberAt({ isLittle }: Structure, bytes: Buffer, at: number): number {
  return isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}
