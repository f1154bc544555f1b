import { mediaKindOfType } from '../model/content-type.ts';

/** How many bytes from the start `sniffContentType` looks at. */
export const SNIFF_BYTES = 4096;

/** What the bytes tell about a file, as far as they tell it. */
export type Container =
  | 'jpeg'
  | 'png'
  | 'gif'
  | 'webp'
  | 'tiff'
  | 'bmp'
  | 'psd'
  | 'heif'
  | 'jxl'
  | 'jp2'
  | 'j2k'
  | 'cr3'
  | 'raf'
  | 'movie'
  | 'matroska'
  | 'mpeg-ts'
  | 'mpeg-ps'
  | 'avi'
  | 'asf'
  | 'ogg'
  | 'wave'
  | 'flac'
  | 'mp3'
  | 'adts'
  | 'other';

export interface Sniffed {
  readonly container: Container;
  /** Null: the bytes do not say which of several types it is, and the name knows better. */
  readonly contentType: string | null;
}

interface Signature {
  readonly bytes: string;
  /** Where they stand; 0 when absent. */
  readonly at?: number;
  readonly container: Container;
  readonly contentType: string;
}

/** Signatures, byte by byte as Latin-1. The first that fits is taken. */
const SIGNATURES: readonly Signature[] = [
  { bytes: '\xff\xd8\xff', container: 'jpeg', contentType: 'image/jpeg' },
  { bytes: '\x89PNG\r\n\x1a\n', container: 'png', contentType: 'image/png' },
  { bytes: 'GIF87a', container: 'gif', contentType: 'image/gif' },
  { bytes: 'GIF89a', container: 'gif', contentType: 'image/gif' },
  { bytes: 'II*\0', container: 'tiff', contentType: 'image/tiff' },
  { bytes: 'MM\0*', container: 'tiff', contentType: 'image/tiff' },
  { bytes: 'II+\0', container: 'tiff', contentType: 'image/tiff' },
  { bytes: 'MM\0+', container: 'tiff', contentType: 'image/tiff' },
  { bytes: 'IIRO', container: 'tiff', contentType: 'image/x-olympus-orf' },
  { bytes: 'IIRS', container: 'tiff', contentType: 'image/x-olympus-orf' },
  { bytes: 'MMOR', container: 'tiff', contentType: 'image/x-olympus-orf' },
  { bytes: 'IIU\0', container: 'tiff', contentType: 'image/x-panasonic-rw2' },
  { bytes: 'FUJIFILMCCD-RAW', container: 'raf', contentType: 'image/x-fuji-raf' },
  { bytes: 'FOVb', container: 'other', contentType: 'image/x-sigma-x3f' },
  { bytes: '8BPS', container: 'psd', contentType: 'image/vnd.adobe.photoshop' },
  { bytes: '\xff\x0a', container: 'jxl', contentType: 'image/jxl' },
  { bytes: '\0\0\0\x0cJXL \r\n\x87\n', container: 'jxl', contentType: 'image/jxl' },
  { bytes: '\0\0\0\x0cjP  \r\n\x87\n', container: 'jp2', contentType: 'image/jp2' },
  { bytes: '\xff\x4f\xff\x51', container: 'j2k', contentType: 'image/jp2' },
  { bytes: 'WEBP', at: 8, container: 'webp', contentType: 'image/webp' },
  { bytes: 'AVI ', at: 8, container: 'avi', contentType: 'video/x-msvideo' },
  { bytes: 'WAVE', at: 8, container: 'wave', contentType: 'audio/wav' },
  { bytes: '\x30\x26\xb2\x75\x8e\x66\xcf\x11', container: 'asf', contentType: 'video/x-ms-asf' },
  { bytes: '\x1a\x45\xdf\xa3', container: 'matroska', contentType: 'video/x-matroska' },
  { bytes: 'OggS', container: 'ogg', contentType: 'audio/ogg' },
  { bytes: 'fLaC', container: 'flac', contentType: 'audio/x-flac' },
  { bytes: 'ID3', container: 'mp3', contentType: 'audio/mpeg' },
  { bytes: '\0\0\x01\xba', container: 'mpeg-ps', contentType: 'video/mpeg' },
  { bytes: '\0\0\x01\xb3', container: 'mpeg-ps', contentType: 'video/mpeg' },
  { bytes: 'FLV\x01', container: 'other', contentType: 'video/x-flv' },
  { bytes: '#!AMR', container: 'other', contentType: 'audio/amr' },
  { bytes: '%PDF-', container: 'other', contentType: 'application/pdf' },
  { bytes: 'PK\x03\x04', container: 'other', contentType: 'application/zip' },
];

/** Major brands of ISO base media files, https://mp4ra.org */
const BRANDS: Readonly<Record<string, { container: Container; contentType: string }>> = {
  heic: { container: 'heif', contentType: 'image/heic' },
  heix: { container: 'heif', contentType: 'image/heic' },
  heim: { container: 'heif', contentType: 'image/heic' },
  heis: { container: 'heif', contentType: 'image/heic' },
  hevc: { container: 'heif', contentType: 'image/heic-sequence' },
  mif1: { container: 'heif', contentType: 'image/heif' },
  mif2: { container: 'heif', contentType: 'image/heif' },
  msf1: { container: 'heif', contentType: 'image/heif-sequence' },
  avif: { container: 'heif', contentType: 'image/avif' },
  avis: { container: 'heif', contentType: 'image/avif' },
  'crx ': { container: 'cr3', contentType: 'image/x-canon-cr3' },
  'qt  ': { container: 'movie', contentType: 'video/quicktime' },
  'M4A ': { container: 'movie', contentType: 'audio/mp4' },
  'M4B ': { container: 'movie', contentType: 'audio/mp4' },
  'M4V ': { container: 'movie', contentType: 'video/x-m4v' },
};

/** A MOV of old cameras starts without `ftyp`. */
const OLD_MOVIE_BOXES = new Set(['moov', 'mdat', 'free', 'skip', 'wide', 'pnot']);

/** Types of one container that only the name can tell apart, each group by the type that its bytes give. */
const NAME_KNOWS_BETTER: Readonly<Record<string, (named: string) => boolean>> = {
  'image/jpeg': (named) => named === 'image/mpo',
  'image/png': (named) => named === 'image/apng',
  'image/tiff': isCameraRaw,
  'image/x-olympus-orf': isCameraRaw,
  'image/x-panasonic-rw2': isCameraRaw,
  'image/jp2': (named) => /^image\/(jpx|jpm|jpf)$/.test(named),
  'image/heif': (named) => named === 'image/heic',
  'video/mp4': (named) => /^(video\/(x-m4v|3gpp2?)|audio\/(mp4|x-m4a|3gpp))$/.test(named),
  'video/x-matroska': (named) => named === 'audio/x-matroska',
  'video/webm': (named) => named === 'audio/webm',
  'video/x-ms-asf': (named) => named.startsWith('video/x-ms-') || named.startsWith('audio/x-ms-'),
  'audio/ogg': (named) => named === 'video/ogg' || named.startsWith('audio/'),
  'audio/wav': (named) => named.startsWith('audio/'),
  'audio/x-flac': (named) => named === 'audio/flac',
  'audio/mpeg': (named) => named.startsWith('audio/'),
  // What is packed in a ZIP has a type of its own.
  'application/zip': (named) => !isMedia(named),
};

/**
 * What the first bytes of a file are, or null when they are of no kind known here.
 * @param head the first `SNIFF_BYTES`, or fewer when the file is shorter.
 * @param namedType the type its name stands for.
 */
export function sniffContentType(head: Buffer, namedType: string): Sniffed | null {
  const found = bySignature(head) ?? byBoxes(head) ?? byFrames(head, namedType);
  if (found === null) return null;
  const isForName = NAME_KNOWS_BETTER[found.contentType]?.(namedType) ?? false;
  return { container: found.container, contentType: isForName ? null : found.contentType };
}

interface Found {
  readonly container: Container;
  readonly contentType: string;
}

function bySignature(head: Buffer): Found | null {
  const found = SIGNATURES.find(
    ({ bytes, at = 0 }) => head.toString('latin1', at, at + bytes.length) === bytes,
  );
  if (found === undefined) return null;
  // The name of the kind of EBML document stands near its start.
  if (found.container === 'matroska' && head.subarray(0, 64).includes('webm')) {
    return { container: 'matroska', contentType: 'video/webm' };
  }
  if (found.container === 'ogg' && head.subarray(0, 64).includes('theora')) {
    return { container: 'ogg', contentType: 'video/ogg' };
  }
  const isRiff = found.at === 8;
  return isRiff && head.toString('latin1', 0, 4) !== 'RIFF' ? null : found;
}

function byBoxes(head: Buffer): Found | null {
  if (head.length < 12) return null;
  const type = head.toString('latin1', 4, 8);
  if (OLD_MOVIE_BOXES.has(type)) return { container: 'movie', contentType: 'video/quicktime' };
  if (type !== 'ftyp') return null;
  const end = Math.min(Math.max(head.readUInt32BE(0), 16), 256, head.length);
  const major = head.toString('latin1', 8, 12);
  const others: string[] = [];
  for (let at = 16; at + 4 <= end; at += 4) others.push(head.toString('latin1', at, at + 4));
  // `mif1` says only that it is an image: what it is coded with is among the others.
  if (major === 'mif1') {
    const coding = others.find((brand) => brand === 'heic' || brand === 'heix' || brand === 'avif');
    if (coding !== undefined) return BRANDS[coding] ?? null;
  }
  if (/^3g[2ghpr]/.test(major)) {
    return { container: 'movie', contentType: major.startsWith('3g2') ? 'video/3gpp2' : 'video/3gpp' };
  }
  return BRANDS[major] ?? { container: 'movie', contentType: 'video/mp4' };
}

/** Formats without a signature: the rhythm of their packets, or two bytes that only count when the name agrees. */
function byFrames(head: Buffer, namedType: string): Found | null {
  if (isTransportStream(head, 0, 188) || isTransportStream(head, 4, 192)) {
    return { container: 'mpeg-ts', contentType: 'video/mp2t' };
  }
  if (namedType === 'image/bmp' && head.toString('latin1', 0, 2) === 'BM') {
    return { container: 'bmp', contentType: 'image/bmp' };
  }
  const sync = head.length >= 4 && namedType.startsWith('audio/') ? head.readUInt16BE(0) : 0;
  if ((sync & 0xfff6) === 0xfff0) return { container: 'adts', contentType: 'audio/aac' };
  if ((sync & 0xffe0) === 0xffe0) return { container: 'mp3', contentType: 'audio/mpeg' };
  return null;
}

function isTransportStream(head: Buffer, first: number, packetBytes: number): boolean {
  if (head.length < first + 3 * packetBytes + 1) return false;
  return [0, 1, 2, 3].every((count) => head[first + count * packetBytes] === 0x47);
}

/** Raw formats borrow each other's signatures, mostly that of TIFF. */
function isCameraRaw(contentType: string): boolean {
  return contentType.startsWith('image/x-');
}

function isMedia(contentType: string): boolean {
  return mediaKindOfType(contentType) !== 'other';
}
