import type { Setting, SettingTable } from '../model/setting.ts';

/** Settings of one subject, in the order people read them. */
export interface SettingGroup {
  readonly title: string;
  readonly table: SettingTable;
}

const WIDTH = 100;

/** The text of `.env.example`: every setting with its help and default, all commented out. */
export function renderEnvExample(groups: readonly SettingGroup[]): string {
  const parts = [
    comment('Settings of mediadav. Copy this file to .env and uncomment what you want to change.'),
    comment(
      'What counts: flags, then the environment, then .env, then the file of --config, then the default.',
    ),
  ];
  for (const { title, table } of groups) {
    parts.push('', `# ---- ${title} ${'-'.repeat(Math.max(4, WIDTH - title.length - 8))}`);
    for (const [name, setting] of Object.entries(table)) {
      parts.push('', comment(setting.help), ...exampleNote(setting), `#${name}=${assignable(setting)}`);
    }
  }
  return `${parts.join('\n')}\n`;
}

/** A default as one writes it; `''` for none. */
export function defaultText(setting: Setting<unknown>): string {
  if (setting.shownDefault !== undefined) return setting.shownDefault;
  const value = setting.default;
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** Breaks a text into lines of at most `width` characters, where it has spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function comment(text: string): string {
  return wrap(text, WIDTH - 2)
    .map((line) => `# ${line}`)
    .join('\n');
}

function exampleNote(setting: Setting<unknown>): string[] {
  if (setting.isSecret === true || setting.example === undefined) return [];
  const fallback = defaultText(setting);
  return [comment(fallback === '' ? 'Not set by default. Example:' : `Default: ${fallback}. Example:`)];
}

/** The value of a secret stays empty: an example would be used by somebody. */
function assignable(setting: Setting<unknown>): string {
  if (setting.isSecret === true) return '';
  const value = setting.example ?? defaultText(setting);
  return /[\s#'"`]/.test(value) ? `"${value}"` : value;
}
