import type { Library } from '../fakes/immich/library.ts';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { mimeOf } from '../fakes/immich/media-types.ts';
import type { Album, Asset } from '../fakes/immich/model.ts';
import { SEED_KEYS, seedId, seedLibrary } from '../fakes/immich/seed.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { sha1Of } from './disk-listing.ts';

/** One place of an asset as a client must find it. Twins may have a tag, which is cut off here. */
export interface ShownAsset {
  /** Below the source, without tags. */
  readonly path: string;
  readonly sha1: string;
  readonly sizeBytes: number;
  /** An HTTP date. */
  readonly lastModified: string;
  readonly contentType: string;
}

/** Immich allows more than any disk does. */
export const LONG_NAME = 'An album with a very long name, '.repeat(10);

/** Names of the library that clients cannot store, and what they are shown as. All others are shown as they are. */
const SHOWN_NAMES: Readonly<Record<string, string>> = {
  'Trips/2022 🏖️ Beach: day?': 'Trips／2022 🏖️ Beach： day？',
  '': '_',
  '..': '.．',
  'tab\there, bell\u0007': 'tab␉here, bell␇',
  NUL: 'NUL_',
  'ends with space ': 'ends with space␠',
  [LONG_NAME]: LONG_NAME.slice(0, 255),
  'line\nbreak\tand\u0007bell.jpg': 'line␊break␉and␇bell.jpg',
  'with/slash\\and:colon?.jpg': 'with／slash＼and：colon？.jpg',
  'CON.jpg': 'CON_.jpg',
};

/** The seeded library, and albums of every other kind of name and sharing. The same ids in every run. */
export function troublesomeLibrary(version: Version): Library {
  const library = seedLibrary(version);
  const admin = userOf(library, 'admin@example.com');
  const bob = userOf(library, 'bob@example.com');
  const photo = (owner: string, name: string) =>
    library.addAsset({
      owner,
      id: seedId(`more ${name}`),
      name,
      content: makeJpeg(32, 24, [200, 30, 90], name),
      fileModifiedAt: '2018-05-06T07:08:09.123Z',
    });
  const album = (owner: string, name: string, names: readonly string[], users = {}) => {
    const assets = names.map((each) => photo(owner, each));
    library.addAlbum({ owner, id: seedId(`more album ${name}`), name, assets, users });
  };
  album(admin, 'tab\there, bell\u0007', ['tab.jpg']);
  album(admin, 'summer 2024', ['other summer.jpg']);
  album(admin, 'NUL', []);
  album(admin, 'ends with space ', ['space.jpg']);
  album(admin, LONG_NAME, ['long.jpg']);
  album(admin, '🦊', ['fox.jpg']);
  album(bob, 'Bob shows this', ['shown by bob.jpg'], { [admin]: 'viewer' });
  album(bob, 'Private to Bob', ['private.jpg']);
  return library;
}

export const LIBRARY_KEY = SEED_KEYS.admin;

/** Every album the key's owner may see, by the names that clients are shown. Twins are there as often as they exist. */
export function shownAlbums(library: Library): string[] {
  return visibleAlbums(library).map(({ albumName }) => shownName(albumName));
}

/** Every place of every asset that the key's owner may see. */
export function shownAssets(library: Library, layout: 'album/file' | 'album/type/file'): ShownAsset[] {
  return visibleAlbums(library).flatMap((album) =>
    library
      .assetsOf(album)
      .filter(isShown)
      .map((asset) => {
        const type = layout === 'album/file' ? '' : asset.type === 'VIDEO' ? 'videos/' : 'images/';
        return {
          path: `${shownName(album.albumName)}/${type}${shownName(asset.originalFileName)}`,
          sha1: sha1Of(asset.content.bytes()),
          sizeBytes: asset.content.size,
          lastModified: new Date(asset.fileModifiedAt).toUTCString(),
          contentType: mimeOf(asset.originalFileName),
        };
      }),
  );
}

/** `IMG_1~3fa90c12.jpg` is a twin of `IMG_1.jpg`; so for every segment of a path. */
export function withoutTags(path: string): string {
  return path
    .split('/')
    .map((segment) => segment.replace(/~[0-9a-f]{8}(?=(\.\w+)?$)/, ''))
    .join('/');
}

function visibleAlbums(library: Library): Album[] {
  const admin = userOf(library, 'admin@example.com');
  return [...library.albums.values()].filter((album) => album.ownerId === admin || album.users.has(admin));
}

function isShown(asset: Asset): boolean {
  return asset.deletedAt === null && asset.visibility !== 'hidden' && asset.visibility !== 'locked';
}

function shownName(name: string): string {
  return SHOWN_NAMES[name] ?? name;
}

function userOf(library: Library, email: string): string {
  const user = [...library.users.values()].find((each) => each.email === email);
  if (user === undefined) throw new Error(`the library has no user ${email}`);
  return user.id;
}
