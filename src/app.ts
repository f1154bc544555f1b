import { mkdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiServer } from './api/api-server.ts';
import { problemWording } from './api/problem.ts';
import type { MountLine, SourceReport, StatusReport } from './api/status-report.ts';
import type { Catalog, CatalogReader, DigestAlgorithm } from './catalog/catalog.ts';
import { openSqliteCatalog } from './catalog/sqlite/sqlite-catalog.ts';
import { RemoteCache } from './content/cache/remote-cache.ts';
import { removeCache } from './content/cache/remove-cache.ts';
import { Content } from './content/content.ts';
import { PassingDigests } from './content/passing-digests.ts';
import { Thumbnails } from './content/thumbnails.ts';
import { DavServer } from './dav/dav-server.ts';
import { WorkerPool } from './enrich/worker-pool.ts';
import { createAuthenticator } from './http/authentication.ts';
import { plainWording, type Wording } from './http/error-status.ts';
import type { Exchange } from './http/exchange.ts';
import { createHostCheck } from './http/host-check.ts';
import { createListener, type Listener, type ListenerOptions } from './http/listener.ts';
import { changeLogPruning } from './ingest/change-log-pruning.ts';
import { givenNamePruning } from './ingest/given-name-pruning.ts';
import { type Chore, Housekeeping } from './ingest/housekeeping.ts';
import { Schedule } from './ingest/schedule.ts';
import { createLogger } from './log.ts';
import { sizeText } from './model/byte-size.ts';
import type { Logger } from './model/logger.ts';
import type { NamePolicy } from './model/name.ts';
import { mountLinesFor, reachableUrl } from './mount-lines.ts';
import { ScratchStore } from './scratch/scratch-store.ts';
import type { ServeConfig, SourceConfig } from './settings.ts';
import { addMember, type Member, type MemberOptions, shownSourceOf } from './source-member.ts';
import { reportOf } from './status.ts';
import { readVersion } from './version.ts';
import type { Mount } from './vfs/mounts.ts';
import { SearchTree } from './vfs/search-tree.ts';
import { Vfs } from './vfs/vfs.ts';

/** What `PORT` serves the WebDAV tree under. */
const DAV_PREFIX = '/dav';
/** Folder of DATA_DIR. */
const THUMBNAILS = 'thumbnails';
/** Folder of DATA_DIR. */
const CACHE = 'cache';
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
    const cache = openCache(config, members, logger);
    if (cache !== null) stops.push(() => cache.close());
    const status = async () => reportOf(version, members, cache, catalog.reader);
    const mounts = members.map((member) => mountOf(member, config.names));
    const content = contentOf({ catalog, members, cache, logger });
    const scratch = openScratch(config, mounts, logger);
    if (scratch !== null) stops.push(() => scratch.close());
    const vfs = new Vfs({ reader: catalog.reader, content, mounts, scratch, names: config.names });
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
      givenNamePruning(catalog.writer, config.catalog.changeLogDays),
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

/** Nothing is kept of files of this machine. */
function openCache(
  { catalog, content: { cacheMaxBytes } }: ServeConfig,
  members: readonly Member[],
  logger: Logger,
): RemoteCache | null {
  const folder = join(catalog.dataDir, CACHE);
  if (cacheMaxBytes === null) {
    void removeCache(folder, logger);
    return null;
  }
  if (members.every(({ source }) => source.holdsFiles)) return null;
  return RemoteCache.open({ folder, maxBytes: cacheMaxBytes, logger });
}

interface ContentParts {
  readonly catalog: Catalog;
  readonly members: readonly Member[];
  readonly cache: RemoteCache | null;
  readonly logger: Logger;
}

function contentOf({ catalog, members, cache, logger }: ContentParts): Content {
  const sources = new Map(members.map(({ sourceId, source }) => [sourceId, source]));
  const ingests = new Map(members.map(({ sourceId, ingest }) => [sourceId, ingest]));
  const obstacleOf = (id: number) => ingests.get(id)?.obstacle ?? null;
  const unread = members.filter(({ enricher }) => enricher === null);
  const sourceIds = new Set(unread.map(({ sourceId }) => sourceId));
  const passing = new PassingDigests({ sourceIds, writer: catalog.writer, logger });
  return new Content({ catalog, sources, obstacleOf, passing, ...(cache === null ? {} : { cache }) });
}

function mountOf(member: Member, names: NamePolicy): Mount {
  const { config, sourceId, source, ingest } = member;
  return {
    search: source.isSearchable ? new SearchTree({ source, sourceId, names, now: () => Date.now() }) : null,
    writer: ingest.writer,
    writesBelow: ingest.writesBelow,
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
  if (config.provider === 'immich' && !config.views.includes('albums')) {
    return 'Shown without its albums (IMMICH_VIEWS), this has no place for new files: nothing was changed.';
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
    const { req, target } = exchange;
    const { path } = target;
    switch (edgeOf(req.method, path)) {
      case 'dav':
        return await answerDav(exchange, path.slice(DAV_PREFIX.length) || '/', DAV_PREFIX);
      case 'parent of dav':
        return await (req.method === 'OPTIONS' ? answerDav(exchange, path, '') : answerParent(exchange));
      case 'api':
        checkHost(target);
        exchange.user = authenticator.authenticate(req, { acceptsApiKeys: true });
        await api.handle(exchange);
    }
  };

  const tls =
    http.tls === null
      ? {}
      : {
          tls: { cert: readFileSync(http.tls.certFile, 'utf8'), key: readFileSync(http.tls.keyFile, 'utf8') },
        };
  const open = async (edges: ListenerEdges, port: number, portSetting: string) => {
    const listener: Listener = createListener({ ...edges, log: logger, ...tls });
    stops.push(() => listener.close(STOP_GRACE_MS));
    return reachableUrl((await listener.listen({ host: http.host, port, portSetting })).url);
  };
  const wordingFor = (req: IncomingMessage | null): Wording => {
    const path = req?.url?.split('?')[0] ?? '';
    return edgeOf(req?.method, path) === 'api' ? problemWording : plainWording;
  };
  const url = await open({ handle: answerMain, wordingFor }, http.port, 'PORT');
  const answerWebdav = (exchange: Exchange) => answerDav(exchange, exchange.target.path, '');
  const webdavUrl =
    http.webdavPort === null ? null : await open({ handle: answerWebdav }, http.webdavPort, 'WEBDAV_PORT');
  return { url, webdavUrl };
}

type ListenerEdges = Pick<ListenerOptions, 'handle' | 'wordingFor'>;

/** Who answers a request to PORT. Clients look at the parents of the address that they mount, too. */
function edgeOf(method: string | undefined, path: string): 'dav' | 'parent of dav' | 'api' {
  if (path === DAV_PREFIX || path.startsWith(`${DAV_PREFIX}/`)) return 'dav';
  const isLookedAt = method === 'OPTIONS' || method === 'PROPFIND';
  return isLookedAt && (path === '/' || path === '*') ? 'parent of dav' : 'api';
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
