import type { Library } from './library.ts';
import type { Album, Asset, User } from './model.ts';
import { type Json, renderAsset, renderUser } from './render-asset.ts';
import { databaseTime, dayTime, isoTime } from './time.ts';
import type { Traits } from './versions.ts';

export interface AlbumView {
  readonly library: Library;
  readonly traits: Traits;
  readonly viewer: User;
  /** `changed` are the answers to PATCH and sharing. */
  readonly as: 'list' | 'single' | 'created' | 'changed';
  readonly withAssets?: boolean;
}

export function renderAlbum(album: Album, view: AlbumView): Json {
  const { library, traits } = view;
  const rules = traits.album;
  const assets = shownAssets(album, library, traits);
  const showsLastModified = view.as === 'list' || (view.as === 'single' && rules.getHasLastModified);
  return {
    albumName: album.albumName,
    description: album.description,
    albumThumbnailAssetId: album.albumThumbnailAssetId,
    createdAt: isoTime(album.createdAt),
    updatedAt: isoTime(album.updatedAt),
    id: album.id,
    ...(rules.hasAssetsAndOwner
      ? { ownerId: album.ownerId, owner: renderUser(library.user(album.ownerId), traits) }
      : {}),
    albumUsers: renderUsers(album, view),
    shared: album.users.size > 0,
    hasSharedLink: false,
    ...(assets.length > 0 ? renderSpan(assets, view) : {}),
    ...(rules.hasAssetsAndOwner
      ? { assets: view.withAssets === true ? renderAssets(album, assets, view) : [] }
      : {}),
    assetCount: assets.length,
    isActivityEnabled: album.isActivityEnabled,
    order: album.order,
    ...(showsLastModified && assets.length > 0
      ? { lastModifiedAssetTimestamp: lastModified(assets, traits) }
      : {}),
    ...(rules.hasContributorCounts && view.as === 'single' && album.users.size > 0
      ? { contributorCounts: contributorCounts(assets) }
      : {}),
  };
}

/** The members that an album counts and shows: from 1.133 on neither hidden nor locked ones, and never the trash. */
export function shownAssets(album: Album, library: Library, traits: Traits): Asset[] {
  return library.assetsOf(album).filter((asset) => {
    if (asset.deletedAt !== null) return false;
    return !traits.asset.hasVisibility || asset.visibility === 'timeline' || asset.visibility === 'archive';
  });
}

function renderUsers(album: Album, { library, traits }: AlbumView): Json[] {
  const others = [...album.users].map(([id, role]) => ({ user: renderUser(library.user(id), traits), role }));
  if (traits.album.hasAssetsAndOwner) return others;
  return [{ user: renderUser(library.user(album.ownerId), traits), role: 'owner' }, ...others];
}

function renderSpan(assets: readonly Asset[], { traits, as }: AlbumView): Json {
  const isInstant = traits.album.span === 'instant';
  const times = assets.map((asset) => (isInstant ? asset.fileCreatedAt : asset.localDateTime));
  const isFull = as === 'created' || as === 'changed';
  const date = isInstant ? isoTime : isFull ? databaseTime : dayTime;
  const [first, last] = extremes(times);
  return { startDate: date(first), endDate: date(last) };
}

function lastModified(assets: readonly Asset[], traits: Traits): string {
  const isRow = traits.album.lastModified === 'row';
  return isoTime(extremes(assets.map((asset) => (isRow ? asset.updatedAt : asset.fileModifiedAt)))[1]);
}

/** Not `Math.min(...list)`: an album may have more members than a call may have arguments. */
function extremes(times: readonly number[]): [number, number] {
  return times.reduce<[number, number]>(
    ([low, high], time) => [Math.min(low, time), Math.max(high, time)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

function renderAssets(album: Album, assets: readonly Asset[], view: AlbumView): Json[] {
  const { library, traits } = view;
  const isNew = view.as === 'created';
  const viewer = isNew ? null : view.viewer;
  const withExif = !isNew || traits.album.createShowsExif;
  const dates = traits.asset.joinedDates;
  const direction = album.order === 'asc' ? 1 : -1;
  return [...assets]
    .sort((a, b) => direction * (a.fileCreatedAt - b.fileCreatedAt))
    .map((asset) => renderAsset(asset, { library, traits, viewer, as: 'list', dates, withExif }));
}

function contributorCounts(assets: readonly Asset[]): Json[] {
  const counts = new Map<string, number>();
  for (const asset of assets) counts.set(asset.ownerId, (counts.get(asset.ownerId) ?? 0) + 1);
  return [...counts].map(([userId, assetCount]) => ({ userId, assetCount }));
}
