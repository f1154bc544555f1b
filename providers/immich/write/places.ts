import { CodedError, codeOf } from '../../../src/model/coded-error.ts';
import type { Over } from '../../../src/model/write.ts';
import type { WriteCall } from '../../../src/provider/provider.ts';
import { heldBackAsset, isHeldBack } from './held-back-id.ts';

/** A place for a file in an album. */
export interface AlbumPlace {
  readonly path: string;
  readonly name: string;
  readonly albumId: string;
  /** Id of the asset that is there, or of what is held back; null: nothing is. */
  readonly ref: string | null;
}

/** Other collections of this provider are none of Immich's. */
const ALBUM_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Rejects `denied`, saying why, for what is no place in an album, `parent-missing`. Where an album is, it is `denied`
 * too, and never `exists`: what `exists` is removed first by who writes over it, and no album goes for a photo.
 */
export async function albumPlaceAt(path: string, call: WriteCall): Promise<AlbumPlace> {
  const [name, above] = splitPath(path);
  checkName(path, call.accepts(path));
  if (above === '') throw new CodedError('denied', 'Immich keeps photos in albums: put it into a folder.');
  if (!call.enters(above)) throw leftOut();
  const albumId = await call.held.refAt(above);
  if (albumId === null || (await isAsset(albumId, call))) {
    throw new CodedError('parent-missing', 'There is no album for it.');
  }
  if (!ALBUM_ID.test(albumId)) throw new CodedError('denied', 'Only albums of Immich can be written to.');
  const ref = await call.held.refAt(path);
  if (ref !== null && !(await isAsset(ref, call))) throw albumInTheWay();
  return { path, name, albumId, ref };
}

/** The name of an album that is to be. Rejects `denied`, `exists`, `parent-missing`. */
export async function newAlbumNameAt(path: string, call: WriteCall): Promise<string> {
  const [name, above] = splitPath(path);
  checkName(path, call.enters(path));
  if (above !== '') {
    const ref = await call.held.refAt(above);
    if (ref === null || (await isAsset(ref, call))) {
      throw new CodedError('parent-missing', 'There is no folder for it.');
    }
    throw new CodedError('denied', 'Immich has no albums within albums.');
  }
  if ((await call.held.refAt(path)) !== null) throw new CodedError('exists', 'Something is there already.');
  return name;
}

/**
 * As `newAlbumNameAt`, for what may be written over something: with `over` as `anything` an album that is there is
 * `denied` (see `albumPlaceAt`).
 */
export async function newAlbumNameOver(path: string, over: Over, call: WriteCall): Promise<string> {
  try {
    return await newAlbumNameAt(path, call);
  } catch (error) {
    if (over === 'nothing' || codeOf(error) !== 'exists') throw error;
    throw albumInTheWay();
  }
}

/** Is it a file, and not an album? */
export async function isAsset(ref: string, call: WriteCall): Promise<boolean> {
  return isHeldBack(ref) || (await call.held.factsOf(ref)) !== null;
}

/** Rejects `exists` and `changed`, as `Staged.place` does. */
export async function checkOver({ ref }: AlbumPlace, over: Over, call: WriteCall): Promise<void> {
  if (over === 'anything') return;
  if (over === 'nothing') {
    if (ref !== null) throw new CodedError('exists', 'Something is there already.');
    return;
  }
  const facts = ref === null ? null : await call.held.factsOf(ref);
  if (facts?.version !== over.version) throw new CodedError('changed', 'It was changed meanwhile.');
}

/** The asset of Immich that a place stands for: what is there, or what stays hidden until what is there has content. */
export function assetBehind(ref: string | null): string | null {
  if (ref === null) return null;
  return isHeldBack(ref) ? heldBackAsset(ref) : ref;
}

/** Does the album show the asset under another name, too? */
export async function hasOtherName(
  { albumId, path }: Pick<AlbumPlace, 'albumId' | 'path'>,
  ref: string,
  call: WriteCall,
): Promise<boolean> {
  const places = await call.held.placesOf(ref, albumId);
  return places.some((place) => place.path !== path);
}

export function missing(): CodedError {
  return new CodedError('not-found', 'It is not there any more.');
}

function albumInTheWay(): CodedError {
  return new CodedError(
    'denied',
    'An album of that name is there, and is not written over: delete it first.',
  );
}

function checkName(path: string, isAccepted: boolean): void {
  if (path.split('/').some((name) => name.startsWith('.'))) {
    throw new CodedError('denied', 'Hidden files and folders are not sent to Immich.');
  }
  if (!isAccepted) throw leftOut();
}

function leftOut(): CodedError {
  return new CodedError('denied', 'The settings of this server leave such names out.');
}

/** Its name, and the path of what it is in. */
function splitPath(path: string): [name: string, above: string] {
  const at = path.lastIndexOf('/');
  return [path.slice(at + 1), path.slice(0, Math.max(at, 0))];
}
