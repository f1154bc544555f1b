import type { Catalog, ShownSource } from '../catalog/catalog.ts';
import { openSqliteCatalog } from '../catalog/sqlite/sqlite-catalog.ts';
import { Enricher } from '../enrich/enricher.ts';
import { WorkerPool } from '../enrich/worker-pool.ts';
import { createLogger } from '../log.ts';
import type { AssetFacts } from '../model/asset.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import { quote } from '../model/setting-parser.ts';
import type { Provider } from '../provider/provider.ts';
import type { CommandConfig, RunConfig } from '../settings.ts';
import { addMember, type Member, shownSourceOf } from '../source-member.ts';
import { Progress } from './progress.ts';

/** How often the progress of looking into files is asked for. */
const LOOK_MS = 100;

/**
 * `mediadav scan`: reads every source once, one after the other, first what there is and then what is in the files
 * that nobody has looked into yet.
 * @returns the exit code: 1 when a source could not be read, 130 when a signal ended it.
 * @throws CodedError `locked` when a server, or another scan, writes to the same catalog.
 */
export async function scan(config: CommandConfig<'scan'>): Promise<number> {
  const catalog = openCatalog(config);
  const progress = new Progress(process.stdout);
  const members: Member[] = [];
  const pool = new WorkerPool();
  const stopping = new AbortController();
  let exitCode = 0;
  const stop = (name: string): void => {
    exitCode = name === 'SIGINT' ? 130 : 143;
    // A second signal ends it at once.
    process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
    stopping.abort();
    for (const { ingest } of members) void ingest.close();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const observe = (provider: Provider): Provider => counting(provider, progress);
    const logger = loggerOf(config, progress);
    for (const source of config.sources) {
      const ingest = { acceptsEmpty: config.acceptsEmpty };
      members.push(await addMember(source, { catalog, logger, observe, ingest, names: config.names }));
    }
    await showAlso(catalog, members.map(shownSourceOf));
    for (const member of members) {
      if (stopping.signal.aborted) break;
      if (!(await scanOne(catalog, member, progress))) exitCode ||= 1;
      else await lookInto(member, { catalog, pool, logger, progress, signal: stopping.signal });
      if (member.config.enriches) await tellProblems(catalog, member, progress);
    }
    return exitCode;
  } finally {
    for (const { ingest } of members) await ingest.close();
    await pool.close();
    await catalog.close();
  }
}

function openCatalog({ catalog, names, http }: RunConfig): Catalog {
  try {
    return openSqliteCatalog(catalog.databaseFile, names);
  } catch (error) {
    if (codeOf(error) !== 'locked') throw error;
    const host = http.host.includes(':') ? `[${http.host}]` : http.host;
    const url = `${http.tls === null ? 'http' : 'https'}://${host}:${http.port}/api/refresh`;
    throw new CodedError(
      'locked',
      'A mediadav server (or another scan) is at work with this DATA_DIR, and there must be only one: to have the ' +
        `server read its sources now, ask it by "curl -X POST ${url}".`,
      { cause: error },
    );
  }
}

/** What was shown stays so: somebody may scan a single folder of many. The next server says which it shows. */
async function showAlso({ reader, writer }: Catalog, scanned: readonly ShownSource[]): Promise<void> {
  const ids = new Set(scanned.map(({ sourceId }) => sourceId));
  const others = (await reader.shownSources()).filter(({ sourceId }) => !ids.has(sourceId));
  await writer.showSources([...others, ...scanned]);
}

/** @returns whether it could be read. */
async function scanOne(catalog: Catalog, { config, ingest }: Member, progress: Progress): Promise<boolean> {
  const before = await catalog.reader.source(config.name);
  progress.begin(config.name, before === null || before.completedMs === null ? null : before.assetCount);
  await ingest.scan();
  const { assetCount, collectionCount, lastError } = await ingest.status();
  if (lastError !== null) {
    progress.say(`${config.name}: ${lastError.message}`);
    return false;
  }
  const number = (value: number): string => value.toLocaleString('en');
  progress.end(`the catalog holds ${number(assetCount)} files in ${number(collectionCount)} folders`);
  return true;
}

interface Looking {
  readonly catalog: Catalog;
  readonly pool: WorkerPool;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Has the digests and facts found that only the bytes tell. What cannot be read now, a server tries again. */
async function lookInto({ config, source, ingest, sourceId }: Member, looking: Looking): Promise<void> {
  const { catalog, progress, signal } = looking;
  const pending = await catalog.reader.pendingCount(sourceId);
  if (!config.enriches || pending === 0 || signal.aborted) return;
  progress.begin(`${config.name}, contents`, pending);
  const onEnriched = (facts: AssetFacts): void => ingest.onEnriched(facts);
  const enricher = new Enricher({ ...looking, source, sourceId, onEnriched });
  const close = (): void => void enricher.close();
  signal.addEventListener('abort', close, { once: true });
  const timer = setInterval(() => {
    const { filesDone, bytesDone } = enricher.progress();
    progress.update(filesDone, bytesDone);
  }, LOOK_MS);
  enricher.wake();
  await enricher.idle();
  await ingest.placed();
  clearInterval(timer);
  signal.removeEventListener('abort', close);
  const { filesDone, bytesDone } = enricher.progress();
  await enricher.close();
  progress.update(filesDone, bytesDone);
  const left = await catalog.reader.pendingCount(sourceId);
  const why = signal.aborted ? 'are left for the next scan' : 'could not be read and wait for another try';
  progress.end(left === 0 ? '' : `${left.toLocaleString('en')} ${why}`);
}

/** What is wrong with files, also with those that an earlier scan has looked into. */
async function tellProblems(
  { reader }: Catalog,
  { config, sourceId }: Member,
  progress: Progress,
): Promise<void> {
  for (const { reason, count, example } of await reader.problems(sourceId)) {
    // A terminal obeys what stands in a name.
    progress.say(`${config.name}: ${count.toLocaleString('en')} × ${reason}, such as ${quote(example)}`);
  }
}

/** The provider with all its powers, and each asset that a scan tells counted. */
function counting(provider: Provider, progress: Progress): Provider {
  const scan: Provider['scan'] = async function* counted(call) {
    for await (const event of provider.scan(call)) {
      if (event.kind === 'asset') progress.advance(event.facts.sizeBytes);
      yield event;
    }
  };
  return new Proxy(provider, {
    get(target, name) {
      if (name === 'scan') return scan;
      const member: unknown = Reflect.get(target, name, target);
      // Private fields are the target's, not the proxy's.
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** What went wrong is said by the summary of each source; the log adds what was left out, and more when asked to. */
function loggerOf({ log }: RunConfig, progress: Progress): Logger {
  const logger = createLogger(log);
  const quiet = (): void => undefined;
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: log.level === 'debug' ? (message, fields) => logger.info(message, fields) : quiet,
    warn: (message, fields) => {
      progress.pause();
      logger.warn(message, fields);
    },
    error: (message, fields) => {
      progress.pause();
      logger.error(message, fields);
    },
  };
}
