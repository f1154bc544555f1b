import { mkdir, mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from './cli-command.ts';
import { succeed } from './client-command.ts';
import { listMembers, urlOf } from './dav-listing.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { isMounted } from './rclone.ts';
import { lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const needs = lookUp(MOUNT_RIGHTS);
const PATIENCE = { timeout: 90_000 };
/** Room for the catalog of the first files, and for that of all of them. */
const DISK_BYTES = 12 * 1024 * 1024;
const KNOWN = 100;
const MORE = 3_000;

/** The disk that DATA_DIR is on is a small one of its own; the photos are elsewhere. */
describe.skipIf(needs.areMissing)(`a full disk under the catalog${needs.note}`, PATIENCE, () => {
  let work = '';
  let photos = '';
  let dataDir = '';
  let server: MediadavProcess;
  const filler = () => join(dataDir, 'something else');

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'mediadav-full-'));
    [photos, dataDir] = [join(work, 'photos'), join(work, 'data')];
    await mkdir(photos);
    await mkdir(dataDir);
    await succeed('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'mediadav-test', dataDir]);
    await addPhotos(photos, 0, KNOWN);
    server = await startProcess({ args: [photos], dataDir });
  });
  afterAll(async () => {
    await server?.stop();
    if (await isMounted(dataDir)) await succeed('umount', ['--lazy', dataDir]);
    await rm(work, { recursive: true, force: true });
  });

  it('is told in plain words, while everything that is known is served', async () => {
    await fill(filler(), dataDir);
    await addPhotos(photos, KNOWN, MORE);
    await until(async () => (await server.health('photos')).lastError !== null);

    const { lastError } = await server.health('photos');
    expect(lastError?.code).toBe('no-space');
    expect(lastError?.message).toMatch(/no space left .*free some .*DATA_DIR/i);
    expect(lastError?.message).not.toContain(work);
    // Once by what takes in changes, and once by what reads files, whichever comes first.
    const told = () =>
      server.log.filter(({ message, reason }) => `${message} ${reason}`.includes(lastError?.message ?? '?'));
    await until(() => told().length > 0);
    expect(told().length).toBeLessThanOrEqual(2);
    expect(new Set(told().map(({ level }) => level))).toEqual(new Set(['warn']));

    const names = (await listMembers(server.webdavUrl, 'photos')).map(({ path }) => path);
    expect(names).toContain(`photos/${nameOf(0)}`);
    expect(names.length).toBeGreaterThanOrEqual(KNOWN);
    const got = await fetch(urlOf(server.webdavUrl, `photos/${nameOf(7)}`));
    expect(await got.text()).toBe(contentOf(7));
    const feed = await fetch(`${server.url}/api/v1/changes?cursor=0&max_size=10`);
    expect(feed.status).toBe(200);
    await feed.arrayBuffer();
  });

  it('leaves the catalog whole when the process is killed meanwhile, and lets it start again', async () => {
    await server.kill();
    server = await startProcess({ args: [photos], dataDir, waitsForScan: false });
    await until(async () => (await server.health('photos')).lastError?.code === 'no-space');
    const got = await fetch(urlOf(server.webdavUrl, `photos/${nameOf(8)}`));
    expect(await got.text()).toBe(contentOf(8));
  });

  it('heals by itself once there is space again', async () => {
    await rm(filler());
    await until(async () => {
      const { assets, lastError, enriching } = await server.health('photos');
      return assets === KNOWN + MORE && lastError === null && enriching === null;
    }, 60_000);
    const list = (await (await fetch(`${server.url}/list`)).json()) as Record<string, unknown>;
    expect(Object.keys(list)).toHaveLength(KNOWN + MORE);
    const names = await listMembers(server.webdavUrl, 'photos');
    expect(names).toHaveLength(KNOWN + MORE);
    await server.stop();
    const database = new DatabaseSync(join(dataDir, 'catalog.db'), { readOnly: true });
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    database.close();
  });

  it('is the reason, in one sentence, when there is not even room to open the catalog', async () => {
    await fill(filler(), dataDir);
    const env = { LOCAL_PATHS: photos, PORT: '0', WEBDAV_PORT: 'off' };
    const { exitCode, stderr } = await runCommand(['serve'], dataDir, env);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/no space left .*free some .*DATA_DIR/i);
    expect(stderr).not.toContain('    at ');
    await rm(filler());
    server = await startProcess({ args: [photos], dataDir });
    expect((await server.health('photos')).assets).toBe(KNOWN + MORE);
  });
});

function nameOf(index: number): string {
  return `IMG_${String(index).padStart(5, '0')} of a name that takes some room in the catalog.jpg`;
}

function contentOf(index: number): string {
  return `photo ${index}`;
}

async function addPhotos(folder: string, from: number, count: number): Promise<void> {
  for (let index = from; index < from + count; index++) {
    await writeFile(join(folder, nameOf(index)), contentOf(index));
  }
}

/** Until not a byte more fits. */
async function fill(file: string, disk: string): Promise<void> {
  const handle = await open(file, 'a');
  try {
    for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 4)) {
      for (;;) {
        const isFull = await handle.write(Buffer.alloc(size, 'x')).then(
          ({ bytesWritten }) => bytesWritten < size,
          (error: NodeJS.ErrnoException) => {
            if (error.code !== 'ENOSPC') throw error;
            return true;
          },
        );
        if (isFull) break;
      }
    }
  } finally {
    await handle.close();
  }
  expect((await statfs(disk)).bavail).toBe(0);
}
