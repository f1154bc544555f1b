import { createHash } from 'node:crypto';
import { imageSize } from './image-size.ts';
import { Library } from './library.ts';
import { type Colour, makeJpeg, makeMp4, makePng } from './made-media.ts';
import type { Asset, AssetInit, User } from './model.ts';
import type { Version } from './versions.ts';

/** The texts of the keys in a seeded library. */
export const SEED_KEYS = {
  /** The administrator, everything allowed. */
  admin: 'admin-key-with-all-permissions',
  /** The administrator, with what reading albums needs and no more. */
  minimal: 'admin-key-minimal',
  withoutAssetRead: 'admin-key-without-asset-read',
  withoutDownload: 'admin-key-without-asset-download',
  /** The second user, everything allowed. */
  bob: 'bob-key-with-all-permissions',
} as const;

export const MINIMAL_PERMISSIONS = ['album.read', 'asset.read', 'asset.download'] as const;

export interface SeedOptions {
  /** Shown in the album "Summer 2024" instead of the made-up photos, for demonstrations. */
  photos?: readonly { name: string; bytes: Uint8Array }[];
}

const WIDTH = 160;
const HEIGHT = 120;

/** A library with one of each thing that has ever been trouble. Ids are the same in every run. */
export function seedLibrary(version: Version = '3.1.0', options: SeedOptions = {}): Library {
  const library = new Library();
  const admin = library.addUser({
    id: seedId('admin'),
    name: 'Admin',
    email: 'admin@example.com',
    isAdmin: true,
    avatarColor: 'gray',
  });
  const bob = library.addUser({
    id: seedId('bob'),
    name: 'Bob',
    email: 'bob@example.com',
    avatarColor: 'blue',
  });
  addKeys(library, admin, bob);
  const summer = addSummer(library, admin, options);
  addDuplicates(library, admin);
  addTrips(library, admin);
  addSameNames(library, admin);
  addSpecial(library, admin, version);
  addOddFiles(library, admin);
  addShared(library, admin, bob, summer);
  addPhoto(library, admin, 'loose/not in any album.jpg', { fileCreatedAt: '2021-06-01T08:00:00.000Z' });
  return library;
}

/** A UUID made from a text. */
export function seedId(text: string): string {
  const hex = createHash('md5').update(`mediadav ${text}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function addKeys(library: Library, admin: User, bob: User): void {
  library.addKey({ user: admin, key: SEED_KEYS.admin, name: 'all' });
  library.addKey({
    user: admin,
    key: SEED_KEYS.minimal,
    name: 'minimal',
    permissions: MINIMAL_PERMISSIONS,
  });
  library.addKey({
    user: admin,
    key: SEED_KEYS.withoutAssetRead,
    name: 'no asset.read',
    permissions: ['album.read', 'asset.download'],
  });
  library.addKey({
    user: admin,
    key: SEED_KEYS.withoutDownload,
    name: 'no asset.download',
    permissions: ['album.read', 'asset.read'],
  });
  library.addKey({ user: bob, key: SEED_KEYS.bob, name: 'all' });
}

/** `path` tells assets of one name apart and gives the colour; the asset's name is what stands after the first slash. */
function addPhoto(
  library: Library,
  owner: User,
  path: string,
  more: Partial<AssetInit> & { fileCreatedAt?: string } = {},
): Asset {
  const name = path.slice(path.indexOf('/') + 1);
  const [red = 0, green = 0, blue = 0] = createHash('md5').update(path).digest();
  const colour: Colour = [red, green, blue];
  return library.addAsset({
    owner,
    id: seedId(path),
    name,
    content: name.endsWith('.png') ? makePng(WIDTH, HEIGHT, colour) : makeJpeg(WIDTH, HEIGHT, colour, path),
    fileModifiedAt: '2024-01-02T03:04:05.678Z',
    width: WIDTH,
    height: HEIGHT,
    ...more,
  });
}

function addVideo(library: Library, owner: User, path: string, more: Partial<AssetInit> = {}): Asset {
  const name = path.slice(path.indexOf('/') + 1);
  return library.addAsset({
    owner,
    id: seedId(path),
    name,
    content: makeMp4(60_000, path, name.endsWith('.mov') ? 'qt  ' : 'isom'),
    fileModifiedAt: '2024-01-02T03:04:05.678Z',
    durationMs: 4000,
    ...more,
  });
}

function addAlbum(library: Library, owner: User, key: string, name: string, assets: readonly Asset[]): void {
  library.addAlbum({ owner, id: seedId(`album ${key}`), name, assets });
}

const PARIS = {
  latitude: 48.8534,
  longitude: 2.3488,
  city: 'Paris',
  state: 'Ile-de-France',
  country: 'France',
};
const TOKYO = { latitude: 35.6895, longitude: 139.6917, city: 'Tokyo', state: 'Tokyo', country: 'Japan' };

function addSummer(library: Library, admin: User, { photos }: SeedOptions): Asset[] {
  const given = photos?.map(({ name, bytes }, i) =>
    addPhoto(library, admin, `summer/${name}`, {
      content: bytes,
      ...imageSize(Buffer.from(bytes)),
      fileCreatedAt: `2024-07-${String((i % 28) + 1).padStart(2, '0')}T10:00:00.000Z`,
    }),
  );
  const assets = given ?? [...numberedPhotos(library, admin), ...plainPhotos(library, admin)];
  addAlbum(library, admin, 'summer', 'Summer 2024', assets);
  const favourite = assets[2];
  if (favourite !== undefined) library.updateAsset(favourite, { isFavorite: true });
  return assets;
}

function numberedPhotos(library: Library, admin: User): Asset[] {
  return [1, 2, 3, 4, 5, 6, 7, 8].map((n) =>
    addPhoto(library, admin, `summer/IMG_000${n}.jpg`, {
      fileCreatedAt: `2024-0${n + 1}-1${n}T09:20:30.000Z`,
      localDateTime: `2024-0${n + 1}-1${n}T11:20:30.000Z`,
      exif: { make: 'TestCam', model: 'X100', timeZone: 'UTC+2', ...PARIS },
    }),
  );
}

function plainPhotos(library: Library, admin: User): Asset[] {
  return [
    addPhoto(library, admin, 'summer/noexif.jpg'),
    addPhoto(library, admin, 'summer/portrait.jpg', {
      fileCreatedAt: '2024-06-01T19:00:00.000Z',
      localDateTime: '2024-06-01T12:00:00.000Z',
      exif: { orientation: '6', timeZone: 'UTC-7', exifImageWidth: HEIGHT, exifImageHeight: WIDTH },
    }),
  ];
}

function addDuplicates(library: Library, admin: User): void {
  const paths = ['dupA/IMG_1234.jpg', 'dupB/IMG_1234.jpg', 'dupC/img_1234.JPG', 'dupD/IMG_1234.jpg'];
  const assets = paths.map((path, i) =>
    addPhoto(library, admin, path, { fileCreatedAt: `2023-0${i + 1}-01T10:00:00.000Z` }),
  );
  addAlbum(library, admin, 'duplicates', 'Duplicates', assets);
}

function addTrips(library: Library, admin: User): void {
  const beach = addPhoto(library, admin, 'trips/beach.jpg', {
    fileCreatedAt: '2022-07-14T14:30:00.000Z',
    localDateTime: '2022-07-14T23:30:00.000Z',
    exif: { timeZone: 'UTC+9', ...TOKYO },
  });
  addAlbum(library, admin, 'trips', 'Trips/2022 🏖️ Beach: day?', [
    beach,
    addVideo(library, admin, 'trips/clip.mp4', { fileCreatedAt: '2022-07-15T08:00:00.000Z' }),
    addPhoto(library, admin, 'trips/strand ü %41 #1.jpg', { fileCreatedAt: '2022-07-15T09:00:00.000Z' }),
    addPhoto(library, admin, 'trips/写真.jpg'),
    addPhoto(library, admin, 'trips/shot.png'),
  ]);
  library.tagAsset(beach, library.addTag(admin, 'trip/japan', seedId('tag japan')));
  library.tagAsset(beach, library.addTag(admin, 'keeper', seedId('tag keeper')));
}

function addSameNames(library: Library, admin: User): void {
  const photos = [1, 2, 3, 4].map((n) =>
    addPhoto(library, admin, `same/S${n}.jpg`, { fileCreatedAt: '2021-01-01T00:00:00.000Z' }),
  );
  addAlbum(library, admin, 'same1', 'Same name', photos);
  addAlbum(library, admin, 'same2', 'Same name', photos.slice(0, 1));
  addAlbum(library, admin, 'empty-name', '', []);
  addAlbum(library, admin, 'empty', 'Empty album', []);
  addAlbum(library, admin, 'dots', '..', photos.slice(1, 2));
}

function addSpecial(library: Library, admin: User, version: Version): void {
  const hasVisibility = version !== '1.118.0';
  const livePart = addVideo(library, admin, 'live/IMG_9001.mov', { visibility: 'hidden' });
  const live = addPhoto(library, admin, 'live/IMG_9001.jpg', {
    fileCreatedAt: '2024-08-08T08:08:08.000Z',
    livePhotoVideoId: livePart.id,
  });
  const motionPart = addVideo(library, admin, 'motion/PXL_0001.MP.mp4', {
    visibility: 'hidden',
    fileCreatedAt: '2024-09-09T09:09:09.000Z',
    deviceAssetId: 'NONE',
    deviceId: 'NONE',
    durationMs: 1000,
  });
  const motion = addPhoto(library, admin, 'motion/PXL_0001.MP.jpg', {
    content: Buffer.concat([makeJpeg(WIDTH, HEIGHT, [90, 60, 200], 'motion'), motionPart.content.bytes()]),
    fileCreatedAt: '2024-09-09T09:09:09.000Z',
    livePhotoVideoId: motionPart.id,
  });
  const burst = [1, 2, 3].map((n) =>
    addPhoto(library, admin, `burst/BURST_00${n}.jpg`, { fileCreatedAt: `2024-10-10T10:10:1${n}.000Z` }),
  );
  addAlbum(library, admin, 'special', 'Special', [
    live,
    motion,
    ...burst,
    addPhoto(library, admin, 'other/archived.jpg', { visibility: 'archive' }),
    addPhoto(library, admin, 'other/hidden.jpg', hasVisibility ? { visibility: 'hidden' } : {}),
    addPhoto(library, admin, 'other/locked.jpg', hasVisibility ? { visibility: 'locked' } : {}),
    addPhoto(library, admin, 'other/trashed.jpg', { trashed: true }),
  ]);
  const [first, ...others] = burst;
  if (first !== undefined) library.addStack(first, ...others);
}

/** Files whose name, size or origin a client may stumble over. */
function addOddFiles(library: Library, admin: User): void {
  addAlbum(library, admin, 'odd', 'Odd files', [
    addPhoto(library, admin, 'odd/no exif row.jpg', { exif: null }),
    addPhoto(library, admin, 'odd/size unknown.jpg', { exif: { fileSizeInByte: null } }),
    addPhoto(library, admin, 'odd/external.jpg', {
      library: { id: seedId('external library'), path: '/mnt/photos/2019/external.jpg' },
    }),
    addPhoto(library, admin, 'odd/line\nbreak\tand\u0007bell.jpg'),
    addPhoto(library, admin, 'odd/with/slash\\and:colon?.jpg'),
    addPhoto(library, admin, 'odd/cafe\u0301.jpg'),
    addPhoto(library, admin, 'odd/caf\u00e9.jpg'),
    addPhoto(library, admin, 'odd/ends with dot. .jpg'),
    addPhoto(library, admin, 'odd/CON.jpg'),
  ]);
}

function addShared(library: Library, admin: User, bob: User, summer: readonly Asset[]): void {
  const bobs = addPhoto(library, bob, 'bob/bobs.jpg', { fileCreatedAt: '2020-05-05T05:05:05.000Z' });
  library.addAlbum({
    owner: bob,
    id: seedId('album shared'),
    name: 'Bobs shared album',
    assets: [bobs, ...summer.slice(0, 1)],
    users: { [admin.id]: 'editor' },
  });
}
