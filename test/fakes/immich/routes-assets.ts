import { type Call, idParam, type Route, visibleAsset } from './call.ts';
import { renderAsset } from './render-asset.ts';
import { json } from './reply.ts';

export const ASSET_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/assets/statistics', permission: 'asset.statistics', handle: statistics },
  { method: 'GET', path: '/assets/:id', permission: 'asset.read', handle: getAsset },
];

function getAsset(call: Call) {
  const { library, traits, user } = call;
  const asset = visibleAsset(call, idParam(call), 'asset.read');
  return json(
    renderAsset(asset, { library, traits, viewer: user, as: 'single', dates: 'iso', withExif: true }),
  );
}

function statistics({ library, user }: Call) {
  const own = [...library.assets.values()].filter(
    (asset) =>
      asset.ownerId === user.id &&
      asset.deletedAt === null &&
      (asset.visibility === 'timeline' || asset.visibility === 'archive'),
  );
  const images = own.filter((asset) => asset.type === 'IMAGE').length;
  const videos = own.filter((asset) => asset.type === 'VIDEO').length;
  return json({ images, videos, total: own.length });
}
