import type { SettingTable } from '../model/setting.ts';
import { oneOf } from '../model/setting-parser.ts';

export const DAV_SETTINGS = {
  WEBDAV_QUOTA: {
    parse: oneOf(['auto', 'on', 'off']),
    default: 'auto',
    help: 'Whether clients that ask are told how much space the disk has: auto tells all but Finder of macOS 15.4 and later, which would take 90 seconds to mount.',
  },
} as const satisfies SettingTable;

/** The slice of the configuration that `dav/` gets. */
export interface DavConfig {
  readonly quota: 'auto' | 'on' | 'off';
}
