import { symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseNamedPath } from '../../../providers/local/settings.ts';
import { problemsIn, Workspace } from './workspace.ts';

const IMMICH = { IMMICH_URL: 'https://immich.example.com', IMMICH_API_KEY: 'key' };

test.each([
  ['/mnt/photos', null, '/mnt/photos'],
  [' best = /mnt/photos ', 'best', '/mnt/photos'],
  ['/mnt/a=b', null, '/mnt/a=b'],
  ['x=/mnt/a=b', 'x', '/mnt/a=b'],
  ['./a=b', null, './a=b'],
])('%j is %j at %j', (given, name, path) => {
  expect(parseNamedPath(given)).toEqual({ name, path });
});

test('LOCAL_PATHS: names, home, relative paths; a missing folder is no error', () => {
  const workspace = new Workspace();
  const config = workspace.read({ env: { LOCAL_PATHS: 'best=~/Pictures, /mnt/video/ ,photos,~' } });
  expect(config.sources).toMatchObject([
    { name: 'best', path: workspace.path('home', 'Pictures') },
    { name: 'video', path: '/mnt/video' },
    { name: 'photos', path: workspace.path('photos') },
    { name: 'home', path: workspace.path('home') },
  ]);
  expect(config.usedDefaultMedia).toBe(false);
});

test('a list of nothing is nothing configured', () => {
  expect(new Workspace().read({ env: { LOCAL_PATHS: ' , ' } })).toMatchObject({
    sources: [{ name: 'media' }],
    usedDefaultMedia: true,
  });
  expect(new Workspace().read({ argv: ['--local-paths', ','] }).usedDefaultMedia).toBe(true);
});

test('a writable folder shows all files unless somebody says no', () => {
  const workspace = new Workspace();
  const shows = (env: Record<string, string>) => workspace.read({ env }).sources[0]?.showsAllFiles;
  expect(shows({})).toBe(false);
  expect(shows({ LOCAL_WRITABLE: 'true' })).toBe(true);
  expect(shows({ LOCAL_WRITABLE: 'true', LOCAL_ALL_FILES: 'false' })).toBe(false);
  expect(shows({ LOCAL_ALL_FILES: 'true' })).toBe(true);
});

test('names are unique in any case and Unicode form, and fit for a path', () => {
  const workspace = new Workspace().file('file', '');
  const env = { LOCAL_PATHS: '/a/Photos,/b/photos,=/c,..=/d,x\\y=/e,/,file', IMMICH_MOUNT: 'a/b', ...IMMICH };
  expect(problemsIn(workspace.complaint({ env }))).toEqual([
    'LOCAL_PATHS (environment) must be name=/path or /path, not "=/c".',
    'IMMICH_MOUNT (environment) gives Immich the name "a/b", which must not hold a slash or backslash: choose another IMMICH_MOUNT.',
  ]);
  const paths = { LOCAL_PATHS: '/a/Photos,/b/photos,..=/d,/x\\y,/,file' };
  expect(problemsIn(workspace.complaint({ env: { ...paths, DATA_DIR: '/somewhere' } }))).toEqual([
    'LOCAL_PATHS (environment) gives /d the name "..", which must not be "..": write name=/path to choose a name.',
    'LOCAL_PATHS (environment) gives /x\\y the name "x\\y", which must not hold a slash or backslash: write name=/path to choose a name.',
    'LOCAL_PATHS (environment) gives / the name "", which is empty: write name=/path to choose a name.',
    `LOCAL_PATHS (environment) must be a folder, and ${workspace.path('file')} is a file.`,
    'LOCAL_PATHS (environment) uses the name "photos" twice, for /a/Photos and /b/photos: write name=/path to choose a name.',
  ]);
  expect(
    problemsIn(workspace.complaint({ env: { LOCAL_PATHS: '/a/caf\u00e9,/b/cafe\u0301' } })),
  ).toHaveLength(1);
});

test('a local folder and Immich may not share a name', () => {
  const env = { LOCAL_PATHS: '/mnt/immich', ...IMMICH };
  expect(problemsIn(new Workspace().complaint({ env }))).toEqual([
    'IMMICH_URL (environment) uses the name "immich" twice, for /mnt/immich and the Immich server of IMMICH_URL: choose another IMMICH_MOUNT.',
  ]);
});

test('names are shown as every client can store them', () => {
  const workspace = new Workspace();
  const name = (env: Record<string, string>) => workspace.read({ env }).sources[0]?.name;
  expect(name({ LOCAL_PATHS: '/mnt/2020: Rome?' })).toBe('2020： Rome？');
  expect(name({ LOCAL_PATHS: '/mnt/2020: Rome?', NAMES: 'exact' })).toBe('2020: Rome?');
});

test('only the only source may sit at the top', () => {
  const workspace = new Workspace();
  expect(workspace.read({ env: { ...IMMICH, IMMICH_MOUNT: '/' } }).sources).toMatchObject([
    { name: 'immich', mountsAtRoot: true },
  ]);
  expect(
    problemsIn(workspace.complaint({ env: { ...IMMICH, IMMICH_MOUNT: '/', LOCAL_PATHS: '/a' } })),
  ).toEqual([
    'IMMICH_MOUNT (environment) cannot be shown at the top (/) because there are 2 sources: give it a name instead of /.',
  ]);
});

test.each([
  ['https://immich.example.com', 'https://immich.example.com'],
  ['https://immich.example.com/', 'https://immich.example.com'],
  ['http://nas:2283/api', 'http://nas:2283'],
  ['http://nas:2283/api/', 'http://nas:2283'],
  ['https://example.com/photos/api//', 'https://example.com/photos'],
])('IMMICH_URL %s is the server %s', (given, url) => {
  const config = new Workspace().read({ env: { IMMICH_URL: given, IMMICH_API_KEY: ' key ' } });
  expect(config.sources).toMatchObject([{ url, apiKey: 'key' }]);
});

test('address and key need each other', () => {
  const workspace = new Workspace();
  expect(problemsIn(workspace.complaint({ env: { IMMICH_URL: 'https://x' } }))).toEqual([
    'IMMICH_URL (environment) needs IMMICH_API_KEY beside it: make one in Immich, Account Settings, API Keys.',
  ]);
  expect(problemsIn(workspace.complaint({ env: { IMMICH_API_KEY: 'hush' } }))).toEqual([
    'IMMICH_API_KEY (environment) needs IMMICH_URL beside it, the address of the server.',
  ]);
  expect(problemsIn(workspace.complaint({ env: { IMMICH_URL: 'ftp://x', IMMICH_API_KEY: 'hush' } }))).toEqual(
    ['IMMICH_URL (environment) must start with http:// or https://, not "ftp://x".'],
  );
});

test('fractions of hours', () => {
  const config = new Workspace().read({ env: { ...IMMICH, REFRESH_RATE_HOURS: '0.25' } });
  expect(config.sources[0]?.rescanIntervalMs).toBe(900_000);
});

test('DATA_DIR and sources stay apart', () => {
  const workspace = new Workspace().folder('photos/sub');
  symlinkSync(workspace.path('photos'), workspace.path('link'));
  const complain = (env: Record<string, string>) => problemsIn(workspace.complaint({ env }));
  const photos = workspace.path('photos');
  expect(complain({ LOCAL_PATHS: 'photos', DATA_DIR: 'photos/sub/data' })).toEqual([
    `DATA_DIR (environment) is ${photos}/sub/data, inside the shared folder ${photos} (LOCAL_PATHS): set DATA_DIR to a place outside it.`,
  ]);
  expect(complain({ LOCAL_PATHS: 'photos', DATA_DIR: 'link/new/data' })).toHaveLength(1);
  expect(complain({ LOCAL_PATHS: 'link', DATA_DIR: 'photos' })).toHaveLength(1);
  expect(complain({ LOCAL_PATHS: 'link/sub', DATA_DIR: 'photos' })).toEqual([
    `DATA_DIR (environment) is ${photos}, and the shared folder ${workspace.path('link')}/sub (LOCAL_PATHS) lies inside it: move one of them.`,
  ]);
  expect(complain({ LOCAL_PATHS: '.' })).toEqual([
    `DATA_DIR (default) is ${workspace.path('data')}, inside the shared folder ${workspace.cwd} (LOCAL_PATHS): set DATA_DIR to a place outside it.`,
  ]);
  expect(complain({ LOCAL_PATHS: 'photos', DATABASE_URL: 'photos/catalog.db' })).toEqual([
    `DATABASE_URL (environment) is ${photos}/catalog.db, inside the shared folder ${photos} (LOCAL_PATHS): set DATABASE_URL to a place outside it.`,
  ]);
  // A name that only starts alike is no inside.
  expect(workspace.read({ env: { LOCAL_PATHS: 'photos', DATA_DIR: 'photos-data' } }).sources).toHaveLength(1);
  expect(workspace.read({ env: { LOCAL_PATHS: 'photos', DATA_DIR: '..data' } }).sources).toHaveLength(1);
});

test.each([
  ['/data/x.db', '/data/x.db'],
  ['sqlite:/data/x.db', '/data/x.db'],
  ['sqlite:///data/x.db', '/data/x.db'],
  ['sqlite:////data/x.db', '/data/x.db'],
])('DATABASE_URL %s is the file %s', (given, file) => {
  expect(new Workspace().read({ env: { DATABASE_URL: given } }).catalog.databaseFile).toBe(file);
});

test('DATABASE_URL: relative to the folder it is started in; servers are not supported and not quoted', () => {
  const workspace = new Workspace();
  expect(workspace.read({ env: { DATABASE_URL: 'sqlite:x.db' } }).catalog.databaseFile).toBe(
    workspace.path('x.db'),
  );
  expect(problemsIn(workspace.complaint({ env: { DATABASE_URL: 'postgres://joe:hush@db/x' } }))).toEqual([
    'DATABASE_URL (environment) asks for PostgreSQL, which is not supported yet: give the path of a SQLite file.',
  ]);
  expect(problemsIn(workspace.complaint({ env: { DATABASE_URL: 'mysql://joe:hush@db/x' } }))).toEqual([
    'DATABASE_URL (environment) must be the path of a SQLite file.',
  ]);
});
