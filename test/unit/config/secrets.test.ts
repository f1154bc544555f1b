import { expect, test } from 'vitest';
import type { Problem } from '../../../src/config/config-error.ts';
import { type Given, readTable } from '../../../src/config/layers.ts';
import { helpText, SETTING_GROUPS } from '../../../src/settings.ts';
import { problemsIn, Workspace } from './workspace.ts';

const PASSWORD = 'hush hush';
const LOGIN = { AUTH_USERNAME: 'joe' };

test.each([
  ['hush hush', PASSWORD],
  ['hush hush\n', PASSWORD],
  ['hush hush\r\n', PASSWORD],
  ['\ufeffhush hush\n\n', PASSWORD],
  [' hush\n', ' hush'],
])('the file %j holds the password %j', (content, password) => {
  const workspace = new Workspace().file('secret', content);
  const config = workspace.read({ env: { ...LOGIN, AUTH_PASSWORD_FILE: 'secret' } });
  expect(config.http.login).toEqual({ username: 'joe', password });
});

test('the higher layer wins between a secret and its file; in one layer both are too many', () => {
  const workspace = new Workspace()
    .file('secret', 'from-file')
    .file('.env', 'AUTH_PASSWORD=hush\nAUTH_USERNAME=joe\n');
  const password = (given: { argv?: string[]; env?: Record<string, string> }) =>
    workspace.read(given).http.login?.password;
  expect(password({})).toBe('hush');
  expect(password({ env: { AUTH_PASSWORD_FILE: 'secret' } })).toBe('from-file');
  expect(password({ argv: ['--auth-password', 'flag'], env: { AUTH_PASSWORD_FILE: 'secret' } })).toBe('flag');
  const env = { AUTH_PASSWORD: 'hush', AUTH_PASSWORD_FILE: 'secret' };
  expect(problemsIn(workspace.complaint({ env }))).toEqual([
    'AUTH_PASSWORD (environment) and AUTH_PASSWORD_FILE are both set: keep one of them.',
  ]);
});

test('a secret file that is missing or empty is told once', () => {
  const workspace = new Workspace().file('empty', ' \n');
  expect(
    problemsIn(workspace.complaint({ env: { ...LOGIN, AUTH_PASSWORD_FILE: 'gone', HOST: '::' } })),
  ).toEqual([
    `AUTH_PASSWORD_FILE (environment) names a file that cannot be read: ${workspace.path('gone')} (there is no such file).`,
  ]);
  expect(
    problemsIn(workspace.complaint({ env: { IMMICH_URL: 'https://x', IMMICH_API_KEY_FILE: 'empty' } })),
  ).toEqual([`IMMICH_API_KEY_FILE (environment) names a file that is empty: ${workspace.path('empty')}.`]);
});

test('no secret is in any message', () => {
  const workspace = new Workspace()
    .file('.env', `AUTH_PASSWORD=${PASSWORD}\nAPI_KEYS="one,${PASSWORD}"\nAUTH_PASSWORD_FIEL=${PASSWORD}\n`)
    .file('key', `${PASSWORD}\n`)
    .file(
      'a.yaml',
      `sources:\n  - {type: immich, url: 'http://joe:hush@x', api_key: ${PASSWORD}, api_kee: ${PASSWORD}}\n`,
    );
  const argv = ['--config', 'a.yaml', '--auth-pasword', PASSWORD, '--auth-pass=hush'];
  const env = { IMMICH_API_KEY_FILE: 'key', DATABASE_URL: 'postgres://joe:hush@db' };
  const complaint = workspace.complaint({ argv, env });
  expect(complaint).not.toContain('hush');
  expect(problemsIn(complaint)).toEqual([
    '--auth-pasword is not a flag of mediadav; the nearest is --auth-password.',
    '--auth-pass is not a flag of mediadav; the nearest is --auth-password.',
    'AUTH_PASSWORD_FIEL (.env) is not a setting; did you mean AUTH_PASSWORD_FILE? Rename or remove it.',
    'API_KEYS (.env) holds a space or a character that no API key has: copy the key again.',
    'DATABASE_URL (environment) asks for PostgreSQL, which is not supported yet: give the path of a SQLite file.',
    'IMMICH_API_KEY_FILE (environment) holds a space or a character that no API key has: copy the key again.',
    'AUTH_PASSWORD (.env) needs AUTH_USERNAME beside it.',
    'IMMICH_API_KEY (environment) needs IMMICH_URL beside it, the address of the server.',
    'api_kee of source 1 (a.yaml) is not a key of a source; the nearest is api_key.',
    'url of source 1 (a.yaml) must not hold a user name or password before the @.',
    'api_key of source 1 (a.yaml) holds a space or a character that no API key has: copy the key again.',
    'source 1 (a.yaml) uses the name "immich" twice, for the Immich server of IMMICH_URL and the Immich server of source 1: give it another name.',
  ]);
});

test('even a parser that quotes a secret cannot leak it', () => {
  const problems: Problem[] = [];
  const parse = (text: string): string => {
    throw new Error(`must not be ${text}`);
  };
  const given: Given = { text: 'hush', kind: 'flag', where: 'flag --x' };
  const table = { X: { parse, default: null, help: '', isSecret: true } };
  readTable(table, [new Map([['X', given]])], { place: { cwd: '/', home: '/' }, problems });
  expect(problems).toEqual([{ name: 'X', where: 'flag --x', text: 'is not valid' }]);
});

test('secrets are marked, and --help knows every setting', () => {
  const settings = SETTING_GROUPS.flatMap((group) => Object.entries(group.table));
  const secrets = settings.filter(([, setting]) => setting.isSecret === true).map(([name]) => name);
  expect(secrets.toSorted()).toEqual(['API_KEYS', 'AUTH_PASSWORD', 'IMMICH_API_KEY']);
  for (const [name] of settings) expect(helpText()).toContain(`  ${name}, --`);
});
