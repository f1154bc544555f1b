import type { ImmichAlbum } from './api-answers.ts';

/** What is remembered of a complete reading of one album, as a text. */
export interface AlbumReading {
  /** What of the list tells that the album has changed. */
  readonly state: string;
  /** When it was read, in milliseconds since 1970. */
  readonly readMs: number;
}

/**
 * What moves in the list when the content of an album does: adding moves `updatedAt`, removing the count, any change of
 * an asset the newest time of change. Not told: one asset swapped for another within the same millisecond, and changes
 * of the EXIF row alone. Those heal when the album is read anew after a while.
 */
export function albumState(album: ImmichAlbum): string {
  return `${album.assetCount} ${album.updatedAt ?? ''} ${album.lastModifiedAssetTimestamp ?? ''}`;
}

export function writeReading({ readMs, state }: AlbumReading): string {
  return `${readMs} ${state}`;
}

/** Null for a text that is none. */
export function parseReading(text: string | null): AlbumReading | null {
  const match = /^(\d{1,16}) (.*)$/s.exec(text ?? '');
  return match === null ? null : { readMs: Number(match[1]), state: match[2] ?? '' };
}
