import type { ByteReader } from './byte-reader.ts';

/** One chunk of a RIFF file (WebP, AVI, WAV): where its content lies. */
export interface Chunk {
  /** Four characters; of a `LIST`, the characters that say of what. */
  readonly type: string;
  readonly isList: boolean;
  readonly start: number;
  readonly end: number;
}

const MAX_CHUNKS = 2000;
/** `RIFF`, the size, `WEBP`. */
const FILE_HEADER_BYTES = 12;

export function* chunksOf(
  reader: ByteReader,
  start = FILE_HEADER_BYTES,
  end = reader.sizeBytes,
): Generator<Chunk> {
  let at = start;
  for (let count = 0; count < MAX_CHUNKS && at + 8 <= end; count++) {
    const header = reader.read(at, 12);
    if (header.length < 8) return;
    const chunkEnd = Math.min(at + 8 + header.readUInt32LE(4), end);
    const isList = header.toString('latin1', 0, 4) === 'LIST' && header.length === 12;
    const type = header.toString('latin1', isList ? 8 : 0, isList ? 12 : 4);
    yield { type, isList, start: at + (isList ? 12 : 8), end: chunkEnd };
    // Chunks begin at even places.
    at = chunkEnd + ((chunkEnd - at) % 2);
  }
}

/** The first chunk of a type in the file, or in one of its lists; null when there is none. */
export function findChunk(reader: ByteReader, type: string, within?: Chunk): Chunk | null {
  const chunks = within === undefined ? chunksOf(reader) : chunksOf(reader, within.start, within.end);
  for (const chunk of chunks) if (chunk.type === type) return chunk;
  return null;
}

export function chunkContent(reader: ByteReader, chunk: Chunk, maxBytes: number): Buffer {
  return reader.read(chunk.start, Math.min(chunk.end - chunk.start, maxBytes));
}
