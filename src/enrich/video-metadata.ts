import {
  ADTS,
  CustomSource,
  FLAC,
  Input,
  type InputFormat,
  MATROSKA,
  MP3,
  MP4,
  MPEG_TS,
  OGG,
  QTFF,
  WAVE,
  WEBM,
} from 'mediabunny';
import type { ByteReader } from './byte-reader.ts';
import { captureTimeOf, instantTime } from './capture-time.ts';
import type { Container } from './content-sniff.ts';
import { type MovieTags, movieTagFindings } from './movie-tags.ts';
import { matroskaCreationMs, movieCreationMs } from './movie-times.ts';
import { type OldVideoFacts, readAsf, readAvi, readMpeg } from './old-video.ts';
import type { Findings } from './sound-facts.ts';

/** Which of its formats mediabunny is asked for; it need not guess, because the content was looked at. */
const FORMATS: Partial<Record<Container, InputFormat[]>> = {
  movie: [MP4, QTFF],
  matroska: [MATROSKA, WEBM],
  'mpeg-ts': [MPEG_TS],
  ogg: [OGG],
  wave: [WAVE],
  flac: [FLAC],
  mp3: [MP3],
  adts: [ADTS],
};

const MAX_CACHE_BYTES = 4 * 1024 * 1024;

/**
 * Size as displayed, duration, capture time and place of a video, or of sound. What cannot be read is missing.
 * @param onProblem told of each part that is broken.
 */
export async function videoFindings(
  reader: ByteReader,
  container: Container,
  onProblem: (error: unknown) => void,
): Promise<Findings> {
  switch (container) {
    case 'avi':
      return oldFindings(readAvi(reader), 'avi:IDIT');
    case 'asf':
      return oldFindings(readAsf(reader), 'asf:creation date');
    case 'mpeg-ps':
      return oldFindings(readMpeg(reader), 'mpeg');
    default:
      return await modernFindings(reader, container, onProblem);
  }
}

function oldFindings(facts: OldVideoFacts, field: string): Findings {
  const { clockText, createdMs } = facts;
  const clock = captureTimeOf({ clocks: [{ text: clockText, from: field }] });
  return { ...facts, taken: clock ?? (createdMs === null ? null : instantTime(createdMs, field)) };
}

async function modernFindings(
  reader: ByteReader,
  container: Container,
  onProblem: (error: unknown) => void,
): Promise<Findings> {
  const formats = FORMATS[container];
  if (formats === undefined) return {};
  const guarded = async <T>(work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      onProblem(error);
      return null;
    }
  };
  const input = new Input({ source: sourceOf(reader), formats });
  try {
    const size = await guarded(() => displaySize(input));
    const durationMs = await guarded(() => durationOf(input, container));
    const tags = (await guarded(() => tagsOf(input))) ?? {};
    const creation = await guarded(async () => creationOf(reader, container));
    const found = movieTagFindings(tags, creation?.ms ?? null, creation?.field ?? '');
    // MPEG-2 in a transport stream is what mediabunny does not know.
    const isForeign = container === 'mpeg-ts' && size === null;
    return { ...found, ...(isForeign ? mpegSize(reader) : size), durationMs };
  } finally {
    input.dispose();
  }
}

function sourceOf(reader: ByteReader): CustomSource {
  return new CustomSource({
    getSize: () => reader.sizeBytes,
    read: (start, end) => {
      const bytes = reader.read(start, end - start);
      if (bytes.length < end - start) throw new Error('the file ends too early, or is read for too long');
      return bytes;
    },
    maxCacheSize: MAX_CACHE_BYTES,
  });
}

async function displaySize(input: Input): Promise<{ width: number; height: number } | null> {
  const track = await input.getPrimaryVideoTrack();
  if (track === null) return null;
  return { width: await track.getDisplayWidth(), height: await track.getDisplayHeight() };
}

async function durationOf(input: Input, container: Container): Promise<number> {
  const endS = await input.computeDuration();
  // A transport stream is cut out of a broadcast or a recording: its clock does not begin at 0.
  const startS = container === 'mpeg-ts' ? await input.getFirstTimestamp() : 0;
  return (endS - startS) * 1000;
}

async function tagsOf(input: Input): Promise<MovieTags> {
  return (await input.getMetadataTags()).raw ?? {};
}

function creationOf(reader: ByteReader, container: Container): { ms: number | null; field: string } | null {
  if (container === 'movie') return { ms: movieCreationMs(reader), field: 'mvhd' };
  return container === 'matroska' ? { ms: matroskaCreationMs(reader), field: 'DateUTC' } : null;
}

function mpegSize(reader: ByteReader): Pick<OldVideoFacts, 'width' | 'height'> {
  const { width, height } = readMpeg(reader);
  return { width, height };
}
