import { CodedError } from '../../src/model/coded-error.ts';

/** An album as `GET /albums` and `GET /albums/:id` tell it on every version. Times are texts as the server writes them. */
export interface ImmichAlbum {
  readonly id: string;
  /** May be empty, repeat, or hold any character. */
  readonly albumName: string;
  /** Without trashed, hidden and locked assets, with archived ones, of all contributors. */
  readonly assetCount: number;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  /** Of the asset that was changed last; before some version after 1.118 the newest file date. Null when empty. */
  readonly lastModifiedAssetTimestamp: string | null;
}

/** The part of an asset that mediadav uses. Null stands for null and for a field this server does not have. */
export interface ImmichAsset {
  readonly id: string;
  readonly type: string;
  readonly originalFileName: string;
  readonly originalMimeType: string | null;
  /** Base64 of a SHA-1: of the content when `isUploaded`, else of a path. */
  readonly checksum: string | null;
  /** `libraryId` is there and null: not a file of an external library. */
  readonly isUploaded: boolean;
  /** Null where the answer does not tell. */
  readonly ownerId: string | null;
  /** What who uploaded it has called it. Up to 2.x. */
  readonly deviceAssetId: string | null;
  /** Only ever true for the owner. */
  readonly isFavorite: boolean;
  readonly isTrashed: boolean;
  readonly isArchived: boolean;
  /** `timeline`, `archive`, `hidden`, `locked`; null before 1.133. */
  readonly visibility: string | null;
  readonly fileCreatedAt: string | null;
  readonly fileModifiedAt: string | null;
  readonly localDateTime: string | null;
  readonly updatedAt: string | null;
  /** `H:MM:SS.ffffff` up to 2.x, milliseconds from 3.0. */
  readonly duration: string | number | null;
  /** Of the edited rendition when `isEdited`. From 2.5. */
  readonly width: number | null;
  readonly height: number | null;
  readonly isEdited: boolean;
  readonly thumbhash: string | null;
  /** Id of the hidden video of a live photo. */
  readonly livePhotoVideoId: string | null;
  /** Null when the asset has no exif row, or none was asked for. */
  readonly exif: ImmichExif | null;
}

export interface ImmichExif {
  readonly fileSizeInByte: number | null;
  /** Before rotation, in pixels. */
  readonly exifImageWidth: number | null;
  readonly exifImageHeight: number | null;
  /** `1` to `8` as text. */
  readonly orientation: string | null;
  /** `UTC+9` or a name of a zone. */
  readonly timeZone: string | null;
  readonly make: string | null;
  readonly model: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
  /** Worked out by Immich from the coordinates. */
  readonly city: string | null;
  readonly country: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** An id is put into request paths, so it must not be able to lead anywhere else. */
const ID = /^[\w-]{1,64}$/;

/** The albums of an album list. @throws CodedError `unavailable`, naming what is wrong, as all parsers here. */
export function parseAlbums(body: unknown): ImmichAlbum[] {
  return listOf(body, 'the album list').map(parseAlbum);
}

/** The header of one album. */
export function parseAlbum(body: unknown): ImmichAlbum {
  const fields = fieldsOf(body, 'an album');
  const { albumName } = fields;
  if (typeof albumName !== 'string') throw strange('an album', 'albumName');
  return {
    id: idOf(fields, 'an album'),
    albumName,
    assetCount: parseAssetCount(fields.assetCount),
    createdAt: textOf(fields, 'createdAt'),
    updatedAt: textOf(fields, 'updatedAt'),
    lastModifiedAssetTimestamp: textOf(fields, 'lastModifiedAssetTimestamp'),
  };
}

/** `assetCount` of an album. */
export function parseAssetCount(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw strange('an album', 'assetCount');
}

/** `nextPage` of a search: it comes as a text and must go back as a number. */
export function parseNextPage(value: unknown): number | null {
  if (value === null) return null;
  const isPage = (typeof value === 'string' || typeof value === 'number') && Number(value) > 1;
  if (!isPage) throw strange('a search', 'nextPage');
  return Number(value);
}

/** Ids of the assets of each stack that are not its first one. */
export function parseStackedBehind(body: unknown): string[] {
  return listOf(body, 'the stacks').flatMap((stack) => {
    const { primaryAssetId, assets } = fieldsOf(stack, 'a stack');
    const ids = listOf(assets, 'a stack').map((asset) => idOf(fieldsOf(asset, 'a stack'), 'a stack'));
    return ids.filter((id) => id !== primaryAssetId);
  });
}

/** One asset, from whatever route. */
export function parseAsset(body: unknown): ImmichAsset {
  const fields = fieldsOf(body, 'an asset');
  const { originalFileName, type } = fields;
  if (typeof originalFileName !== 'string') throw strange('an asset', 'originalFileName');
  if (typeof type !== 'string') throw strange('an asset', 'type');
  return {
    id: idOf(fields, 'an asset'),
    type,
    originalFileName,
    originalMimeType: textOf(fields, 'originalMimeType'),
    checksum: textOf(fields, 'checksum'),
    isUploaded: fields.libraryId === null,
    ownerId: isId(fields.ownerId) ? fields.ownerId : null,
    deviceAssetId: textOf(fields, 'deviceAssetId'),
    isFavorite: fields.isFavorite === true,
    isTrashed: fields.isTrashed === true,
    isArchived: fields.isArchived === true,
    visibility: textOf(fields, 'visibility'),
    fileCreatedAt: textOf(fields, 'fileCreatedAt'),
    fileModifiedAt: textOf(fields, 'fileModifiedAt'),
    localDateTime: textOf(fields, 'localDateTime'),
    updatedAt: textOf(fields, 'updatedAt'),
    duration: textOf(fields, 'duration') ?? numberOf(fields, 'duration'),
    width: numberOf(fields, 'width'),
    height: numberOf(fields, 'height'),
    isEdited: fields.isEdited === true,
    thumbhash: textOf(fields, 'thumbhash'),
    livePhotoVideoId: isId(fields.livePhotoVideoId) ? fields.livePhotoVideoId : null,
    exif: parseExif(fields.exifInfo),
  };
}

/** What an API key may do, in the answer about itself; `all` stands for everything. */
export function parseKeyPermissions(body: unknown): string[] {
  const permissions = listOf(fieldsOf(body, 'an API key').permissions, 'an API key (permissions)');
  return permissions.filter((permission) => typeof permission === 'string');
}

function parseExif(value: unknown): ImmichExif | null {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Fields;
  return {
    fileSizeInByte: numberOf(fields, 'fileSizeInByte'),
    exifImageWidth: numberOf(fields, 'exifImageWidth'),
    exifImageHeight: numberOf(fields, 'exifImageHeight'),
    orientation: textOf(fields, 'orientation'),
    timeZone: textOf(fields, 'timeZone'),
    make: textOf(fields, 'make'),
    model: textOf(fields, 'model'),
    latitude: numberOf(fields, 'latitude'),
    longitude: numberOf(fields, 'longitude'),
    city: textOf(fields, 'city'),
    country: textOf(fields, 'country'),
  };
}

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw strange(what, null);
  return value as Fields;
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw strange(what, null);
  return value;
}

export function idOf(fields: Fields, what: string): string {
  const { id } = fields;
  if (!isId(id)) throw strange(what, 'id');
  return id;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

export function textOf(fields: Fields, name: string): string | null {
  const value = fields[name];
  return typeof value === 'string' ? value : null;
}

export function numberOf(fields: Fields, name: string): number | null {
  const value = fields[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function strange(what: string, field: string | null): CodedError {
  const place = field === null ? what : `${what} (${field})`;
  return new CodedError('unavailable', `Immich answered ${place} in a form that mediadav does not know.`);
}
