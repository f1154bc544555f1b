import { compareVersions, type ServerVersion } from '../server-version.ts';
import { ALBUM_ERA } from './album-era.ts';
import type { Era } from './era.ts';
import { SEARCH_ERA } from './search-era.ts';

/** The first version whose albums have no `assets` field. */
const FIRST_OF_SEARCH: ServerVersion = { major: 3, minor: 0, patch: 0 };

/** The way to ask a server of that version; one newer than all that are known is asked like the newest. */
export function chooseEra(version: ServerVersion): Era {
  return compareVersions(version, FIRST_OF_SEARCH) >= 0 ? SEARCH_ERA : ALBUM_ERA;
}
