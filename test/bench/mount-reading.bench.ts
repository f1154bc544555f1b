import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Contestant, contest } from './contest.ts';
import { type LoadOrder, type LoadResult, randomFrom } from './load-client.ts';
import { median } from './measure.ts';
import { type MountServers, photoName, SMALL, SMALL_BYTES, withMountServers } from './mount-servers.ts';
import { type Peer, stopperOf } from './peers/peer.ts';
import type { Result } from './result.ts';

const CLIENT = fileURLToPath(new URL('load-client.ts', import.meta.url));
const ROUNDS = 4;
/** One answer a turn tells little. */
const LARGE_ROUNDS = 7;
const LOAD_MS = 1_500;
const RANGES = 500;
const MIB = 1024 * 1024;
/** Rates as times: so many answers. */
const ANSWERS = 1_000;
const BARE = 'bare Node http';
const RCLONE = 'rclone serve webdav';
/** Reads a range from the start of the file on: one answer takes it a second. */
const STOCK = 'stock webdav-server';

/** GET of a large file, of many small ones, and of random ranges. */
export async function benchMountReading({ isQuick }: { readonly isQuick: boolean }): Promise<Result[]> {
  return await withMountServers({ isQuick }, async (servers) => {
    const { peers, mediadav, largeBytes } = servers;
    const options = { rounds: isQuick ? 1 : ROUNDS };
    const rclone = { ...options, atMost: { [RCLONE]: 1 / 1.5 } };
    const all = (run: (server: Peer) => Promise<number>, others = peers) =>
      [contestant(mediadav, run), others.map((peer) => contestant(peer, run))] as const;
    const large = await contest(
      `GET of a file of ${largeBytes / MIB} MiB`,
      ...all((server) => readLarge(server, servers)),
      { rounds: LARGE_ROUNDS },
    );
    const [best] = large
      .filter(({ peer }) => peer !== BARE)
      .sort((a, b) => median(a.peersMs) - median(b.peersMs));
    const results: Result[] = large.map((each) => (each === best ? { ...each, atMost: 1 / 0.9 } : each));
    results.push(
      ...(await contest(`${ANSWERS} GETs of 20 KB files, 32 connections`, ...all(readSmall), rclone)),
    );
    /*
     * Twice: 64 KiB and a head are a little more than one segment of the loopback interface, and some servers then wait
     * 40 ms for the acknowledgement of the first; 48 KiB are less than one.
     */
    for (const kib of [64, 48]) {
      const run = (server: Peer) => readRanges(server, servers, kib * 1024);
      const others = peers.filter(({ name }) => name !== STOCK);
      const task = `${ANSWERS} GETs of random ${kib} KiB ranges, 16 connections`;
      results.push(...(await contest(task, ...all(run, others), rclone)));
    }
    return results;
  });
}

function contestant(server: Peer, run: (server: Peer) => Promise<number>): Contestant {
  return { name: server.name, run: () => run(server) };
}

async function readLarge(server: Peer, { largeBytes }: MountServers): Promise<number> {
  const { durationMs } = await load(server, {
    ...{ connections: 1, durationMs: 60_000, answers: 1, bodyBytes: largeBytes },
    requests: [requestFor(server, '/large.mp4')],
  });
  return durationMs;
}

async function readSmall(server: Peer): Promise<number> {
  const requests = Array.from({ length: SMALL }, (_, index) =>
    requestFor(server, `/small/${photoName(index)}`),
  );
  const order = { connections: 32, durationMs: LOAD_MS, bodyBytes: SMALL_BYTES, requests };
  return timeOf(await load(server, order));
}

async function readRanges(server: Peer, { largeBytes }: MountServers, rangeBytes: number): Promise<number> {
  const random = randomFrom(1);
  const requests = Array.from({ length: RANGES }, () => {
    const start = Math.floor(random() * (largeBytes - rangeBytes));
    return requestFor(server, '/large.mp4', `Range: bytes=${start}-${start + rangeBytes - 1}\r\n`);
  });
  return timeOf(
    await load(server, { connections: 16, durationMs: LOAD_MS, bodyBytes: rangeBytes, requests }),
  );
}

function timeOf({ answers, durationMs }: LoadResult): number {
  return (durationMs / answers) * ANSWERS;
}

function requestFor(server: Peer, path: string, header = ''): string {
  const { host, pathname } = new URL(server.url + path);
  return `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${header}\r\n`;
}

async function load(server: Peer, order: Omit<LoadOrder, 'host' | 'port'>): Promise<LoadResult> {
  const { hostname: host, port } = new URL(server.url);
  const client = spawn(process.execPath, [CLIENT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const stop = stopperOf(client);
  try {
    client.stdin.end(JSON.stringify({ ...order, host, port: Number(port) }));
    const [result, [code]] = await Promise.all([json(client.stdout), once(client, 'exit')]);
    if (code !== 0) throw new Error(`the client of ${server.name} ended with ${code}`);
    return result as LoadResult;
  } finally {
    await stop();
  }
}
