import type { SettingTable } from '../../src/model/setting.ts';
import { boolean, commaList, quote, someOf, text, wholeNumber } from '../../src/model/setting-parser.ts';

/** Timers of Node cannot wait longer than 2^31 milliseconds (24 days). */
const LONGEST_INTERVAL_S = 2_147_483;

/** A folder and the name somebody gave it; null: the last part of its path. */
export interface NamedPath {
  readonly name: string | null;
  /** As written: may be relative or start with `~/`. */
  readonly path: string;
}

/** Settings of all local folders. */
export const LOCAL_SETTINGS = {
  LOCAL_PATHS: {
    parse: (given: string): readonly NamedPath[] => commaList(given).map(parseNamedPath),
    default: [],
    help: 'Folders to show, separated by commas: /path, or name=/path to choose the name it is shown under.',
    example: 'photos=/mnt/photos,/srv/videos',
  },
  LOCAL_LAYOUT: {
    parse: someOf(['folders', 'flat', 'type', 'date']),
    default: ['folders'],
    help: 'How local folders are shown: folders as on disk, flat (all in one), type (images, videos, …) or date (year and month). Several, separated by commas, are shown side by side, each in a folder of its name.',
  },
  LOCAL_WRITABLE: {
    parse: boolean,
    default: false,
    help: 'true lets clients add, change and delete files in local folders.',
  },
  LOCAL_ALL_FILES: {
    parse: boolean,
    default: null,
    help: 'true shows every file, false only photos, videos, audio and camera raw files. If not set, every file where writing is allowed and only media elsewhere.',
    example: 'false',
  },
  RESCAN_INTERVAL: {
    parse: wholeNumber(0, LONGEST_INTERVAL_S),
    default: 0,
    help: 'Seconds between full rescans of local folders. 0: only at start; changes are noticed by watching.',
  },
} as const satisfies SettingTable;

/**
 * Keys of an entry of `sources:` with `type: local`, there in lower case. Null: what the setting for all local
 * folders says.
 */
export const LOCAL_ENTRY_SETTINGS = {
  PATH: { parse: text, default: null, help: 'The folder.' },
  LAYOUT: { parse: LOCAL_SETTINGS.LOCAL_LAYOUT.parse, default: null, help: 'As LOCAL_LAYOUT.' },
  WRITABLE: { parse: boolean, default: null, help: 'As LOCAL_WRITABLE.' },
  ALL_FILES: { parse: boolean, default: null, help: 'As LOCAL_ALL_FILES.' },
  RESCAN_INTERVAL: {
    parse: LOCAL_SETTINGS.RESCAN_INTERVAL.parse,
    default: null,
    help: 'As RESCAN_INTERVAL, in seconds.',
  },
} as const satisfies SettingTable;

/**
 * `name=/path` or `/path`. What stands before the first `=` is a name only when it holds no slash, so that
 * `/mnt/a=b` stays a path.
 */
export function parseNamedPath(given: string): NamedPath {
  const match = /^([^=/\\]*)=(.*)$/s.exec(given.trim());
  if (match === null) return { name: null, path: given.trim() };
  const name = (match[1] ?? '').trim();
  const path = (match[2] ?? '').trim();
  if (name === '' || path === '') throw new Error(`must be name=/path or /path, not ${quote(given)}`);
  return { name, path };
}
