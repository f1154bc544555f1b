import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { succeed } from './client-command.ts';
import { type DavResource, listMembers, listTree, propfind, urlOf } from './dav-listing.ts';
import { writeTree } from './media-tree.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { isMounted } from './rclone.ts';
import { SleepingDisk } from './sleeping-disk.ts';
import { FUSE, lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const needsFuse = lookUp('rclone', 'fusermount3', FUSE);
const needsMount = lookUp('mount', 'umount', MOUNT_RIGHTS);
const PATIENCE = { timeout: 60_000 };

const FILES = ['one.jpg', '2024/two.jpg', '2024/january/three.jpg', 'videos/four.mp4'].map((path) => ({
  storedPath: path,
  shownPath: path,
  bytes: Buffer.from(`the bytes of ${path}`),
}));

let work = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-outage-'));
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

async function folderWithFiles(): Promise<string> {
  const folder = await mkdtemp(join(work, 'disk-'));
  await writeTree(folder, FILES);
  return folder;
}

async function serve(root: string): Promise<MediadavProcess> {
  return await startProcess({ env: { LOCAL_PATHS: `media=${root}`, RESCAN_INTERVAL: '1' } });
}

async function mediaTree({ webdavUrl }: MediadavProcess): Promise<Map<string, DavResource>> {
  return await listTree(`${webdavUrl}/media`);
}

function get(server: MediadavProcess, path: string): Promise<Response> {
  return fetch(urlOf(server.webdavUrl, path));
}

/** Files of the source are read and written in time, as if no disk of another one hung. */
async function expectUnnoticedBy(server: MediadavProcess, source: string): Promise<void> {
  for (let times = 0; times < 5; times += 1) {
    for (const { shownPath, bytes } of FILES) {
      const answer = await fetch(urlOf(server.webdavUrl, `${source}/${shownPath}`), {
        signal: AbortSignal.timeout(10_000),
      });
      expect(await answer.text()).toBe(bytes.toString());
    }
  }
  const put = { method: 'PUT', body: 'new', signal: AbortSignal.timeout(10_000) };
  expect((await fetch(urlOf(server.webdavUrl, `${source}/new.jpg`), put)).status).toBe(201);
}

/** The whole tree is listed as before, each file is "not now", and the status says why; then it comes back. */
async function expectOutage(
  server: MediadavProcess,
  before: ReadonlyMap<string, DavResource>,
): Promise<void> {
  await until(async () => (await server.health('media')).lastError !== null);
  const { state, lastError, assets } = await server.health('media');
  expect(state).toMatch(/failing|scanning/);
  expect(lastError?.code).toBe('unavailable');
  expect(lastError?.message).toMatch(/The (folder|source) is (missing|suddenly empty)/);
  expect(assets).toBe(FILES.length);
  expect(await mediaTree(server)).toEqual(before);
  const answers = await Promise.all(FILES.map(({ shownPath }) => get(server, `media/${shownPath}`)));
  expect(answers.map(({ status }) => status)).toEqual(FILES.map(() => 503));
  for (const { headers } of answers) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
}

async function expectRecovery(
  server: MediadavProcess,
  before: ReadonlyMap<string, DavResource>,
): Promise<void> {
  await until(async () => (await server.health('media')).lastError === null);
  expect(await mediaTree(server)).toEqual(before);
  for (const { shownPath, bytes } of FILES) {
    const answer = await get(server, `media/${shownPath}`);
    expect(answer.status, shownPath).toBe(200);
    expect(await answer.text(), shownPath).toBe(bytes.toString());
  }
}

describe.concurrent('a folder that goes away', PATIENCE, () => {
  it('renamed: everything stays listed, and comes back with the folder', async () => {
    const root = await folderWithFiles();
    const server = await serve(root);
    const before = await mediaTree(server);
    expect(before.size).toBe(FILES.length + 3);
    await rename(root, `${root} elsewhere`);
    await expectOutage(server, before);
    await rename(`${root} elsewhere`, root);
    await expectRecovery(server, before);
    await server.stop();
  });

  it('emptied: everything stays listed, and comes back with the files', async () => {
    const root = await folderWithFiles();
    const server = await serve(root);
    const before = await mediaTree(server);
    const elsewhere = await mkdtemp(join(work, 'elsewhere-'));
    for (const name of await readdir(root)) await rename(join(root, name), join(elsewhere, name));
    await expectOutage(server, before);
    for (const name of await readdir(elsewhere)) await rename(join(elsewhere, name), join(root, name));
    await expectRecovery(server, before);
    await server.stop();
  });

  it('emptied but for what systems leave behind: the same', async () => {
    const root = await folderWithFiles();
    const server = await serve(root);
    const before = await mediaTree(server);
    const elsewhere = await mkdtemp(join(work, 'elsewhere-'));
    for (const name of await readdir(root)) await rename(join(root, name), join(elsewhere, name));
    await writeFile(join(root, '.DS_Store'), 'left by a Mac');
    await mkdir(join(root, 'lost+found'));
    await expectOutage(server, before);
    for (const name of await readdir(elsewhere)) await rename(join(elsewhere, name), join(root, name));
    await expectRecovery(server, before);
    await server.stop();
  });

  it('gone while the server was down: the tree of the last run is there', async () => {
    const root = await folderWithFiles();
    const dataDir = await mkdtemp(join(work, 'data-'));
    const env = { LOCAL_PATHS: `media=${root}`, RESCAN_INTERVAL: '1' };
    const first = await startProcess({ dataDir, env });
    const before = await mediaTree(first);
    await first.stop();
    await rename(root, `${root} elsewhere`);
    const server = await startProcess({ dataDir, env });
    await expectOutage(server, before);
    await rename(`${root} elsewhere`, root);
    await expectRecovery(server, before);
    await server.stop();
  });

  it('missing at the very first start: unavailable, not empty; the other folder is served', async () => {
    const missing = join(work, 'not mounted yet');
    const other = await folderWithFiles();
    const env = { LOCAL_PATHS: `media=${missing},other=${other}`, RESCAN_INTERVAL: '1' };
    const server = await startProcess({ env });
    const top = await listMembers(server.webdavUrl);
    expect(top.map(({ path }) => path)).toEqual(['media', 'other']);
    const listing = await propfind(server.webdavUrl, 'media');
    expect(listing.status).toBe(503);
    expect(Number(listing.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await get(server, 'media/one.jpg')).status).toBe(503);
    expect((await get(server, 'other/one.jpg')).status).toBe(200);

    await mkdir(missing);
    await writeTree(missing, FILES);
    await until(async () => (await get(server, 'media/one.jpg')).status === 200);
    await until(async () => (await server.health('media')).assets === FILES.length);
    expect((await mediaTree(server)).size).toBe(FILES.length + 3);
    await server.stop();
  });

  it('is believed when only a part of it goes', async () => {
    const root = await folderWithFiles();
    const server = await serve(root);
    await rm(join(root, '2024'), { recursive: true });
    await until(async () => (await propfind(server.webdavUrl, 'media/2024')).status === 404);
    const left = [...(await mediaTree(server)).keys()].sort();
    expect(left).toEqual(['one.jpg', 'videos', 'videos/four.mp4']);
    expect((await get(server, 'media/2024/two.jpg')).status).toBe(404);
    await server.stop();
  });
});

describe.skipIf(needsMount.areMissing)(`a disk that is unmounted${needsMount.note}`, PATIENCE, () => {
  it('keeps its tree until it is mounted again', async () => {
    const disk = await mkdtemp(join(work, 'tmpfs-'));
    const root = await mkdtemp(join(work, 'mount-point-'));
    await succeed('mount', ['-t', 'tmpfs', 'mediadav-test', disk]);
    await succeed('mount', ['--bind', disk, root]);
    let server: MediadavProcess | null = null;
    try {
      await writeTree(root, FILES);
      server = await serve(root);
      const before = await mediaTree(server);
      await succeed('umount', [root]);
      expect(await readdir(root)).toEqual([]);
      await expectOutage(server, before);
      await succeed('mount', ['--bind', disk, root]);
      await expectRecovery(server, before);
    } finally {
      await server?.stop();
      for (const path of [root, disk]) if (await isMounted(path)) await succeed('umount', ['--lazy', path]);
    }
  });
});

describe.skipIf(needsFuse.areMissing)(`a disk that does not answer${needsFuse.note}`, PATIENCE, () => {
  it('holds up nothing but itself, is "not now", and is there when it answers again', async () => {
    const many = Array.from({ length: 160 }, (_, at) => `many/${at}.jpg`);
    const slow = await folderWithFiles();
    await writeTree(
      slow,
      many.map((path) => ({ storedPath: path, shownPath: path, bytes: Buffer.from(path) })),
    );
    const disk = await SleepingDisk.mount(slow);
    const other = await folderWithFiles();
    const env = { LOCAL_PATHS: `slow=${disk.path},other=${other}`, LOCAL_WRITABLE: 'true' };
    const server = await startProcess({ env });
    try {
      const before = await listTree(`${server.webdavUrl}/slow`);
      disk.sleep();
      const leaving = new AbortController();
      const waiting = many.map((path) =>
        fetch(urlOf(server.webdavUrl, `slow/${path}`), { signal: leaving.signal }).then(
          ({ status }) => status,
        ),
      );
      // More are asked for by now than the process has threads for files.
      await expectUnnoticedBy(server, 'other');
      expect(await listTree(`${server.webdavUrl}/slow`)).toEqual(before);
      expect(await Promise.all(waiting)).toEqual(many.map(() => 503));

      disk.wake();
      await until(async () => (await get(server, 'slow/many/7.jpg')).status === 200);
      for (const path of many) expect(await (await get(server, `slow/${path}`)).text()).toBe(path);
    } finally {
      disk.wake();
      await server.stop();
      await disk.unmount();
    }
  });

  it('large uploads to it hold up nothing else, and are whole when it answers again', async () => {
    const slow = await folderWithFiles();
    const disk = await SleepingDisk.mount(slow, { isWritable: true });
    const other = await folderWithFiles();
    const env = { LOCAL_PATHS: `slow=${disk.path},other=${other}`, LOCAL_WRITABLE: 'true' };
    const server = await startProcess({ env });
    // More than the process has threads for files.
    const names = Array.from({ length: 140 }, (_, at) => `film ${at}.mp4`);
    const rest = Promise.withResolvers<void>();
    const content = (name: string) => [Buffer.alloc(400_000, name), Buffer.alloc(400_000, `${name} rest`)];
    const put = async (name: string) => {
      const [first, second] = content(name);
      const body = async function* () {
        yield first;
        await rest.promise;
        yield second;
      };
      const signal = AbortSignal.timeout(50_000);
      const answer = await fetch(urlOf(server.webdavUrl, `slow/${name}`), {
        ...{ method: 'PUT', body: ReadableStream.from(body()), duplex: 'half', signal },
      } as RequestInit);
      return answer.status;
    };
    try {
      const waiting = Promise.all(names.map(put));
      await until(async () => {
        const staged = (await readdir(disk.path)).filter((name) => name.startsWith('.mediadav-upload-'));
        return staged.length === names.length;
      });
      disk.sleep();
      rest.resolve();
      await expectUnnoticedBy(server, 'other');

      disk.wake();
      expect(await waiting).toEqual(names.map(() => 201));
      for (const name of names) {
        const stored = await readFile(join(disk.path, name));
        expect(stored.equals(Buffer.concat(content(name))), name).toBe(true);
      }
    } finally {
      rest.resolve();
      disk.wake();
      await server.stop();
      await disk.unmount();
    }
  });

  it('what is to be written there is refused as soon as what is to be read, and nothing of it stays', async () => {
    const slow = await folderWithFiles();
    const disk = await SleepingDisk.mount(slow);
    const other = await folderWithFiles();
    const env = {
      ...{ LOCAL_PATHS: `slow=${disk.path},other=${other}`, LOCAL_WRITABLE: 'true', RESCAN_INTERVAL: '1' },
    };
    const server = await startProcess({ env });
    const put = (path: string) =>
      fetch(urlOf(server.webdavUrl, path), {
        ...{ method: 'PUT', body: `the bytes of ${path}`, signal: AbortSignal.timeout(40_000) },
      });
    try {
      disk.sleep();
      const names = Array.from({ length: 40 }, (_, at) => `slow/new ${at}.jpg`);
      const waiting = names.map(put);
      for (let at = 0; at < 5; at += 1) expect((await put(`other/new ${at}.jpg`)).status).toBe(201);
      const answers = await Promise.all(waiting);
      expect(answers.map(({ status }) => status)).toEqual(names.map(() => 503));
      for (const { headers } of answers) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      // As soon as the first was refused, nobody waits any more.
      expect((await put('slow/later.jpg')).status).toBe(503);

      disk.wake();
      await until(async () => (await get(server, 'slow/one.jpg')).status === 200);
      await until(async () => (await readdir(slow)).every((name) => !name.startsWith('.')));
      expect((await readdir(slow)).sort()).toEqual(['2024', 'one.jpg', 'videos']);
    } finally {
      disk.wake();
      await server.stop();
      await disk.unmount();
    }
  });
});
