import type { SettingTable } from '../model/setting.ts';
import { text, wholeNumber } from '../model/setting-parser.ts';

/** Name of the database in DATA_DIR when DATABASE_URL does not say otherwise. */
export const DATABASE_NAME = 'catalog.db';

/** A hundred years. */
const LONGEST_LOG_DAYS = 36_500;

export const CATALOG_SETTINGS = {
  DATA_DIR: {
    parse: text,
    default: './data',
    help: "Folder for mediadav's own files: catalog, caches, thumbnails. Made if missing. Never inside a folder that is shared.",
  },
  DATABASE_URL: {
    parse: databaseFile,
    default: null,
    help: `SQLite file of the catalog, if it is not to be ${DATABASE_NAME} in DATA_DIR.`,
    example: '/var/lib/mediadav/catalog.db',
  },
  CHANGE_LOG_DAYS: {
    parse: wholeNumber(1, LONGEST_LOG_DAYS),
    default: 90,
    help: 'Days that the change feed remembers removals. Whoever has not asked for longer is told to list anew.',
  },
} as const satisfies SettingTable;

/** The slice of the configuration that `catalog/` gets. Absolute paths. */
export interface CatalogConfig {
  readonly dataDir: string;
  readonly databaseFile: string;
  /** How long removals are remembered. */
  readonly changeLogDays: number;
}

/** The path, without `sqlite:` and the two slashes of a URL. The address of a server may hold a password: never quoted. */
function databaseFile(given: string): string {
  const trimmed = given.trim();
  const path = trimmed.replace(/^sqlite3?:(\/\/)?/i, '');
  if (/^postgres(ql)?(\+\w+)?:/i.test(path)) {
    throw new Error('asks for PostgreSQL, which is not supported yet: give the path of a SQLite file');
  }
  // One letter before the colon is a drive of Windows.
  if (/^[a-z][a-z0-9+.-]+:/i.test(path)) throw new Error('must be the path of a SQLite file');
  if (path === '') throw new Error('names no file after "sqlite:"');
  return path;
}
