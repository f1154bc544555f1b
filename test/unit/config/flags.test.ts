import { expect, test } from 'vitest';
import { problemsIn, Workspace } from './workspace.ts';

test('flags of the photobackup reference', () => {
  const workspace = new Workspace().folder('photos');
  const config = workspace.read({
    argv: ['--storage_dir', workspace.path('photos'), '--port', '8080', '--rescan_interval', '300'],
  });
  expect(config.http.port).toBe(8080);
  expect(config.sources).toMatchObject([
    { name: 'photos', path: workspace.path('photos'), rescanIntervalMs: 300_000 },
  ]);
});

test.each([
  ['--webdav-port', '9'],
  ['--webdav_port', '9'],
  ['--webdav-port=9', ''],
  ['--WEBDAV_PORT=9', ''],
])('%s %s sets WEBDAV_PORT', (...argv) => {
  expect(new Workspace().read({ argv }).http.webdavPort).toBe(9);
});

test('serve and start are the same and may be left out', () => {
  const workspace = new Workspace().folder('home/Pictures').folder('start');
  for (const argv of [['serve', '~/Pictures'], ['start', 'home/Pictures'], ['home/Pictures/']]) {
    expect(workspace.read({ argv }).sources).toMatchObject([
      { name: 'Pictures', path: workspace.path('home', 'Pictures') },
    ]);
  }
  // The word counts as command in the first place only.
  expect(workspace.read({ argv: ['serve', 'start'] }).sources).toMatchObject([{ name: 'start' }]);
});

test('switches stand alone or have a value', () => {
  const workspace = new Workspace().folder('a');
  const isWritable = (...argv: string[]) => workspace.read({ argv }).sources[0]?.isWritable;
  expect(isWritable('--local-writable', 'a')).toBe(true);
  expect(isWritable('--local-writable=no', 'a')).toBe(false);
  expect(isWritable('--local-writable', 'off', 'a')).toBe(false);
  expect(isWritable('a', '--local_writable', 'yes')).toBe(true);
  expect(problemsIn(workspace.complaint({ argv: ['--local-writable=si'] }))).toEqual([
    'LOCAL_WRITABLE (flag --local-writable) must be true or false, not "si".',
  ]);
});

test('after -- everything is a folder', () => {
  const workspace = new Workspace().folder('--port');
  expect(workspace.read({ argv: ['--', '--port'] }).sources).toMatchObject([{ name: '--port' }]);
});

test.each([
  [['--prot', '80'], ['--prot is not a flag of mediadav; the nearest is --port.']],
  [
    ['--immich-api-kye', 'hush'],
    ['--immich-api-kye is not a flag of mediadav; the nearest is --immich-api-key.'],
  ],
  [['--constructor'], [expect.stringMatching(/^--constructor is not a flag of mediadav/)]],
  [['-phush'], [expect.stringMatching(/^-p is not a flag of mediadav; /)]],
  [['--port'], ['--port needs a value.']],
  [['--port', '--log-level', 'debug'], ['--port needs a value.']],
  [['--port', '1', '--port', '2'], ['--port is given more than once.']],
  [['PORT=1'], ['PORT is a setting: write it as --port.']],
  [['immich_api_key=hush'], ['immich_api_key is a setting: write it as --immich-api-key.']],
])('%j: %j', (argv, problems) => {
  const complaint = new Workspace().complaint({ argv });
  expect(problemsIn(complaint)).toEqual(problems);
  expect(complaint).not.toContain('hush');
});

test('a folder of the command line must exist', () => {
  const workspace = new Workspace().file('photo.jpg', '');
  const argv = ['sreve', './gone', 'photo.jpg', '--storage_dir', 'lost', '--local-paths', 'x=nowhere'];
  expect(problemsIn(workspace.complaint({ argv }))).toEqual([
    `"sreve" (argument) does not exist: there is no folder ${workspace.path('sreve')}, and it is no command either (serve, start, scan, changes, list).`,
    `"./gone" (argument) does not exist: there is no folder ${workspace.path('gone')}.`,
    `"photo.jpg" (argument) must be a folder, and ${workspace.path('photo.jpg')} is a file.`,
    `the folder (flag --storage_dir) does not exist: there is no folder ${workspace.path('lost')}.`,
    `LOCAL_PATHS (flag --local-paths) does not exist: there is no folder ${workspace.path('nowhere')}.`,
  ]);
});

test('a folder of the command line may be named', () => {
  const workspace = new Workspace().folder('a=b').folder('c');
  expect(workspace.read({ argv: ['a=b', 'best=c'] }).sources).toMatchObject([
    { name: 'a=b', path: workspace.path('a=b') },
    { name: 'best', path: workspace.path('c') },
  ]);
});
