import { spawn } from 'node:child_process';
import { utimes } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Contestant, type ContestOptions, contest } from './contest.ts';
import { median, percentile, timed } from './measure.ts';
import { type MountServers, photoName, withMountServers } from './mount-servers.ts';
import { type Peer, stopperOf } from './peers/peer.ts';
import type { Comparison, Result } from './result.ts';

/** What rclone asks for. */
export const FOUR_PROPERTIES =
  '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:displayname/><D:getlastmodified/>' +
  '<D:getcontentlength/><D:resourcetype/></D:prop></D:propfind>';

const ALLPROP = '<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>';
const QUESTIONS = [
  ['allprop', ALLPROP],
  ['four properties', FOUR_PROPERTIES],
] as const;
/** It takes seconds for one such listing, so it takes part in one contest only. */
const TOO_SLOW = 'stock webdav-server';
const NO_DAV = 'bare Node http';
const CROWD = fileURLToPath(new URL('crowd-client.ts', import.meta.url));
const LISTERS = 8;
const SMALL_LISTINGS = 100;
const P95 = 0.05;

/** Listings of 10,000 files: again and again, and after a change. */
export async function benchMountListing({ isQuick }: { readonly isQuick: boolean }): Promise<Result[]> {
  return await withMountServers({ isQuick }, async (servers) => {
    const quick = servers.peers.filter(({ name }) => name !== NO_DAV && name !== TOO_SLOW);
    const results: Result[] = [];
    for (const [label, body] of QUESTIONS) {
      const list = (server: Peer): Contestant => ({
        name: server.name,
        run: () => timed(() => propfind(`${server.url}/many/`, body)),
      });
      const ours = list(servers.mediadav);
      const peers = quick.map(list);
      const task = `PROPFIND of 10,000 files, ${label}`;
      const repeated = { rounds: isQuick ? 3 : 9, atMost: { nginx: 1 } };
      const changed = { rounds: isQuick ? 2 : 5, atMost: { nginx: 2, 'rclone serve webdav': 0.35 } };
      results.push(...(await contest(`${task}, repeated`, ours, peers, repeated)));
      results.push(...(await afterChanges(servers, `${task}, first after a change`, peers, changed, ours)));
    }
    const list = ({ name, url }: Peer) => ({
      name,
      run: () => timed(() => propfind(`${url}/many/`, ALLPROP)),
    });
    const stock = servers.peers.filter(({ name }) => name === TOO_SLOW).map(list);
    const task = 'PROPFIND of 10,000 files, allprop';
    results.push(...(await contest(task, list(servers.mediadav), stock, { rounds: 1 })));
    return results;
  });
}

/** Small listings while others list the large folder without a pause. */
export async function benchMountCrowd({ isQuick }: { readonly isQuick: boolean }): Promise<Result[]> {
  return await withMountServers({ isQuick }, async (servers) => {
    const crowdedAt = (server: Peer) => ({ name: server.name, run: () => crowded(server) });
    const name = `small PROPFIND while ${LISTERS} clients list 10,000 files, 95th percentile`;
    const peers = servers.peers.filter((peer) => peer.name !== NO_DAV && peer.name !== TOO_SLOW);
    const rounds = { rounds: isQuick ? 1 : 2 };
    const p95s = await contest(name, crowdedAt(servers.mediadav), peers.map(crowdedAt), rounds);
    const value = median(p95s[0]?.oursMs ?? [await crowded(servers.mediadav)]);
    return [...p95s, { name, value, atMost: 50, unit: 'ms' }];
  });
}

/** Every listing is the first one after a file in the folder was touched, and mediadav knows of it. */
async function afterChanges(
  { tree, mediadav }: MountServers,
  task: string,
  peers: readonly Contestant[],
  options: ContestOptions,
  { name, run }: Contestant,
): Promise<Comparison[]> {
  let touched = 0;
  // Only mediadav keeps anything; the others look at the disk each time.
  const ours = {
    name,
    async run() {
      const before = await mediadav.cursor();
      touched += 1;
      const time = new Date(1_700_000_000_000 + touched * 1_000);
      await utimes(join(tree, 'many', photoName(touched)), time, time);
      while ((await mediadav.cursor()) === before) await sleep(20);
      await sleep(1_500);
      await mediadav.settled();
      return await run();
    },
  };
  return await contest(task, ours, peers, options);
}

/** 95th percentile of small listings, one after the other, while others list the large folder without a pause. */
async function crowded(server: Peer): Promise<number> {
  const crowd = spawn(process.execPath, [CROWD, `${server.url}/many/`, String(LISTERS)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const stop = stopperOf(crowd);
  try {
    await sleep(500);
    const times: number[] = [];
    for (let count = 0; count < SMALL_LISTINGS; count++) {
      times.push(await timed(() => propfind(`${server.url}/few/`, FOUR_PROPERTIES)));
    }
    if (crowd.exitCode !== null) throw new Error(`the crowd at ${server.name} has gone home`);
    return percentile(times, P95);
  } finally {
    await stop();
  }
}

export async function propfind(url: string, body: string): Promise<void> {
  await propfindTimed(url, body);
}

/**
 * Milliseconds until the first byte of the body of a listing, and until its end. Each on a connection of its own: a kept
 * one may be closed by the server at the very moment it is used again.
 */
export async function propfindTimed(
  url: string,
  body: string,
): Promise<{ firstByteMs: number; totalMs: number }> {
  const headers = { Depth: '1', 'Content-Type': 'application/xml' };
  const options = { method: 'PROPFIND', headers, agent: false };
  const startedMs = performance.now();
  return await new Promise((resolve, reject) => {
    const request = httpRequest(url, options, (answer) => {
      if (answer.statusCode !== 207) reject(new Error(`${url} was answered ${answer.statusCode}`));
      let firstByteMs = Number.NaN;
      answer.once('data', () => {
        firstByteMs = performance.now() - startedMs;
      });
      answer.on('end', () => resolve({ firstByteMs, totalMs: performance.now() - startedMs }));
      answer.on('error', reject).resume();
    });
    request.on('error', reject).end(body);
  });
}
