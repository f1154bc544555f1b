import {
  type AlbumRole,
  albumFor,
  albumRole,
  bodyOf,
  type Call,
  idParam,
  noAccess,
  type Route,
} from './call.ts';
import { HttpError } from './errors.ts';
import type { Album, Role } from './model.ts';
import { renderAlbum } from './render-album.ts';
import { json, noContent, type Reply } from './reply.ts';
import type { Fields } from './validate.ts';

const CREATE = 'albumAsset.create';
const REMOVE = 'albumAsset.delete';

export const ALBUM_WRITE_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/albums', permission: 'album.create', isOldPermission: true, handle: createAlbum },
  {
    method: 'PUT',
    path: '/albums/assets',
    permission: CREATE,
    exists: (traits) => traits.album.hasBulkAdd,
    handle: addToMany,
  },
  {
    method: 'PATCH',
    path: '/albums/:id',
    permission: 'album.update',
    isOldPermission: true,
    handle: patchAlbum,
  },
  {
    method: 'DELETE',
    path: '/albums/:id',
    permission: 'album.delete',
    isOldPermission: true,
    handle: deleteAlbum,
  },
  { method: 'PUT', path: '/albums/:id/assets', permission: CREATE, handle: addAssets },
  { method: 'DELETE', path: '/albums/:id/assets', permission: REMOVE, handle: removeAssets },
  { method: 'PUT', path: '/albums/:id/users', permission: 'albumUser.create', handle: share },
  { method: 'PUT', path: '/albums/:id/user/:userId', permission: 'albumUser.update', handle: changeRole },
  { method: 'DELETE', path: '/albums/:id/user/:userId', permission: 'albumUser.delete', handle: unshare },
];

interface ItemResult {
  id: string;
  success: boolean;
  error?: 'duplicate' | 'no_permission' | 'not_found';
}

function changed(call: Call, album: Album): Reply {
  const { library, traits, user } = call;
  return json(renderAlbum(album, { library, traits, viewer: user, as: 'changed' }));
}

function readUsers(fields: Fields): Map<string, Role> {
  const users = fields.raw('albumUsers');
  const list = Array.isArray(users) ? (users as { userId: string; role?: Role }[]) : [];
  return new Map(list.map(({ userId, role }) => [userId, role ?? 'editor']));
}

function createAlbum(call: Call): Reply {
  const { library, traits, user } = call;
  const wanted = bodyOf(call, (fields) => ({
    name: fields.string('albumName', true) ?? '',
    description: fields.string('description') ?? '',
    assetIds: fields.uuids('assetIds') ?? [],
    users: Object.fromEntries(readUsers(fields)),
  }));
  // PostgreSQL takes no NUL in a text.
  if (wanted.name.includes('\0')) throw new HttpError(500, 'Failed to create album');
  const assets = wanted.assetIds.filter((id) => library.assets.get(id)?.ownerId === user.id);
  const { name, description, users } = wanted;
  const album = library.addAlbum({ owner: user, name, description, users, assets });
  return json(renderAlbum(album, { library, traits, viewer: user, as: 'created', withAssets: true }), 201);
}

function patchAlbum(call: Call): Reply {
  const { library, traits } = call;
  const id = idParam(call);
  const change = bodyOf(call, (fields) => ({
    albumName: fields.string('albumName'),
    description: fields.string('description'),
    albumThumbnailAssetId: fields.uuid('albumThumbnailAssetId'),
    isActivityEnabled: fields.boolean('isActivityEnabled'),
    order: fields.choice('order', ['asc', 'desc']) as Album['order'] | undefined,
  }));
  const roles: readonly AlbumRole[] = traits.album.editorMayRename ? ['owner', 'editor'] : ['owner'];
  const album = albumFor(call, id, 'album.update', roles);
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  if (given.length > 0 || traits.album.emptyPatchMovesUpdatedAt) {
    library.updateAlbum(album, Object.fromEntries(given));
  }
  return changed(call, album);
}

function deleteAlbum(call: Call): Reply {
  const album = albumFor(call, idParam(call), 'album.delete', ['owner']);
  call.library.deleteAlbum(album);
  return noContent(call.traits.album.deleteStatus);
}

/** An unknown album has a message of its own here, and only here. */
function addAssets(call: Call): Reply {
  const { library, traits, user } = call;
  const id = idParam(call);
  const ids = bodyOf(call, (fields) => fields.uuids('ids', true) ?? []);
  const album = library.albums.get(id);
  if (album === undefined) throw new HttpError(400, 'Album not found');
  const role = albumRole(album, user);
  if (role !== 'owner' && role !== 'editor') throw noAccess(traits.album.addPermission);
  return json(addEach(call, album, ids));
}

/** Only own assets can be added; one that does not exist looks like one of somebody else. */
function addEach({ library, user }: Call, album: Album, ids: readonly string[]): ItemResult[] {
  const members = new Set(album.assetIds);
  const added: string[] = [];
  const results = ids.map((id): ItemResult => {
    if (members.has(id)) return { id, success: false, error: 'duplicate' };
    if (library.assets.get(id)?.ownerId !== user.id) return { id, success: false, error: 'no_permission' };
    members.add(id);
    added.push(id);
    return { id, success: true };
  });
  if (added.length > 0) library.addToAlbum(album, ...added);
  return results;
}

function addToMany(call: Call): Reply {
  const { library, user } = call;
  const { albumIds, assetIds } = bodyOf(call, (fields) => ({
    albumIds: fields.uuids('albumIds', true) ?? [],
    assetIds: fields.uuids('assetIds', true) ?? [],
  }));
  const results = albumIds.flatMap((id) => {
    const album = library.albums.get(id);
    const role = album === undefined ? null : albumRole(album, user);
    return album !== undefined && (role === 'owner' || role === 'editor')
      ? addEach(call, album, assetIds)
      : [];
  });
  if (results.some((result) => result.success)) return json({ success: true });
  const isDuplicate = results.length > 0 && results.every((result) => result.error === 'duplicate');
  return json({ success: false, error: isDuplicate ? 'duplicate' : 'no_permission' });
}

/** The owner may take out anything, an editor only what is his own. */
function removeAssets(call: Call): Reply {
  const { library, traits, user } = call;
  const id = idParam(call);
  const ids = bodyOf(call, (fields) => fields.uuids('ids', true) ?? []);
  const album = albumFor(call, id, traits.album.removePermission, ['owner', 'editor']);
  const removed: string[] = [];
  const results = ids.map((assetId): ItemResult => {
    if (!album.assetIds.has(assetId) || removed.includes(assetId)) {
      return { id: assetId, success: false, error: 'not_found' };
    }
    if (album.ownerId !== user.id && library.assets.get(assetId)?.ownerId !== user.id) {
      return { id: assetId, success: false, error: 'no_permission' };
    }
    removed.push(assetId);
    return { id: assetId, success: true };
  });
  if (removed.length > 0) library.removeFromAlbum(album, ...removed);
  return json(results);
}

function share(call: Call): Reply {
  const { library } = call;
  const id = idParam(call);
  const users = bodyOf(call, readUsers);
  const album = albumFor(call, id, 'album.share', ['owner']);
  for (const [userId, role] of users) {
    if (!library.users.has(userId)) throw new HttpError(400, 'User not found');
    if (album.users.has(userId)) throw new HttpError(400, 'User already added');
    library.shareAlbum(album, userId, role);
  }
  return changed(call, album);
}

function changeRole(call: Call): Reply {
  const id = idParam(call);
  const userId = idParam(call, 'userId');
  const role = bodyOf(call, (fields) => fields.choice('role', ['editor', 'viewer'], true)) as Role;
  call.library.shareAlbum(albumFor(call, id, 'album.share', ['owner']), userId, role);
  return noContent(call.traits.album.deleteStatus);
}

function unshare(call: Call): Reply {
  const userId = call.params.userId === 'me' ? call.user.id : idParam(call, 'userId');
  const roles: readonly AlbumRole[] = userId === call.user.id ? ['editor', 'viewer'] : ['owner'];
  call.library.shareAlbum(albumFor(call, idParam(call), 'album.share', roles), userId, null);
  return noContent(call.traits.album.deleteStatus);
}
