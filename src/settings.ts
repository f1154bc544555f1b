import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { IMMICH_SETTINGS } from '../providers/immich/settings.ts';
import { LOCAL_SETTINGS } from '../providers/local/settings.ts';
import { CATALOG_SETTINGS, type CatalogConfig, DATABASE_NAME } from './catalog/settings.ts';
import { type Command, type CommandOptions, readCommandOptions, takesFolders } from './config/commands.ts';
import { ConfigError, type Problem } from './config/config-error.ts';
import { renderEnvExample, type SettingGroup } from './config/env-example.ts';
import { readEnvFile } from './config/env-file.ts';
import { type DirectoryArgument, readFlags } from './config/flags.ts';
import { renderHelp } from './config/help.ts';
import { isBlank, layerOf, type Reading, readTable } from './config/layers.ts';
import { type Place, resolvePath, unreadableReason } from './config/place.ts';
import { checkDataDir, checkSources, type SourceConfig } from './config/source-config.ts';
import { misspeltSetting } from './config/unknown-names.ts';
import { NO_YAML, readYamlFile } from './config/yaml-file.ts';
import { CONTENT_SETTINGS, type ContentConfig } from './content/settings.ts';
import { DAV_SETTINGS, type DavConfig } from './dav/settings.ts';
import { HTTP_SETTINGS, type HttpConfig } from './http/settings.ts';
import { INGEST_SETTINGS } from './ingest/settings.ts';
import { LOG_SETTINGS, type LogConfig } from './log-settings.ts';
import { isLoopbackHost } from './model/loopback.ts';
import type { NamePolicy } from './model/name.ts';
import type { SettingTable } from './model/setting.ts';
import { quote } from './model/setting-parser.ts';
import { gatherSources } from './source-settings.ts';

export { ConfigError } from './config/config-error.ts';
export type { ImmichSourceConfig, Layout, LocalSourceConfig, SourceConfig } from './config/source-config.ts';

/** Everything that mediadav was told. Deeply frozen; holds secrets, so it is never logged as a whole. */
export interface RunConfig {
  readonly http: HttpConfig;
  readonly dav: DavConfig;
  readonly log: LogConfig;
  readonly catalog: CatalogConfig;
  readonly content: ContentConfig;
  readonly names: NamePolicy;
  /** Never empty. Local folders first, then Immich, then those of `sources:` in the order of the file. */
  readonly sources: readonly SourceConfig[];
  /** Nothing was configured, so `./media` is shown: it is to be made if missing, with a friendly word. */
  readonly usedDefaultMedia: boolean;
}

/** The same for one command, with what only that one can be told. */
export type CommandConfig<C extends Command> = RunConfig & CommandOptions[C] & { readonly command: C };
export type ServeConfig = CommandConfig<'serve'>;

/** `help` and `version` read no settings, so that they work while some are wrong. */
export type AppConfig =
  | { [C in Command]: CommandConfig<C> }[Command]
  | { readonly command: 'help' | 'version' };

export interface ConfigInput {
  /** The arguments after the name of the program and of the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where `.env` lies and what relative paths are relative to. Absolute. */
  readonly cwd: string;
}

/** Every table of settings there is, in the order of `.env.example` and `--help`. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  { title: 'Local folders', table: LOCAL_SETTINGS },
  { title: 'Immich', table: IMMICH_SETTINGS },
  { title: 'What is shown', table: INGEST_SETTINGS },
  { title: 'Addresses, login and HTTPS', table: HTTP_SETTINGS },
  { title: 'WebDAV', table: DAV_SETTINGS },
  { title: 'Own files', table: { ...CATALOG_SETTINGS, ...CONTENT_SETTINGS } },
  { title: 'Log', table: LOG_SETTINGS },
];

/**
 * Reads flags, environment, `.env` and the YAML file, in this precedence.
 * @throws ConfigError that lists every problem.
 */
export function readAppConfig(input: ConfigInput): AppConfig {
  const problems: Problem[] = [];
  const all: SettingTable = Object.assign({}, ...SETTING_GROUPS.map((group) => group.table));
  const known = Object.keys(all);
  const flags = readFlags(input.argv, all, problems);
  const { command } = flags;
  if (command === 'help' || command === 'version') return Object.freeze({ command });

  const place: Place = { cwd: input.cwd, home: input.env.HOME || input.env.USERPROFILE || homedir() };
  const envFile = readEnvFile(input.cwd, problems);
  tellMisspelt(input.env, known, 'environment', problems);
  tellMisspelt(envFile, known, '.env', problems);
  const yaml = flags.configFile === null ? NO_YAML : readYamlFile(flags.configFile, known, place, problems);
  const layers = [
    flags.layer,
    layerOf(input.env, known, 'environment'),
    layerOf(envFile, known, '.env'),
    yaml.layer,
  ];
  const read = <T extends SettingTable>(table: T) => readTable(table, layers, { place, problems });

  const httpReading = read(HTTP_SETTINGS);
  const dav = read(DAV_SETTINGS).values;
  const log = read(LOG_SETTINGS).values;
  const catalogReading = read(CATALOG_SETTINGS);
  const content = read(CONTENT_SETTINGS).values;
  const ingest = read(INGEST_SETTINGS);
  const local = read(LOCAL_SETTINGS);
  const immich = read(IMMICH_SETTINGS);

  const catalog = readCatalog(catalogReading, place);
  const options = readCommandOptions(command, flags.commandFlags, problems);
  const readsSources = takesFolders(command);
  if (!readsSources) refuseFolders(command, flags.directories, problems);
  // Who only looks into the catalog need not be able to start a server.
  const ofServer = readsSources ? problems : [];
  const http = readHttp(httpReading, place, ofServer);
  const directories = readsSources ? flags.directories : [];
  const gathered = gatherSources({
    directories,
    local,
    immich,
    ingest: ingest.values,
    yaml,
    place,
    problems: ofServer,
  });
  checkSources(gathered.drafts, ofServer);
  checkDataDir(ownPaths(catalog, catalogReading), gathered.drafts, ofServer);

  if (problems.length > 0) throw new ConfigError(problems);
  const config: RunConfig = deepFreeze({
    http,
    dav: { quota: dav.WEBDAV_QUOTA },
    log: { level: log.LOG_LEVEL, format: log.LOG_FORMAT },
    catalog,
    content: { cacheMaxBytes: content.CACHE_MAX_BYTES === 'off' ? null : content.CACHE_MAX_BYTES },
    names: ingest.values.NAMES,
    sources: gathered.drafts.map((draft) => draft.config),
    usedDefaultMedia: gathered.usedDefaultMedia,
  });
  return Object.freeze({ command, ...options, ...config }) as AppConfig;
}

/** The text of `--help`. */
export function helpText(): string {
  return renderHelp(SETTING_GROUPS);
}

/** The text of `.env.example`. */
export function envExampleText(): string {
  return renderEnvExample(SETTING_GROUPS);
}

function readHttp(
  { values, given, failed }: Reading<typeof HTTP_SETTINGS>,
  place: Place,
  problems: Problem[],
): HttpConfig {
  const whereOf = (name: string) => given.get(name)?.where ?? 'default';
  const fail = (name: string, text: string) => problems.push({ name, where: whereOf(name), text });

  const arePortsKnown = !failed.has('PORT') && !failed.has('WEBDAV_PORT');
  if (arePortsKnown && values.PORT !== 0 && values.PORT === values.WEBDAV_PORT) {
    fail('WEBDAV_PORT', `is ${values.PORT}, and so is PORT (${whereOf('PORT')}): choose another, or off`);
  }

  if (given.has('AUTH_USERNAME') && !given.has('AUTH_PASSWORD')) {
    fail('AUTH_USERNAME', 'needs AUTH_PASSWORD or AUTH_PASSWORD_FILE beside it');
  } else if (given.has('AUTH_PASSWORD') && !given.has('AUTH_USERNAME')) {
    // The password may have come from its file.
    fail('AUTH_PASSWORD', 'needs AUTH_USERNAME beside it');
  }
  const isGuarded = given.has('AUTH_USERNAME') || given.has('AUTH_PASSWORD') || given.has('API_KEYS');
  if (
    !isGuarded &&
    !isLoopbackHost(values.HOST) &&
    !values.ALLOW_ANONYMOUS &&
    !failed.has('ALLOW_ANONYMOUS')
  ) {
    fail(
      'HOST',
      `is ${values.HOST}, which lets other devices in, and no login is set: set AUTH_USERNAME and AUTH_PASSWORD, ` +
        'or API_KEYS, or ALLOW_ANONYMOUS=true if everybody may see everything',
    );
  }

  const { AUTH_USERNAME: username, AUTH_PASSWORD: password } = values;
  return {
    host: values.HOST,
    port: values.PORT,
    webdavPort: values.WEBDAV_PORT === 'off' ? null : values.WEBDAV_PORT,
    login: username === null || password === null ? null : { username, password },
    apiKeys: values.API_KEYS,
    allowsAnonymous: values.ALLOW_ANONYMOUS,
    tls: readTls(values.TLS_CERT_FILE, values.TLS_KEY_FILE, place, fail),
  };
}

function readTls(
  certFile: string | null,
  keyFile: string | null,
  place: Place,
  fail: (name: string, text: string) => void,
): HttpConfig['tls'] {
  if (certFile !== null && keyFile === null) fail('TLS_CERT_FILE', 'needs TLS_KEY_FILE beside it');
  if (certFile === null && keyFile !== null) fail('TLS_KEY_FILE', 'needs TLS_CERT_FILE beside it');
  const read = (name: string, written: string | null) => {
    if (written === null) return null;
    const path = resolvePath(written, place);
    const reason = unreadableReason(path);
    if (reason === null) return path;
    fail(name, `names a file that cannot be read: ${path} (${reason})`);
    return null;
  };
  const cert = read('TLS_CERT_FILE', certFile);
  const key = read('TLS_KEY_FILE', keyFile);
  if (cert === null || key === null) return null;
  try {
    createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) });
  } catch {
    // OpenSSL's own words name neither file.
    fail('TLS_CERT_FILE', 'and TLS_KEY_FILE are not a PEM certificate with its private key');
  }
  return { certFile: cert, keyFile: key };
}

function readCatalog({ values }: Reading<typeof CATALOG_SETTINGS>, place: Place): CatalogConfig {
  const dataDir = resolvePath(values.DATA_DIR, place);
  const { DATABASE_URL: databaseFile } = values;
  return {
    dataDir,
    databaseFile: databaseFile === null ? join(dataDir, DATABASE_NAME) : resolvePath(databaseFile, place),
    changeLogDays: values.CHANGE_LOG_DAYS,
  };
}

function refuseFolders(
  command: Command,
  directories: readonly DirectoryArgument[],
  problems: Problem[],
): void {
  for (const { text, where } of directories) {
    problems.push({
      name: quote(text),
      where,
      text: `cannot be told to "mediadav ${command}", which reads no folders`,
    });
  }
}

function ownPaths(catalog: CatalogConfig, { given, failed }: Reading<typeof CATALOG_SETTINGS>) {
  const own = [{ name: 'DATA_DIR', where: given.get('DATA_DIR')?.where ?? 'default', path: catalog.dataDir }];
  const database = given.get('DATABASE_URL');
  if (database !== undefined && !failed.has('DATABASE_URL')) {
    own.push({ name: 'DATABASE_URL', where: database.where, path: catalog.databaseFile });
  }
  return own;
}

function tellMisspelt(
  variables: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
  where: string,
  problems: Problem[],
): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined || isBlank(value)) continue;
    const meant = misspeltSetting(name, known);
    if (meant === null) continue;
    problems.push({ name, where, text: `is not a setting; did you mean ${meant}? Rename or remove it` });
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
