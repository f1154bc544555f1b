import type { MediaKind } from './content-type.ts';

/** How a source names one of its own things. */
export interface SourceRef {
  /** The source's own stable id: an Immich asset id, a file's identity. Unique within the source. */
  readonly id: string;
  /**
   * Where the source last showed it, relative to the source and with `/` between segments. A source whose
   * ids cannot be opened (a file system) opens by path and checks the id; others may ignore it.
   */
  readonly path: string;
}

/** When a photo was taken. A camera writes a wall clock; the instant is known only with an offset. */
export interface CaptureTime {
  /** Wall clock as `YYYY-MM-DDTHH:MM:SS[.fff]`, without zone. */
  readonly localText: string;
  /** Minutes east of UTC, or null when the source does not say. */
  readonly offsetMinutes: number | null;
  /** Milliseconds since 1970 UTC, or null when neither an offset nor the source's own idea of it is known. */
  readonly instantMs: number | null;
  /** Which field the time came from, for people who wonder: `exif`, `immich`, … */
  readonly derivedFrom: string;
}

/** Digests of the whole content in lower-case hexadecimal; absent when not known yet. */
export interface Digests {
  readonly sha256?: string;
  readonly sha1?: string;
  readonly md5?: string;
}

/** What a picture or video holds beside its bytes. Everything is null until somebody knows it. */
export interface MediaFacts {
  /** Size as displayed, after rotation, in pixels. */
  readonly width: number | null;
  readonly height: number | null;
  /** EXIF orientation 1 to 8. */
  readonly orientation: number | null;
  readonly durationMs: number | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
  /** Maker and model as one text. */
  readonly camera: string | null;
  readonly taken: CaptureTime | null;
  /** Base64 of a thumbhash. */
  readonly thumbhash: string | null;
  /**
   * What the still and the film of one live photo have in common, as camera or source tell it; empty when the source tells
   * that there is no other half.
   */
  readonly livePhotoId: string | null;
}

/** Everything a source says of one asset, as one record. */
export interface AssetFacts extends MediaFacts {
  readonly ref: SourceRef;
  /**
   * Names one exact content. Two equal versions of one ref are the same bytes; it becomes the ETag, so it
   * holds only letters, digits, `.`, `_` and `-`.
   */
  readonly version: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly kind: MediaKind;
  /** Milliseconds since 1970 UTC. */
  readonly modifiedMs: number;
  /** Milliseconds since 1970 UTC, or null when the source does not know. */
  readonly createdMs: number | null;
  /** POSIX `ctime`: last change of the file or of what the disk notes about it; null where there is none. */
  readonly statusChangedMs: number | null;
  readonly digests: Digests;
}

/** Facts about the media itself when nothing is known yet. */
export const UNKNOWN_MEDIA: MediaFacts = {
  width: null,
  height: null,
  orientation: null,
  durationMs: null,
  latitude: null,
  longitude: null,
  camera: null,
  taken: null,
  thumbhash: null,
  livePhotoId: null,
};
