import { expect, test } from 'vitest';
import { problemsIn, Workspace } from './workspace.ts';

// As printed in the drive-feed reference.
const REFERENCE = `host: "0.0.0.0"
port: 8080
database_url: "/data/db/server.db"
watches:
  media: /mnt/media
  photos: /mnt/photos
`;

test('the file of the reference works as printed, once somebody says that no login is needed', () => {
  const workspace = new Workspace().file('server.yaml', REFERENCE);
  const argv = ['--config=server.yaml'];
  expect(problemsIn(workspace.complaint({ argv }))).toEqual([
    'HOST (server.yaml) is 0.0.0.0, which lets other devices in, and no login is set: set AUTH_USERNAME and ' +
      'AUTH_PASSWORD, or API_KEYS, or ALLOW_ANONYMOUS=true if everybody may see everything.',
  ]);
  const config = workspace.read({ argv, env: { ALLOW_ANONYMOUS: 'true' } });
  expect(config.http).toMatchObject({ host: '0.0.0.0', port: 8080, allowsAnonymous: true });
  expect(config.catalog.databaseFile).toBe('/data/db/server.db');
  expect(config.sources).toMatchObject([
    { provider: 'local', name: 'media', path: '/mnt/media' },
    { provider: 'local', name: 'photos', path: '/mnt/photos' },
  ]);
});

test('LOCAL_PATHS of a higher layer takes the place of watches; that of the file stands beside them', () => {
  const workspace = new Workspace().file(
    'a.yaml',
    'watches: { media: /mnt/media }\nlocal_paths: [/mnt/x, y=/mnt/z]\n',
  );
  const names = (env = {}) =>
    workspace.read({ argv: ['--config', 'a.yaml'], env }).sources.map(({ name }) => name);
  expect(names()).toEqual(['x', 'y', 'media']);
  expect(names({ LOCAL_PATHS: '/mnt/w' })).toEqual(['w']);
});

test('several servers and folders, each with its own ways', () => {
  const workspace = new Workspace().file('key', 'key-of-anna\n').file(
    'home.yaml',
    `exclude: ["**/*.tmp"]
excluded_file_types: [PNG]
local_layout: date
rescan_interval: 60
refresh_rate_hours: 2
flatten_asset_structure: yes
sources:
  - name: holidays
    type: local
    path: ~/holidays
    layout: flat
    writable: true
    excluded_file_types: .gif
    exclude: ["raw/{a,b}/**"]
    rescan_interval: 5
  - { type: local, path: /mnt/tv, mount: /telly/, all_files: true }
  - name: anna
    type: immich
    url: https://anna.example.com/api/
    api_key_file: key
    album_ids: [one, two]
    refresh_rate_hours: 0.5
    flatten_asset_structure: false
  - { name: ben, type: immich, url: "http://10.0.0.9:2283", api_key: 0123, writable: on, layout: [date, folders],
      rendition: edited, archived: off, live_videos: on, stacks: primary, delete: trash,
      views: [timeline, albums], search: on }
immich_full_read_hours: 2
`,
  );
  const common = { mountsAtRoot: false, splitsByType: false };
  expect(workspace.read({ argv: ['--config', workspace.path('home.yaml')] }).sources).toEqual([
    {
      ...common,
      provider: 'local',
      name: 'holidays',
      path: workspace.path('home', 'holidays'),
      layouts: ['flat'],
      showsAllFiles: true,
      isWritable: true,
      excludedExtensions: ['png', 'gif'],
      excludedGlobs: ['**/*.tmp', 'raw/{a,b}/**'],
      rescanIntervalMs: 5000,
      enriches: true,
    },
    {
      ...common,
      provider: 'local',
      name: 'telly',
      path: '/mnt/tv',
      layouts: ['date'],
      showsAllFiles: true,
      isWritable: false,
      excludedExtensions: ['png'],
      excludedGlobs: ['**/*.tmp'],
      rescanIntervalMs: 60_000,
      enriches: true,
    },
    {
      ...common,
      provider: 'immich',
      name: 'anna',
      url: 'https://anna.example.com',
      apiKey: 'key-of-anna',
      albumIds: ['one', 'two'],
      ...{ rendition: 'original', showsArchived: true, showsLiveVideos: false, collapsesStacks: false },
      fullReadMs: 7_200_000,
      views: ['albums'],
      hasSearch: false,
      deletes: 'album',
      layouts: ['folders'],
      splitsByType: true,
      showsAllFiles: true,
      isWritable: false,
      excludedExtensions: ['png'],
      excludedGlobs: ['**/*.tmp'],
      rescanIntervalMs: 1_800_000,
      enriches: false,
    },
    {
      ...common,
      provider: 'immich',
      name: 'ben',
      url: 'http://10.0.0.9:2283',
      apiKey: '0123',
      albumIds: [],
      ...{ rendition: 'edited', showsArchived: false, showsLiveVideos: true, collapsesStacks: true },
      fullReadMs: 7_200_000,
      views: ['timeline', 'albums'],
      hasSearch: true,
      deletes: 'trash',
      layouts: ['date', 'folders'],
      showsAllFiles: true,
      isWritable: true,
      excludedExtensions: ['png'],
      excludedGlobs: ['**/*.tmp'],
      rescanIntervalMs: 7_200_000,
      enriches: false,
    },
  ]);
});

test('one source may sit at the top', () => {
  const workspace = new Workspace().file('a.yaml', 'sources: [{ type: local, path: /mnt/a, mount: / }]');
  expect(workspace.read({ argv: ['--config', 'a.yaml'] }).sources).toMatchObject([
    { name: 'a', mountsAtRoot: true },
  ]);
});

test('folders of the command line take the place of every other folder; Immich stays', () => {
  const workspace = new Workspace().folder('here').file(
    'a.yaml',
    `watches: { w: /mnt/w }
sources:
  - { type: local, path: /mnt/a }
  - { type: immich, url: https://x, api_key: k }
`,
  );
  const env = { LOCAL_PATHS: '/mnt/b', IMMICH_URL: 'https://y', IMMICH_API_KEY: 'k', IMMICH_MOUNT: 'mine' };
  const names = (argv: string[]) =>
    workspace.read({ argv: ['--config', 'a.yaml', ...argv], env }).sources.map(({ name }) => name);
  expect(names([])).toEqual(['b', 'mine', 'a', 'immich']);
  expect(names(['here'])).toEqual(['here', 'mine', 'immich']);
  expect(names(['--local-paths', 'there=here'])).toEqual(['there', 'mine', 'immich']);
});

test('every unknown or wrong key is told with its place and the nearest name', () => {
  const workspace = new Workspace().file(
    'a.yaml',
    `prot: 80
IMMICH_URL: https://x
album_ids: [a, "b,c"]
log_level: { a: b }
watches: [/mnt/a]
exclude: { a: b }
sources:
  - { name: one, type: local, paht: /mnt/a, refresh_rate_hours: 1 }
  - { type: immich, url: nowhere, album_id: x, rescan_interval: 1 }
  - { type: nfs }
  - { name: four }
  - five
  - { type: local, path: /mnt/six, layout: tree, writable: [[1]], exclude: [""] }
`,
  );
  expect(problemsIn(workspace.complaint({ argv: ['--config', 'a.yaml'] }))).toEqual([
    'prot (a.yaml) is not a key of this file; the nearest is port.',
    'IMMICH_URL (a.yaml) is not a key of this file; the nearest is immich_url.',
    'album_ids (a.yaml) must not hold a comma within one value of the list.',
    'log_level (a.yaml) must be one value or a list of values.',
    'watches (a.yaml) must hold lines of the form "name: /path".',
    'exclude (a.yaml) must be a list of patterns such as "**/*.tmp".',
    'source 5 (a.yaml) must hold lines of the form "key: value".',
    'writable of source 6 (a.yaml) must be one value or a list of values.',
    'exclude of source 6 (a.yaml) must be a list of patterns such as "**/*.tmp".',
    'paht of source "one" (a.yaml) is not a key of a source; the nearest is path.',
    'refresh_rate_hours of source "one" (a.yaml) is not for type: local.',
    'source "one" (a.yaml) needs a path.',
    'album_id of source 2 (a.yaml) is not a key of a source; the nearest is album_ids.',
    'rescan_interval of source 2 (a.yaml) is not for type: immich.',
    'url of source 2 (a.yaml) must start with http:// or https://, not "nowhere".',
    'source 2 (a.yaml) needs an api_key or api_key_file.',
    'type of source 3 (a.yaml) must be one of local, immich, not "nfs".',
    'source "four" (a.yaml) needs "type: local" or "type: immich".',
    'layout of source 6 (a.yaml) must be one of folders, flat, type, date, not "tree".',
  ]);
});

test.each([
  [
    'auth_password: "hush\nport: 1\n',
    'a.yaml is not valid YAML at line 3, column 1: a quotation mark, bracket or comma is missing.',
  ],
  [
    'auth_password: @hush\n',
    'a.yaml is not valid YAML at line 1, column 16: a value that starts with such a character needs quotation marks.',
  ],
  [
    'port: 1\nport: 2\n',
    'a.yaml is not valid YAML at line 2, column 1: a key stands there for the second time.',
  ],
  ['\tport: 1\n', 'a.yaml is not valid YAML at line 1, column 1: a tab stands where spaces belong.'],
  ['- hush\n', 'a.yaml must hold lines of the form "key: value".'],
  ['- hush\nb: hush\n', 'a.yaml is not valid YAML at line 2, column 1.'],
  ['sources: hush\n', 'sources (a.yaml) must be a list: each source starts with "- ".'],
  ['watches: &a { x: *a }\n', 'watches: x (a.yaml) must be the path of a folder.'],
])('%j', (content, problem) => {
  const complaint = new Workspace().file('a.yaml', content).complaint({ argv: ['--config', 'a.yaml'] });
  expect(problemsIn(complaint)).toEqual([problem]);
  expect(complaint).not.toContain('hush');
});

test('an empty file says nothing, a missing one is a problem', () => {
  const workspace = new Workspace().file('a.yaml', '# nothing yet\n');
  expect(workspace.read({ argv: ['--config', 'a.yaml'] }).usedDefaultMedia).toBe(true);
  expect(problemsIn(workspace.complaint({ argv: ['--config', 'b.yaml'] }))).toEqual([
    `--config names a file that cannot be read: ${workspace.path('b.yaml')} (there is no such file).`,
  ]);
});
