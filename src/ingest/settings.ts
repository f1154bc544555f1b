import type { SettingTable } from '../model/setting.ts';
import { extensionList, oneOf } from '../model/setting-parser.ts';

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
} as const satisfies SettingTable;
