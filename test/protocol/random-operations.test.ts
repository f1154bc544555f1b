import { lstat, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChangeFollower, httpFeed } from './change-follower.ts';
import { listTree } from './dav-listing.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { Dice, RandomFolder, treeOnDisk } from './random-folder.ts';

/** The same numbers each time; `SEED=` tries others. */
const SEED = Number(process.env.SEED ?? 20_261_120);
const OPERATIONS = Number(process.env.OPERATIONS ?? 10_000);
const CHECK_EVERY = 500;
const KILL_EVERY = 1_000;
const MOVES_EACH = 20;
const OPERATIONS_BY_DATE = 600;
const QUIET_TIMEOUT_MS = 20_000;

let work = '';
let root = '';
let server: MediadavProcess;

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-random-'));
  root = join(work, 'photos');
  await mkdir(join(work, 'data'));
});
afterEach(async () => {
  await rm(work, { recursive: true, force: true });
});

async function start(layout = 'folders'): Promise<void> {
  const env = { LOCAL_PATHS: `media=${root}`, LOCAL_ALL_FILES: 'true', LOCAL_LAYOUT: layout };
  server = await startProcess({ dataDir: join(work, 'data'), env, waitsForScan: false });
}

/** What a follower has that the disk has not, and the other way round. */
async function differencesOf(follower: ChangeFollower): Promise<string[]> {
  await follower.follow();
  const [held, disk] = [follower.tree(), await treeOnDisk(root)];
  const lines: string[] = [];
  for (const [path, size] of disk) {
    if (!held.has(path)) lines.push(`missing: ${path}`);
    else if (held.get(path) !== size) lines.push(`${path}: ${held.get(path)} instead of ${size}`);
  }
  for (const path of held.keys()) if (!disk.has(path)) lines.push(`too much: ${path}`);
  return lines;
}

/** @returns how long it took until they had caught up, in milliseconds. */
async function expectToHoldTheDisk(followers: readonly ChangeFollower[], note: string): Promise<number> {
  const startedMs = Date.now();
  for (const [at, follower] of followers.entries()) {
    let differences = await differencesOf(follower);
    while (differences.length > 0 && Date.now() - startedMs < QUIET_TIMEOUT_MS) {
      await sleep(50);
      differences = await differencesOf(follower);
    }
    expect(differences.slice(0, 20), `follower ${at}, ${note}, SEED=${SEED}`).toEqual([]);
  }
  return Date.now() - startedMs;
}

/** Public ids by what the disk itself knows a thing by; without files that have several names. */
async function idsByInode(follower: ChangeFollower): Promise<Map<string, string>> {
  await follower.follow();
  const ids = new Map<string, string>();
  for (const [path, id] of follower.ids()) {
    const stats = await lstat(join(root, path), { bigint: true });
    if (stats.isDirectory() || stats.nlink === 1n) ids.set(`${stats.ino}`, id);
  }
  return ids;
}

describe('random operations on a folder', () => {
  it(`${OPERATIONS} of them, kill -9 in between: who follows the changes holds the tree on disk`, {
    timeout: 600_000,
  }, async () => {
    const dice = new Dice(SEED);
    const folder = new RandomFolder(root, join(work, 'outside'), dice);
    await folder.begin();
    await start();
    const feed = httpFeed(() => server.url);
    const first = new ChangeFollower(feed);
    const followers = [first];

    /** Things that only move keep their ids, also while the server is down. */
    const expectIdsToSurvive = async (isDown: boolean, note: string): Promise<void> => {
      const before = await idsByInode(first);
      if (isDown) await server.kill();
      for (let moves = 0; moves < MOVES_EACH; moves += 1) {
        await folder.moveSomething();
        if (!isDown && dice.next() < 0.3) await sleep(dice.below(100));
      }
      if (isDown) await start();
      await expectToHoldTheDisk(followers, `${note} and ${MOVES_EACH} moves`);
      expect(await idsByInode(first), `ids ${note}, SEED=${SEED}`).toEqual(before);
    };

    for (let done = 1; done <= OPERATIONS; done += 1) {
      await folder.step();
      if (dice.next() < 0.05) await sleep(dice.below(150));
      if (done % 50 === 0) for (const follower of followers) await follower.follow();
      if (done === OPERATIONS / 2) {
        const [late, listing] = [new ChangeFollower(feed), new ChangeFollower(feed)];
        // One reads the tree from the log while it is being written to, the other by listing it.
        await late.follow();
        await listing.join();
        followers.push(late, listing);
      }
      if (done % KILL_EVERY === CHECK_EVERY / 2) {
        await server.kill();
        for (let more = dice.below(30); more > 0; more -= 1) await folder.step();
        await start();
      }
      if (done % CHECK_EVERY === 0) {
        const note = `after ${done}`;
        await expectToHoldTheDisk(followers, note);
        await expectIdsToSurvive((done / CHECK_EVERY) % 4 === 0, note);
      }
    }
    await expectToHoldTheDisk(followers, 'at the end');
    const walker = new ChangeFollower(feed);
    await walker.join();
    expect(walker.ids(), `a listing at the end, SEED=${SEED}`).toEqual(first.ids());
    // Nothing was found by reading everything anew but after each start.
    const isScan = (message: unknown) => String(message).endsWith('is up to date');
    expect(server.log.filter(({ message }) => isScan(message))).toHaveLength(1);
    expect(await server.stop()).toBe(0);
  });

  it.each(['date', 'folders,date'])(
    `${OPERATIONS_BY_DATE} of them, shown by %s: who follows the changes holds the disk and what the mount lists`,
    { timeout: 120_000 },
    async (layout) => {
      const folder = new RandomFolder(root, join(work, 'outside'), new Dice(SEED));
      await folder.begin();
      await start(layout);
      const follower = new ChangeFollower(httpFeed(() => server.url));
      for (let done = 1; done <= OPERATIONS_BY_DATE; done += 1) {
        await folder.step();
        if (done % 50 === 0) await follower.follow();
        if (done % 200 !== 0) continue;
        if (done === 400) {
          await server.kill();
          await folder.step();
          await start(layout);
        }
        const note = `after ${done}, SEED=${SEED}`;
        const onDisk = await treeOnDisk(root);
        const sizesOnDisk = sizesOf(onDisk.values());
        // Alone, the months are at the top.
        const views = layout.split(',');
        const below = (view: string) => (views.length === 1 ? '' : `${view}/`);
        const isRight = () =>
          isDeepStrictEqual(sizesOf(treeBelow(follower, below('date')).values()), sizesOnDisk) &&
          (!views.includes('folders') || isDeepStrictEqual(treeBelow(follower, below('folders')), onDisk));
        for (const deadlineMs = Date.now() + QUIET_TIMEOUT_MS; Date.now() < deadlineMs; await sleep(50)) {
          await follower.follow();
          if (isRight()) break;
        }
        expect(sizesOf(treeBelow(follower, below('date')).values()), note).toEqual(sizesOnDisk);
        if (views.includes('folders')) expect(treeBelow(follower, below('folders')), note).toEqual(onDisk);
        const held = [...follower.tree()].sort(byPath);
        const listed = [...(await listTree(`${server.webdavUrl}/media`))];
        const mounted = listed.map(([path, { sizeBytes }]): [string, number | null] => [path, sizeBytes]);
        expect(held, note).toEqual(mounted.sort(byPath));
        // A month goes with its last photo.
        const months = [...treeBelow(follower, below('date'))];
        const isEmpty = ([path, size]: [string, number | null]) =>
          size === null && !months.some(([other]) => other.startsWith(`${path}/`));
        expect(months.filter(isEmpty), `empty months ${note}`).toEqual([]);
      }
      expect(await server.stop()).toBe(0);
    },
  );
});

/** What a follower holds below a path that ends with a slash, or everything; by path from there on. */
function treeBelow(follower: ChangeFollower, above: string): Map<string, number | null> {
  const below = [...follower.tree()].filter(([path]) => path.startsWith(above));
  return new Map(below.map(([path, size]) => [path.slice(above.length), size]));
}

/** Of files only, in order. */
function sizesOf(sizes: Iterable<number | null>): number[] {
  return [...sizes].filter((size) => size !== null).sort((a, b) => a - b);
}

function byPath([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
