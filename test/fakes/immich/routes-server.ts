import type { Call, Route } from './call.ts';
import { idParam, requirePermission } from './call.ts';
import { HttpError } from './errors.ts';
import { json } from './reply.ts';
import { isoTime } from './time.ts';

export const SERVER_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/server/ping', permission: 'public', handle: () => json({ res: 'pong' }) },
  { method: 'GET', path: '/server/version', permission: 'public', handle: version },
  {
    method: 'GET',
    path: '/server/features',
    permission: 'public',
    handle: ({ traits }) => json(traits.features),
  },
  {
    method: 'GET',
    path: '/server/config',
    permission: 'public',
    handle: ({ traits }) => json(traits.config),
  },
  {
    method: 'GET',
    path: '/server/media-types',
    permission: 'public',
    handle: ({ traits }) => json(traits.mediaTypes),
  },
  { method: 'GET', path: '/server/about', permission: 'server.about', handle: about },
  { method: 'GET', path: '/users/me', permission: 'user.read', handle: me },
  { method: 'GET', path: '/api-keys/:id', permission: null, handle: apiKey },
  {
    method: 'POST',
    path: '/sync/stream',
    permission: null,
    exists: (traits) => traits.hasSync,
    handle: () => {
      throw new HttpError(403, 'Sync endpoints cannot be used with API keys');
    },
  },
];

function version({ traits }: Call) {
  const [major, minor, patch] = traits.version.split('.').map(Number);
  return json({ major, minor, patch, ...(traits.errors === 'short' ? { prerelease: null } : {}) });
}

function about({ traits }: Call) {
  return json({
    version: `v${traits.version}`,
    versionUrl: `https://github.com/immich-app/immich/releases/tag/v${traits.version}`,
    licensed: false,
    nodejs: process.version,
    exiftool: '13.00',
    ffmpeg: '5.1.9',
    libvips: '8.17.3',
    imagemagick: '',
  });
}

function me({ user, library }: Call) {
  const own = [...library.assets.values()].filter((asset) => asset.ownerId === user.id);
  return json({
    id: user.id,
    email: user.email,
    name: user.name,
    profileImagePath: '',
    avatarColor: user.avatarColor,
    profileChangedAt: isoTime(user.createdAt),
    storageLabel: user.isAdmin ? 'admin' : null,
    shouldChangePassword: true,
    isAdmin: user.isAdmin,
    createdAt: isoTime(user.createdAt),
    deletedAt: null,
    updatedAt: isoTime(user.updatedAt),
    oauthId: '',
    quotaSizeInBytes: null,
    quotaUsageInBytes: own.reduce((sum, asset) => sum + asset.content.size, 0),
    status: 'active',
    license: null,
  });
}

/** `me` became a path of its own in 1.139. Before, it is taken for an id. */
function apiKey(call: Call) {
  const { key, traits, library } = call;
  const isMe = traits.hasOwnKeyInfo && call.params.id === 'me';
  if (!isMe) requirePermission(key, 'apiKey.read');
  const id = isMe ? key.id : idParam(call);
  const wanted = [...library.keys.values()].find((other) => other.id === id && other.userId === key.userId);
  if (wanted === undefined) throw new HttpError(400, 'API Key not found');
  return json({
    id: wanted.id,
    name: wanted.name,
    createdAt: isoTime(wanted.createdAt),
    updatedAt: isoTime(wanted.createdAt),
    permissions: wanted.permissions,
  });
}
