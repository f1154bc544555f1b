import type { ByteReader } from './byte-reader.ts';
import { boxContent, findBox } from './iso-boxes.ts';

/** From 1904, where MP4 starts to count, to 1970. */
const MP4_EPOCH_S = 2_082_844_800;
/** From 2001, where Matroska starts to count, in nanoseconds, to 1970. */
const MATROSKA_EPOCH_MS = 978_307_200_000;

/** When an MP4 or MOV was made, in milliseconds since 1970 UTC; null when it says 0, as many do. */
export function movieCreationMs(reader: ByteReader): number | null {
  const header = findBox(reader, ['moov', 'mvhd']);
  if (header === null) return null;
  const content = boxContent(reader, header, 16);
  if (content.length < 16) return null;
  const seconds = content[0] === 1 ? Number(content.readBigUInt64BE(4)) : content.readUInt32BE(4);
  if (seconds === 0) return null;
  // Some cameras count from 1970 all the same; as 1904 that would be long before there was video.
  const sinceEpoch = seconds - MP4_EPOCH_S;
  return (sinceEpoch < 0 ? seconds : sinceEpoch) * 1000;
}

const EBML_SEGMENT = 0x18538067;
const EBML_INFO = 0x1549a966;
const EBML_DATE = 0x4461;
const MAX_ELEMENTS = 500;

/** `DateUTC` of a Matroska file in milliseconds since 1970; null when there is none. */
export function matroskaCreationMs(reader: ByteReader): number | null {
  const segment = findElement(reader, EBML_SEGMENT, 0, reader.sizeBytes);
  const info = segment && findElement(reader, EBML_INFO, segment.start, segment.end);
  const date = info && findElement(reader, EBML_DATE, info.start, info.end);
  if (date === null || date.end - date.start !== 8) return null;
  const content = reader.read(date.start, 8);
  if (content.length < 8) return null;
  return MATROSKA_EPOCH_MS + Math.round(Number(content.readBigInt64BE(0)) / 1e6);
}

interface Element {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

function findElement(reader: ByteReader, id: number, start: number, end: number): Element | null {
  let at = start;
  for (let count = 0; count < MAX_ELEMENTS && at < end; count++) {
    const element = elementAt(reader, at, end);
    if (element === null || element.id === id) return element;
    at = element.end;
  }
  return null;
}

/** Sizes of EBML say by their leading zero bits how many bytes they take; all ones mean to the end. */
function elementAt(reader: ByteReader, at: number, end: number): Element | null {
  const bytes = reader.read(at, 12);
  const idLength = Math.clz32(bytes[0] ?? 0) - 23;
  const sizeLength = Math.clz32(bytes[idLength] ?? 0) - 23;
  if (idLength > 4 || sizeLength > 8 || bytes.length < idLength + sizeLength) return null;
  const id = bytes.readUIntBE(0, idLength);
  let size = (bytes[idLength] ?? 0) & (0xff >> sizeLength);
  let isOpen = size === 0xff >> sizeLength;
  for (const byte of bytes.subarray(idLength + 1, idLength + sizeLength)) {
    size = size * 256 + byte;
    isOpen &&= byte === 0xff;
  }
  const start = at + idLength + sizeLength;
  return { id, start, end: isOpen ? end : Math.min(start + size, end) };
}
