import { mediaKindOfType } from './content-type.ts';

/** What decides which still and which film are one live photo. */
export interface LiveHalf {
  /** Relative to the source, `/` between segments. */
  readonly path: string;
  readonly contentType: string;
  readonly durationMs: number | null;
  /** See `MediaFacts.livePhotoId`. */
  readonly livePhotoId: string | null;
}

/** So many files with one id are no live photo: somebody writes the same into all. */
export const MAX_LIVE_GROUP = 100;

/** Phones take three seconds. What is longer is a film that happens to be called like a photo. */
const MAX_FILM_MS = 5_000;

/** Types that go by their names when no id tells. */
const STILLS_BY_NAME: ReadonlySet<string> = new Set(['image/heic', 'image/heif', 'image/jpeg']);
const FILM_BY_NAME = 'video/quicktime';

/**
 * The other half of a live photo. An id that both have counts, wherever in the source they are; else, unless both have
 * one, the same folder and the same name but for its ending and the case of its letters. Where several would do, the
 * first of: one in the same folder, one of the same name, the first by path. So a copy or an edited still (`IMG_E1234`)
 * has its film too, while the film has the still it is called like.
 * @param sameId what may have the id; more than `MAX_LIVE_GROUP` of them are none. @param sameName what may have the name.
 */
export function otherHalfOf<T extends LiveHalf>(
  half: LiveHalf,
  sameId: readonly T[],
  sameName: readonly T[],
): T | null {
  const byId = sameId.filter((other) => sharesId(half, other) && areHalves(half, other));
  if (byId.length > 0 && sameId.length <= MAX_LIVE_GROUP) return nearest(half, byId);
  return nearest(
    half,
    sameName.filter((other) => sharesName(half, other)),
  );
}

function sharesId({ livePhotoId }: LiveHalf, other: LiveHalf): boolean {
  return livePhotoId !== null && livePhotoId !== '' && other.livePhotoId === livePhotoId;
}

function sharesName(half: LiveHalf, other: LiveHalf): boolean {
  if (half.livePhotoId !== null && other.livePhotoId !== null) return false;
  const [still, film] = isFilm(half) ? [other, half] : [half, other];
  const areTypes = STILLS_BY_NAME.has(still.contentType) && film.contentType === FILM_BY_NAME;
  if (!areTypes || (film.durationMs !== null && film.durationMs > MAX_FILM_MS)) return false;
  const [here, there] = [placeOf(half), placeOf(other)];
  return here.folder === there.folder && here.stem === there.stem;
}

function areHalves(half: LiveHalf, other: LiveHalf): boolean {
  const kinds = [half, other].map(({ contentType }) => mediaKindOfType(contentType));
  return kinds.includes('image') && kinds.includes('video');
}

function isFilm({ contentType }: LiveHalf): boolean {
  return mediaKindOfType(contentType) === 'video';
}

function nearest<T extends LiveHalf>(half: LiveHalf, others: readonly T[]): T | null {
  const here = placeOf(half);
  let best: { readonly other: T; readonly rank: string } | null = null;
  for (const other of others) {
    const { folder, stem } = placeOf(other);
    // No path holds the character 0, so what stands before it decides first.
    const rank = `${folder === here.folder ? 0 : 1}${stem === here.stem ? 0 : 1}\0${other.path}`;
    if (best === null || rank < best.rank) best = { other, rank };
  }
  return best?.other ?? null;
}

/** The case of letters beyond ASCII counts, as catalogs look halves up by their names. */
function placeOf({ path }: LiveHalf): { readonly folder: string; readonly stem: string } {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const stem = name.replace(/\.[^.]*$/, '');
  return {
    folder: path.slice(0, Math.max(slash, 0)),
    stem: stem.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
  };
}
