import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listTree } from './dav-listing.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { Random } from './restart-changes.ts';
import { faultsOf } from './restart-snapshot.ts';

const SEED = 20_261_121;
const KILLS = 20;
const LANES = 4;
const NAMES = 6;

const random = new Random(SEED);
let work = '';
let root = '';
let dataDir = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-kill-writes-'));
  [root, dataDir] = [join(work, 'root'), join(work, 'data')];
  await mkdir(dataDir);
  for (let lane = 0; lane < LANES; lane += 1) await mkdir(join(root, `lane${lane}`), { recursive: true });
});
afterAll(() => rm(work, { recursive: true }));

/** Every content tells its own length, so that half of one is known for what it is. */
function content(serial: number): string {
  const text = `${serial} `.repeat(1 + random.between(1, 60_000));
  return `${text.length}:${text}`;
}

function isWhole(text: string): boolean {
  const colon = text.indexOf(':');
  return text.length - colon - 1 === Number(text.slice(0, colon));
}

/** Uploads, moves and removals in one folder until the server is gone. @returns how many were answered. */
async function load(url: string, lane: number): Promise<number> {
  const at = (name: number) => `${url}/media/lane${lane}/${name}.jpg`;
  for (let count = 0; ; count += 1) {
    const name = Math.floor(random.between(0, NAMES));
    const other = at(Math.floor(random.between(0, NAMES)));
    const kind = Math.floor(random.between(0, 10));
    try {
      if (kind < 6) await fetch(at(name), { method: 'PUT', body: content(count) });
      else if (kind < 8) await fetch(at(name), { method: 'MOVE', headers: { Destination: other } });
      else if (kind < 9) await fetch(at(name), { method: 'COPY', headers: { Destination: other } });
      else await fetch(at(name), { method: 'DELETE' });
    } catch {
      // The server was killed: nothing else ends a request here.
      return count;
    }
  }
}

async function start(): Promise<MediadavProcess> {
  return await startProcess({ dataDir, env: { LOCAL_PATHS: `media=${root}`, LOCAL_WRITABLE: 'true' } });
}

it(`kill -9 while clients write, ${KILLS} times: every file is whole, nothing is left, the catalog agrees`, async () => {
  let answered = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const server = await start();
    const left = (await readdir(root, { recursive: true })).filter((name) =>
      name.includes('.mediadav-upload'),
    );
    expect(left).toEqual([]);
    const names = (await readdir(root, { recursive: true })).map((name) => `media/${name}`);
    expect([...(await listTree(server.webdavUrl)).keys()].sort()).toEqual(['media', ...names].sort());
    for (const name of names.filter((each) => each.endsWith('.jpg'))) {
      expect([name, isWhole(await readFile(join(work, name.replace('media', 'root')), 'utf8'))]).toEqual([
        name,
        true,
      ]);
    }
    const lanes = Array.from({ length: LANES }, (_, lane) => load(server.webdavUrl, lane));
    await sleep(random.between(20, 400));
    await server.kill();
    for (const count of await Promise.all(lanes)) answered += count;
    expect(await faultsOf(dataDir)).toEqual([]);
  }
  // Otherwise the kills came too early to hit anything.
  expect(answered).toBeGreaterThan(KILLS * LANES);
}, 300_000);
