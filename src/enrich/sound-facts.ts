import type { CaptureTime, MediaFacts } from '../model/asset.ts';

/** What a parser believes to have found. Anything may be missing, and nothing of it is trusted. */
export interface Findings {
  readonly width?: number | null | undefined;
  readonly height?: number | null | undefined;
  readonly orientation?: unknown;
  readonly durationMs?: number | null | undefined;
  readonly latitude?: number | null | undefined;
  readonly longitude?: number | null | undefined;
  readonly make?: unknown;
  readonly model?: unknown;
  readonly taken?: CaptureTime | null | undefined;
  readonly thumbhash?: string | null | undefined;
  readonly livePhotoId?: unknown;
}

const MAX_PIXELS_A_SIDE = 1_000_000;
const MAX_DURATION_MS = 366 * 86_400_000;
const MAX_TEXT = 200;
/** Seven decimals are a centimetre; more are the noise of sums. */
const DEGREE_STEPS = 1e7;

/** The same with everything left out that cannot be true: not finite, out of range, empty, half of a pair. */
export function soundFacts(found: Findings): MediaFacts {
  const { width, height } = sizeOf(found);
  const { latitude, longitude } = positionOf(found);
  return {
    width,
    height,
    orientation: orientationOf(found.orientation),
    durationMs: durationOf(found.durationMs),
    latitude,
    longitude,
    camera: cameraOf(found.make, found.model),
    taken: found.taken ?? null,
    thumbhash: found.thumbhash ?? null,
    livePhotoId: livePhotoIdOf(found.livePhotoId),
  };
}

/** Apple writes a UUID; whatever else looks like an id and is no longer than one may be is taken as it stands. */
function livePhotoIdOf(given: unknown): string | null {
  const text = typeof given === 'string' ? given.replace(/[\s\0]+$/, '') : '';
  return /^[\w-]{8,64}$/.test(text) ? text : null;
}

/** EXIF orientation 1 to 8; null for anything else. */
export function orientationOf(given: unknown): number | null {
  const value = typeof given === 'string' && /^[1-8]$/.test(given) ? Number(given) : given;
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 8 ? value : null;
}

function sizeOf({ width, height }: Findings): Pick<MediaFacts, 'width' | 'height'> {
  const isSide = (side: unknown): side is number =>
    typeof side === 'number' && Number.isInteger(side) && side > 0 && side <= MAX_PIXELS_A_SIDE;
  return isSide(width) && isSide(height) ? { width, height } : { width: null, height: null };
}

/** 0° / 0° is the sea off Ghana and what broken receivers write. */
function positionOf({ latitude, longitude }: Findings): Pick<MediaFacts, 'latitude' | 'longitude'> {
  const isAngle = (angle: unknown, most: number): angle is number =>
    typeof angle === 'number' && Number.isFinite(angle) && Math.abs(angle) <= most;
  const isPlace = isAngle(latitude, 90) && isAngle(longitude, 180) && !(latitude === 0 && longitude === 0);
  if (!isPlace) return { latitude: null, longitude: null };
  const round = (angle: number) => Math.round(angle * DEGREE_STEPS) / DEGREE_STEPS;
  return { latitude: round(latitude), longitude: round(longitude) };
}

function durationOf(given: number | null | undefined): number | null {
  const isDuration =
    typeof given === 'number' && Number.isFinite(given) && given > 0 && given <= MAX_DURATION_MS;
  return isDuration ? Math.round(given) : null;
}

/** `Canon` and `Canon EOS 80D` are `Canon EOS 80D`; `NIKON CORPORATION` and `NIKON D70` are `NIKON D70`. */
function cameraOf(make: unknown, model: unknown): string | null {
  const maker = plainText(make);
  const name = plainText(model);
  const firstWord = name.split(' ')[0]?.toLowerCase() ?? '';
  const isRepeated =
    firstWord.length > 1 &&
    maker
      .toLowerCase()
      .split(/[\s,]+/)
      .includes(firstWord);
  const camera = isRepeated || name.toLowerCase().startsWith(maker.toLowerCase()) ? name : `${maker} ${name}`;
  const text = camera.trim();
  return text === '' && maker === '' ? null : (text || maker).slice(0, MAX_TEXT);
}

/** Without control characters and repeated blanks, at most 200 characters. Lone surrogates become U+FFFD. */
function plainText(given: unknown): string {
  if (typeof given !== 'string') return typeof given === 'number' ? `${given}` : '';
  return given
    .slice(0, MAX_TEXT * 2)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_TEXT)
    .toWellFormed();
}
