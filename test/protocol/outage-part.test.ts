import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listTree, urlOf } from './dav-listing.ts';
import { writeTree } from './media-tree.ts';
import { startProcess, until } from './mediadav-process.ts';
import { SleepingDisk } from './sleeping-disk.ts';
import { FUSE, lookUp } from './tool-lookup.ts';

const needs = lookUp('rclone', 'fusermount3', FUSE);
/** Longer than what changes a folder is waited for. */
const GIVEN_UP = 90_000;
const SOON = 10_000;

let work = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-part-'));
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

describe.skipIf(needs.areMissing)(
  `one of several disks of a source that does not answer${needs.note}`,
  () => {
    it('is "not now" to who changes its folders, and holds up uploads to the others for no longer', {
      timeout: 150_000,
    }, async () => {
      const onDisk = join(work, 'usb');
      await mkdir(onDisk);
      await writeTree(onDisk, [file('one.jpg'), file('two.jpg')]);
      const disk = await SleepingDisk.mount(onDisk, { isWritable: true });
      // Around the place where it is mounted is the disk of the source itself.
      const root = dirname(disk.path);
      await writeTree(root, [file('own.jpg')]);
      const server = await startProcess({ env: { LOCAL_PATHS: `media=${root}`, LOCAL_WRITABLE: 'true' } });
      const ask = (method: string, path: string, withinMs: number, init: RequestInit = {}) =>
        fetch(urlOf(server.webdavUrl, `media/${path}`), {
          ...{ method, signal: AbortSignal.timeout(withinMs) },
          ...init,
        });
      const tree = async () => [...(await listTree(`${server.webdavUrl}/media`)).keys()].sort();
      try {
        const before = await tree();
        disk.sleep();
        const making = ask('MKCOL', 'mount/new', GIVEN_UP);
        const uploading = ask('PUT', 'during.jpg', GIVEN_UP, { body: 'during' });
        const made = await making;
        expect(made.status).toBe(503);
        expect(Number(made.headers.get('retry-after'))).toBeGreaterThan(0);
        expect((await uploading).status).toBe(201);

        // It is known now to hang, so nobody else waits.
        const removed = await ask('DELETE', 'mount/one.jpg', SOON);
        const headers = { destination: urlOf(server.webdavUrl, 'media/mount/three.jpg') };
        const moved = await ask('MOVE', 'mount/two.jpg', SOON, { headers });
        expect([removed.status, moved.status]).toEqual([503, 503]);
        expect((await ask('PUT', 'after.jpg', SOON, { body: 'after' })).status).toBe(201);
        expect(await tree()).toEqual([...before, 'after.jpg', 'during.jpg'].sort());

        disk.wake();
        await until(async () => (await ask('DELETE', 'mount/one.jpg', SOON)).status === 204);
        await until(async () => !(await readdir(disk.path)).includes('one.jpg'));
        expect(await readdir(disk.path)).toEqual(['two.jpg']);
        const after = ['after.jpg', 'during.jpg', 'mount', 'mount/two.jpg', 'own.jpg'];
        await until(async () => `${await tree()}` === `${after}`);
      } finally {
        disk.wake();
        await server.stop();
        await disk.unmount();
      }
    });
  },
);

function file(path: string): { storedPath: string; shownPath: string; bytes: Buffer } {
  return { storedPath: path, shownPath: path, bytes: Buffer.from(path) };
}
