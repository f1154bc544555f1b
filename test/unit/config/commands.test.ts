import { expect, test } from 'vitest';
import { helpText, readAppConfig } from '../../../src/settings.ts';
import { problemsIn, Workspace } from './workspace.ts';

const read = (workspace: Workspace, ...argv: string[]) =>
  readAppConfig({ argv, env: { HOME: workspace.path('home') }, cwd: workspace.cwd });

test('each command has its own flags', () => {
  const workspace = new Workspace().folder('photos');
  expect(read(workspace, 'scan', 'photos')).toMatchObject({ command: 'scan', acceptsEmpty: false });
  expect(read(workspace, 'scan', '--accept-empty', 'photos')).toMatchObject({ acceptsEmpty: true });
  expect(read(workspace, 'scan', '--accept_empty=no')).toMatchObject({ acceptsEmpty: false });
  expect(read(workspace, 'changes')).toMatchObject({ command: 'changes', follows: false, cursor: 0 });
  expect(read(workspace, 'changes', '--follow', '--cursor', '42')).toMatchObject({
    follows: true,
    cursor: 42,
  });
  expect(read(workspace, '--hash', 'SHA1', 'list')).toMatchObject({ command: 'list', hash: 'sha1' });
  expect(read(workspace, 'list')).toMatchObject({ hash: 'sha256' });
  expect(read(workspace, 'photos')).not.toHaveProperty('hash');
});

test('a folder may be called like a command in any other place', () => {
  const workspace = new Workspace().folder('list').folder('scan');
  expect(read(workspace, 'scan', 'list', 'scan')).toMatchObject({
    ...{ command: 'scan', sources: [{ name: 'list' }, { name: 'scan' }] },
  });
});

test('help and version win', () => {
  const workspace = new Workspace();
  expect(read(workspace, 'scan', '--help', '--follow')).toEqual({ command: 'help' });
  expect(read(workspace, '--version', 'list')).toEqual({ command: 'version' });
});

test.each([
  [['serve', '--follow'], ['--follow belongs to "mediadav changes".']],
  [['changes', '--hash=md5'], ['--hash belongs to "mediadav list".']],
  [['list', '--hash=crc'], ['--hash must be one of sha256, sha1, md5, not "crc".']],
  [['changes', '--cursor=-1'], [expect.stringMatching(/^--cursor must be a whole number from 0/)]],
  [['changes', '--cursor'], ['--cursor needs a value.']],
  [['changes', '--cursor=1', '--cursor=2'], ['--cursor is given more than once.']],
  [['list', 'photos'], ['"photos" (argument) cannot be told to "mediadav list", which reads no folders.']],
])('%j: %j', (argv, problems) => {
  expect(problemsIn(new Workspace().complaint({ argv }))).toEqual(problems);
});

test('help lists all of them', () => {
  for (const word of [
    'serve',
    'scan',
    'changes',
    'list',
    '--accept-empty',
    '--follow',
    '--cursor',
    '--hash',
  ]) {
    expect(helpText()).toMatch(new RegExp(`^ +${word} `, 'm'));
  }
});
