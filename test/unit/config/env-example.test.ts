import dotenv from 'dotenv';
import { expect, test } from 'vitest';
import { renderEnvExample } from '../../../src/config/env-example.ts';
import type { SettingTable } from '../../../src/model/setting.ts';
import { envExampleText, SETTING_GROUPS } from '../../../src/settings.ts';
import { Workspace } from './workspace.ts';

test('help as comments, defaults shown, everything commented out, secrets empty', () => {
  const table = {
    PORT: { parse: Number, default: 8000, help: 'Where to listen.' },
    KEY: { parse: String, default: null, help: 'A key.', isSecret: true, example: 'never-shown' },
    PATHS: { parse: String, default: [], help: 'Folders.', example: 'a b=/c' },
    DATA: { parse: String, default: './data', help: 'Own files.', example: '/var/lib' },
  } satisfies SettingTable;
  const rendered = renderEnvExample([{ title: 'All', table }]);
  expect(rendered.split('\n').slice(4)).toEqual([
    '',
    '# Where to listen.',
    '#PORT=8000',
    '',
    '# A key.',
    '#KEY=',
    '',
    '# Folders.',
    '# Not set by default. Example:',
    '#PATHS="a b=/c"',
    '',
    '# Own files.',
    '# Default: ./data. Example:',
    '#DATA=/var/lib',
    '',
  ]);
});

test('as it is, the file changes nothing; uncommented, every line is read back', () => {
  const text = envExampleText();
  expect(dotenv.parse(text)).toEqual({});
  const workspace = new Workspace().file('.env', text);
  expect(workspace.read().usedDefaultMedia).toBe(true);

  const values = dotenv.parse(text.replace(/^#(?=[A-Z_]+=)/gm, ''));
  const settings = SETTING_GROUPS.flatMap((group) => Object.entries(group.table));
  expect(Object.keys(values)).toEqual(settings.map(([name]) => name));
  for (const [name, setting] of settings) {
    const value = values[name] ?? '';
    if (value !== '') expect(() => setting.parse(value), name).not.toThrow();
    expect(setting.isSecret === true && value !== '', name).toBe(false);
  }
});

test('no line is wider than the code of this project', () => {
  const longest = Math.max(
    ...envExampleText()
      .split('\n')
      .map((line) => line.length),
  );
  expect(longest).toBeLessThanOrEqual(100);
});
