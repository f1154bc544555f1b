import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { listTree } from './dav-listing.ts';
import { filesBelow } from './disk-listing.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startAndKill, startProcess, until } from './mediadav-process.ts';
import { ChangingLibrary, ChangingTree, plantTree, Random } from './restart-changes.ts';
import { faultsOf, leftoversOf, readCatalog, type Snapshot, untilHalfMoved } from './restart-snapshot.ts';

/** The same moments in every run, as far as a machine lets them be. */
const SEED = 20_260_217;
const FOLDERS = 40;
const FILES_EACH = 60;
const ALBUMS = 12;
const PHOTOS_EACH = 100;
const FIRST_SCAN_ROUNDS = 8;
const UNCHANGED_ROUNDS = 6;
const CHANGING_ROUNDS = 6;
const CATCHING_UP_ROUNDS = 8;
const CHANGES_WHILE_DOWN = 60;
const PATIENCE = { timeout: 300_000 };

const random = new Random(SEED);
let work = '';
let root = '';
let fake: FakeImmich;
let immich: ReturnType<typeof smallLibrary>;
let env: Record<string, string>;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-kill-'));
  root = join(work, 'disk');
  await plantTree(root, FOLDERS, FILES_EACH);
  immich = smallLibrary(ALBUMS, PHOTOS_EACH);
  fake = await startFakeImmich({ version: '2.7.5', library: immich.library });
  env = {
    LOCAL_PATHS: `media=${root}`,
    RESCAN_INTERVAL: '1',
    IMMICH_URL: fake.url,
    IMMICH_API_KEY: SMALL_KEY,
    FLATTEN_ASSET_STRUCTURE: 'true',
    REFRESH_RATE_HOURS: '0.0003',
  };
});

afterAll(async () => {
  await fake.close();
  await rm(work, { recursive: true });
});

interface Both {
  readonly media: Snapshot;
  readonly immich: Snapshot;
}

/** What the catalog holds after the server is gone; it must be whole, whenever that was. */
async function afterDeath(dataDir: string): Promise<Both> {
  expect(await faultsOf(dataDir)).toEqual([]);
  return { media: await readCatalog(dataDir, 'media'), immich: await readCatalog(dataDir, 'immich') };
}

/** Starts on what is left, waits for a complete scan of both sources, and lists them as a client does. */
async function recover(
  dataDir: string,
): Promise<{ server: MediadavProcess; paths: string[]; etags: Map<string, string> }> {
  const server = await startProcess({ dataDir, env });
  for (const source of ['media', 'immich']) {
    expect(await server.health(source)).toMatchObject({ lastError: null, warnings: [] });
  }
  const tree = await listTree(server.webdavUrl);
  const paths = [...tree.keys()].sort();
  const etags = new Map([...tree.values()].map(({ path, etag }) => [path, etag ?? 'collection'] as const));
  return { server, paths, etags };
}

/** Recovers, checks that the tree is that of the sources, and is killed again. @returns what the catalog then holds. */
async function recoverAndDie(dataDir: string): Promise<Both> {
  const { server, paths } = await recover(dataDir);
  expect(paths).toEqual(await pathsOfSources());
  const files = await filesBelow(root);
  expect((await server.health('media')).assets).toBe(files.size);
  await server.kill();
  const both = await afterDeath(dataDir);
  expect(await leftoversOf(dataDir)).toBe(0);
  for (const [path, { sizeBytes }] of files) expect(both.media.get(path)?.sizeBytes, path).toBe(sizeBytes);
  expect(new Set([...both.media.values()].map(({ publicId }) => publicId)).size).toBe(both.media.size);
  return both;
}

/** The whole tree as both sources have it now. */
async function pathsOfSources(): Promise<string[]> {
  const paths = new Set(['media', 'immich']);
  for (const path of (await filesBelow(root)).keys()) addWithFolders(paths, `media/${path}`);
  for (const folder of await ChangingTree.foldersBelow(root)) addWithFolders(paths, `media/${folder}`);
  const { library } = immich;
  for (const album of library.albums.values()) {
    paths.add(`immich/${album.albumName}`);
    for (const asset of library.assetsOf(album))
      paths.add(`immich/${album.albumName}/${asset.originalFileName}`);
  }
  return [...paths].sort();
}

function addWithFolders(paths: Set<string>, path: string): void {
  const parts = path.split('/');
  for (let length = 1; length <= parts.length; length += 1) paths.add(parts.slice(0, length).join('/'));
}

/** Every place of the earlier snapshot is in the later one with the same id and ETag, unless `mayDiffer`. */
function expectKept(
  earlier: Snapshot,
  later: Snapshot,
  mayDiffer: (path: string) => boolean = () => false,
): void {
  const lost = [...earlier].filter(([path, place]) => {
    const now = later.get(path);
    return !mayDiffer(path) && (now?.publicId !== place.publicId || now.etag !== place.etag);
  });
  expect(lost.map(([path, place]) => ({ path, before: place, after: later.get(path) })).slice(0, 5)).toEqual(
    [],
  );
}

describe('kill -9', PATIENCE, () => {
  it(`during the first scan, ${FIRST_SCAN_ROUNDS} times: what was there keeps its ids, the rest follows`, async () => {
    const wanted = await pathsOfSources();
    const total = FOLDERS * FILES_EACH;
    let partial = 0;
    // Some more, where it happens that hardly any of them comes in the middle.
    const isEnough = (round: number) => round >= FIRST_SCAN_ROUNDS && partial > 1;
    for (let round = 0; round < 3 * FIRST_SCAN_ROUNDS && !isEnough(round); round += 1) {
      const dataDir = await mkdtemp(join(work, 'data-'));
      if (round % 2 === 0) {
        // Some moment between the making of the catalog and the end of the scan.
        await startAndKill({ dataDir, env }, random.between(150, 900));
      } else {
        const server = await startProcess({ dataDir, env, waitsForScan: false });
        const enough = random.between(1, total * 0.9);
        await until(async () => (await server.health('media')).assets >= enough);
        await server.kill();
      }
      const killed = await afterDeath(dataDir);
      const isPartial = killed.media.size > 0 && killed.media.size < FOLDERS * (FILES_EACH + 1);
      if (isPartial) partial += 1;

      const { server, paths } = await recover(dataDir);
      expect(paths).toEqual(wanted);
      await server.kill();
      const complete = await afterDeath(dataDir);
      expectKept(killed.media, complete.media);
      expectKept(killed.immich, complete.immich);
      await rm(dataDir, { recursive: true });
    }
    // Otherwise nothing was shown.
    expect(partial).toBeGreaterThan(1);
  });

  it(`during rescans and refreshes of what does not change, ${UNCHANGED_ROUNDS} times: nothing changes`, async () => {
    const dataDir = await mkdtemp(join(work, 'data-'));
    const first = await recover(dataDir);
    await first.server.kill();
    const baseline = await afterDeath(dataDir);
    expect(baseline.media.size).toBe(FOLDERS * (FILES_EACH + 1));
    expect(baseline.immich.size).toBe(ALBUMS * (PHOTOS_EACH + 1));
    for (let round = 0; round < UNCHANGED_ROUNDS; round += 1) {
      const { server, paths, etags } = await recover(dataDir);
      expect(paths).toEqual(first.paths);
      expect(etags).toEqual(first.etags);
      await sleep(random.between(0, 1_300));
      await server.kill();
      const now = await afterDeath(dataDir);
      expect(now.media).toEqual(baseline.media);
      expect(now.immich).toEqual(baseline.immich);
    }
  });

  it(`while everything changes, ${CHANGING_ROUNDS} times: the tree is that of the sources, ids of the rest stay`, async () => {
    const dataDir = await mkdtemp(join(work, 'data-'));
    await (await recover(dataDir)).server.kill();
    let before = await afterDeath(dataDir);
    for (let round = 0; round < CHANGING_ROUNDS; round += 1) {
      const server = await startProcess({ dataDir, env });
      const tree = new ChangingTree(root, random, `changing ${round}`);
      const library = new ChangingLibrary(immich, random, `changing ${round}`);
      const stopMs = Date.now() + random.between(200, 2_000);
      while (Date.now() < stopMs) {
        await tree.change();
        library.change();
        await sleep(random.between(0, 30));
      }
      await server.kill();
      await afterDeath(dataDir);

      const after = await recoverAndDie(dataDir);
      expectKept(before.media, after.media, (path) => tree.hasTouched(path));
      expectKept(before.immich, after.immich, (path) => library.hasTouched(path));
      before = after;
    }
  });

  it(`while it catches up with what moved, ${CATCHING_UP_ROUNDS} times: ids follow what moved`, async () => {
    const dataDir = await mkdtemp(join(work, 'data-'));
    await (await recover(dataDir)).server.kill();
    let before = await afterDeath(dataDir);
    let unfinished = 0;
    for (let round = 0; round < CATCHING_UP_ROUNDS; round += 1) {
      const places = await ChangingTree.identitiesBelow(root);
      const tree = new ChangingTree(root, random, `moved ${round}`);
      for (let count = 0; count < CHANGES_WHILE_DOWN; count += 1) await tree.move();
      const server = await startProcess({ dataDir, env, waitsForScan: false });
      const hasCaughtUp = () => server.log.some(({ message }) => message === '"media" is up to date');
      if (round % 2 === 0) await untilHalfMoved(dataDir, hasCaughtUp);
      else await sleep(random.between(0, 150));
      await server.kill();
      await afterDeath(dataDir);
      if ((await leftoversOf(dataDir)) > 0) unfinished += 1;

      const after = await recoverAndDie(dataDir);
      const lost: unknown[] = [];
      for (const [identity, now] of await ChangingTree.identitiesBelow(root)) {
        const earlier = places.get(identity) ?? 'nowhere';
        const [from, to] = [before.media.get(earlier), after.media.get(now)];
        if (from?.publicId !== to?.publicId || from?.etag !== to?.etag) lost.push({ earlier, from, now, to });
      }
      expect(lost.slice(0, 5)).toEqual([]);
      expect(places.size).toBe(after.media.size);
      before = after;
    }
    // Otherwise no kill came between the two halves of a swap, and nothing was shown.
    expect(unfinished).toBeGreaterThan(0);
  });
});
