import type { Content, ContentInit } from './content.ts';
import type { Instant, TimeLike } from './time.ts';

export type Role = 'editor' | 'viewer';
export type Visibility = 'timeline' | 'archive' | 'hidden' | 'locked';

export interface User {
  readonly id: string;
  name: string;
  email: string;
  isAdmin: boolean;
  /** Bytes of all own assets, the trash included; absent: no limit. */
  quotaBytes?: number;
  avatarColor: string;
  createdAt: Instant;
  updatedAt: Instant;
}

export interface ApiKey {
  readonly id: string;
  /** The text a client sends as `x-api-key`. */
  readonly key: string;
  readonly userId: string;
  readonly name: string;
  readonly permissions: readonly string[];
  readonly createdAt: Instant;
}

/** A row of the exif table. An asset may have none: then it vanishes from searches that ask for exif. */
export interface Exif {
  make: string | null;
  model: string | null;
  exifImageWidth: number | null;
  exifImageHeight: number | null;
  fileSizeInByte: number | null;
  orientation: string | null;
  dateTimeOriginal: Instant | null;
  modifyDate: Instant | null;
  timeZone: string | null;
  lensModel: string | null;
  fNumber: number | null;
  focalLength: number | null;
  iso: number | null;
  exposureTime: string | null;
  latitude: number | null;
  longitude: number | null;
  city: string | null;
  state: string | null;
  country: string | null;
  description: string;
  projectionType: string | null;
  rating: number | null;
}

export interface Asset {
  readonly id: string;
  readonly ownerId: string;
  deviceAssetId: string;
  deviceId: string;
  /** Not null for a file of an external library: then `checksum` is one of the path, not of the content. */
  libraryId: string | null;
  type: 'IMAGE' | 'VIDEO' | 'AUDIO' | 'OTHER';
  originalPath: string;
  originalFileName: string;
  content: Content;
  thumbhash: string | null;
  fileCreatedAt: Instant;
  fileModifiedAt: Instant;
  /** The wall clock where the photo was taken, written as if it were UTC. */
  localDateTime: Instant;
  createdAt: Instant;
  updatedAt: Instant;
  isFavorite: boolean;
  isOffline: boolean;
  visibility: Visibility;
  deletedAt: Instant | null;
  durationMs: number | null;
  width: number | null;
  height: number | null;
  isEdited: boolean;
  /** The edited rendition, always a JPEG; null when there is none. */
  edited: Content | null;
  exif: Exif | null;
  livePhotoVideoId: string | null;
  duplicateId: string | null;
  tagIds: string[];
  personIds: string[];
}

/** What a test gives for a new asset; everything but owner, name and content has a default. */
export interface AssetInit {
  owner: User | string;
  name: string;
  content: ContentInit;
  id?: string;
  type?: Asset['type'];
  deviceAssetId?: string;
  deviceId?: string;
  /** Makes it a file of an external library. */
  library?: { id: string; path: string };
  fileCreatedAt?: TimeLike;
  fileModifiedAt?: TimeLike;
  localDateTime?: TimeLike;
  isFavorite?: boolean;
  visibility?: Visibility;
  trashed?: boolean;
  durationMs?: number;
  width?: number;
  height?: number;
  thumbhash?: string | null;
  /** Null: no exif row at all. */
  exif?: Partial<Exif> | null;
  livePhotoVideoId?: string;
  tagIds?: string[];
}

export interface Album {
  readonly id: string;
  readonly ownerId: string;
  albumName: string;
  description: string;
  readonly createdAt: Instant;
  updatedAt: Instant;
  order: 'asc' | 'desc';
  isActivityEnabled: boolean;
  albumThumbnailAssetId: string | null;
  /** Users it is shared with, without the owner. */
  readonly users: Map<string, Role>;
  readonly assetIds: Set<string>;
}

export interface AlbumInit {
  owner: User | string;
  name: string;
  id?: string;
  description?: string;
  assets?: readonly (Asset | string)[];
  users?: Readonly<Record<string, Role>>;
  createdAt?: TimeLike;
}

export interface Stack {
  readonly id: string;
  readonly ownerId: string;
  primaryAssetId: string;
  readonly assetIds: readonly string[];
}

export interface Tag {
  readonly id: string;
  readonly userId: string;
  readonly value: string;
  readonly parentId: string | null;
  readonly createdAt: Instant;
  updatedAt: Instant;
}

export interface Person {
  readonly id: string;
  readonly ownerId: string;
  name: string;
  isHidden: boolean;
  updatedAt: Instant;
}

export interface Memory {
  readonly id: string;
  readonly ownerId: string;
  readonly year: number;
  readonly memoryAt: Instant;
  readonly createdAt: Instant;
  readonly assetIds: readonly string[];
}

export const EMPTY_EXIF: Readonly<Exif> = {
  make: null,
  model: null,
  exifImageWidth: null,
  exifImageHeight: null,
  fileSizeInByte: null,
  orientation: null,
  dateTimeOriginal: null,
  modifyDate: null,
  timeZone: null,
  lensModel: null,
  fNumber: null,
  focalLength: null,
  iso: null,
  exposureTime: null,
  latitude: null,
  longitude: null,
  city: null,
  state: null,
  country: null,
  description: '',
  projectionType: null,
  rating: null,
};
