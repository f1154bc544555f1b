import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiServer } from './api/api-server.ts';
import type { MountLine, SourceReport, StatusReport } from './api/status-report.ts';
import type { Catalog, CatalogReader, DigestAlgorithm } from './catalog/catalog.ts';
import { openSqliteCatalog } from './catalog/sqlite/sqlite-catalog.ts';
import { Content } from './content/content.ts';
import { PassingDigests } from './content/passing-digests.ts';
import { Thumbnails } from './content/thumbnails.ts';
import { DavServer } from './dav/dav-server.ts';
import type { Enricher } from './enrich/enricher.ts';
import { WorkerPool } from './enrich/worker-pool.ts';
import { createAuthenticator } from './http/authentication.ts';
import type { Exchange } from './http/exchange.ts';
import { createHostCheck } from './http/host-check.ts';
import { createListener, type Listener } from './http/listener.ts';
import { changeLogPruning } from './ingest/change-log-pruning.ts';
import { type Chore, Housekeeping } from './ingest/housekeeping.ts';
import { sourcePrefix } from './ingest/layout.ts';
import { Schedule } from './ingest/schedule.ts';
import type { SourceStatus } from './ingest/source-ingest.ts';
import { createLogger } from './log.ts';
import { sizeText } from './model/byte-size.ts';
import type { Logger } from './model/logger.ts';
import { mountLinesFor, reachableUrl } from './mount-lines.ts';
import { ScratchStore } from './scratch/scratch-store.ts';
import type { ServeConfig, SourceConfig } from './settings.ts';
import { addMember, type Member, type MemberOptions, shownSourceOf } from './source-member.ts';
import { readVersion } from './version.ts';
import { type Mount, Vfs } from './vfs/vfs.ts';

/** What `PORT` serves the WebDAV tree under. */
const DAV_PREFIX = '/dav';
/** Folder of DATA_DIR. */
const THUMBNAILS = 'thumbnails';
/** File of DATA_DIR. */
const SCRATCH = 'scratch.db';
/** How long running requests may take to end when the server stops. */
const STOP_GRACE_MS = 3_000;
/** How long each part may take to stop before the next one is stopped all the same. */
const STOP_LIMIT_MS = 5_000;

export interface RunningApp {
  /** `http://127.0.0.1:8000`, without a slash at its end. */
  readonly url: string;
  /** Of the WebDAV port; null when it is off. */
  readonly webdavUrl: string | null;
  readonly mountLines: readonly MountLine[];
  /** Has all sources read now, and does not wait for it. */
  refresh(): void;
  /** Resolves when the scans that run now have ended, and what they found was looked into. */
  settled(): Promise<void>;
  status(): Promise<StatusReport>;
  /** Stops in reverse order of the start. Safe to call more than once. */
  stop(): Promise<void>;
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
    const pool = new WorkerPool();
    stops.push(() => pool.close());
    const members = await Promise.all(
      config.sources.map((source) =>
        addSource(source, { catalog, logger, pool, names: config.names, dataDir: config.catalog.dataDir }),
      ),
    );
    stops.push(async () => void (await Promise.all(members.map(({ ingest }) => ingest.close()))));
    stops.push(async () => void (await Promise.all(members.map(({ enricher }) => enricher?.close()))));

    const version = readVersion();
    const status = async () => reportOf(version, members);
    const mounts = members.map(mountOf);
    const content = contentOf(catalog, members, logger);
    const scratch = openScratch(config, mounts, logger);
    if (scratch !== null) stops.push(() => scratch.close());
    const vfs = new Vfs({ reader: catalog.reader, content, mounts, scratch });
    const { locks, properties } = catalog;
    const dav = new DavServer({
      ...{ vfs, config: config.dav, stores: { locks, properties, now: () => Date.now() } },
      mountNames: mounts.flatMap(({ name }) => name ?? []),
    });
    let mountLines: readonly MountLine[] = [];
    const sources = members.map(shownSourceOf);
    await catalog.writer.showSources(sources);
    const thumbnails = new Thumbnails({ folder: join(config.catalog.dataDir, THUMBNAILS), logger });
    const scans = new Map(members.map(({ config: { name }, ingest }) => [name, () => void ingest.scan()]));
    const api = await ApiServer.create({
      ...{ version, reader: catalog.reader, bell: catalog.bell, content, thumbnails, sources, scans, status },
      mountLines: () => mountLines,
    });
    stops.push(() => api.close());

    const addresses = await listen(config, { api, dav, logger, stops });
    stops.push(async () => api.endStreams());
    mountLines = mountLinesFor({
      webdavUrl: addresses.webdavUrl,
      davUrl: addresses.url + DAV_PREFIX,
      username: config.http.login?.username ?? null,
      isWritable: mounts.some(({ writer }) => writer !== null),
    });
    const schedule = new Schedule(
      members.map(({ ingest, config: { rescanIntervalMs } }) => ({ ingest, intervalMs: rescanIntervalMs })),
      logger,
    );
    logger.info('listening', addresses);
    schedule.start();
    stops.push(() => schedule.stop());
    const chores = [
      changeLogPruning(catalog.writer, config.catalog.changeLogDays),
      thumbnailSweep(thumbnails, catalog.reader),
    ];
    const housekeeping = new Housekeeping(chores, logger);
    housekeeping.start();
    stops.push(() => housekeeping.stop());
    const settled = async () => {
      await Promise.all(members.map(({ ingest }) => ingest.scan()));
      await Promise.all(members.map(({ enricher }) => enricher?.idle()));
      await Promise.all(members.map(({ ingest }) => ingest.placed()));
    };
    const refresh = () => {
      logger.info('reading all sources now');
      for (const start of scans.values()) start();
    };
    return { ...addresses, mountLines, refresh, settled, status, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addSource(config: SourceConfig, options: MemberOptions): Promise<Member> {
  const member = await addMember(config, options);
  if (config.isWritable && member.ingest.writer === null)
    options.logger.warn(
      `"${config.name}" is set to be writable, but stays read-only. ${readOnlyReason(member)}`,
    );
  return member;
}

/** Nobody leaves anything where nothing can be written. */
function openScratch(
  { catalog }: ServeConfig,
  mounts: readonly Mount[],
  logger: Logger,
): ScratchStore | null {
  if (mounts.every(({ writer }) => writer === null)) return null;
  mkdirSync(catalog.dataDir, { recursive: true, mode: 0o700 });
  return new ScratchStore({ file: join(catalog.dataDir, SCRATCH), logger });
}

/** Thumbnails of what no asset holds any more. */
function thumbnailSweep(thumbnails: Thumbnails, reader: CatalogReader): Chore {
  const isKnown = async (algorithm: string, digest: string) =>
    (await reader.byDigest(algorithm as DigestAlgorithm, digest)).length > 0;
  return {
    name: 'removed thumbnails of what is gone',
    run: (signal) => thumbnails.removeOrphans(isKnown, signal),
  };
}

function contentOf(catalog: Catalog, members: readonly Member[], logger: Logger): Content {
  const sources = new Map(members.map(({ sourceId, source }) => [sourceId, source]));
  const ingests = new Map(members.map(({ sourceId, ingest }) => [sourceId, ingest]));
  const obstacleOf = (id: number) => ingests.get(id)?.obstacle ?? null;
  const unread = members.filter(({ enricher }) => enricher === null);
  const sourceIds = new Set(unread.map(({ sourceId }) => sourceId));
  const passing = new PassingDigests({ sourceIds, writer: catalog.writer, logger });
  return new Content({ catalog, sources, obstacleOf, passing });
}

function mountOf(member: Member): Mount {
  const { config, sourceId, source, ingest } = member;
  return {
    writer: ingest.writer,
    writesBelow: sourcePrefix(config) ?? [],
    readOnlyReason: readOnlyReason(member),
    name: config.mountsAtRoot ? null : config.name,
    sourceId,
    failure: () => (ingest.obstacle === null ? null : `"${config.name}": ${ingest.obstacle}`),
    // No client ends it: whoever asks waits a moment at most, and the answer serves the next one.
    space: () => source.space(new AbortController().signal),
  };
}

function readOnlyReason({ config }: Member): string {
  if (!config.isWritable) return 'This is read-only: nothing was changed.';
  if (config.provider === 'immich' && config.rendition === 'preview') {
    return 'Shown as previews (IMMICH_RENDITION), photos cannot be replaced or added: nothing was changed.';
  }
  const shown = config.splitsByType ? 'split by type' : `by ${config.layouts.join(', ')}`;
  return `Shown ${shown}, this has no place for new files: only the layout "folders" can be written to.`;
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
  const answerParent = async (exchange: Exchange) => {
    checkHost(exchange.target);
    exchange.user = authenticator.authenticate(exchange.req, { acceptsApiKeys: false });
    await dav.handleParent(exchange, DAV_PREFIX.slice(1));
  };
  const answerMain = async (exchange: Exchange) => {
    const { path } = exchange.target;
    const isDav = path === DAV_PREFIX || path.startsWith(`${DAV_PREFIX}/`);
    // Clients look at the parents of the address that they mount, too.
    if (isDav) return await answerDav(exchange, path.slice(DAV_PREFIX.length) || '/', DAV_PREFIX);
    if (exchange.req.method === 'OPTIONS') return await answerDav(exchange, path, '');
    if (exchange.req.method === 'PROPFIND' && path === '/') return await answerParent(exchange);
    try {
      checkHost(exchange.target);
      exchange.user = authenticator.authenticate(exchange.req, { acceptsApiKeys: true });
    } catch (error) {
      api.refuse(exchange, error);
      return;
    }
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
    members.map(async ({ config, ingest, enricher }) =>
      sourceReport(config, await ingest.status(), enricher),
    ),
  );
  const isFailing = sources.some(({ lastError }) => lastError !== null);
  return {
    status: isFailing ? 'degraded' : 'ok',
    version,
    uptimeSeconds: Math.floor(process.uptime()),
    sources,
  };
}

function sourceReport(config: SourceConfig, status: SourceStatus, enricher: Enricher | null): SourceReport {
  // A catalog that takes nothing more in stops the reading of files too, between two scans.
  const lastError = status.lastError ?? enricher?.failure ?? null;
  const { filesDone = 0, filesTotal = 0 } = enricher?.progress() ?? {};
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
    notes: status.notes,
    warnings: status.warnings,
    fileProblems: enricher?.warnings ?? [],
    enriching: enricher?.isRunning === true ? { filesDone, filesTotal } : null,
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
    const stopped = stop().catch((error: unknown) =>
      logger.error('something did not stop cleanly', { error }),
    );
    // A disk that hangs must not keep the rest from stopping.
    await Promise.race([stopped, sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
  }
}
