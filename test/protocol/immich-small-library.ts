import { Library } from '../fakes/immich/library.ts';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import type { Album, Asset } from '../fakes/immich/model.ts';

export const SMALL_KEY = 'key-of-a-small-library';

export interface SmallLibrary {
  readonly library: Library;
  readonly albums: readonly [Album, ...Album[]];
  /** A new photo of the key's owner, in no album yet. Its bytes derive from its name. */
  addPhoto(name: string): Asset;
}

/** Albums of photos with plain names: `Album 1/photo 1-1.jpg` and so on. */
export function smallLibrary(albumCount: number, photosEach: number): SmallLibrary {
  const library = new Library();
  const owner = library.addUser({ name: 'Ann', email: 'ann@example.com' });
  library.addKey({ user: owner, key: SMALL_KEY });
  const addPhoto = (name: string) =>
    library.addAsset({ owner, name, content: makeJpeg(48, 32, [10, 120, 200], name) });
  const addAlbum = (number: number) => {
    const assets = Array.from({ length: photosEach }, (_, index) =>
      addPhoto(`photo ${number}-${index + 1}.jpg`),
    );
    return library.addAlbum({ owner, name: `Album ${number}`, assets });
  };
  const others = Array.from({ length: albumCount - 1 }, (_, index) => index + 2);
  return { library, albums: [addAlbum(1), ...others.map(addAlbum)], addPhoto };
}
