import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, percentile } from './measure.ts';
import type { Figure } from './result.ts';
import { type Server, startServer } from './server.ts';

const FILES_BEFORE = 200;
/** Between two looks: what it adds to the result is less. */
const LOOK_MS = 2;
/** Between two files, as with a camera that copies one after the other. */
const PAUSE_MS = 150;
const GIVE_UP_MS = 10_000;
/** The aim is that of the 95th percentile; the median is shown beside it. */
const AT_MOST_MS = 300;

/** From the close of a new file until a client sees it: in the change feed, and in a WebDAV listing. */
export async function benchLatency({ isQuick }: { readonly isQuick: boolean }): Promise<Figure[]> {
  const samples = isQuick ? 40 : 200;
  const home = await mkdtemp(join(tmpdir(), 'mediadav-bench-latency-'));
  const photos = join(home, 'photos');
  await mkdir(photos);
  for (let at = 0; at < FILES_BEFORE; at++) await writeFile(join(photos, `before ${at}.jpg`), `${at}`);
  const server = await startServer(home);
  try {
    await settled(server);
    const measure = async (kind: string, isSeen: (name: string) => Promise<boolean>) => {
      const allMs: number[] = [];
      for (let at = 0; at < samples; at++) {
        const name = `${kind} ${at}.jpg`;
        await writeFile(join(photos, name), name);
        allMs.push(await timeUntil(() => isSeen(name)));
        await sleep(PAUSE_MS);
      }
      return allMs;
    };
    const feed = feedOf(server);
    return [
      ...figures('the change feed', await measure('feed', (name) => feed.has(name))),
      ...figures('a WebDAV listing', await measure('listed', (name) => isListed(server, name))),
    ];
  } finally {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

function figures(where: string, allMs: readonly number[]): Figure[] {
  const name = `close of a new file until it is in ${where}`;
  const limit = { atMost: AT_MOST_MS, unit: 'ms' } as const;
  return [
    { name: `${name}, median`, value: median(allMs), ...limit },
    { name: `${name}, 95th percentile`, value: percentile(allMs, 0.05), ...limit },
  ];
}

/** The first scan is over and all its files were read. */
async function settled(server: Server): Promise<void> {
  for (;;) {
    const { sources } = await server.json<{
      sources: { lastScan: string | null; enriching: unknown }[];
    }>('/api/health');
    if (sources.every(({ lastScan, enriching }) => lastScan !== null && enriching === null)) return;
    await sleep(50);
  }
}

/** Follows the feed from cursor to cursor, as a client does. */
function feedOf(server: Server): { has(name: string): Promise<boolean> } {
  let cursor = 0;
  return {
    async has(name) {
      const page = await server.json<{ cursor: number; changes: object[] }>(
        `/api/v1/changes?cursor=${cursor}`,
      );
      cursor = page.cursor;
      return page.changes.some((change) => JSON.stringify(change).includes(`"${name}"`));
    },
  };
}

async function isListed({ webdavUrl }: Server, name: string): Promise<boolean> {
  const answer = await fetch(`${webdavUrl}/photos/`, { method: 'PROPFIND', headers: { Depth: '1' } });
  return (await answer.text()).includes(encodeURIComponent(name));
}

async function timeUntil(isSo: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedMs > GIVE_UP_MS) throw new Error('a new file was not seen');
    await sleep(LOOK_MS);
  }
  return performance.now() - startedMs;
}
