import { expect, test } from 'vitest';
import { IMMICH_SETTINGS } from '../../../providers/immich/settings.ts';
import { readAppConfig, SETTING_GROUPS } from '../../../src/settings.ts';
import { problemsIn, Workspace } from './workspace.ts';

test('defaults are those of the contract', () => {
  const workspace = new Workspace();
  const config = workspace.read();
  expect(config).toEqual({
    command: 'serve',
    http: {
      host: '127.0.0.1',
      port: 8000,
      webdavPort: 1700,
      login: null,
      apiKeys: [],
      allowsAnonymous: false,
      tls: null,
    },
    dav: { quota: 'auto' },
    log: { level: 'info', format: 'text' },
    catalog: {
      dataDir: workspace.path('data'),
      databaseFile: workspace.path('data', 'catalog.db'),
      changeLogDays: 90,
    },
    content: { cacheMaxBytes: 10 * 1024 ** 3 },
    names: 'windows',
    sources: [
      {
        provider: 'local',
        name: 'media',
        mountsAtRoot: false,
        path: workspace.path('media'),
        layouts: ['folders'],
        splitsByType: false,
        showsAllFiles: false,
        isWritable: false,
        excludedExtensions: [],
        excludedGlobs: [],
        rescanIntervalMs: 0,
        enriches: true,
      },
    ],
    usedDefaultMedia: true,
  });
});

test('the configuration is frozen all through', () => {
  const config = new Workspace().read();
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.http)).toBe(true);
  expect(Object.isFrozen(config.sources[0]?.excludedGlobs)).toBe(true);
});

test('each layer wins over those below it', () => {
  const workspace = new Workspace().file('home.yaml', 'port: 1001\n');
  const port = (argv: string[], env = {}) => workspace.read({ argv, env }).http.port;
  expect(port([])).toBe(8000);
  expect(port(['--config', 'home.yaml'])).toBe(1001);
  workspace.file('.env', 'PORT=1002\n');
  expect(port(['--config', 'home.yaml'])).toBe(1002);
  expect(port(['--config', 'home.yaml'], { PORT: '1003' })).toBe(1003);
  expect(port(['--config', 'home.yaml', '--port', '1004'], { PORT: '1003' })).toBe(1004);
});

test('blank values count as unset in every layer', () => {
  const workspace = new Workspace()
    .file('home.yaml', 'port: 1001\nlog_level:\nhost: ""\n')
    .file('.env', 'PORT=\nIMMICH_URL=\n');
  const config = workspace.read({
    argv: ['--config', 'home.yaml', '--port='],
    env: { PORT: ' ', IMMICH_API_KEY: '' },
  });
  expect(config.http).toMatchObject({ port: 1001, host: '127.0.0.1' });
  expect(config.log.level).toBe('info');
  expect(config.usedDefaultMedia).toBe(true);
});

test('only the value that counts is judged', () => {
  const workspace = new Workspace().file('.env', 'PORT=nonsense\n');
  expect(workspace.read({ env: { PORT: '1' } }).http.port).toBe(1);
});

test('process.env stays as it was', () => {
  const before = { ...process.env };
  new Workspace().file('.env', 'LOG_LEVEL=debug\nSOMETHING=else\n').read();
  expect({ ...process.env }).toEqual(before);
});

test('every problem is in one message, with its layer and without noise', () => {
  const workspace = new Workspace()
    .file('.env', 'REFRESH_RATE_HOURS=0\nLOCAL_LAYOUT=tree\n')
    .file('home.yaml', 'watchs:\n  a: /b\nnames: both\n');
  const argv = ['--config', 'home.yaml', '--rescan_interval', 'often', '--colour'];
  const env = {
    PORT: 'http',
    WEBDAV_PORT: '70000',
    ALLOW_ANONYMOUS: 'perhaps',
    LOG_LEVEL: 'loud',
    LOG_FORMAT: 'xml',
  };
  const complaint = workspace.complaint({ argv, env });
  expect(complaint.split('\n')[0]).toBe('11 settings are wrong; nothing was started:');
  expect(problemsIn(complaint)).toEqual([
    expect.stringMatching(/^--colour is not a flag of mediadav; the nearest is --/),
    'watchs (home.yaml) is not a key of this file; the nearest is watches.',
    'PORT (environment) must be a whole number from 0 to 65535, not "http".',
    'WEBDAV_PORT (environment) must be off or a whole number from 0 to 65535, not "70000".',
    'ALLOW_ANONYMOUS (environment) must be true or false, not "perhaps".',
    'LOG_LEVEL (environment) must be one of error, warn, info, debug, not "loud".',
    'LOG_FORMAT (environment) must be one of text, json, not "xml".',
    'NAMES (home.yaml) must be one of windows, exact, not "both".',
    'LOCAL_LAYOUT (.env) must be one of folders, flat, type, date, not "tree".',
    'RESCAN_INTERVAL (flag --rescan_interval) must be a whole number from 0 to 2147483, not "often".',
    'REFRESH_RATE_HOURS (.env) must be a number above 0 and not above 596, not "0".',
  ]);
});

test('an .env that cannot be read is a problem', () => {
  const workspace = new Workspace().folder('.env');
  expect(problemsIn(workspace.complaint())).toEqual([
    `${workspace.path('.env')} cannot be read: it is a folder.`,
  ]);
});

test('the .env of the Immich reference works as printed', () => {
  const workspace = new Workspace().file(
    '.env',
    `IMMICH_URL="https://your-immich-instance.com"
IMMICH_API_KEY="your_api_key_here"
ALBUM_IDS="album_id1, album_id2"
REFRESH_RATE_HOURS=1
EXCLUDED_FILE_TYPES="png,jpg"
FLATTEN_ASSET_STRUCTURE=true
`,
  );
  expect(workspace.read().sources).toEqual([
    {
      provider: 'immich',
      name: 'immich',
      mountsAtRoot: false,
      url: 'https://your-immich-instance.com',
      apiKey: 'your_api_key_here',
      albumIds: ['album_id1', 'album_id2'],
      ...{ rendition: 'original', showsArchived: true, showsLiveVideos: false, collapsesStacks: false },
      fullReadMs: 86_400_000,
      views: ['albums'],
      hasSearch: false,
      deletes: 'album',
      layouts: ['folders'],
      splitsByType: false,
      showsAllFiles: true,
      isWritable: false,
      excludedExtensions: ['png', 'jpg'],
      excludedGlobs: [],
      rescanIntervalMs: 3_600_000,
      enriches: false,
    },
  ]);
});

test('no setting is in two tables, and each default fits its own parser', () => {
  const settings = SETTING_GROUPS.flatMap((group) => Object.entries(group.table));
  expect(new Set(settings.map(([name]) => name)).size).toBe(settings.length);
  for (const [name, setting] of settings) {
    const isScalar = ['string', 'number', 'boolean'].includes(typeof setting.default);
    if (isScalar) expect(setting.parse(String(setting.default)), name).toBe(setting.default);
    if (setting.example !== undefined) expect(() => setting.parse(setting.example ?? ''), name).not.toThrow();
  }
  expect(IMMICH_SETTINGS.IMMICH_API_KEY.isSecret).toBe(true);
});

test('help and version work while everything else is wrong', () => {
  const cwd = new Workspace().folder('.env').cwd;
  const read = (argv: string[]) => readAppConfig({ argv, env: { PORT: 'x' }, cwd }).command;
  expect(read(['--help', '--nonsense'])).toBe('help');
  expect(read(['/nowhere', '-h'])).toBe('help');
  expect(read(['--version'])).toBe('version');
  expect(read(['-v', '--help'])).toBe('help');
});
