import type { MediaFacts } from '../model/asset.ts';
import { UNKNOWN_MEDIA } from '../model/asset.ts';
import { mediaKindOfType } from '../model/content-type.ts';
import { type ByteReader, limitedReader } from './byte-reader.ts';
import { type Container, SNIFF_BYTES, sniffContentType } from './content-sniff.ts';
import { imageFindings } from './image-metadata.ts';
import { type Findings, soundFacts } from './sound-facts.ts';
import { videoFindings } from './video-metadata.ts';

/** The bytes of one file, for looking into them. */
export interface MediaContent {
  readonly reader: ByteReader;
  /** All bytes, or null for a file that is too large for memory. */
  readonly whole: Buffer | null;
}

/** What a look into a file has shown. */
export interface FoundMedia {
  readonly media: MediaFacts;
  /** By content; null when the content does not tell it. */
  readonly contentType: string | null;
  /** Why not everything could be read, for people, as in "12 × a damaged image"; null when all went well. */
  readonly problem: string | null;
}

/** What the parsers of one file may read of it in all. Real files need a fraction; an hour of MP3 needs most. */
const READ_BUDGET_BYTES = 256 * 1024 * 1024;

const IMAGE_CONTAINERS: ReadonlySet<Container> = new Set<Container>([
  ...([
    'jpeg',
    'png',
    'gif',
    'webp',
    'tiff',
    'bmp',
    'psd',
    'heif',
    'jxl',
    'jp2',
    'j2k',
    'cr3',
    'raf',
  ] as const),
]);

/** Types that have no signature, so that nothing follows from not finding one. */
const WITHOUT_SIGNATURE = new Set([
  'image/svg+xml',
  'image/x-icon',
  'image/vnd.microsoft.icon',
  'image/x-tga',
]);

/**
 * Looks into a file, by what it is and not by what it is called. Never rejects for what stands in the file: what
 * cannot be read is missing, and `problem` says so.
 * @param namedType the type that the name stands for.
 */
export async function findMedia(content: MediaContent, namedType: string): Promise<FoundMedia> {
  if (content.reader.sizeBytes === 0) return nothing('an empty file');
  const sniffed = sniffContentType(content.reader.read(0, SNIFF_BYTES), namedType);
  if (sniffed === null) return nothing(unknownProblem(namedType));
  const { container, contentType } = sniffed;
  const reader = limitedReader(content.reader, READ_BUDGET_BYTES);
  const isImage = IMAGE_CONTAINERS.has(container);
  let isBroken = false;
  const onProblem = () => {
    isBroken = true;
  };
  let findings: Findings = {};
  try {
    const isRaw = isRawFile(container, contentType ?? namedType);
    findings = isImage
      ? await imageFindings({ ...content, reader, container, isRaw }, onProblem)
      : await videoFindings(reader, container, onProblem);
  } catch {
    onProblem();
  }
  const what = isImage ? 'image' : mediaKindOfType(contentType ?? namedType);
  return { media: soundFacts(findings), contentType, problem: isBroken ? `a damaged ${what}` : null };
}

/** Most camera raw files are told by their names: their signature is that of TIFF. */
function isRawFile(container: Container, contentType: string): boolean {
  if (container === 'tiff') return contentType.startsWith('image/x-');
  return container === 'raf' || container === 'cr3';
}

function nothing(problem: string | null): FoundMedia {
  return { media: UNKNOWN_MEDIA, contentType: null, problem };
}

function unknownProblem(namedType: string): string | null {
  const kind = mediaKindOfType(namedType);
  const isExpected = (kind === 'image' || kind === 'video') && !WITHOUT_SIGNATURE.has(namedType);
  return isExpected ? `a file that is no ${kind} inside` : null;
}
