import { createHash } from 'node:crypto';
import { albumRole, type Call, noAccess } from './call.ts';
import { HttpError } from './errors.ts';
import type { Asset } from './model.ts';
import type { Fields } from './validate.ts';

type Filter = (asset: Asset) => boolean;

export interface Query {
  readonly page: number;
  readonly size: number;
  readonly order: 'asc' | 'desc';
  readonly withExif: boolean;
  readonly showsPeople: boolean;
  readonly filter: Filter;
}

const DEFAULT_SIZE = 250;
const MAX_SIZE = 1000;

/** Reads the body of a metadata search. Fields that a version does not know are not even looked at, as on the real server. */
export function readQuery(call: Call, fields: Fields): Query {
  const { search } = call.traits;
  const filters: Filter[] = [];
  const page = fields.number('page', 1) ?? 1;
  const size = fields.number('size', 1, MAX_SIZE) ?? DEFAULT_SIZE;
  const order = fields.choice('order', ['asc', 'desc']) === 'asc' ? 'asc' : 'desc';
  const withExif = fields.boolean('withExif') ?? false;
  const albumIds = search.albumIds === 'ignored' ? [] : (fields.uuids('albumIds') ?? []);
  const personIds = fields.uuids('personIds') ?? [];

  filters.push(ofAlbums(call, albumIds), visible(call, fields), inTrash(fields), ...simpleFilters(fields));
  if (withExif && search.exifJoin === 'inner') filters.push((asset) => asset.exif !== null);
  if (personIds.length > 0) filters.push((asset) => personIds.every((id) => asset.personIds.includes(id)));
  if (search.hasTagIds) filters.push(ofTags(call, fields.uuids('tagIds') ?? []));
  if (search.hasWithStacked && fields.boolean('withStacked') === false) {
    filters.push((asset) => call.library.stackOf(asset) === undefined);
  }
  if (fields.boolean('isNotInAlbum') === true) {
    const members = new Set([...call.library.albums.values()].flatMap((album) => [...album.assetIds]));
    const isOld = !call.traits.asset.hasVisibility;
    filters.push((asset) => !members.has(asset.id) && !(isOld && asset.visibility === 'hidden'));
  }
  return {
    page,
    size,
    order,
    withExif,
    showsPeople: personIds.length > 0 && search.personFilterShowsPeople,
    filter: (asset) => filters.every((filter) => filter(asset)),
  };
}

/**
 * Whose assets, and in which albums. Up to 2.x only the caller's own, whatever album is asked for, so a forbidden album looks
 * empty. From 3.0 access is checked per album, and what others put into it is there.
 */
function ofAlbums(call: Call, ids: readonly string[]): Filter {
  const { library, user, traits } = call;
  const isOwn: Filter = (asset) => asset.ownerId === user.id;
  const partners = library.partners.get(user.id) ?? [];
  if (ids.length === 0) {
    return (asset) => isOwn(asset) || (partners.includes(asset.ownerId) && asset.visibility === 'timeline');
  }
  const albums = ids.map((id) => library.albums.get(id));
  const inAll: Filter = (asset) => albums.every((album) => album?.assetIds.has(asset.id) === true);
  if (traits.search.albumIds !== 'album-access') return (asset) => isOwn(asset) && inAll(asset);
  if (albums.some((album) => album === undefined || albumRole(album, user) === null)) {
    throw noAccess('album.read');
  }
  return inAll;
}

function visible({ traits }: Call, fields: Fields): Filter {
  if (!traits.asset.hasVisibility) {
    const isVisible = fields.boolean('isVisible');
    const isArchived = fields.boolean('isArchived');
    const withArchived = fields.boolean('withArchived') ?? false;
    const showsArchived = withArchived || isArchived === true;
    return (asset) =>
      (isVisible === undefined || (asset.visibility !== 'hidden') === isVisible) &&
      (isArchived === undefined || (asset.visibility === 'archive') === isArchived) &&
      (showsArchived || asset.visibility !== 'archive');
  }
  const wanted = fields.choice('visibility', ['archive', 'timeline', 'hidden', 'locked']);
  if (wanted === 'locked') throw new HttpError(401, 'Elevated permission is required');
  if (wanted !== undefined) return (asset) => asset.visibility === wanted;
  if (traits.search.shows === 'timeline') return (asset) => asset.visibility === 'timeline';
  return (asset) => asset.visibility !== 'locked';
}

function inTrash(fields: Fields): Filter {
  const withDeleted = fields.boolean('withDeleted') ?? false;
  const after = fields.date('trashedAfter');
  const before = fields.date('trashedBefore');
  return ({ deletedAt }) => {
    if (deletedAt === null) return after === undefined && before === undefined;
    return (
      withDeleted &&
      (after === undefined || deletedAt >= after) &&
      (before === undefined || deletedAt <= before)
    );
  };
}

function ofTags({ library }: Call, ids: readonly string[]): Filter {
  if (ids.length === 0) return () => true;
  const wanted = ids.map((id) => library.tags.get(id)?.value);
  return (asset) => {
    const values = asset.tagIds.map((id) => library.tags.get(id)?.value);
    return wanted.every(
      (tag) => tag !== undefined && values.some((value) => value === tag || value?.startsWith(`${tag}/`)),
    );
  };
}

function simpleFilters(fields: Fields): Filter[] {
  const filters: Filter[] = [];
  const within = (name: string, at: (asset: Asset) => number) => {
    const after = fields.date(`${name}After`);
    const before = fields.date(`${name}Before`);
    if (after !== undefined) filters.push((asset) => Math.floor(at(asset)) >= after);
    if (before !== undefined) filters.push((asset) => Math.floor(at(asset)) <= before);
  };
  within('taken', (asset) => asset.fileCreatedAt);
  within('created', (asset) => asset.createdAt);
  within('updated', (asset) => asset.updatedAt);

  const isFlag = (name: string, has: Filter) => {
    const wanted = fields.boolean(name);
    if (wanted !== undefined) filters.push((asset) => has(asset) === wanted);
  };
  isFlag('isFavorite', (asset) => asset.isFavorite);
  isFlag('isMotion', (asset) => asset.livePhotoVideoId !== null);
  isFlag('isOffline', (asset) => asset.isOffline);

  const id = fields.uuid('id');
  if (id !== undefined) filters.push((asset) => asset.id === id);
  const libraryId = fields.uuid('libraryId');
  if (libraryId !== undefined) filters.push((asset) => asset.libraryId === libraryId);
  const type = fields.choice('type', ['IMAGE', 'VIDEO', 'AUDIO', 'OTHER']);
  if (type !== undefined) filters.push((asset) => asset.type === type);
  const checksum = fields.string('checksum');
  if (checksum !== undefined) filters.push((asset) => asset.content.sha1().toString('base64') === checksum);
  const name = fields.string('originalFileName')?.toLowerCase();
  if (name !== undefined) filters.push((asset) => asset.originalFileName.toLowerCase().includes(name));

  for (const field of ['city', 'state', 'country', 'make', 'model', 'lensModel'] as const) {
    const value = fields.raw(field);
    if (value !== undefined) filters.push((asset) => (asset.exif?.[field] ?? null) === value);
  }
  return filters;
}

/** One page of the matches, and whether there is another. */
export function searchPage(call: Call, query: Query): { items: Asset[]; hasMore: boolean } {
  const matches = [...call.library.assets.values()].filter(query.filter);
  const direction = query.order === 'asc' ? 1 : -1;
  const rank = tieRank(call, query.page);
  matches.sort((a, b) => direction * (a.fileCreatedAt - b.fileCreatedAt || compare(rank(a), rank(b))));
  const start = (query.page - 1) * query.size;
  return {
    items: matches.slice(start, start + query.size),
    hasMore: matches.length > start + query.size,
  };
}

/**
 * Before 3.1.0 nothing orders assets of the same time, and each page is a query of its own: one asset may come twice and another
 * not at all. Here each page shuffles them its own way, so a client that trusts such pages is found out.
 */
function tieRank(call: Call, page: number): (asset: Asset) => string {
  if (call.traits.search.hasStableOrder || !call.hasUnstableOrder) return (asset) => asset.id;
  const ranks = new Map<string, string>();
  return ({ id }) => {
    const rank = ranks.get(id) ?? createHash('md5').update(`${page} ${id}`).digest('hex');
    ranks.set(id, rank);
    return rank;
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
