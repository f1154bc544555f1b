import type { SettingTable } from '../model/setting.ts';
import { extensionList, oneOf, text } from '../model/setting-parser.ts';
import type { Problem } from './config-error.ts';
import { nearestName } from './unknown-names.ts';
import type { YamlEntry } from './yaml-file.ts';

/** Keys that every entry of `sources:` may have; there in lower case. */
export const ENTRY_SETTINGS = {
  TYPE: { parse: oneOf(['local', 'immich']), default: null, help: 'Which provider.' },
  NAME: { parse: text, default: null, help: 'Name of the source and of its folder.' },
  MOUNT: { parse: text, default: null, help: 'Folder it is shown under, if not its name; / for the top.' },
  EXCLUDED_FILE_TYPES: { parse: extensionList, default: [], help: 'As EXCLUDED_FILE_TYPES, and beside it.' },
} as const satisfies SettingTable;

/** Tells every key of an entry that its type does not have. */
export function checkEntryKeys(
  entry: YamlEntry,
  type: 'local' | 'immich',
  own: SettingTable,
  other: SettingTable,
  problems: Problem[],
): void {
  const known = [...keysOf(ENTRY_SETTINGS), ...keysOf(own), 'exclude'];
  const foreign = keysOf(other);
  for (const key of entry.keys) {
    if (known.includes(key)) continue;
    const text = foreign.includes(key)
      ? `is not for type: ${type}`
      : `is not a key of a source; the nearest is ${nearestName(key, known)}`;
    problems.push({ name: `${key} of ${entry.label}`, where: entry.where, text });
  }
}

function keysOf(table: SettingTable): string[] {
  return Object.keys(table).map((name) => name.toLowerCase());
}
