import type { ByteReader } from './byte-reader.ts';
import { type Chunk, chunkContent, findChunk } from './riff-chunks.ts';

/** What the headers of AVI, ASF (WMV) and MPEG files tell. */
export interface OldVideoFacts {
  readonly width: number | null;
  readonly height: number | null;
  readonly durationMs: number | null;
  /** As text of a wall clock, if the file has one. */
  readonly clockText: string | null;
  /** In milliseconds since 1970 UTC. */
  readonly createdMs: number | null;
}

const NOTHING: OldVideoFacts = {
  width: null,
  height: null,
  durationMs: null,
  clockText: null,
  createdMs: null,
};

export function readAvi(reader: ByteReader): OldVideoFacts {
  const header = findChunk(reader, 'hdrl');
  const main = header && findChunk(reader, 'avih', header);
  if (header === null || main === null) return NOTHING;
  const content = chunkContent(reader, main, 56);
  if (content.length < 40) return NOTHING;
  const frameMicros = content.readUInt32LE(0);
  // A file of several parts tells the frames of all of them in `dmlh`.
  const frames = Math.max(content.readUInt32LE(16), longFrames(reader, header));
  const date = findChunk(reader, 'IDIT', header);
  return {
    width: content.readUInt32LE(32),
    height: Math.abs(content.readInt32LE(36)),
    durationMs: (frames * frameMicros) / 1000,
    clockText: date === null ? null : aviDate(chunkContent(reader, date, 64).toString('latin1')),
    createdMs: null,
  };
}

function longFrames(reader: ByteReader, header: Chunk): number {
  const list = findChunk(reader, 'odml', header);
  const long = list && findChunk(reader, 'dmlh', list);
  const content = long === null ? null : chunkContent(reader, long, 4);
  return content !== null && content.length === 4 ? content.readUInt32LE(0) : 0;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `Sat Apr 11 15:47:53 2009`, `2009:04:11 15:47:53` and `2009/04/11/ 15:47`: cameras differ. */
function aviDate(text: string): string | null {
  const spoken = /^\w{3} +(\w{3}) +(\d{1,2}) +(\d{2}:\d{2}:\d{2}) +(\d{4})/.exec(text);
  if (spoken === null) {
    const numbers = /^(\d{4})[:/-](\d{1,2})[:/-](\d{1,2})\/? +(\d{1,2}:\d{1,2}(?::\d{1,2})?)/.exec(
      text.trim(),
    );
    return numbers === null ? null : `${numbers[1]}-${numbers[2]}-${numbers[3]}T${numbers[4]}`;
  }
  const month = MONTHS.indexOf((spoken[1] ?? '').toLowerCase()) + 1;
  return month === 0 ? null : `${spoken[4]}-${month}-${spoken[2]}T${spoken[3]}`;
}

/** Ids of ASF objects, as they stand in the file. */
const ASF_FILE_PROPERTIES = 'a1dcab8c47a9cf118ee400c00c205365';
const ASF_STREAM_PROPERTIES = '9107dcb7b7a9cf118ee600c00c205365';
const ASF_VIDEO_STREAM = 'c0ef19bc4d5bcf11a8fd00805f5c442b';
const ASF_MAX_OBJECTS = 100;
/** From 1601, where Windows starts to count 100 ns steps, to 1970. */
const WINDOWS_EPOCH_MS = 11_644_473_600_000;

export function readAsf(reader: ByteReader): OldVideoFacts {
  const header = reader.read(0, 30);
  if (header.length < 30) return NOTHING;
  const end = Math.min(Number(header.readBigUInt64LE(16)), reader.sizeBytes);
  let facts = NOTHING;
  let at = 30;
  for (let count = 0; count < ASF_MAX_OBJECTS && at + 24 <= end; count++) {
    const object = reader.read(at, 128);
    if (object.length < 24) break;
    const id = object.toString('hex', 0, 16);
    const size = Number(object.readBigUInt64LE(16));
    if (size < 24) break;
    if (id === ASF_FILE_PROPERTIES && object.length >= 88) facts = { ...facts, ...asfTimes(object) };
    const isVideo = id === ASF_STREAM_PROPERTIES && object.toString('hex', 24, 40) === ASF_VIDEO_STREAM;
    if (isVideo && object.length >= 86) {
      facts = { ...facts, width: object.readUInt32LE(78), height: object.readUInt32LE(82) };
    }
    at += size;
  }
  return facts;
}

function asfTimes(object: Buffer): Pick<OldVideoFacts, 'createdMs' | 'durationMs'> {
  const createdSteps = Number(object.readBigUInt64LE(48));
  // The play time holds the time that a player buffers first.
  const bufferedMs = Number(object.readBigUInt64LE(80));
  return {
    createdMs: createdSteps === 0 ? null : createdSteps / 10_000 - WINDOWS_EPOCH_MS,
    durationMs: Number(object.readBigUInt64LE(64)) / 10_000 - bufferedMs,
  };
}

const MPEG_SEARCH_BYTES = 1024 * 1024;
const SEQUENCE_HEADER = Buffer.from([0, 0, 1, 0xb3]);
const PACK_HEADER = Buffer.from([0, 0, 1, 0xba]);

/** MPEG-1 and MPEG-2 video: the first sequence header, and the clocks of the first and last packs. */
export function readMpeg(reader: ByteReader): OldVideoFacts {
  const head = reader.read(0, MPEG_SEARCH_BYTES);
  const at = head.indexOf(SEQUENCE_HEADER);
  const sides = at < 0 || at + 7 > head.length ? null : head.readUIntBE(at + 4, 3);
  const first = clockOf(head, head.indexOf(PACK_HEADER));
  const tail = reader.read(Math.max(0, reader.sizeBytes - MPEG_SEARCH_BYTES), MPEG_SEARCH_BYTES);
  const last = clockOf(tail, tail.lastIndexOf(PACK_HEADER));
  return {
    ...NOTHING,
    width: sides === null ? null : sides >> 12,
    height: sides === null ? null : sides & 0xfff,
    durationMs: first === null || last === null ? null : last - first,
  };
}

/** The system clock of a pack header in milliseconds: 33 bits that count 90 kHz, between marker bits. */
function clockOf(bytes: Buffer, at: number): number | null {
  if (at < 0 || at + 10 > bytes.length) return null;
  const bits = bytes.subarray(at + 4, at + 9);
  // MPEG-2 begins with the bits 01, MPEG-1 with 0010; then three bits, a marker, 15 bits, a marker, 15 bits.
  const start = (bits[0] ?? 0) >> 6 === 1 ? 2 : 4;
  const ticks =
    takeBits(bits, start, 3) * 2 ** 30 +
    takeBits(bits, start + 4, 15) * 2 ** 15 +
    takeBits(bits, start + 20, 15);
  return ticks / 90;
}

function takeBits(bytes: Buffer, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++)
    value = value * 2 + (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
  return value;
}
