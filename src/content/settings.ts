import type { SettingTable } from '../model/setting.ts';
import { byteSize, offOr } from '../model/setting-parser.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Beyond any disk, and well below where numbers stop being exact. */
const LARGEST_CACHE = 1024 ** 5;

export const CONTENT_SETTINGS = {
  CACHE_MAX_BYTES: {
    parse: offOr(byteSize(MIB, LARGEST_CACHE)),
    default: 10 * GIB,
    shownDefault: '10GiB',
    help:
      'Room for what was read from Immich, in DATA_DIR/cache: such as 500MB, 10GiB, or off, which removes what is ' +
      'there. What was read longest ago goes first. Local folders are never cached.',
  },
} as const satisfies SettingTable;

/** The slice of the configuration that `content/` gets. */
export interface ContentConfig {
  /** Of the cache of remote bytes; null: there is none. */
  readonly cacheMaxBytes: number | null;
}
