import { mkdir, mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { mountDavfs } from './davfs-mount.ts';
import { ImmichWriteApp } from './immich-write-app.ts';
import { Rclone } from './rclone.ts';
import { FUSE, lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const needs = lookUp('rclone');
const needsMount = lookUp('mount.davfs', FUSE, MOUNT_RIGHTS);
const photo = (text: string) => makeJpeg(64, 48, [20, 160, 90], text);

let on: ImmichWriteApp;
let local = '';

beforeEach(async () => {
  on = await ImmichWriteApp.start();
  local = await mkdtemp(join(tmpdir(), 'mediadav-immich-client-'));
});
afterEach(async () => {
  await on.stop();
  await rm(local, { recursive: true });
});

describe.skipIf(needs.areMissing)(`rclone writes to albums${needs.note}`, () => {
  async function run(command: string, paths: readonly string[], ...more: readonly string[]): Promise<string> {
    const rclone = await Rclone.at(on.app.webdavUrl ?? '', {
      flags: ['--webdav-vendor', 'nextcloud', '--stats', '0', '-v'],
    });
    const { code, stderr } = await rclone.run(command, paths, more);
    expect([code, stderr]).toEqual([0, expect.anything()]);
    return stderr;
  }

  it('copies, finds all of it again, moves, and deletes', async () => {
    await mkdir(join(local, 'Trip'));
    // Two of one content: Immich has it once, the folder twice.
    const files = { 'a.jpg': photo('a'), 'Año & b #1.jpg': photo('b'), 'a again.jpg': photo('a') };
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(local, 'Trip', name), bytes);
      await utimes(join(local, 'Trip', name), 1_500_000_000, 1_500_000_000);
    }
    await run('copy', [local, ':webdav:immich']);
    expect(await on.names('Trip')).toEqual(Object.keys(files).sort());
    expect(on.inImmich('Trip')).toHaveLength(2);
    await on.rescan();
    expect(await run('copy', [local, ':webdav:immich'])).not.toContain('Copied');
    expect(await run('check', [join(local, 'Trip'), ':webdav:immich/Trip'])).toContain('3 matching files');

    await run('moveto', [':webdav:immich/Trip/a.jpg', ':webdav:immich/Album 1/moved.jpg']);
    expect([await on.names('Trip'), on.inImmich('Album 1').length]).toEqual([
      ['Año & b #1.jpg', 'a again.jpg'].sort(),
      3,
    ]);
    await run('moveto', [':webdav:immich/Trip', ':webdav:immich/Journey']);
    await run('deletefile', [':webdav:immich/Journey/a again.jpg']);
    expect(on.inImmich('Journey')).toEqual(['Año & b #1.jpg']);
    await run('purge', [':webdav:immich/Journey']);
    expect(await on.names()).toEqual(['Album 1', 'Album 2']);
  });

  it('syncs a folder with an album: new, replaced and gone', async () => {
    for (const name of ['a.jpg', 'b.jpg', 'c.jpg']) await writeFile(join(local, name), photo(name));
    await run('sync', [local, ':webdav:immich/Synced']);
    const before = on.asset('b.jpg');
    await rm(join(local, 'a.jpg'));
    await writeFile(join(local, 'b.jpg'), photo('other and longer'));
    await rename(join(local, 'c.jpg'), join(local, 'd.jpg'));
    await run('sync', [local, ':webdav:immich/Synced']);
    expect(await on.names('Synced')).toEqual(['b.jpg', 'd.jpg']);
    expect(before.deletedAt).not.toBeNull();
    await on.rescan();
    expect(await run('sync', [local, ':webdav:immich/Synced'])).not.toContain('Copied');
    expect((await on.get('Synced/b.jpg')).equals(photo('other and longer'))).toBe(true);
  });
});

describe.skipIf(needsMount.areMissing)(`davfs2 writes to albums${needsMount.note}`, () => {
  it('makes an album, saves into it, renames and removes', async () => {
    const mounted = await mountDavfs(on.app.webdavUrl ?? '', { access: 'rw', uploadDelaySeconds: 0 });
    try {
      const albums = join(mounted.path, 'immich');
      await mkdir(join(albums, 'By hand'));
      await writeFile(join(albums, 'By hand', 'new.jpg'), photo('new'));
      await writeFile(join(albums, 'Album 1', 'also new.jpg'), photo('also new'));
      expect((await readFile(join(albums, 'By hand', 'new.jpg'))).equals(photo('new'))).toBe(true);
      await rename(join(albums, 'Album 1', 'photo 1-1.jpg'), join(albums, 'Album 1', 'renamed.jpg'));
      await rm(join(albums, 'Album 2', 'photo 2-1.jpg'));
      await expect(writeFile(join(albums, 'Album 1', 'notes.txt'), 'text')).rejects.toThrow();
    } finally {
      await mounted.unmount();
    }
    await on.rescan();
    expect(on.inImmich('By hand')).toEqual(['new.jpg']);
    expect(await on.names('Album 1')).toEqual(['also new.jpg', 'photo 1-2.jpg', 'renamed.jpg']);
    expect(on.inImmich('Album 2')).toEqual(['photo 2-2.jpg']);
  });
});
