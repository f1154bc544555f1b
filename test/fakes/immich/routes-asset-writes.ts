import { bodyOf, type Call, idParam, noAccess, ownAssets, type Route } from './call.ts';
import type { Asset, Visibility } from './model.ts';
import { renderAsset } from './render-asset.ts';
import { json, noContent, type Reply } from './reply.ts';
import type { Fields } from './validate.ts';

export const ASSET_WRITE_ROUTES: readonly Route[] = [
  {
    method: 'PUT',
    path: '/assets/copy',
    permission: 'asset.copy',
    exists: (traits) => traits.asset.hasCopy,
    handle: copyAsset,
  },
  { method: 'PUT', path: '/assets/:id', permission: 'asset.update', handle: updateAsset },
  { method: 'PUT', path: '/assets', permission: 'asset.update', handle: updateAssets },
  { method: 'DELETE', path: '/assets', permission: 'asset.delete', handle: deleteAssets },
  {
    method: 'POST',
    path: '/trash/restore/assets',
    permission: 'asset.delete',
    isOldPermission: true,
    handle: restoreAssets,
  },
  {
    method: 'POST',
    path: '/trash/restore',
    permission: 'asset.delete',
    isOldPermission: true,
    handle: restoreAll,
  },
  {
    method: 'POST',
    path: '/trash/empty',
    permission: 'asset.delete',
    isOldPermission: true,
    handle: emptyTrash,
  },
];

interface AssetChange {
  row: Partial<Pick<Asset, 'isFavorite' | 'visibility' | 'livePhotoVideoId'>>;
  exif: { description?: string; rating?: number | null; latitude?: number; longitude?: number };
  dateTimeOriginal: string | undefined;
}

/** Fields that do not exist, such as a file name, are ignored without a word. */
function readChange(call: Call, fields: Fields): AssetChange {
  const isFavorite = fields.boolean('isFavorite');
  const visibility = readVisibility(call, fields);
  const livePhotoVideoId = fields.uuid('livePhotoVideoId');
  const description = fields.string('description');
  const rating = fields.number('rating', -1, 5);
  const latitude = fields.number('latitude', -90, 90);
  const longitude = fields.number('longitude', -180, 180);
  return {
    row: {
      ...(isFavorite === undefined ? {} : { isFavorite }),
      ...(visibility === undefined ? {} : { visibility }),
      ...(livePhotoVideoId === undefined ? {} : { livePhotoVideoId }),
    },
    exif: {
      ...(description === undefined ? {} : { description }),
      ...(rating === undefined ? {} : { rating }),
      ...(latitude === undefined ? {} : { latitude }),
      ...(longitude === undefined ? {} : { longitude }),
    },
    dateTimeOriginal: fields.string('dateTimeOriginal'),
  };
}

function readVisibility({ traits }: Call, fields: Fields): Visibility | undefined {
  if (traits.asset.hasVisibility) {
    return fields.choice('visibility', ['archive', 'timeline', 'hidden', 'locked']) as Visibility | undefined;
  }
  const isArchived = fields.boolean('isArchived');
  return isArchived === undefined ? undefined : isArchived ? 'archive' : 'timeline';
}

/** The row changes at once; the date as a whole only after a job has written it to a sidecar and read it back. */
function apply({ library, traits }: Call, asset: Asset, { row, exif, dateTimeOriginal }: AssetChange): void {
  library.updateAsset(asset, row);
  if (Object.keys(exif).length > 0) library.updateExif(asset, exif);
  if (dateTimeOriginal === undefined) return;
  const instant = Date.parse(dateTimeOriginal);
  const offsetHours = offsetOf(dateTimeOriginal);
  const timeZone = offsetHours === 0 ? 'UTC' : `UTC${offsetHours > 0 ? '+' : ''}${offsetHours}`;
  const shown = traits.asset.dateChangeShows;
  if (shown !== 'nothing') library.updateExif(asset, { dateTimeOriginal: instant });
  if (shown === 'date-and-zone') library.updateExif(asset, { timeZone });
  library.jobs.add(() => {
    if (!library.assets.has(asset.id)) return;
    library.updateExif(asset, { dateTimeOriginal: instant, timeZone });
    library.updateAsset(asset, { fileCreatedAt: instant, localDateTime: instant + offsetHours * 3_600_000 });
  });
}

function offsetOf(date: string): number {
  const [, sign, hours = '0', minutes = '0'] = /([+-])(\d\d):?(\d\d)$/.exec(date) ?? [];
  return (Number(hours) + Number(minutes) / 60) * (sign === '-' ? -1 : 1);
}

function updateAsset(call: Call): Reply {
  const { library, traits, user } = call;
  const id = idParam(call);
  const change = bodyOf(call, (fields) => readChange(call, fields));
  const asset = library.assets.get(id);
  if (asset === undefined || asset.ownerId !== user.id) throw noAccess('asset.update');
  apply(call, asset, change);
  const view = { library, traits, viewer: user, as: 'updated', dates: 'iso', withExif: true } as const;
  return json(renderAsset(asset, view));
}

function updateAssets(call: Call): Reply {
  const { ids, change } = bodyOf(call, (fields) => ({
    ids: fields.uuids('ids', true) ?? [],
    change: readChange(call, fields),
  }));
  for (const asset of ownAssets(call, ids, 'asset.update')) apply(call, asset, change);
  return noContent();
}

/** Albums, favourite and stack of one asset go to another. */
function copyAsset(call: Call): Reply {
  const { library } = call;
  const { sourceId, targetId } = bodyOf(call, (fields) => ({
    sourceId: fields.uuid('sourceId') ?? '',
    targetId: fields.uuid('targetId') ?? '',
  }));
  const [source, target] = ownAssets(call, [sourceId, targetId], 'asset.copy');
  if (source === undefined || target === undefined) throw noAccess('asset.copy');
  for (const album of library.albums.values()) {
    if (album.assetIds.has(source.id) && !album.assetIds.has(target.id)) library.addToAlbum(album, target);
  }
  library.updateAsset(target, { isFavorite: source.isFavorite });
  return noContent();
}

/** One asset that is not the user's own fails the whole list. */
function deleteAssets(call: Call): Reply {
  const { library } = call;
  const { ids, isForced } = bodyOf(call, (fields) => ({
    ids: fields.uuids('ids', true) ?? [],
    isForced: fields.boolean('force') ?? false,
  }));
  const assets = ownAssets(call, ids, 'asset.delete');
  if (!isForced) library.trash(...assets);
  else for (const asset of assets) if (library.assets.has(asset.id)) library.deleteAsset(asset);
  return noContent();
}

/** Counts what was asked for, in the trash or not. */
function restoreAssets(call: Call): Reply {
  const ids = bodyOf(call, (fields) => fields.uuids('ids', true) ?? []);
  const assets = ownAssets(call, ids, 'asset.delete');
  call.library.restore(...assets.filter((asset) => asset.deletedAt !== null));
  return json({ count: assets.length });
}

function ownTrash({ library, user }: Call): Asset[] {
  return [...library.assets.values()].filter(
    (asset) => asset.ownerId === user.id && asset.deletedAt !== null,
  );
}

function restoreAll(call: Call): Reply {
  const assets = ownTrash(call);
  call.library.restore(...assets);
  return json({ count: assets.length });
}

function emptyTrash(call: Call): Reply {
  const assets = ownTrash(call);
  for (const asset of assets) if (call.library.assets.has(asset.id)) call.library.deleteAsset(asset);
  return json({ count: assets.length });
}
