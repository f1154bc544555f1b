import type { Library } from './library.ts';
import { mimeOf } from './media-types.ts';
import type { Asset, Exif, Person, Tag, User } from './model.ts';
import { databaseTime, type Instant, isoTime } from './time.ts';
import type { Traits } from './versions.ts';

export type Json = Record<string, unknown>;

/** Where an asset appears, which decides its keys. */
export interface AssetView {
  readonly library: Library;
  readonly traits: Traits;
  /** Who asks: a favourite is one only for its owner. Null where the server forgets who asked. */
  readonly viewer: User | null;
  /** `list`: searches and albums. `single`: GET of one asset. `updated`: the answer to PUT. */
  readonly as: 'list' | 'single' | 'updated';
  /** Lists taken as JSON from the database (album assets, stacks, memories) have its date format. */
  readonly dates: 'iso' | 'database';
  readonly withExif: boolean;
  readonly withPeople?: boolean;
}

export function renderAsset(asset: Asset, view: AssetView): Json {
  const { traits, library } = view;
  const rules = traits.asset;
  const date = (at: Instant) => (view.dates === 'iso' ? isoTime(at) : databaseTime(at));
  const isSingle = view.as === 'single';
  const hasOwnerAndTags = isSingle || (view.as === 'updated' && rules.updateAnswersOwnerAndTags);
  const showsPeople = isSingle || view.withPeople === true;
  return {
    id: asset.id,
    ...(rules.hasCreatedAt ? { createdAt: date(asset.createdAt) } : {}),
    ...(rules.hasDevice ? { deviceAssetId: asset.deviceAssetId, deviceId: asset.deviceId } : {}),
    ownerId: asset.ownerId,
    ...(hasOwnerAndTags ? { owner: renderUser(library.user(asset.ownerId), traits) } : {}),
    libraryId: asset.libraryId,
    type: asset.type,
    originalPath: asset.originalPath,
    originalFileName: asset.originalFileName,
    originalMimeType: mimeOf(asset.originalFileName),
    thumbhash: asset.thumbhash,
    fileCreatedAt: date(asset.fileCreatedAt),
    fileModifiedAt: date(asset.fileModifiedAt),
    localDateTime: date(asset.localDateTime),
    updatedAt: date(asset.updatedAt),
    isFavorite: asset.isFavorite && asset.ownerId === view.viewer?.id,
    isArchived: asset.visibility === 'archive',
    isTrashed: asset.deletedAt !== null,
    ...(rules.hasVisibility ? { visibility: asset.visibility } : {}),
    duration: renderDuration(asset, traits),
    ...(view.withExif && asset.exif !== null ? { exifInfo: renderExif(asset.exif, traits) } : {}),
    livePhotoVideoId: asset.livePhotoVideoId,
    ...(hasOwnerAndTags ? { tags: tagsOf(asset, library, traits) } : {}),
    people: showsPeople ? peopleOf(asset, library, traits) : [],
    ...(rules.hasUnassignedFaces && (view.as !== 'list' || view.withPeople === true)
      ? { unassignedFaces: [] }
      : {}),
    checksum: library.checksumOf(asset),
    ...(isSingle ? { stack: renderStackOf(asset, library) } : {}),
    isOffline: asset.isOffline,
    hasMetadata: true,
    duplicateId: asset.duplicateId,
    resized: true,
    ...(rules.hasDimensions ? { width: asset.width, height: asset.height, isEdited: asset.isEdited } : {}),
  };
}

export function renderUser(user: User, traits: Traits): Json {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    profileImagePath: '',
    avatarColor: user.avatarColor,
    profileChangedAt: joinedDate(user.createdAt, traits),
  };
}

export function renderTag(tag: Tag, date: (at: Instant) => string): Json {
  return {
    id: tag.id,
    ...(tag.parentId === null ? {} : { parentId: tag.parentId }),
    name: tag.value.slice(tag.value.lastIndexOf('/') + 1),
    value: tag.value,
    createdAt: date(tag.createdAt),
    updatedAt: date(tag.updatedAt),
  };
}

export function renderPerson(person: Person, updatedAt: string): Json {
  return {
    id: person.id,
    name: person.name,
    birthDate: null,
    thumbnailPath: '',
    isHidden: person.isHidden,
    isFavorite: false,
    updatedAt,
  };
}

export function joinedDate(at: Instant, traits: Traits): string {
  return traits.asset.joinedDates === 'iso' ? isoTime(at) : databaseTime(at);
}

function renderExif(exif: Exif, traits: Traits): Json {
  const date = (at: Instant | null) => (at === null ? null : joinedDate(at, traits));
  return { ...exif, dateTimeOriginal: date(exif.dateTimeOriginal), modifyDate: date(exif.modifyDate) };
}

function renderDuration(asset: Asset, traits: Traits): string | number | null {
  if (traits.asset.duration === 'milliseconds') return asset.durationMs;
  if (asset.durationMs === null) return '0:00:00.00000';
  return new Date(asset.durationMs).toISOString().slice(11, 23);
}

function tagsOf(asset: Asset, library: Library, traits: Traits): Json[] {
  return asset.tagIds
    .map((id) => library.tags.get(id))
    .filter((tag) => tag !== undefined)
    .map((tag) => renderTag(tag, (at) => joinedDate(at, traits)));
}

function peopleOf(asset: Asset, library: Library, traits: Traits): Json[] {
  return asset.personIds
    .map((id) => library.people.get(id))
    .filter((person) => person !== undefined)
    .map((person) => ({
      ...renderPerson(person, databaseTime(person.updatedAt)),
      ...(traits.asset.hasUnassignedFaces ? { faces: [renderFace(asset, person)] } : {}),
    }));
}

function renderFace(asset: Asset, person: Person): Json {
  return {
    id: person.id,
    boundingBoxX1: 10,
    boundingBoxY1: 10,
    boundingBoxX2: 110,
    boundingBoxY2: 110,
    imageWidth: asset.width ?? 0,
    imageHeight: asset.height ?? 0,
    sourceType: 'manual',
  };
}

function renderStackOf(asset: Asset, library: Library): Json | null {
  const stack = library.stackOf(asset);
  if (stack === undefined) return null;
  return { id: stack.id, primaryAssetId: stack.primaryAssetId, assetCount: stack.assetIds.length };
}
