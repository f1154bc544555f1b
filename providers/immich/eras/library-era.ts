import { compareVersions, type ServerVersion } from '../server-version.ts';

/**
 * How to search all of a user's assets on servers of one age. Fields of another age are ignored, and then the answer is
 * another one.
 */
export interface LibraryEra {
  /** Searches that together find each own asset that albums would show, and what partners share. */
  readonly searches: readonly Readonly<Record<string, unknown>>[];
  /** Where the own assets of each month are counted, those of partners left out. */
  readonly monthsPath: string;
  /** Where the assets of one of these months are told. */
  monthPath(month: string): string;
  /** The months are counted as the searches find them. */
  readonly countsAreExact: boolean;
  readonly tellsMemories: boolean;
}

/** From then on assets have a visibility; before, they are archived or not, and visible or not. */
const FIRST_WITH_VISIBILITY: ServerVersion = { major: 1, minor: 133, patch: 0 };

const OLD: LibraryEra = {
  searches: [{ isVisible: true, withArchived: true }],
  monthsPath: '/timeline/buckets?size=MONTH',
  monthPath: (month) => `/timeline/bucket?size=MONTH&timeBucket=${encodeURIComponent(month)}`,
  // 1.118 counts each photo of a stack once for each of them.
  countsAreExact: false,
  // 1.118 fails as soon as there is one.
  tellsMemories: false,
};

const WITH_VISIBILITY: LibraryEra = {
  // Without one, 2.x leaves archived assets out and 3.x tells hidden ones as well.
  searches: [{ visibility: 'timeline' }, { visibility: 'archive' }],
  monthsPath: '/timeline/buckets',
  monthPath: (month) => `/timeline/bucket?timeBucket=${encodeURIComponent(month)}`,
  countsAreExact: true,
  tellsMemories: true,
};

export function chooseLibraryEra(version: ServerVersion): LibraryEra {
  return compareVersions(version, FIRST_WITH_VISIBILITY) < 0 ? OLD : WITH_VISIBILITY;
}
