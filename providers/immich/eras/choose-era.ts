import { compareVersions, type ServerVersion } from '../server-version.ts';
import { ALBUM_ERA } from './album-era.ts';
import type { Era } from './era.ts';
import { SEARCH_ERA } from './search-era.ts';

/** The first version whose albums have no `assets` field. */
const FIRST_OF_SEARCH: ServerVersion = { major: 3, minor: 0, patch: 0 };
/** What mediadav was held against: recorded answers of real servers, from the first to the last before this. */
const FIRST_KNOWN: ServerVersion = { major: 1, minor: 118, patch: 0 };
const FIRST_UNKNOWN: ServerVersion = { major: 3, minor: 2, patch: 0 };

/** The way to ask a server of that version; one newer than all that are known is asked like the newest. */
export function chooseEra(version: ServerVersion): Era {
  return compareVersions(version, FIRST_OF_SEARCH) >= 0 ? SEARCH_ERA : ALBUM_ERA;
}

/** What people should know of a version that was never tried; null for all that were. */
export function ageNoteOf(version: ServerVersion): string | null {
  const isOlder = compareVersions(version, FIRST_KNOWN) < 0;
  if (!isOlder && compareVersions(version, FIRST_UNKNOWN) < 0) return null;
  const { major, minor, patch } = version;
  const [age, like] = isOlder ? ['older', 'oldest'] : ['newer', 'newest'];
  return (
    `Immich ${major}.${minor}.${patch} is ${age} than the versions that mediadav was tried with (1.118 to 3.1). It is ` +
    `read like the ${like} of them; an album that does not come out with as many photos as Immich counts keeps what it had.`
  );
}
