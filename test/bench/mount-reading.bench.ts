import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Aim, type Contest, contest, ratioOf } from './contest.ts';
import { type LoadOrder, type LoadResult, randomFrom } from './load-client.ts';
import { median } from './measure.ts';
import { LARGE_BYTES, type MountServers, photoName, SMALL, SMALL_BYTES } from './mount-servers.ts';
import type { Peer } from './peers/peer.ts';

const CLIENT = fileURLToPath(new URL('load-client.ts', import.meta.url));
const ROUNDS = 2;
const LOAD_MS = 1_500;
const RANGES = 500;
const MB = 1024 * 1024;
const BARE = 'bare Node http';
const RCLONE = 'rclone serve webdav';
/** Reads a range from the start of the file on: one answer takes it a second. */
const STOCK = 'stock webdav-server';

/** GET of a large file, of many small ones, and of random ranges. */
export async function benchMountReading(
  servers: MountServers,
): Promise<{ contests: Contest[]; aims: Aim[] }> {
  const all: Peer[] = [servers.mediadav, ...servers.peers];
  const contests = [
    await contest(
      'GET of a 1 GiB file',
      'MB/s',
      all.map((server) => ({ name: server.name, run: () => readLarge(server) })),
      ROUNDS,
    ),
    await contest(
      'GET of 20 KB files, 32 connections',
      'req/s',
      all.map((server) => ({ name: server.name, run: () => readSmall(server) })),
      ROUNDS,
    ),
    ...(await rangeContests(all.filter(({ name }) => name !== STOCK))),
  ];
  const [large, ...rates] = contests;
  const aims: Aim[] = [];
  if (large !== undefined) {
    const [best] = [...large.results]
      .filter(([name]) => name !== 'mediadav' && name !== BARE)
      .sort(([, a], [, b]) => median(b) - median(a));
    if (best !== undefined) {
      aims.push(atLeast(`1 GiB file, against the best peer (${best[0]})`, large, best[0], 0.9));
    }
  }
  for (const each of rates) {
    if (each.results.has(RCLONE)) aims.push(atLeast(`${each.task}, against rclone`, each, RCLONE, 1.5));
  }
  return { contests, aims };
}

/**
 * Twice: 64 KiB and a head are a little more than one segment of the loopback interface, and some servers then wait
 * 40 ms for the acknowledgement of the first; 48 KiB are less than one.
 */
async function rangeContests(servers: readonly Peer[]): Promise<Contest[]> {
  const contests: Contest[] = [];
  for (const kib of [64, 48]) {
    contests.push(
      await contest(
        `GET of random ${kib} KiB ranges, 16 connections`,
        'req/s',
        servers.map((server) => ({ name: server.name, run: () => readRanges(server, kib * 1024) })),
        ROUNDS,
      ),
    );
  }
  return contests;
}

async function readLarge(server: Peer): Promise<number> {
  const { durationMs } = await load(server, {
    ...{ connections: 1, durationMs: 60_000, answers: 1, bodyBytes: LARGE_BYTES },
    requests: [requestFor(server, '/large.mp4')],
  });
  return LARGE_BYTES / MB / (durationMs / 1_000);
}

async function readSmall(server: Peer): Promise<number> {
  const requests = Array.from({ length: SMALL }, (_, index) =>
    requestFor(server, `/small/${photoName(index)}`),
  );
  return rateOf(
    await load(server, { connections: 32, durationMs: LOAD_MS, bodyBytes: SMALL_BYTES, requests }),
  );
}

async function readRanges(server: Peer, rangeBytes: number): Promise<number> {
  const random = randomFrom(1);
  const requests = Array.from({ length: RANGES }, () => {
    const start = Math.floor(random() * (LARGE_BYTES - rangeBytes));
    return requestFor(server, '/large.mp4', `Range: bytes=${start}-${start + rangeBytes - 1}\r\n`);
  });
  return rateOf(
    await load(server, { connections: 16, durationMs: LOAD_MS, bodyBytes: rangeBytes, requests }),
  );
}

function rateOf({ answers, durationMs }: LoadResult): number {
  return answers / (durationMs / 1_000);
}

function requestFor(server: Peer, path: string, header = ''): string {
  const { host, pathname } = new URL(server.url + path);
  return `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${header}\r\n`;
}

async function load(server: Peer, order: Omit<LoadOrder, 'host' | 'port'>): Promise<LoadResult> {
  const { hostname: host, port } = new URL(server.url);
  const client = spawn(process.execPath, [CLIENT], { stdio: ['pipe', 'pipe', 'inherit'] });
  client.stdin.end(JSON.stringify({ ...order, host, port: Number(port) }));
  const [result, [code]] = await Promise.all([json(client.stdout), once(client, 'exit')]);
  if (code !== 0) throw new Error(`the client of ${server.name} ended with ${code}`);
  return result as LoadResult;
}

function atLeast(text: string, each: Contest, other: string, limit: number): Aim {
  return { text, value: ratioOf(each, 'mediadav', other), limit, isAtMost: false, unit: '×' };
}
