import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listTree } from './dav-listing.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { Random } from './restart-changes.ts';
import { faultsOf } from './restart-snapshot.ts';
import { WriteLane } from './write-load.ts';

/** `KILLS=1000 SEED=7` for more of them, and others. */
const KILLS = Number(process.env.KILLS ?? 200);
const SEED = Number(process.env.SEED ?? 20_261_121);
/** Servers side by side: most of what a kill costs is one that starts. */
const SERVERS = 2;
const LANES = 4;
/** Answers to all clients before a kill: at least one, and at most so many. */
const MAX_ANSWERS = 40;
/** What a request takes, more or less: the kill comes at any moment of it. */
const MAX_WAIT_MS = 25;
/** Of one kill on a machine that is busy with other things. */
const KILL_TIMEOUT_MS = 15_000;

let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-kill-writes-'));
});
afterAll(() => rm(work, { recursive: true }));

/** What the kills have met; one count a kill. */
interface Met {
  kills: number;
  answered: number;
  /** Names that only an upload or a copy has that has not come to its end. */
  staged: number;
  /** By method: a request that was under way. */
  readonly pending: Record<string, number>;
  /** Of all requests that were under way: those that had changed something, and those that had not. */
  done: number;
  undone: number;
}

async function start(root: string, dataDir: string): Promise<MediadavProcess> {
  const env = {
    ...{ LOCAL_PATHS: `media=${root}`, LOCAL_WRITABLE: 'true' },
    // Half of a start is compiling.
    NODE_COMPILE_CACHE: join(work, 'compiled'),
  };
  const server = await startProcess({ dataDir, waitsForScan: false, env });
  await until(async () => (await server.health('media')).state === 'ready');
  return server;
}

async function stagedBelow(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).filter((name) => name.includes('.mediadav-'));
}

/** One server that is killed again and again, and the clients that go on writing to it. */
async function killOften(name: string, kills: number, seed: number, met: Met): Promise<void> {
  const random = new Random(seed);
  const [root, dataDir] = [join(work, name, 'root'), join(work, name, 'data')];
  await mkdir(dataDir, { recursive: true });
  const lanes: WriteLane[] = [];
  for (let lane = 0; lane < LANES; lane += 1) {
    await mkdir(join(root, `lane${lane}`), { recursive: true });
    lanes.push(new WriteLane(`lane${lane}`, new Random(seed * 10 + lane)));
  }
  // Its end writes the compiled code.
  await (await start(root, dataDir)).stop();
  let server = await start(root, dataDir);
  for (let kill = 1; kill <= kills; kill += 1) {
    // By the count of answers, so that on a slow machine something has begun, and on a fast one something goes on.
    let left = Math.floor(random.between(0, MAX_ANSWERS));
    const { promise: isUnderWay, resolve } = Promise.withResolvers<void>();
    const onAnswer = () => {
      left -= 1;
      if (left < 0) resolve();
    };
    const writing = Promise.all(lanes.map((lane) => lane.write(server.webdavUrl, onAnswer)));
    await Promise.race([isUnderWay, writing]);
    await sleep(random.between(0, MAX_WAIT_MS));
    await server.kill();
    await writing;
    met.kills += 1;
    if ((await stagedBelow(root)).length > 0) met.staged += 1;
    for (const method of new Set(lanes.map((lane) => lane.pendingMethod))) {
      if (method !== null) met.pending[method] = (met.pending[method] ?? 0) + 1;
    }
    expect(await faultsOf(dataDir), `kill ${kill}`).toEqual([]);

    server = await start(root, dataDir);
    expect(await stagedBelow(root), `kill ${kill}`).toEqual([]);
    for (const lane of lanes) {
      const { faults, wasDone } = await lane.compare(root);
      expect(faults, `kill ${kill}`).toEqual([]);
      if (wasDone !== null) met[wasDone ? 'done' : 'undone'] += 1;
    }
    await expectSameInMount(root, server, `kill ${kill}`);
  }
  await server.stop();
  for (const lane of lanes) met.answered += lane.answered;
}

/** Every place, with the size and time of what is on the disk; null for a folder. */
async function expectSameInMount(root: string, server: MediadavProcess, when: string): Promise<void> {
  const onDisk = (await readdir(root, { recursive: true })).map(async (path) => {
    const stats = await stat(join(root, path));
    // `stats.mtime` is rounded, to the next second now and then.
    const modified = new Date(Math.floor(stats.mtimeMs)).toUTCString();
    const facts = stats.isDirectory() ? null : `${stats.size} bytes, ${modified}`;
    return [`media/${path}`, facts] as const;
  });
  const shown = [...(await listTree(server.webdavUrl)).values()].map(
    ({ path, isCollection, sizeBytes, lastModified }) =>
      [path, isCollection ? null : `${sizeBytes} bytes, ${lastModified}`] as const,
  );
  expect(new Map(shown), when).toEqual(new Map([['media', null], ...(await Promise.all(onDisk))]));
}

it(`kill -9 while clients write, ${KILLS} times: every file is old or new, nothing is left, the catalog agrees`, {
  timeout: 60_000 + KILLS * KILL_TIMEOUT_MS,
}, async ({ annotate }) => {
  const met: Met = { kills: 0, answered: 0, staged: 0, pending: {}, done: 0, undone: 0 };
  const each = Math.ceil(KILLS / SERVERS);
  const servers = Array.from({ length: SERVERS }, (_, at) => killOften(`server ${at}`, each, SEED + at, met));
  await Promise.all(servers);
  await annotate(JSON.stringify(met));
  // Otherwise they came at moments at which nothing could be hit.
  expect(met.kills).toBeGreaterThanOrEqual(KILLS);
  expect(met.answered).toBeGreaterThan(KILLS * LANES);
  expect(met.staged).toBeGreaterThan(KILLS / 10);
  for (const method of ['PUT', 'MOVE', 'DELETE']) expect(met.pending[method]).toBeGreaterThan(KILLS / 20);
  expect(Math.min(met.done, met.undone)).toBeGreaterThan(0);
});
