import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Album } from '../fakes/immich/model.ts';
import { startFakeImmich } from '../fakes/immich/server.ts';
import { ChangeFollower, httpFeed } from './change-follower.ts';
import { writeFiles } from './dav-app.ts';
import { listTree } from './dav-listing.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

const MARCH_2021_S = Date.UTC(2021, 2, 10, 12) / 1000;
const JULY_2022_S = Date.UTC(2022, 6, 10, 12) / 1000;
const PATIENCE_MS = 10_000;

let home = '';
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mediadav-views-'));
});
afterAll(async () => {
  await rm(home, { recursive: true });
});

async function pathsOf(server: MediadavProcess, source: string): Promise<string[]> {
  return [...(await listTree(`${server.webdavUrl}/${source}`)).keys()].sort();
}

/** Until these are the paths of all files; collections follow from them, but for `empty` ones. */
async function untilFiles(
  server: MediadavProcess,
  source: string,
  files: readonly string[],
  empty: readonly string[] = [],
): Promise<void> {
  const wanted = new Set([...files, ...empty]);
  for (const path of [...wanted]) {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth += 1) wanted.add(names.slice(0, depth).join('/'));
  }
  let found: string[] = [];
  const sorted = [...wanted].sort();
  for (const deadlineMs = Date.now() + PATIENCE_MS; Date.now() < deadlineMs; await sleep(30)) {
    // A collection may go between its listing and that of the one above.
    found = await pathsOf(server, source).catch(() => []);
    if (isDeepStrictEqual(found, sorted)) return;
  }
  expect(found).toEqual(sorted);
}

/** Public ids by path. */
async function idsOf(server: MediadavProcess): Promise<Map<string, string>> {
  const follower = new ChangeFollower(httpFeed(() => server.url));
  await follower.follow();
  return follower.ids();
}

async function json<T>(server: MediadavProcess, path: string): Promise<T> {
  return (await (await fetch(`${server.url}${path}`)).json()) as T;
}

interface Disk {
  readonly root: string;
  readonly outside: string;
  readonly dataDir: string;
  start(layout: string): Promise<MediadavProcess>;
  /** With a time of its own, as what is copied to a disk has. */
  put(path: string, content: string, seconds?: number): Promise<void>;
  /** Moves a new file onto the name of another one, as editors and `rsync` save. */
  replace(path: string, content: string, seconds?: number): Promise<void>;
}

async function makeDisk(files: Record<string, string>, empty: readonly string[] = []): Promise<Disk> {
  const work = await mkdtemp(join(home, 'disk-'));
  const [root, outside, dataDir] = [join(work, 'photos'), join(work, 'outside'), join(work, 'data')];
  for (const folder of [root, outside, dataDir]) await mkdir(folder);
  await writeFiles(root, files);
  for (const folder of empty) await mkdir(join(root, folder));
  const write = async (target: string, content: string, seconds: number) => {
    await writeFile(target, content);
    await utimes(target, seconds, seconds);
  };
  return {
    ...{ root, outside, dataDir },
    start: (layout) =>
      startProcess({ dataDir, env: { LOCAL_PATHS: `photos=${root}`, LOCAL_LAYOUT: layout } }),
    put: (path, content, seconds = MARCH_2021_S) => write(join(root, path), content, seconds),
    replace: async (path, content, seconds = MARCH_2021_S) => {
      await write(join(outside, 'new'), content, seconds);
      await rename(join(outside, 'new'), join(root, path));
    },
  };
}

describe('a folder in several views, while it is watched', () => {
  let disk: Disk;
  let server: MediadavProcess;
  let follower: ChangeFollower;
  let scanned: string | null;

  beforeEach(async () => {
    disk = await makeDisk({ 'a/x.jpg': 'x', 'a/y.mp4': 'y', 'a/deep/z.jpg': 'z', 'w.jpg': 'w' }, ['b']);
    server = await disk.start('date,folders,type');
    follower = new ChangeFollower(httpFeed(() => server.url));
    await follower.follow();
    scanned = (await server.health('photos')).lastScan;
  });
  afterEach(async () => {
    const mounted = await pathsOf(server, 'photos');
    const held = async () => {
      await follower.follow();
      return [...follower.tree().keys()].sort();
    };
    await until(async () => isDeepStrictEqual(await held(), mounted), PATIENCE_MS);
    expect(await pathsOf(server, 'photos')).toEqual(mounted);
    // Nothing was put right by reading everything anew.
    expect((await server.health('photos')).lastScan).toBe(scanned);
    expect(await server.stop()).toBe(0);
  });

  const START = {
    folders: ['a/x.jpg', 'a/y.mp4', 'a/deep/z.jpg', 'w.jpg'],
    date: ['2020/2020-01/x.jpg', '2020/2020-01/y.mp4', '2020/2020-01/z.jpg', '2020/2020-01/w.jpg'],
    type: ['images/x.jpg', 'videos/y.mp4', 'images/z.jpg', 'images/w.jpg'],
  };
  type Views = typeof START;
  const untilViews = (views: Partial<Views>, empty = ['folders/b']) => {
    const files = Object.entries({ ...START, ...views });
    const paths = files.flatMap(([view, below]) => below.map((path) => `${view}/${path}`));
    return untilFiles(server, 'photos', paths, empty);
  };
  const without = (view: keyof Views, ...gone: string[]) =>
    START[view].filter((path) => !gone.includes(path));

  it('shows each file once in each, and counts it once', async () => {
    await untilViews({});
    expect(await server.health('photos')).toMatchObject({ assets: 4, sizeBytes: 4 });
    const bytes = await fetch(`${server.webdavUrl}/photos/date/2020/2020-01/y.mp4`);
    expect(await bytes.text()).toBe('y');
  });

  it('shows what is new in all of them', async () => {
    await disk.put('b/new.jpg', 'new');
    await untilViews(
      {
        folders: [...START.folders, 'b/new.jpg'],
        date: [...START.date, '2021/2021-03/new.jpg'],
        type: [...START.type, 'images/new.jpg'],
      },
      [],
    );
    expect(await server.health('photos')).toMatchObject({ assets: 5 });
  });

  it('shows another name in all of them, under the same ids', async () => {
    const before = await idsOf(server);
    await rename(join(disk.root, 'a/x.jpg'), join(disk.root, 'b/renamed.jpg'));
    await untilViews(
      {
        folders: [...without('folders', 'a/x.jpg'), 'b/renamed.jpg'],
        date: [...without('date', '2020/2020-01/x.jpg'), '2020/2020-01/renamed.jpg'],
        type: [...without('type', 'images/x.jpg'), 'images/renamed.jpg'],
      },
      [],
    );
    const after = await idsOf(server);
    expect(after.get('folders/b/renamed.jpg')).toBe(before.get('folders/a/x.jpg'));
    expect(after.get('date/2020/2020-01/renamed.jpg')).toBe(before.get('date/2020/2020-01/x.jpg'));
    expect(after.get('type/images/renamed.jpg')).toBe(before.get('type/images/x.jpg'));
  });

  it('takes away from all of them what is gone, and a type with its last file', async () => {
    await rm(join(disk.root, 'a/y.mp4'));
    await untilViews({
      folders: without('folders', 'a/y.mp4'),
      date: without('date', '2020/2020-01/y.mp4'),
      type: without('type', 'videos/y.mp4'),
    });
    expect(await server.health('photos')).toMatchObject({ assets: 3, sizeBytes: 3 });
  });

  it('takes away a whole folder', async () => {
    await rm(join(disk.root, 'a'), { recursive: true });
    await untilViews({ folders: ['w.jpg'], date: ['2020/2020-01/w.jpg'], type: ['images/w.jpg'] });
    expect(await server.health('photos')).toMatchObject({ assets: 1, sizeBytes: 1 });
  });

  it('takes over in all of them when a new file is moved onto the name of another', async () => {
    const before = await idsOf(server);
    await disk.replace('a/x.jpg', 'a longer x', JULY_2022_S);
    await untilViews({ date: [...without('date', '2020/2020-01/x.jpg'), '2022/2022-07/x.jpg'] });
    const after = await idsOf(server);
    for (const path of ['folders/a/x.jpg', 'type/images/x.jpg'])
      expect(after.get(path)).toBe(before.get(path));
    expect(after.get('date/2022/2022-07/x.jpg')).toBe(before.get('date/2020/2020-01/x.jpg'));
    for (const path of ['folders/a', 'date/2022/2022-07', 'type/images']) {
      const answer = await fetch(`${server.webdavUrl}/photos/${path}/x.jpg`);
      expect(await answer.text()).toBe('a longer x');
    }
    expect(await server.health('photos')).toMatchObject({ assets: 4, sizeBytes: 13 });
  });

  it('loses one of two in all of them when one is moved onto the name of the other', async () => {
    await rename(join(disk.root, 'a/x.jpg'), join(disk.root, 'w.jpg'));
    await untilViews({
      folders: without('folders', 'a/x.jpg'),
      date: without('date', '2020/2020-01/x.jpg'),
      type: without('type', 'images/x.jpg'),
    });
    const shown = await fetch(`${server.webdavUrl}/photos/date/2020/2020-01/w.jpg`);
    expect(await shown.text()).toBe('x');
    // What lost its name may be seen elsewhere, and is waited for.
    await until(async () => (await server.health('photos')).assets === 3, PATIENCE_MS);
  });

  it('keeps both, each with its bytes, when two swap their names', async () => {
    const before = await idsOf(server);
    const at = (path: string) => join(disk.root, path);
    await rename(at('a/x.jpg'), at('between.jpg'));
    await rename(at('w.jpg'), at('a/x.jpg'));
    await rename(at('between.jpg'), at('w.jpg'));
    // By id: whoever reads in between gets what lies at the old path by now.
    const views = { folders: ['a/x.jpg', 'w.jpg'], date: ['2020/2020-01/x.jpg', '2020/2020-01/w.jpg'] };
    const pairs = Object.entries({ ...views, type: ['images/x.jpg', 'images/w.jpg'] }).map(([view, both]) =>
      both.map((path) => `${view}/${path}`),
    ) as [string, string][];
    await until(async () => {
      const after = await idsOf(server);
      return pairs.every(([x, w]) => after.get(x) === before.get(w) && after.get(w) === before.get(x));
    }, PATIENCE_MS);
    await untilViews({});
    const bytesOf = async (path: string) => (await fetch(`${server.webdavUrl}/photos/${path}`)).text();
    for (const [x, w] of pairs) expect([await bytesOf(x), await bytesOf(w)]).toEqual(['w', 'x']);
  });

  it('follows a folder that moves, and leaves the other views alone', async () => {
    const before = await idsOf(server);
    await rename(join(disk.root, 'a'), join(disk.root, 'b/moved'));
    await untilViews({ folders: ['b/moved/x.jpg', 'b/moved/y.mp4', 'b/moved/deep/z.jpg', 'w.jpg'] }, []);
    const after = await idsOf(server);
    expect(after.get('folders/b/moved/deep/z.jpg')).toBe(before.get('folders/a/deep/z.jpg'));
    for (const [path, id] of before) if (!path.startsWith('folders/')) expect(after.get(path)).toBe(id);
  });

  it('keeps the views when nothing is left in them', async () => {
    await rm(join(disk.root, 'a'), { recursive: true });
    await rm(join(disk.root, 'w.jpg'));
    await untilFiles(server, 'photos', [], ['folders/b', 'date', 'type']);
    await disk.put('back.jpg', 'back');
    await untilViews({ folders: ['back.jpg'], date: ['2021/2021-03/back.jpg'], type: ['images/back.jpg'] });
  });

  it('tells the place on the disk, once', async () => {
    await until(async () => (await server.health('photos')).enriching === null);
    const list = await json<Record<string, { paths: string[] }>>(server, '/list');
    const paths = Object.values(list).map((entry) => entry.paths);
    const onDisk = ['a/deep/z.jpg', 'a/x.jpg', 'a/y.mp4', 'w.jpg'].map((path) => [join(disk.root, path)]);
    expect(paths.sort()).toEqual(onDisk);
    const ids = await idsOf(server);
    const pathOf = async (path: string) =>
      (await json<{ path: string }>(server, `/api/v1/nodes/${ids.get(path)}/path`)).path;
    expect(await pathOf('folders/a/deep')).toBe(join(disk.root, 'a/deep'));
    expect(await pathOf('folders/a/x.jpg')).toBe(join(disk.root, 'a/x.jpg'));
    expect(await pathOf('date/2020/2020-01/x.jpg')).toBe(join(disk.root, 'a/x.jpg'));
    expect(await pathOf('date/2020/2020-01')).toBe('/photos/date/2020/2020-01');
    expect(await pathOf('folders')).toBe('/photos/folders');
  });
});

describe('one layout without the folders', () => {
  it.each([
    ['date', ['2020/2020-01'], ['2022/2022-07']],
    ['flat', [''], ['']],
    ['flat,date', ['flat', 'date/2020/2020-01'], ['flat', 'date/2022/2022-07']],
  ])('%s: a new file takes over when it is moved onto the name of another', async (layout, olds, news) => {
    const disk = await makeDisk({ 'a/x.jpg': 'x', 'a/y.jpg': 'y', 'w.jpg': 'w' });
    const server = await disk.start(layout);
    const scanned = (await server.health('photos')).lastScan;
    const within = (folders: readonly string[], name: string) =>
      folders.map((folder) => (folder === '' ? name : `${folder}/${name}`));
    const [x, y, w] = ['x.jpg', 'y.jpg', 'w.jpg'].map((name) => within(olds, name)) as [
      ...[string[], string[], string[]],
    ];
    await untilFiles(server, 'photos', [...x, ...y, ...w]);
    await disk.replace('a/x.jpg', 'a longer x', JULY_2022_S);
    await until(async () => (await server.health('photos')).sizeBytes === 12, PATIENCE_MS);
    await untilFiles(server, 'photos', [...within(news, 'x.jpg'), ...y, ...w]);
    expect(await server.health('photos')).toMatchObject({ assets: 3, sizeBytes: 12, lastScan: scanned });
    for (const path of within(news, 'x.jpg')) {
      expect(await (await fetch(`${server.webdavUrl}/photos/${path}`)).text()).toBe('a longer x');
    }
    await rename(join(disk.root, 'a/y.jpg'), join(disk.root, 'w.jpg'));
    await untilFiles(server, 'photos', [...within(news, 'x.jpg'), ...w]);
    await until(async () => (await server.health('photos')).assets === 2, PATIENCE_MS);
    expect(await server.health('photos')).toMatchObject({ sizeBytes: 11 });
    expect(await server.stop()).toBe(0);
  });
});

describe('layouts that change between two starts', { timeout: 90_000 }, () => {
  const FILES = { 'a/x.jpg': 'x', 'date/y.jpg': 'y', 'folders/folders/z.jpg': 'z', '2020': 'no photo' };
  const OWN = ['a/x.jpg', 'date/y.jpg', 'folders/folders/z.jpg'];
  const BY_DATE = ['x.jpg', 'y.jpg', 'z.jpg'].map((name) => `2020/2020-01/${name}`);
  const below = (view: string, paths: readonly string[]) => paths.map((path) => `${view}/${path}`);

  it('leave the tree of the new ones after the first scan, and the ids of what stays', async () => {
    const disk = await makeDisk(FILES);
    const run = async (layout: string, files: readonly string[]) => {
      const server = await disk.start(layout);
      await untilFiles(server, 'photos', files);
      const [ids, { lastError, assets }] = [await idsOf(server), await server.health('photos')];
      expect({ lastError, assets }).toEqual({ lastError: null, assets: 3 });
      await server.stop();
      return ids;
    };
    const own = await run('folders', OWN);
    const both = [...below('folders', OWN), ...below('date', BY_DATE)];
    const first = await run('folders,date', both);
    for (const [path, id] of own) expect(first.get(`folders/${path}`)).toBe(id);
    expect(await run('date,folders', both)).toEqual(first);
    expect(await run('folders', OWN)).toEqual(own);
    await run('date', BY_DATE);
    await run('flat,date', [...below('flat', ['x.jpg', 'y.jpg', 'z.jpg']), ...below('date', BY_DATE)]);
    await run('date,folders', both);
  });

  it('are no outage of an empty folder', async () => {
    const disk = await makeDisk({ 'a.txt': 'no photo' });
    for (const layout of ['folders,date', 'folders,date', 'folders', 'flat']) {
      const server = await disk.start(layout);
      await untilFiles(server, 'photos', [], layout.includes(',') ? layout.split(',') : []);
      expect(await server.health('photos')).toMatchObject({ lastError: null, assets: 0, collections: 0 });
      await server.stop();
    }
  });
});

describe('albums in several views', { timeout: 60_000 }, () => {
  const PHOTOS = ['photo 1-1.jpg', 'photo 1-2.jpg'];
  const OTHERS = ['photo 2-1.jpg', 'photo 2-2.jpg'];

  it('show a photo once in each view, for as long as it is in some album', async () => {
    const { library, albums } = smallLibrary(2, 2);
    const [one, two = one] = albums as readonly [Album, ...Album[]];
    const [shared] = library.assetsOf(one);
    if (shared === undefined) throw new Error('an album without photos');
    library.addToAlbum(two, shared);
    const month = new Date(shared.localDateTime).toISOString().slice(0, 7);
    const fake = await startFakeImmich({ version: '2.7.5', library });
    const config = join(await mkdtemp(join(home, 'yaml-')), 'server.yaml');
    const source = `{ name: immich, type: immich, url: "${fake.url}", api_key: ${SMALL_KEY}`;
    const options = 'layout: [folders, date], refresh_rate_hours: 0.0003 }';
    await writeFile(config, `sources:\n  - ${source}, ${options}\n`);
    const server = await startProcess({ args: ['--config', config] });

    const inAlbums = (first: readonly string[], second: readonly string[]) => [
      ...first.map((name) => `folders/Album 1/images/${name}`),
      ...second.map((name) => `folders/Album 2/images/${name}`),
    ];
    const byDate = (names: readonly string[]) =>
      names.map((name) => `date/${month.slice(0, 4)}/${month}/${name}`);
    const everything = byDate([...PHOTOS, ...OTHERS]);
    await untilFiles(server, 'immich', [...inAlbums(PHOTOS, [...OTHERS, 'photo 1-1.jpg']), ...everything]);
    expect(await server.health('immich')).toMatchObject({ assets: 4 });

    library.removeFromAlbum(one, shared);
    await untilFiles(server, 'immich', [
      ...inAlbums(PHOTOS.slice(1), [...OTHERS, 'photo 1-1.jpg']),
      ...everything,
    ]);

    // An album that cannot be read keeps its photos in all views, while the other one follows the server.
    fake.faults.add({ match: `/api/albums/${one.id}`, kind: 'status', status: 500 });
    library.removeFromAlbum(two, shared);
    const left = byDate([...PHOTOS.slice(1), ...OTHERS]);
    await untilFiles(server, 'immich', [...inAlbums(PHOTOS.slice(1), OTHERS), ...left]);
    await until(async () => (await server.health('immich')).warnings.length > 0);
    expect(await server.health('immich')).toMatchObject({ assets: 3 });
    await untilFiles(server, 'immich', [...inAlbums(PHOTOS.slice(1), OTHERS), ...left]);
    await server.stop();
    await fake.close();
  });
});
