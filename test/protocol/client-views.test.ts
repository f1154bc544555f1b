import { mkdir, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChangeFollower, httpFeed } from './change-follower.ts';
import { patterned, writeFiles } from './dav-app.ts';
import { mountDavfs } from './davfs-mount.ts';
import { filesBelow } from './disk-listing.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { type Mounted, Rclone } from './rclone.ts';
import { FUSE, lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const CLIENTS = [
  {
    name: 'rclone mount',
    needs: lookUp('rclone', 'fusermount3', FUSE, MOUNT_RIGHTS),
    mount: async (url: string): Promise<Mounted> => (await Rclone.at(url)).mount({ writes: 'full' }),
    /** It takes in everything, and finds out later that it cannot be uploaded. */
    learnsLate: true,
  },
  {
    name: 'davfs2',
    needs: lookUp('mount.davfs', FUSE, MOUNT_RIGHTS),
    mount: (url: string): Promise<Mounted> => mountDavfs(url, { access: 'rw', uploadDelaySeconds: 0 }),
    learnsLate: false,
  },
];

const PHOTO = patterned(3_000_000);
const FILES = { 'holiday/a.jpg': PHOTO, 'b.jpg': 'b' };

describe.each(CLIENTS)('folders beside other views, by $name', ({ needs, mount, learnsLate }) => {
  describe.skipIf(needs.areMissing)(`mounted${needs.note}`, { timeout: 60_000 }, () => {
    let work: string;
    let root: string;
    let server: MediadavProcess;
    let feed: ChangeFollower;
    let mounted: Mounted;
    /** The source in the mount. */
    let media: string;

    beforeEach(async () => {
      work = await mkdtemp(join(tmpdir(), 'mediadav-client-views-'));
      root = join(work, 'root');
      await mkdir(root);
      await writeFiles(root, FILES);
      const env = { LOCAL_PATHS: `media=${root}`, LOCAL_WRITABLE: 'true', LOCAL_LAYOUT: 'folders,flat,type' };
      server = await startProcess({ env });
      feed = new ChangeFollower(httpFeed(() => server.url));
      mounted = await mount(server.webdavUrl);
      media = join(mounted.path, 'media');
    });
    afterEach(async () => {
      await mounted.unmount();
      await server.stop();
      await rm(work, { recursive: true });
    });

    async function told(): Promise<string[]> {
      await feed.follow();
      return [...feed.tree()].flatMap(([path, size]) => (size === null ? [] : [path])).sort();
    }

    /** Each file by its path on the disk, once in every view and no more, and once in `/list`. */
    async function expectFiles(...paths: readonly string[]): Promise<void> {
      const nameOf = (path: string) => path.split('/').at(-1) ?? '';
      const places = paths.flatMap((path) => [
        ...[`flat/${nameOf(path)}`, `folders/${path}`, `type/images/${nameOf(path)}`],
      ]);
      await until(async () => JSON.stringify(await told()) === JSON.stringify(places.sort())).catch(
        async () => {
          expect(await told()).toEqual(places.sort());
        },
      );
      const isListed = async () => {
        const list = (await (await fetch(`${server.url}/list`)).json()) as Record<
          string,
          { paths: string[] }
        >;
        return Object.values(list).flatMap((entry) => entry.paths);
      };
      const onDisk = paths.map((path) => join(root, path)).sort();
      await until(async () => JSON.stringify((await isListed()).sort()) === JSON.stringify(onDisk)).catch(
        async () => expect((await isListed()).sort()).toEqual(onDisk),
      );
      // The name an upload came in under goes when its folder was synced, a moment after the file shows.
      const there = async () => [...(await filesBelow(root)).keys()].sort();
      await until(async () => JSON.stringify(await there()) === JSON.stringify([...paths].sort())).catch(
        async () => expect(await there()).toEqual([...paths].sort()),
      );
    }

    it('shows each file in every view, and reads the same bytes in each', async () => {
      expect((await readdir(media)).sort()).toEqual(['flat', 'folders', 'type']);
      await expectFiles('b.jpg', 'holiday/a.jpg');
      for (const path of ['folders/holiday/a.jpg', 'flat/a.jpg', 'type/images/a.jpg']) {
        expect((await readFile(join(media, path))).equals(PHOTO), path).toBe(true);
      }
    });

    it('writes, changes, renames and removes below "folders", and all views follow', async () => {
      await mkdir(join(media, 'folders/new'));
      await writeFile(join(media, 'folders/new/c.jpg'), 'c');
      await expectFiles('b.jpg', 'holiday/a.jpg', 'new/c.jpg');
      await writeFile(join(media, 'folders/new/c.jpg'), 'c, and more');
      await until(async () => (await readFile(join(root, 'new/c.jpg'), 'utf8')) === 'c, and more');
      await rename(join(media, 'folders/new/c.jpg'), join(media, 'folders/holiday/d.jpg'));
      await unlink(join(media, 'folders/b.jpg'));
      await expectFiles('holiday/a.jpg', 'holiday/d.jpg');
      const seen = await (await fetch(`${server.webdavUrl}/media/flat/d.jpg`)).text();
      expect(seen).toBe('c, and more');
      await rename(join(media, 'folders/holiday'), join(media, 'folders/away'));
      await expectFiles('away/a.jpg', 'away/d.jpg');
    });

    it('is refused everything elsewhere, and nothing is changed', async () => {
      const image = join(media, 'type/images/a.jpg');
      await expect(unlink(image)).rejects.toThrow();
      await expect(mkdir(join(media, 'flat/folder'))).rejects.toThrow();
      await expect(mkdir(join(media, 'more'))).rejects.toThrow();
      await expect(rename(image, join(media, 'folders/a.jpg'))).rejects.toThrow();
      await expect(rename(join(media, 'folders/b.jpg'), join(media, 'flat/c.jpg'))).rejects.toThrow();
      const write = writeFile(join(media, 'flat/new.jpg'), 'new');
      if (learnsLate) await write;
      else await expect(write).rejects.toThrow();
      await expectFiles('b.jpg', 'holiday/a.jpg');
    });
  });
});

const rclone = lookUp('rclone');
describe.skipIf(rclone.areMissing)(`folders beside other views, by rclone${rclone.note}`, () => {
  it('a copy to another view says where it could have gone', async () => {
    const work = await mkdtemp(join(tmpdir(), 'mediadav-client-views-'));
    await mkdir(join(work, 'root'));
    await writeFile(join(work, 'new.jpg'), 'new');
    const env = {
      LOCAL_PATHS: `media=${join(work, 'root')}`,
      LOCAL_WRITABLE: 'true',
      LOCAL_LAYOUT: 'folders,date',
    };
    const server = await startProcess({ env });
    try {
      const client = await Rclone.at(server.webdavUrl);
      const copy = (to: string) => client.run('copy', [join(work, 'new.jpg'), `:webdav:media/${to}`]);
      const refused = await copy('date');
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringContaining('only "folders" can be written to'),
      ]);
      expect(await readdir(join(work, 'root'))).toEqual([]);
      expect((await copy('folders')).code).toBe(0);
      expect(await readdir(join(work, 'root'))).toEqual(['new.jpg']);
    } finally {
      await server.stop();
      await rm(work, { recursive: true });
    }
  });
});
