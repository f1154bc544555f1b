import type { SettingTable } from '../model/setting.ts';
import { boolean, extensionList, oneOf } from '../model/setting-parser.ts';

export const INGEST_SETTINGS = {
  EXCLUDED_FILE_TYPES: {
    parse: extensionList,
    default: [],
    help: 'File extensions to leave out of every source, separated by commas; with or without dot, in any case.',
    example: 'png,gif',
  },
  NAMES: {
    parse: oneOf(['windows', 'exact']),
    default: 'windows',
    help: 'windows shows characters that Windows cannot store (such as : or ?) as look-alikes, so that every client can copy everything; exact shows names as they are.',
  },
  HASH_REMOTE: {
    parse: boolean,
    default: false,
    help: 'true downloads every Immich asset once to know its SHA-256 and MD5 as well; Immich itself tells the SHA-1. Otherwise they become known when a client reads all of an asset. Local files are always read.',
  },
} as const satisfies SettingTable;
