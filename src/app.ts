import { mkdirSync, readFileSync } from 'node:fs';
import { createProvider } from '../providers/index.ts';
import { ApiServer } from './api/api-server.ts';
import { sizeText } from './api/front-page.ts';
import type { MountLine, SourceReport, StatusReport } from './api/status-report.ts';
import type { Catalog } from './catalog/catalog.ts';
import { openSqliteCatalog } from './catalog/sqlite/sqlite-catalog.ts';
import { Content } from './content/content.ts';
import { DavServer } from './dav/dav-server.ts';
import { createAuthenticator } from './http/authentication.ts';
import type { Exchange } from './http/exchange.ts';
import { createHostCheck } from './http/host-check.ts';
import { createListener, type Listener } from './http/listener.ts';
import { Schedule } from './ingest/schedule.ts';
import { SourceIngest, type SourceStatus } from './ingest/source-ingest.ts';
import { createLogger } from './log.ts';
import { type Logger, withFields } from './model/logger.ts';
import { mountLinesFor, reachableUrl } from './mount-lines.ts';
import type { ServeConfig, SourceConfig } from './settings.ts';
import { createPathFilter } from './source/path-filter.ts';
import { Source } from './source/source.ts';
import { readVersion } from './version.ts';
import { type Mount, Vfs } from './vfs/vfs.ts';

/** What `PORT` serves the WebDAV tree under. */
const DAV_PREFIX = '/dav';
/** How long running requests may take to end when the server stops. */
const STOP_GRACE_MS = 3_000;

export interface RunningApp {
  /** `http://127.0.0.1:8000`, without a slash at its end. */
  readonly url: string;
  /** Of the WebDAV port; null when it is off. */
  readonly webdavUrl: string | null;
  readonly mountLines: readonly MountLine[];
  /** Resolves when the scans that run now have ended. */
  settled(): Promise<void>;
  status(): Promise<StatusReport>;
  /** Stops in reverse order of the start. Safe to call more than once. */
  stop(): Promise<void>;
}

/** One configured source with all that is made of it. */
interface Member {
  readonly config: SourceConfig;
  readonly source: Source;
  readonly ingest: SourceIngest;
  readonly sourceId: number;
}

/**
 * Joins the rooms and starts them: catalog, sources, edges, listeners, then the first scans, which nothing waits
 * for. A source that is out of reach is no reason not to start.
 * @throws CodedError when the catalog cannot be used or a port cannot be listened on; all that ran is stopped then.
 */
export async function startApp(config: ServeConfig): Promise<RunningApp> {
  const logger = createLogger(config.log);
  if (config.usedDefaultMedia) prepareDefaultMedia(config, logger);
  const stops: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | null = null;
  const stop = () => {
    stopping ??= stopAll(stops, logger);
    return stopping;
  };
  try {
    const catalog = openSqliteCatalog(config.catalog.databaseFile, config.names);
    stops.push(() => catalog.close());
    const members = await Promise.all(config.sources.map((source) => addSource(source, catalog, logger)));
    stops.push(async () => void (await Promise.all(members.map(({ ingest }) => ingest.close()))));

    const version = readVersion();
    const status = async () => reportOf(version, members);
    const mounts = members.map(mountOf);
    const vfs = new Vfs({ reader: catalog.reader, content: contentOf(catalog, members), mounts });
    const dav = new DavServer({ vfs, mountNames: mounts.flatMap(({ name }) => name ?? []) });
    let mountLines: readonly MountLine[] = [];
    const api = await ApiServer.create({ status, mountLines: () => mountLines });
    stops.push(() => api.close());

    const addresses = await listen(config, { api, dav, logger, stops });
    mountLines = mountLinesFor({
      webdavUrl: addresses.webdavUrl,
      davUrl: addresses.url + DAV_PREFIX,
      username: config.http.login?.username ?? null,
    });
    const schedule = new Schedule(
      members.map(({ ingest, config: { rescanIntervalMs } }) => ({ ingest, intervalMs: rescanIntervalMs })),
      logger,
    );
    logger.info('listening', addresses);
    schedule.start();
    stops.push(() => schedule.stop());
    const settled = async () => void (await Promise.all(members.map(({ ingest }) => ingest.scan())));
    return { ...addresses, mountLines, settled, status, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addSource(config: SourceConfig, catalog: Catalog, root: Logger): Promise<Member> {
  const logger = withFields(root, { source: config.name });
  const provider = createProvider(config);
  const source = new Source({ name: config.name, provider, filter: createPathFilter(config), logger });
  const { layout, splitsByType } = config;
  const ingest = new SourceIngest({ source, catalog, layout: { layout, splitsByType }, logger });
  const record = await ingest.prepare();
  if (config.isWritable)
    logger.warn(`"${config.name}" is set to be writable, but everything is read-only so far`);
  return { config, source, ingest, sourceId: record.id };
}

function contentOf(catalog: Catalog, members: readonly Member[]): Content {
  const sources = new Map(members.map(({ sourceId, source }) => [sourceId, source]));
  return new Content({ catalog, sources });
}

function mountOf({ config, sourceId, ingest }: Member): Mount {
  return {
    name: config.mountsAtRoot ? null : config.name,
    sourceId,
    failure: () => (ingest.failure === null ? null : `"${config.name}": ${ingest.failure.message}`),
  };
}

interface Edges {
  readonly api: ApiServer;
  readonly dav: DavServer;
  readonly logger: Logger;
  readonly stops: (() => Promise<void>)[];
}

/** Both ports. Every request passes the login here, before any edge sees it. */
async function listen(
  { http }: ServeConfig,
  { api, dav, logger, stops }: Edges,
): Promise<{ url: string; webdavUrl: string | null }> {
  const authenticator = createAuthenticator({
    username: http.login?.username ?? null,
    password: http.login?.password ?? null,
    apiKeys: http.apiKeys,
    // It only allows listening beyond loopback without a login; where there is one, it counts.
    allowsAnonymous: false,
  });
  const checkHost = createHostCheck({ letsEveryoneIn: authenticator.letsEveryoneIn, listenHost: http.host });
  if (http.login === null && http.apiKeys.length > 0) {
    logger.warn(
      'The mount is closed: API_KEYS open the HTTP API only. Set AUTH_USERNAME and AUTH_PASSWORD for WebDAV.',
    );
  }

  const answerDav = async (exchange: Exchange, path: string, prefix: string) => {
    checkHost(exchange.target);
    // Explorer sends OPTIONS without credentials and gives up on a 401; the answer tells nothing of anybody's.
    if (exchange.req.method !== 'OPTIONS') {
      exchange.user = authenticator.authenticate(exchange.req, { acceptsApiKeys: false });
    }
    await dav.handle(exchange, path, prefix);
  };
  const answerMain = async (exchange: Exchange) => {
    const { path } = exchange.target;
    const isDav = path === DAV_PREFIX || path.startsWith(`${DAV_PREFIX}/`);
    // Clients look at the parents of the address that they mount, too.
    if (isDav) return await answerDav(exchange, path.slice(DAV_PREFIX.length) || '/', DAV_PREFIX);
    if (exchange.req.method === 'OPTIONS') return await answerDav(exchange, path, '');
    checkHost(exchange.target);
    exchange.user = authenticator.authenticate(exchange.req, { acceptsApiKeys: true });
    await api.handle(exchange);
  };

  const tls =
    http.tls === null
      ? {}
      : {
          tls: { cert: readFileSync(http.tls.certFile, 'utf8'), key: readFileSync(http.tls.keyFile, 'utf8') },
        };
  const open = async (handle: (exchange: Exchange) => Promise<void>, port: number, portSetting: string) => {
    const listener: Listener = createListener({ handle, log: logger, ...tls });
    stops.push(() => listener.close(STOP_GRACE_MS));
    return reachableUrl((await listener.listen({ host: http.host, port, portSetting })).url);
  };
  const url = await open(answerMain, http.port, 'PORT');
  const answerWebdav = (exchange: Exchange) => answerDav(exchange, exchange.target.path, '');
  const webdavUrl =
    http.webdavPort === null ? null : await open(answerWebdav, http.webdavPort, 'WEBDAV_PORT');
  return { url, webdavUrl };
}

/** The text that `serve` prints once it listens: addresses, how to mount, what each source holds. */
export async function welcomeText(app: RunningApp): Promise<string> {
  const { version, sources } = await app.status();
  const lines = [
    `mediadav ${version}`,
    '',
    `  page and API   ${app.url}/`,
    `  WebDAV         ${app.webdavUrl === null ? '' : `${app.webdavUrl}/  and  `}${app.url}${DAV_PREFIX}/`,
    '',
    ...app.mountLines.map(({ client, line, hint }) => {
      return `  ${client.padEnd(13)}  ${line}${hint === undefined ? '' : `  (${hint})`}`;
    }),
    '',
    ...sources.map((source) => `  ${source.mount.padEnd(13)}  ${holdingsOf(source)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function holdingsOf(source: SourceReport): string {
  if (source.lastScan === null) return `${source.provider}, being read for the first time`;
  const counts = `${source.assets} assets in ${source.collections} folders, ${sizeText(source.sizeBytes)}`;
  return `${source.provider}, ${counts} when last read`;
}

async function reportOf(version: string, members: readonly Member[]): Promise<StatusReport> {
  const sources = await Promise.all(
    members.map(async ({ config, ingest }) => sourceReport(config, await ingest.status())),
  );
  const isFailing = sources.some(({ lastError }) => lastError !== null);
  return {
    status: isFailing ? 'degraded' : 'ok',
    version,
    uptimeSeconds: Math.floor(process.uptime()),
    sources,
  };
}

function sourceReport(config: SourceConfig, status: SourceStatus): SourceReport {
  const { lastError } = status;
  return {
    name: config.name,
    provider: config.provider,
    mount: config.mountsAtRoot ? '/' : `/${encodeURIComponent(config.name)}/`,
    state: status.state,
    assets: status.assetCount,
    collections: status.collectionCount,
    sizeBytes: status.sizeBytes,
    lastScan: isoOf(status.completedMs),
    lastError:
      lastError === null
        ? null
        : { code: lastError.code, message: lastError.message, at: new Date(lastError.atMs).toISOString() },
    warnings: status.warnings,
  };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** With nothing configured there is still something to look at. */
function prepareDefaultMedia({ sources }: ServeConfig, logger: Logger): void {
  for (const source of sources) {
    if (source.provider !== 'local') continue;
    mkdirSync(source.path, { recursive: true });
    logger.info(
      `Nothing is configured, so ${source.path} is shown. Put photos there, or say "npm start -- ~/Pictures", or ` +
        'copy .env.example to .env and set LOCAL_PATHS or IMMICH_URL.',
    );
  }
}

async function stopAll(stops: (() => Promise<void>)[], logger: Logger): Promise<void> {
  for (const stop of stops.reverse()) {
    await stop().catch((error: unknown) => logger.error('something did not stop cleanly', { error }));
  }
}
