import type { SettingTable, SettingValues } from './model/setting.ts';
import { oneOf } from './model/setting-parser.ts';

export const LOG_SETTINGS = {
  LOG_LEVEL: {
    parse: oneOf(['error', 'warn', 'info', 'debug']),
    default: 'info',
    help: 'How much to say: error, warn, info or debug.',
  },
  LOG_FORMAT: {
    parse: oneOf(['text', 'json']),
    default: 'text',
    help: 'text for people, json (one object a line) for programs.',
  },
} as const satisfies SettingTable;

/** The slice of the configuration that the log gets. */
export interface LogConfig {
  readonly level: SettingValues<typeof LOG_SETTINGS>['LOG_LEVEL'];
  readonly format: SettingValues<typeof LOG_SETTINGS>['LOG_FORMAT'];
}
