import type { AssetFacts, CaptureTime, Digests } from '../../src/model/asset.ts';
import { contentTypeOf, type MediaKind, mediaKindOf } from '../../src/model/content-type.ts';
import type { ImmichAsset, ImmichExif } from './api-answers.ts';
import { type Rendition, renditionName, renditionVersion } from './rendition.ts';

export interface ReadFacts {
  readonly facts: AssetFacts;
  /** True when a time was there but made no sense, and was taken as unknown. */
  readonly hasBadDate: boolean;
}

const KINDS: Readonly<Record<string, MediaKind>> = { IMAGE: 'image', VIDEO: 'video', AUDIO: 'audio' };
const MIME_TYPE = /^[a-z0-9][\w.+-]*\/[\w.+-]+$/i;
const ISO_TIME = /^(?!0000)\d{4}-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
/** The furthest time zones are 14 hours from UTC; old local times are a little odd. */
const MAX_OFFSET_MINUTES = 16 * 60;

/** Put away from the timeline by its owner; albums still show and count it. */
export function isArchived(asset: ImmichAsset): boolean {
  return asset.visibility === 'archive' || asset.isArchived;
}

/** Is the asset one that albums show and count? Hidden ones are the video parts of live photos. */
export function isShown(asset: ImmichAsset): boolean {
  return !asset.isTrashed && asset.visibility !== 'hidden' && asset.visibility !== 'locked';
}

/** The size of the original as Immich has it in its exif row, or null when only a HEAD can tell. */
export function knownSizeOf(asset: ImmichAsset): number | null {
  const size = asset.exif?.fileSizeInByte ?? null;
  return size !== null && Number.isSafeInteger(size) && size >= 0 ? size : null;
}

/**
 * An asset of the API as facts of the rendition that is served. Equal for the same asset whatever route told it: their
 * date formats differ.
 * @param sizeBytes of that rendition.
 */
export function assetFactsOf(
  asset: ImmichAsset,
  sizeBytes: number,
  rendition: Rendition = 'original',
): ReadFacts {
  const read = originalFactsOf(asset, sizeBytes);
  if (rendition === 'original') return read;
  const { facts } = read;
  const name = renditionName(facts.ref.path);
  const own = rendition === 'edited' ? pixels(asset.width, asset.height) : null;
  return {
    hasBadDate: read.hasBadDate,
    facts: {
      ...facts,
      ref: { id: asset.id, path: name },
      version: renditionVersion(rendition, sizeBytes, updatedMsOf(asset)),
      contentType: 'image/jpeg',
      kind: 'image',
      // The checksum is that of the original, and what Immich makes is upright.
      digests: {},
      orientation: null,
      ...(own ?? { width: null, height: null }),
    },
  };
}

/** When Immich last changed what it knows of the asset, in milliseconds since 1970; 0: it does not tell. */
export function updatedMsOf(asset: ImmichAsset): number {
  return (asset.updatedAt === null ? null : parseTime(asset.updatedAt)) ?? 0;
}

function originalFactsOf(asset: ImmichAsset, sizeBytes: number): ReadFacts {
  const times = readTimes(asset);
  const { exif, originalFileName: name } = asset;
  const sha1 = contentHashOf(asset);
  const digests: Digests = sha1 === null ? {} : { sha1 };
  const orientation = orientationOf(exif);
  const facts: AssetFacts = {
    ref: { id: asset.id, path: name },
    version: sha1 ?? versionByDates(sizeBytes, times),
    sizeBytes,
    contentType: contentTypeFor(asset),
    kind: kindOf(asset),
    modifiedMs: times.modifiedMs ?? times.createdMs ?? times.updatedMs ?? 0,
    createdMs: times.createdMs,
    statusChangedMs: null,
    digests,
    ...displaySizeOf(asset, orientation),
    orientation,
    durationMs: durationMsOf(asset.duration),
    latitude: exif?.latitude ?? null,
    longitude: exif?.longitude ?? null,
    camera: cameraOf(exif),
    taken: takenOf(times, exif),
    thumbhash: asset.thumbhash,
    livePhotoId: livePhotoIdOf(asset),
  };
  return { facts, hasBadDate: times.hasBadDate };
}

/**
 * Milliseconds since 1970 from any of Immich's time formats: `…:30.000Z`, `…:30+00:00`, `…:30.390555+00:00`. Null for
 * what is no time of a calendar. Microseconds are cut, as Immich's own short format does.
 */
export function parseTime(text: string): number | null {
  const match = ISO_TIME.exec(text);
  if (match === null) return null;
  const ms = Date.parse(text);
  const day = Number(match[2]);
  // JavaScript takes 31 February for 2 March.
  const isDay = day <= 28 || new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === day;
  return Number.isNaN(ms) || !isDay ? null : ms;
}

interface Times {
  readonly createdMs: number | null;
  readonly modifiedMs: number | null;
  readonly updatedMs: number | null;
  /** Wall clock as if it were UTC. */
  readonly localMs: number | null;
  readonly hasBadDate: boolean;
}

function readTimes(asset: ImmichAsset): Times {
  let hasBadDate = false;
  const read = (text: string | null) => {
    const ms = text === null ? null : parseTime(text);
    if (ms === null) hasBadDate = true;
    return ms;
  };
  const createdMs = read(asset.fileCreatedAt);
  const modifiedMs = read(asset.fileModifiedAt);
  const updatedMs = read(asset.updatedAt);
  const localMs = read(asset.localDateTime);
  return { createdMs, modifiedMs, updatedMs, localMs, hasBadDate };
}

/** The SHA-1 of the bytes; null for external libraries, whose checksum is one of the path. */
export function contentHashOf(asset: ImmichAsset): string | null {
  if (!asset.isUploaded || asset.checksum?.length !== 28) return null;
  const bytes = Buffer.from(asset.checksum, 'base64');
  return bytes.length === 20 ? bytes.toString('hex') : null;
}

/** Without a content hash: whatever moves when the bytes do. `updatedAt` moves more often, which costs only a re-read. */
function versionByDates(sizeBytes: number, times: Times): string {
  const parts = [sizeBytes, times.modifiedMs ?? 0, times.updatedMs ?? 0];
  return `d-${parts.map((part) => part.toString(16)).join('-')}`;
}

/** The time that the file with this version was last modified, or null when the version is a content hash or there was none. */
export function modifiedMsOf(version: string): number | null {
  const modified = /^d-[0-9a-f]+-(-?[0-9a-f]+)-(-?[0-9a-f]+)$/.exec(version)?.[1];
  return modified === undefined || modified === '0' ? null : Number.parseInt(modified, 16);
}

/** Immich's own word for it, unless that is none or says nothing. It ends up in a header. */
function contentTypeFor(asset: ImmichAsset): string {
  const told = asset.originalMimeType ?? '';
  const isTelling = MIME_TYPE.test(told) && told !== 'application/octet-stream';
  return isTelling ? told : contentTypeOf(asset.originalFileName);
}

function kindOf(asset: ImmichAsset): MediaKind {
  const byName = mediaKindOf(asset.originalFileName);
  return byName === 'raw' ? 'raw' : (KINDS[asset.type] ?? byName);
}

function orientationOf(exif: ImmichExif | null): number | null {
  const text = exif?.orientation ?? '';
  return /^[1-8]$/.test(text) ? Number(text) : null;
}

/** `width` and `height` (from 2.5) are those of the edited rendition once there is one; what is served is the original. */
function displaySizeOf(
  asset: ImmichAsset,
  orientation: number | null,
): { width: number | null; height: number | null } {
  const { exif } = asset;
  const own = pixels(asset.width, asset.height);
  const isTurned = orientation !== null && orientation >= 5;
  const stored = isTurned
    ? pixels(exif?.exifImageHeight, exif?.exifImageWidth)
    : pixels(exif?.exifImageWidth, exif?.exifImageHeight);
  return (asset.isEdited ? (stored ?? own) : (own ?? stored)) ?? { width: null, height: null };
}

function pixels(
  width: number | null | undefined,
  height: number | null | undefined,
): { width: number; height: number } | null {
  return width && height && width > 0 && height > 0 ? { width, height } : null;
}

/** Zero means "not a video" up to 2.x, and "not known". */
function durationMsOf(duration: string | number | null): number | null {
  if (typeof duration === 'number') return duration > 0 ? Math.round(duration) : null;
  const match = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(duration ?? '');
  if (match === null) return null;
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
  return seconds > 0 ? Math.round(seconds * 1000) : null;
}

/** A still names its film. What a film belongs to it does not tell, so each goes by its own id. */
function livePhotoIdOf({ id, type, livePhotoVideoId }: ImmichAsset): string {
  return livePhotoVideoId ?? (type === 'VIDEO' ? id : '');
}

/** `Canon` and `Canon EOS 80D` are `Canon EOS 80D`. */
function cameraOf(exif: ImmichExif | null): string | null {
  const make = exif?.make?.trim() ?? '';
  const model = exif?.model?.trim() ?? '';
  const isRepeated = model.toLowerCase().startsWith(make.toLowerCase());
  const camera = isRepeated ? model : `${make} ${model}`.trim();
  return camera === '' ? null : camera;
}

/**
 * `localDateTime` is the wall clock written as if it were UTC and `fileCreatedAt` the instant, so their difference is the
 * offset; without a known time zone the instant is Immich's guess, and no offset is claimed.
 */
function takenOf(times: Times, exif: ImmichExif | null): CaptureTime | null {
  const { localMs, createdMs } = times;
  if (localMs === null) return null;
  const offset = createdMs === null ? Number.NaN : (localMs - createdMs) / 60_000;
  const isOffset = Number.isInteger(offset) && Math.abs(offset) <= MAX_OFFSET_MINUTES;
  return {
    localText: new Date(localMs)
      .toISOString()
      .slice(0, -1)
      .replace(/\.000$/, ''),
    offsetMinutes: exif?.timeZone != null && isOffset ? offset : null,
    instantMs: createdMs,
    derivedFrom: 'immich',
  };
}
