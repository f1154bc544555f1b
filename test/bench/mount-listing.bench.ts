import { spawn } from 'node:child_process';
import { utimes } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Aim, type Contest, type Contestant, contest, ratioOf } from './contest.ts';
import { median, timed } from './measure.ts';
import { type MountServers, photoName } from './mount-servers.ts';
import type { Peer } from './peers/peer.ts';

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
const LISTERS = 8;
const SMALL_LISTINGS = 100;

/** Listings of 10,000 files: again and again, and after a change. */
export async function benchMountListing(
  servers: MountServers,
): Promise<{ contests: Contest[]; aims: Aim[] }> {
  const all: Peer[] = [servers.mediadav, ...servers.peers].filter(({ name }) => name !== NO_DAV);
  const quick = all.filter(({ name }) => name !== TOO_SLOW);
  const contests: Contest[] = [];
  const aims: Aim[] = [];
  for (const [label, body] of QUESTIONS) {
    const list = (server: Peer): Contestant => ({
      name: server.name,
      run: () => timed(() => propfind(`${server.url}/many/`, body)),
    });
    const repeated = await contest(`PROPFIND of 10,000 files, ${label}, repeated`, 'ms', quick.map(list), 9);
    const changed = await afterChanges(servers, `the same, first after a change`, quick.map(list));
    contests.push(repeated, changed);
    const nginx = (each: Contest) => ratioOf(each, 'mediadav', 'nginx');
    const isThere = (name: string) => quick.some((each) => each.name === name);
    if (isThere('nginx')) {
      aims.push(
        atMost(`10,000 files, ${label}, repeated, against nginx`, nginx(repeated), 1),
        atMost(`10,000 files, ${label}, after a change, against nginx`, nginx(changed), 2),
      );
    }
    if (isThere('rclone serve webdav')) {
      const ratio = ratioOf(changed, 'mediadav', 'rclone serve webdav');
      aims.push(atMost(`10,000 files, ${label}, after a change, against rclone`, ratio, 0.35));
    }
  }
  const stock = all.filter(({ name }) => name === TOO_SLOW || name === 'mediadav');
  const list = ({ name, url }: Peer) => ({ name, run: () => timed(() => propfind(`${url}/many/`, ALLPROP)) });
  contests.push(await contest('PROPFIND of 10,000 files, against stock', 'ms', stock.map(list), 1));
  return { contests, aims };
}

/** Small listings while others list the large folder without a pause. */
export async function benchMountCrowd(servers: MountServers): Promise<{ contests: Contest[]; aims: Aim[] }> {
  const quick = [servers.mediadav, ...servers.peers].filter(
    ({ name }) => name !== NO_DAV && name !== TOO_SLOW,
  );
  const p95s = await contest(
    `small PROPFIND while ${LISTERS} clients list 10,000 files, p95`,
    'ms',
    quick.map((server) => ({ name: server.name, run: () => crowded(server) })),
    2,
  );
  const p95Ms = median(p95s.results.get('mediadav') ?? []);
  const aim: Aim = { text: p95s.task, value: p95Ms, limit: 50, isAtMost: true, unit: 'ms' };
  return { contests: [p95s], aims: [aim] };
}

/** Every listing is the first one after a file in the folder was touched, and mediadav knows of it. */
async function afterChanges(
  { tree, mediadav }: MountServers,
  task: string,
  contestants: readonly Contestant[],
): Promise<Contest> {
  let touched = 0;
  const changing = contestants.map(({ name, run }) => ({
    name,
    async run() {
      // Only mediadav keeps anything; the others look at the disk each time.
      if (name === 'mediadav') {
        const before = await mediadav.cursor();
        touched += 1;
        const time = new Date(1_700_000_000_000 + touched * 1_000);
        await utimes(join(tree, 'many', photoName(touched)), time, time);
        while ((await mediadav.cursor()) === before) await sleep(20);
        await sleep(1_500);
        await mediadav.settled();
      }
      return await run();
    },
  }));
  return await contest(task, 'ms', changing, 5);
}

/** 95th percentile of small listings, one after the other, while others list the large folder without a pause. */
async function crowded(server: Peer): Promise<number> {
  // Reading is left to curl processes: what reads takes time from whoever measures.
  const listers = Array.from({ length: LISTERS }, () => {
    const line = `while :; do curl -s -o /dev/null -X PROPFIND -H 'Depth: 1' '${server.url}/many/'; done`;
    return spawn('sh', ['-c', line], { stdio: 'ignore', detached: true });
  });
  try {
    await sleep(500);
    const times: number[] = [];
    for (let count = 0; count < SMALL_LISTINGS; count++) {
      times.push(await timed(() => propfind(`${server.url}/few/`, FOUR_PROPERTIES)));
    }
    times.sort((a, b) => a - b);
    return times[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN;
  } finally {
    for (const { pid } of listers) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
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

function atMost(text: string, value: number, limit: number): Aim {
  return { text, value, limit, isAtMost: true, unit: '×' };
}
