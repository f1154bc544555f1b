import { expect, test } from 'vitest';
import { editDistance, misspeltSetting, nearestName } from '../../../src/config/unknown-names.ts';
import { SETTING_GROUPS } from '../../../src/settings.ts';
import { problemsIn, Workspace } from './workspace.ts';

const KNOWN = SETTING_GROUPS.flatMap((group) => Object.keys(group.table));

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['port', 'prot', 1],
  ['kitten', 'sitting', 3],
])('%j and %j are %i apart', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});

test.each([
  ['FLATTEM_ASSET_STRUCTURE', 'FLATTEN_ASSET_STRUCTURE'],
  ['ALBUM_ID', 'ALBUM_IDS'],
  ['IMMICH_APIKEY', 'IMMICH_API_KEY'],
  ['LOCAL_PATH', 'LOCAL_PATHS'],
  ['WEBDAV_PROT', 'WEBDAV_PORT'],
  ['DATADIR', 'DATA_DIR'],
  ['REFRESH_RATE_HUOR', 'REFRESH_RATE_HOURS'],
  ['ALOW_ANONIMOUS', 'ALLOW_ANONYMOUS'],
  ['FLATTEN_ASSET_STUCTUR', 'FLATTEN_ASSET_STRUCTURE'],
  ['IMMICH_APIKEY_FILE', 'IMMICH_API_KEY_FILE'],
  ['immich_url', 'IMMICH_URL'],
])('%s was meant to be %s', (name, meant) => {
  expect(misspeltSetting(name, KNOWN)).toBe(meant);
});

// Immich's own example.env and documentation, what its compose file sets, and what every process has.
test.each(
  `UPLOAD_LOCATION DB_DATA_LOCATION TZ IMMICH_VERSION DB_PASSWORD DB_USERNAME DB_DATABASE_NAME DB_HOSTNAME DB_PORT
   DB_URL DB_SSL_MODE DB_VECTOR_EXTENSION DB_STORAGE_TYPE REDIS_URL REDIS_HOSTNAME REDIS_PORT REDIS_USERNAME
   REDIS_PASSWORD REDIS_SOCKET REDIS_DBINDEX IMMICH_ENV IMMICH_LOG_LEVEL IMMICH_LOG_FORMAT IMMICH_MEDIA_LOCATION
   IMMICH_CONFIG_FILE IMMICH_HOST IMMICH_PORT IMMICH_BIND_ADDRESS IMMICH_TRUSTED_PROXIES NO_COLOR CPU_CORES
   IMMICH_API_METRICS_PORT IMMICH_MICROSERVICES_METRICS_PORT IMMICH_WORKERS_INCLUDE IMMICH_WORKERS_EXCLUDE
   IMMICH_PROCESS_INVALID_IMAGES IMMICH_TELEMETRY_INCLUDE IMMICH_MACHINE_LEARNING_URL IMMICH_SERVER_URL
   MACHINE_LEARNING_WORKERS MACHINE_LEARNING_CACHE_FOLDER MPLCONFIGDIR POSTGRES_PASSWORD POSTGRES_USER PGDATA
   PATH HOME HOSTNAME LOGNAME SHELL SHLVL PWD OLDPWD LANG LC_ALL TERM COLUMNS LINES USER TMPDIR EDITOR MAIL
   NODE NODE_ENV NODE_PATH INIT_CWD npm_config_cache COLOR CI DEBUG PORTS HOSTS NODES APP_KEY HTTP_PROXY
   SSL_CERT_FILE SSL_KEY_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE LOG_FILE LOG_DIR
   API_TOKEN API_URL AUTH_TOKEN XDG_DATA_DIRS XDG_DATA_HOME JAVA_HOME SSH_AUTH_SOCK DATABASE_HOST DOCKER_HOST VIRTUAL_PORT`.split(
    /\s+/,
  ),
)('%s is nobody’s business', (name) => {
  expect(misspeltSetting(name, KNOWN)).toBeNull();
});

test('the nearest name ignores case and dashes', () => {
  expect(nearestName('web_dav-port', ['port', 'webdav-port'])).toBe('webdav-port');
  expect(nearestName('x', [])).toBeNull();
});

test('misspelt names are told with their layer; empty ones are not', () => {
  const workspace = new Workspace().file(
    '.env',
    'FLATTEM_ASSET_STRUCTURE=true\nIMMICH_VERSION=release\nALBUM_ID=\n',
  );
  expect(problemsIn(workspace.complaint({ env: { IMMICH_APIKEY: 'hush-hush' } }))).toEqual([
    'IMMICH_APIKEY (environment) is not a setting; did you mean IMMICH_API_KEY? Rename or remove it.',
    'FLATTEM_ASSET_STRUCTURE (.env) is not a setting; did you mean FLATTEN_ASSET_STRUCTURE? Rename or remove it.',
  ]);
});
