import { createHash } from 'node:crypto';
import { Library } from './library.ts';
import type { Asset, AssetInit, Exif, Visibility } from './model.ts';
import type { MediaFile, MediaIndex, Recordings } from './recording.ts';
import { VERSIONS, type Version } from './versions.ts';

/** What recorded answers tell of an asset: facts that a real server read from the file. */
type Facts = Readonly<Record<string, unknown>>;

/** `as` of a recorded request → text of the key. */
export const RECORDED_KEYS: Readonly<Record<string, string>> = {
  'admin, key with permission all': 'recorded-admin',
  'admin key sent as Bearer': 'recorded-admin',
  'admin, key with album.read+asset.read+asset.download': 'recorded-minimal',
  'admin, key with asset.read only': 'recorded-asset-read',
  'admin, key with album.read only': 'recorded-album-read',
  'bob, key with permission all': 'recorded-bob',
  'invalid key': 'not-a-key',
};

const EXTRACTED = 'PXL_0001.MP.mp4';

/** The library that the recorded server of a version had: same ids, files, albums, users and tags. */
export function recordedLibrary(recordings: Recordings, version: Version): Library {
  const media = recordings.media();
  const facts = collectFacts(recordings, media);
  const library = new Library();
  library.jobs.delayMs = 'manual';
  addUsers(library, media, version);
  addExtracted(library, recordings, media, facts, version);
  for (const [path, file] of Object.entries(media.files)) {
    const id = file.assetIds?.[version];
    if (id === undefined) continue;
    const content = recordings.mediaBytes(path);
    const init = { content, ...initOf(path, id, facts, version), ...stateOf(file, version) };
    library.addAsset({ ...init, owner: userId(media, file.owner ?? 'admin', version) });
  }
  addAlbums(library, media, version);
  addRest(library, recordings, media, version);
  return library;
}

function userId(media: MediaIndex, name: string, version: Version): string {
  return media.users[name]?.ids[version] ?? '';
}

function assetId(media: MediaIndex, path: string, version: Version): string {
  return media.files[path]?.assetIds?.[version] ?? '';
}

function addUsers(library: Library, media: MediaIndex, version: Version): void {
  const admin = library.addUser({
    id: userId(media, 'admin', version),
    name: 'Admin',
    email: 'admin@example.com',
    isAdmin: true,
    avatarColor: 'gray',
  });
  const bob = library.addUser({
    id: userId(media, 'bob', version),
    name: 'Bob',
    email: 'bob@example.com',
    avatarColor: 'blue',
  });
  library.addKey({ user: admin, key: 'recorded-admin', name: 'lab-all' });
  library.addKey({ user: bob, key: 'recorded-bob' });
  const minimal = ['album.read', 'asset.read', 'asset.download'];
  library.addKey({ user: admin, key: 'recorded-minimal', name: 'rec-minimal', permissions: minimal });
  library.addKey({ user: admin, key: 'recorded-asset-read', permissions: ['asset.read'] });
  library.addKey({ user: admin, key: 'recorded-album-read', permissions: ['album.read'] });
}

/**
 * Facts by path, from every asset in any recorded answer before the first that changes something; those of the version itself
 * first, since a few differ (the extracted video's dates).
 */
function collectFacts(recordings: Recordings, media: MediaIndex): Map<string, Facts> {
  const pathOf = new Map<string, string>();
  for (const [path, file] of [...Object.entries(media.files), ...Object.entries(media.extractedByServer)]) {
    for (const [version, id] of Object.entries(file.assetIds ?? {})) pathOf.set(id, `${version} ${path}`);
  }
  const facts = new Map<string, Facts>();
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (typeof value === 'object' && value !== null) {
      const { id, fileCreatedAt } = value as Facts;
      const key = typeof id === 'string' ? pathOf.get(id) : undefined;
      if (key !== undefined && typeof fileCreatedAt === 'string')
        facts.set(key, { ...facts.get(key), ...value });
      Object.values(value).forEach(collect);
    }
  };
  for (const version of VERSIONS) {
    for (const file of recordings.files(version)) {
      if (file < '208') collect(recordings.read(version, file).response.body);
    }
  }
  return facts;
}

function factsOf(path: string, facts: ReadonlyMap<string, Facts>, version: Version): Facts {
  const known = VERSIONS.map((other) => facts.get(`${other} ${path}`)).filter((found) => found !== undefined);
  const exifInfo = known.find((found) => found.exifInfo != null)?.exifInfo;
  return { exifInfo, ...known[0], ...facts.get(`${version} ${path}`) };
}

function initOf(path: string, id: string, facts: ReadonlyMap<string, Facts>, version: Version) {
  const known = factsOf(path, facts, version);
  const exif = known.exifInfo as (Omit<Exif, 'dateTimeOriginal' | 'modifyDate'> & Facts) | undefined;
  const still = known.livePhotoVideoId;
  const init: Omit<AssetInit, 'content' | 'owner'> = {
    id,
    name: String(known.originalFileName),
    deviceAssetId: String(known.deviceAssetId),
    deviceId: String(known.deviceId),
    fileCreatedAt: String(known.fileCreatedAt),
    fileModifiedAt: String(known.fileModifiedAt),
    localDateTime: String(known.localDateTime),
    thumbhash: known.thumbhash as string | null,
    ...(typeof still === 'string' ? { livePhotoVideoId: still } : {}),
    ...durationOf(known.duration),
  };
  if (exif === undefined) return init;
  const dateOf = (date: unknown) => (typeof date === 'string' ? Date.parse(date) : null);
  const size = dimensionsOf(known, exif);
  return {
    ...init,
    ...size,
    exif: {
      ...exif,
      dateTimeOriginal: dateOf(exif.dateTimeOriginal),
      modifyDate: dateOf(exif.modifyDate),
    },
  };
}

function dimensionsOf(known: Facts, exif: Pick<Exif, 'exifImageWidth' | 'exifImageHeight'>) {
  const width = Number(known.width ?? exif.exifImageWidth);
  const height = Number(known.height ?? exif.exifImageHeight);
  return { width, height };
}

function durationOf(duration: unknown): { durationMs?: number } {
  if (typeof duration === 'number') return { durationMs: duration };
  const ms = typeof duration === 'string' ? Date.parse(`1970-01-01T${duration}Z`) : 0;
  return ms > 0 ? { durationMs: ms } : {};
}

/** 1.118 has no hidden and locked assets, only hidden video parts. */
function stateOf({ state = '' }: MediaFile, version: Version): Partial<AssetInit> {
  const isOld = version === '1.118.0';
  const visibility: Visibility = state.startsWith('archived')
    ? 'archive'
    : state.startsWith('hidden video part') || (state.startsWith('visibility hidden') && !isOld)
      ? 'hidden'
      : state.startsWith('visibility locked') && !isOld
        ? 'locked'
        : 'timeline';
  return { visibility, isFavorite: state === 'favourite', trashed: state === 'in the trash' };
}

/** The video that the server took out of a motion photo: the end of that file, found by its recorded hash. */
function addExtracted(
  library: Library,
  recordings: Recordings,
  media: MediaIndex,
  facts: ReadonlyMap<string, Facts>,
  version: Version,
): void {
  const { response } = recordings.read(version, '180-original-motion-video-part.json');
  const { bytes, sha1 } = response.body as { bytes: number; sha1: string };
  const content = recordings.mediaBytes('motion/PXL_0001.MP.jpg').subarray(-bytes);
  if (createHash('sha1').update(content).digest('hex') !== sha1) throw new Error('motion part not found');
  const id = media.extractedByServer[EXTRACTED]?.assetIds[version] ?? '';
  library.addAsset({
    content,
    owner: userId(media, 'admin', version),
    visibility: 'hidden',
    ...initOf(EXTRACTED, id, facts, version),
  });
}

function addAlbums(library: Library, media: MediaIndex, version: Version): void {
  for (const [key, { albumName, ids }] of Object.entries(media.albums)) {
    const members = Object.entries(media.files)
      .filter(([, file]) => file.albums?.includes(key))
      .map(([path]) => assetId(media, path, version));
    const isShared = key === 'shared';
    library.addAlbum({
      id: ids[version],
      name: albumName,
      owner: userId(media, isShared ? 'bob' : 'admin', version),
      assets: members,
      ...(isShared ? { users: { [userId(media, 'admin', version)]: 'editor' } } : {}),
    });
  }
}

function addRest(library: Library, recordings: Recordings, media: MediaIndex, version: Version): void {
  const admin = userId(media, 'admin', version);
  const asset = (path: string): Asset => library.asset(assetId(media, path, version));
  library.addStack(asset('burst/BURST_001.jpg'), asset('burst/BURST_002.jpg'), asset('burst/BURST_003.jpg'));
  for (const value of ['trip', 'trip/japan', 'keeper']) {
    library.addTag(admin, value, media.tags[value]?.[version]);
  }
  const beach = recordings.read(version, '127-asset-get-photo-late-evening.json').response.body as {
    tags: { id: string }[];
  };
  for (const { id } of beach.tags) {
    const tag = library.tags.get(id);
    if (tag !== undefined) library.tagAsset(asset('slash/beach.jpg'), tag);
  }
  library.addMemory({
    owner: admin,
    memoryAt: '2022-07-14T00:00:00.000Z',
    assets: [asset('slash/beach.jpg')],
  });
  const { people } = recordings.read(version, '109-people.json').response.body as {
    people: { id: string; name: string }[];
  };
  for (const { id, name } of people) {
    library.addPerson({ id, name, owner: admin, assets: [asset('album1/IMG_0004.jpg')] });
  }
}
