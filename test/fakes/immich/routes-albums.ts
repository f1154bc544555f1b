import { albumFor, albumRole, type Call, idParam, type Route } from './call.ts';
import type { Album } from './model.ts';
import { renderAlbum } from './render-album.ts';
import { json } from './reply.ts';
import { Fields } from './validate.ts';

export const ALBUM_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/albums', permission: 'album.read', isOldPermission: true, handle: listAlbums },
  { method: 'GET', path: '/albums/:id', permission: 'album.read', isOldPermission: true, handle: getAlbum },
];

function listAlbums(call: Call) {
  const { library, traits, user } = call;
  library.refreshCovers();
  const matches = traits.album.list === 'owned' ? ownedFilter(call) : allFilter(call);
  const albums = [...library.albums.values()]
    .filter((album) => albumRole(album, user) !== null && matches(album))
    .sort((a, b) => b.createdAt - a.createdAt);
  return json(albums.map((album) => renderAlbum(album, { library, traits, viewer: user, as: 'list' })));
}

/** Up to 2.x: own albums, unless `shared` or `assetId` says otherwise; every other parameter is ignored. */
function ownedFilter({ query, traits, user }: Call): (album: Album) => boolean {
  const fields = new Fields(query, traits);
  const shared = fields.boolean('shared');
  const assetId = fields.uuid('assetId');
  fields.check();
  if (assetId !== undefined) return (album) => album.assetIds.has(assetId);
  if (shared === true) return (album) => album.users.size > 0;
  return (album) => album.ownerId === user.id && (shared === undefined || album.users.size === 0);
}

/** From 3.0 on: every album the user may read, narrowed by filters; `shared` is unknown and ignored. */
function allFilter({ query, traits, user }: Call): (album: Album) => boolean {
  const fields = new Fields(query, traits);
  const id = fields.uuid('id');
  const name = fields.string('name');
  const assetId = fields.uuid('assetId');
  const isOwned = fields.boolean('isOwned');
  const isShared = fields.boolean('isShared');
  fields.check();
  return (album) =>
    (id === undefined || album.id === id) &&
    (name === undefined || album.albumName === name) &&
    (assetId === undefined || album.assetIds.has(assetId)) &&
    (isOwned === undefined || (album.ownerId === user.id) === isOwned) &&
    (isShared === undefined || album.users.size > 0 === isShared);
}

function getAlbum(call: Call) {
  const { library, traits, user } = call;
  const id = idParam(call);
  const fields = new Fields(call.query, traits);
  const withoutAssets = fields.boolean('withoutAssets') ?? false;
  fields.check();
  library.refreshCovers();
  const album = albumFor(call, id, 'album.read', ['owner', 'editor', 'viewer']);
  return json(
    renderAlbum(album, { library, traits, viewer: user, as: 'single', withAssets: !withoutAssets }),
  );
}
