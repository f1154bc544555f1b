import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { patterned } from './dav-app.ts';
import { GvfsSession } from './gvfs-session.ts';
import { GVFS_DAV, lookUp } from './tool-lookup.ts';
import { WrittenFolder } from './written-folder.ts';

const needs = lookUp('gio', 'dbus-daemon', GVFS_DAV);
const FILES = { 'photo.jpg': patterned(5000), 'sub/b #1.jpg': 'b' };

/** What people type: where in `url` or `webdavUrl` the mount begins, and with or without a slash. */
const ADDRESSES = [
  { name: 'WEBDAV_PORT', begin: '', end: '' },
  { name: 'WEBDAV_PORT with a slash', begin: '', end: '/' },
  { name: 'PORT, /dav', begin: '/dav', end: '' },
  { name: 'PORT, /dav/', begin: '/dav', end: '/' },
] as const;

let folder: WrittenFolder;
let session: GvfsSession;

describe.skipIf(needs.areMissing)(`gio${needs.note}`, () => {
  beforeEach(async () => {
    folder = await WrittenFolder.start(FILES);
    session = await GvfsSession.start();
  });
  afterEach(async () => {
    await session.stop();
    await folder.stop();
  });

  /** As gvfs writes addresses. */
  const addressOf = ({ begin, end }: { begin: string; end: string }) => {
    const url = begin === '/dav' ? folder.server.url : folder.server.webdavUrl;
    return `${url.replace(/^http:/, 'dav:')}${begin}${end}`;
  };
  const mounted = async (address = addressOf({ begin: '', end: '/' })) => {
    await session.gio('mount', address);
    return `${address.replace(/\/$/, '')}/media`;
  };

  it.each(ADDRESSES)('mounts, lists, reads, writes and unmounts at $name', async (where) => {
    const address = addressOf(where);
    const media = await mounted(address);
    expect(await session.gio('list', address)).toBe('media\n');
    expect((await session.gio('list', '-l', media)).split('\n').sort()).toEqual([
      '',
      'photo.jpg\t5000\t(regular)',
      'sub\t0\t(directory)',
    ]);
    const local = join(await folder.localFolder(), 'back.jpg');
    await session.gio('copy', `${media}/sub/b %231.jpg`, local);
    expect(await readFile(local, 'utf8')).toBe('b');
    await session.gio('copy', local, `${media}/sub/new.jpg`);
    await folder.expectToHold({ ...FILES, 'sub/new.jpg': 'b' });
    await session.gio('mount', '--unmount', address);
    expect((await session.run(['list', media])).stderr).toContain('not mounted');
  });

  it('mounts a folder within, with and without a slash', async () => {
    for (const end of ['', '/']) {
      const address = addressOf({ begin: '', end: `/media/sub${end}` });
      await session.gio('mount', address);
      expect(await session.gio('list', address)).toBe('b #1.jpg\n');
      await session.gio('mount', '--unmount', address);
    }
  });

  it('copies there, back and within', async () => {
    const media = await mounted();
    const local = await folder.localFolder();
    const film = patterned(20_000_000);
    await writeFile(join(local, '50% & ü.mp4'), film);
    await session.gio('copy', join(local, '50% & ü.mp4'), `${media}/50%25 & ü.mp4`);
    await session.gio('copy', `${media}/photo.jpg`, `${media}/sub/copied.jpg`);
    await session.gio('copy', `${media}/50%25 & ü.mp4`, join(local, 'back.mp4'));
    expect((await readFile(join(local, 'back.mp4'))).equals(film)).toBe(true);
    await folder.expectToHold({
      ...FILES,
      '50% & ü.mp4': film,
      'sub/copied.jpg': FILES['photo.jpg'],
    });
    expect(folder.toldBeside('50% & ü.mp4', 'b #1.jpg', 'copied.jpg', 'photo.jpg', 'sub')).toEqual([]);
  });

  it('renames and moves files and folders, which keep their ids', async () => {
    const media = await mounted();
    await folder.expectToHold(FILES);
    const paths = ['photo.jpg', 'sub', 'sub/b #1.jpg'];
    const ids = paths.map((path) => folder.idOf(path));
    const times = await Promise.all(
      ['photo.jpg', 'sub/b #1.jpg'].map((path) => folder.modifiedSeconds(path)),
    );
    await session.gio('rename', `${media}/photo.jpg`, 'Año #1.jpg');
    await session.gio('mkdir', `${media}/new folder`);
    await session.gio('move', `${media}/Año %231.jpg`, `${media}/new folder/`);
    await session.gio('rename', `${media}/sub`, 'renamed');
    await session.gio('move', `${media}/renamed/b %231.jpg`, `${media}/b.jpg`);
    const wanted = {
      'new folder/Año #1.jpg': FILES['photo.jpg'],
      renamed: null,
      'b.jpg': FILES['sub/b #1.jpg'],
    };
    await folder.expectToHold(wanted);
    const moved = ['new folder/Año #1.jpg', 'renamed', 'b.jpg'];
    expect(moved.map((path) => folder.idOf(path))).toEqual(ids);
    const files = ['new folder/Año #1.jpg', 'b.jpg'];
    expect(await Promise.all(files.map((path) => folder.modifiedSeconds(path)))).toEqual(times);
    // A name that is taken is not taken over.
    const { code, stderr } = await session.run(['rename', `${media}/b.jpg`, 'renamed']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('exists')]);
    await folder.expectToHold(wanted);
  });

  it('saves over a file, which keeps its id', async () => {
    const media = await mounted();
    await folder.expectToHold(FILES);
    const id = folder.idOf('photo.jpg');
    expect(await session.run(['save', `${media}/photo.jpg`], 'edited')).toMatchObject({ code: 0 });
    expect(await session.gio('cat', `${media}/photo.jpg`)).toBe('edited');
    await folder.expectToHold({ ...FILES, 'photo.jpg': 'edited' });
    expect(folder.idOf('photo.jpg')).toBe(id);
    expect(folder.toldBeside('b #1.jpg', 'photo.jpg', 'sub')).toEqual([]);
  });

  it('removes files and empty folders, and no others', async () => {
    const media = await mounted();
    expect(await session.run(['remove', `${media}/sub`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not empty'),
    });
    await folder.expectToHold(FILES);
    await session.gio('remove', `${media}/photo.jpg`, `${media}/sub/b %231.jpg`, `${media}/sub`);
    await folder.expectToHold({});
  });

  it('shows size, time, type and space', async () => {
    const media = await mounted();
    const info = await session.gio('info', `${media}/photo.jpg`);
    expect(info).toContain('size:  5000');
    expect(info).toContain('standard::content-type: image/jpeg');
    expect(info).toContain(`time::modified: ${await folder.modifiedSeconds('photo.jpg')}\n`);
    expect(await session.gio('info', '--filesystem', media)).toMatch(/filesystem::free: [1-9]\d*/);
  });
});
