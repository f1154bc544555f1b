import { subscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../src/catalog/sqlite/sqlite-catalog.ts';
import { boundHeapGrowth } from '../../src/heap-growth.ts';
import { readAppConfig } from '../../src/settings.ts';
import { addMember } from '../../src/source-member.ts';
import { QUIET_LOGGER } from '../fakes/quiet-logger.ts';
import { BENCH_KEY } from './immich-processes.ts';

/*
 * Reads an Immich server once and then refreshes it, in a process of its own so that what it takes can be told:
 * `immich-reader.ts <url> <IMMICH_VIEWS>`. Prints a `Reading` as JSON.
 */
export interface Reading {
  readonly assets: number;
  readonly readMs: number;
  /** The most memory beyond that of the process before. */
  readonly growthMb: number;
  /** The most CPU time of the main thread between two turns of the event loop. */
  readonly stallMs: number;
  /** Requests of one refresh in which nothing had changed. */
  readonly refreshRequests: number;
  /** CPU time of one refresh in which nothing had changed. */
  readonly refreshCpuMs: number;
}

const REFRESHES = 5;

if (process.argv[1] === import.meta.filename) {
  // As the server's own process does.
  boundHeapGrowth();
  const [url = '', views = ''] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await read(url, views))}\n`);
}

async function read(url: string, views: string): Promise<Reading> {
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-immich-'));
  const env = {
    ...{ IMMICH_URL: url, IMMICH_API_KEY: BENCH_KEY, IMMICH_VIEWS: views, DATA_DIR: join(home, 'data') },
  };
  const config = readAppConfig({ argv: ['serve'], env, cwd: home });
  const [source] = config.command === 'serve' ? config.sources : [];
  if (source === undefined) throw new Error('no source');
  const catalog = openSqliteCatalog(join(home, 'catalog.db'), 'windows');
  const { ingest } = await addMember(source, { catalog, logger: QUIET_LOGGER, names: 'windows' });

  const before = process.memoryUsage.rss();
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  const stall = watchStalls();
  const startedMs = performance.now();
  await ingest.scan();
  const readMs = performance.now() - startedMs;
  const stallMs = stall.end();
  clearInterval(sampling);
  const { assetCount, lastError } = await ingest.status();
  if (lastError !== null) throw new Error(lastError.message);

  const refreshes: number[] = [];
  let requests = 0;
  subscribe('http.client.request.start', () => {
    requests += 1;
  });
  for (let round = 0; round < REFRESHES; round++) {
    requests = 0;
    const cpu = process.cpuUsage();
    await ingest.scan();
    const { user, system } = process.cpuUsage(cpu);
    refreshes.push((user + system) / 1_000);
  }
  refreshes.sort((a, b) => a - b);
  await ingest.close();
  await catalog.close();
  await rm(home, { recursive: true, force: true });
  return {
    assets: assetCount,
    readMs,
    growthMb: (most - before) / 1024 / 1024,
    stallMs,
    refreshRequests: requests,
    refreshCpuMs: refreshes[REFRESHES >> 1] ?? Number.NaN,
  };
}

/** By CPU time, because on a busy machine a thread also waits for its turn. */
function watchStalls(): { end(): number } {
  const now = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  let last = now();
  let longest = 0;
  const timer = setInterval(() => {
    const at = now();
    longest = Math.max(longest, at - last);
    last = at;
  }, 1);
  return {
    end() {
      clearInterval(timer);
      return longest;
    },
  };
}
