import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { HttpError, InvalidRequest } from './errors.ts';
import type { Library } from './library.ts';
import type { Album, ApiKey, Asset, User } from './model.ts';
import type { Reply } from './reply.ts';
import { Fields, isUuid } from './validate.ts';
import type { Traits } from './versions.ts';

/** One request, as a handler sees it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** The parsed JSON; undefined when there was none, or no JSON content type. */
  readonly body: unknown;
  readonly request: IncomingMessage;
  readonly traits: Traits;
  readonly library: Library;
  readonly user: User;
  readonly key: ApiKey;
  /** See `FakeImmichOptions.unstableOrder`. */
  readonly hasUnstableOrder: boolean;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api`, with `:name` for parameters. */
  readonly path: string;
  /** What a key needs; null: any key will do; `public`: no key. */
  readonly permission: string | null;
  /** Whether 1.118 asks for the permission too. */
  readonly isOldPermission?: boolean;
  readonly exists?: (traits: Traits) => boolean;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
}

/** Refuses a request whose key has no such permission. */
export function requirePermission(key: ApiKey, permission: string): void {
  if (key.permissions.includes('all') || key.permissions.includes(permission)) return;
  throw new HttpError(403, `Missing required permission: ${permission}`);
}

/** The user and key of a request. A key is never a bearer token, and the fake has no sessions. */
export function authenticate(library: Library, headers: IncomingHttpHeaders, query: Call['query']) {
  const text = headers['x-api-key'] ?? query.apiKey;
  if (text === undefined) {
    if (headers.authorization?.startsWith('Bearer ')) throw new HttpError(401, 'Invalid user token');
    throw new HttpError(401, 'Authentication required');
  }
  const key = library.keys.get(String(text));
  if (key === undefined) throw new HttpError(401, 'Invalid API key');
  return { key, user: library.user(key.userId) };
}

/** The `:id` of the path, refused unless it is a UUID of version 4. */
export function idParam(call: Call, name = 'id'): string {
  const fields = new Fields(call.params, call.traits);
  const id = fields.uuid(name);
  fields.check();
  if (!isUuid(id)) throw new InvalidRequest([]);
  return id;
}

/** Reads the JSON body with `read`, then refuses it if anything was wrong. */
export function bodyOf<T>(call: Call, read: (fields: Fields) => T): T {
  const fields = new Fields(call.body, call.traits);
  const result = read(fields);
  fields.check();
  return result;
}

export type AlbumRole = 'owner' | 'editor' | 'viewer' | null;

export function albumRole(album: Album, user: User): AlbumRole {
  return album.ownerId === user.id ? 'owner' : (album.users.get(user.id) ?? null);
}

/** The album, if the user has one of the roles in it; unknown and forbidden are the same 400. */
export function albumFor(call: Call, id: string, permission: string, roles: readonly AlbumRole[]): Album {
  const album = call.library.albums.get(id);
  if (album !== undefined && roles.includes(albumRole(album, call.user))) return album;
  throw noAccess(permission);
}

export function noAccess(permission: string): HttpError {
  return new HttpError(400, `Not found or no ${permission} access`);
}

export function isOwnAsset(call: Call, asset: Asset): boolean {
  return asset.ownerId === call.user.id && !isLocked(call.traits, asset);
}

/** Own assets, the trash included; those of others while they are in a shared album and not in the trash. */
export function maySeeAsset(call: Call, asset: Asset): boolean {
  if (isLocked(call.traits, asset)) return false;
  if (asset.ownerId === call.user.id) return true;
  if (asset.deletedAt !== null) return false;
  const { assets, albums } = call.library;
  for (const album of albums.values()) {
    if (albumRole(album, call.user) === null) continue;
    if (album.assetIds.has(asset.id)) return true;
    for (const id of album.assetIds) if (assets.get(id)?.livePhotoVideoId === asset.id) return true;
  }
  return false;
}

/** Locked assets are out of reach for every API key. */
function isLocked(traits: Traits, asset: Asset): boolean {
  return traits.asset.hasVisibility && asset.visibility === 'locked';
}

export function visibleAsset(call: Call, id: string, permission: string): Asset {
  const asset = call.library.assets.get(id);
  if (asset !== undefined && maySeeAsset(call, asset)) return asset;
  throw noAccess(permission);
}

/** All of the user's own, or an error for the whole list. */
export function ownAssets(call: Call, ids: readonly string[], permission: string): Asset[] {
  return ids.map((id) => {
    const asset = call.library.assets.get(id);
    if (asset === undefined || !isOwnAsset(call, asset)) throw noAccess(permission);
    return asset;
  });
}
