import {
  appendFile,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patterned, writeFiles } from './dav-app.ts';
import { filesBelow, sha1Of } from './disk-listing.ts';
import { until } from './mediadav-process.ts';
import { Rclone } from './rclone.ts';
import { FUSE, lookUp, PROC } from './tool-lookup.ts';
import { WrittenFolder } from './written-folder.ts';

const needs = lookUp('rclone', PROC);
const needsMount = lookUp('rclone', 'fusermount3', FUSE);
const VENDORS = ['other', 'owncloud'] as const;

function rcloneOf(folder: WrittenFolder, vendor: string): Promise<Rclone> {
  return Rclone.at(folder.server.webdavUrl, { flags: ['--webdav-vendor', vendor, '--stats', '0', '-v'] });
}

describe.skipIf(needs.areMissing)(`rclone, vendor owncloud${needs.note}`, () => {
  const FILM = patterned(8_000_000);
  const FILES = { 'Año 2026/a & b #1.jpg': 'first', 'empty.jpg': '', 'videos/film.mp4': FILM };
  let folder: WrittenFolder;
  let rclone: Rclone;
  let local = '';

  beforeAll(async () => {
    folder = await WrittenFolder.start();
    rclone = await rcloneOf(folder, 'owncloud');
    local = await folder.localFolder();
    await writeFiles(local, FILES);
  });
  afterAll(async () => {
    await folder.stop();
  });

  /** Runs it; it has to succeed. @returns what rclone says it has done. */
  async function run(command: string, paths: readonly string[], ...more: readonly string[]): Promise<string> {
    const { code, stderr } = await rclone.run(command, paths, more);
    expect([code, stderr]).toEqual([0, expect.anything()]);
    return stderr;
  }

  /** All that the server reads: files, its catalog, requests. */
  async function bytesRead(): Promise<number> {
    const io = await readFile(`/proc/${folder.server.pid}/io`, 'utf8');
    return Number(/^rchar: (\d+)$/m.exec(io)?.[1]);
  }

  it('copies files there with their times, and knows them again', async () => {
    await run('copy', [local, ':webdav:media/up']);
    const wanted = Object.entries(FILES).map(([path, content]) => [`up/${path}`, content]);
    await folder.expectToHold(Object.fromEntries(wanted));
    expect(await filesBelow(join(folder.root, 'up'))).toEqual(await filesBelow(local));
    const names = ['a & b #1.jpg', 'Año 2026', 'empty.jpg', 'film.mp4', 'up', 'videos'];
    expect(folder.toldBeside(...names)).toEqual([]);
    expect(await run('copy', [local, ':webdav:media/up'])).not.toContain('Copied');
  });

  it('compares digests without reading anything', async () => {
    await until(async () => (await folder.server.health('media')).enriching === null);
    const before = await bytesRead();
    const said = await run('check', [local, ':webdav:media/up'], '--checksum');
    expect(said).toContain('3 matching files');
    expect(said).not.toContain('could not be checked');
    expect((await bytesRead()) - before).toBeLessThan(FILM.length / 4);
  });

  it('syncs what is new, other and gone, and what stays keeps its id', async () => {
    const ids = ['up/Año 2026/a & b #1.jpg', 'up/videos/film.mp4'].map((path) => folder.idOf(path));
    await writeFile(join(local, 'Año 2026/a & b #1.jpg'), 'edit.');
    await rm(join(local, 'empty.jpg'));
    await writeFiles(join(local, 'new'), { 'n.jpg': 'n' });
    await run('sync', [local, ':webdav:media/up'], '--checksum');
    const wanted = { 'up/Año 2026/a & b #1.jpg': 'edit.', 'up/new/n.jpg': 'n', 'up/videos/film.mp4': FILM };
    await folder.expectToHold(wanted);
    expect(await filesBelow(join(folder.root, 'up'))).toEqual(await filesBelow(local));
    expect(['up/Año 2026/a & b #1.jpg', 'up/videos/film.mp4'].map((path) => folder.idOf(path))).toEqual(ids);
  });

  it('moves folders and files within the mount, which keep ids and times, and files from here to there', async () => {
    const from = ['up/videos/film.mp4', 'up/new', 'up/new/n.jpg'];
    const ids = from.map((path) => folder.idOf(path));
    const time = await folder.modifiedSeconds('up/new/n.jpg');
    await run('moveto', [':webdav:media/up/videos/film.mp4', ':webdav:media/film moved.mp4']);
    await run('moveto', [':webdav:media/up/new', ':webdav:media/deep/newer']);
    await run('move', [join(local, 'Año 2026'), ':webdav:media/arrived']);
    await folder.expectToHold({
      'film moved.mp4': FILM,
      'deep/newer/n.jpg': 'n',
      'arrived/a & b #1.jpg': 'edit.',
      'up/Año 2026/a & b #1.jpg': 'edit.',
      'up/videos': null,
    });
    expect(['film moved.mp4', 'deep/newer', 'deep/newer/n.jpg'].map((path) => folder.idOf(path))).toEqual(
      ids,
    );
    expect(await folder.modifiedSeconds('deep/newer/n.jpg')).toBe(time);
    expect([...(await filesBelow(local)).keys()].sort()).toEqual(['new/n.jpg', 'videos/film.mp4']);
  });
});

describe.skipIf(needs.areMissing)(`rclone, vendor other${needs.note}`, () => {
  it('copies, syncs, checks and moves by sizes', async () => {
    const film = patterned(8_000_000);
    const folder = await WrittenFolder.start();
    try {
      const rclone = await rcloneOf(folder, 'other');
      const run = async (command: string, ...paths: readonly string[]) => {
        const { code, stderr } = await rclone.run(command, paths);
        expect([command, code, stderr]).toEqual([command, 0, expect.anything()]);
        return stderr;
      };
      const local = await folder.localFolder();
      await writeFiles(local, { 'Año/a & b #1.jpg': 'first', 'empty.jpg': '', 'film.mp4': film });
      await run('copy', local, ':webdav:media/up');
      await folder.expectToHold({ 'up/Año/a & b #1.jpg': 'first', 'up/empty.jpg': '', 'up/film.mp4': film });
      expect(await run('copy', local, ':webdav:media/up')).not.toContain('Copied');
      expect(await run('check', local, ':webdav:media/up')).toContain('3 matching files');

      await writeFile(join(local, 'Año/a & b #1.jpg'), 'second');
      await rm(join(local, 'empty.jpg'));
      await run('sync', local, ':webdav:media/up');
      await folder.expectToHold({ 'up/Año/a & b #1.jpg': 'second', 'up/film.mp4': film });
      const id = folder.idOf('up/film.mp4');
      await run('moveto', ':webdav:media/up/film.mp4', ':webdav:media/moved.mp4');
      await run('move', join(local, 'Año'), ':webdav:media/arrived');
      const wanted = { 'arrived/a & b #1.jpg': 'second', 'moved.mp4': film, 'up/Año/a & b #1.jpg': 'second' };
      await folder.expectToHold(wanted);
      expect(folder.idOf('moved.mp4')).toBe(id);
    } finally {
      await folder.stop();
    }
  });
});

/** As docs/clients.md tells. */
const TWINS_ENCODING =
  'LtGt,DoubleQuote,Colon,Question,Asterisk,Pipe,BackSlash,Ctl,Del,RightSpace,RightPeriod';

describe.skipIf(needs.areMissing).each([
  { how: 'its encoding', settings: {}, flags: ['--webdav-encoding', TWINS_ENCODING] },
  { how: 'NAMES=exact', settings: { NAMES: 'exact' }, flags: [] },
])(`rclone, of names that Windows cannot store, by $how${needs.note}`, ({ settings, flags }) => {
  it('takes none for another: a second sync copies and removes nothing', async () => {
    const names = [
      'Trip 1: where?.jpg',
      'a\\b|c*.jpg',
      '<d>"e".jpg',
      'dot.',
      'space ',
      'CON x.jpg',
      'ü? #%41.jpg',
    ];
    const files = Object.fromEntries(names.map((name) => [name, name]));
    const folder = await WrittenFolder.start({ 'there/on disk?.jpg': 'on disk' }, settings);
    try {
      const rclone = await rcloneOf(folder, 'owncloud');
      const local = await folder.localFolder();
      await writeFiles(local, { ...files, 'there/on disk?.jpg': 'on disk' });
      const sync = () => rclone.run('sync', [local, ':webdav:media'], ['--checksum', ...flags]);
      await sync();
      await until(async () => (await folder.server.health('media')).enriching === null);
      const { code, stderr } = await sync();
      expect([code, stderr]).toEqual([0, expect.not.stringMatching(/Copied|Deleted|ERROR/)]);
      const checked = await rclone.run('check', [local, ':webdav:media'], ['--checksum', ...flags]);
      expect([checked.code, checked.stderr]).toEqual([0, expect.stringContaining('8 matching files')]);
      expect(await readFile(join(folder.root, 'there/on disk?.jpg'), 'utf8')).toBe('on disk');
      expect(await filesBelow(folder.root)).toHaveProperty('size', 8);
    } finally {
      await folder.stop();
    }
  });
});

describe
  .skipIf(needsMount.areMissing)
  .each(VENDORS.flatMap((vendor) => (['writes', 'full'] as const).map((mode) => ({ vendor, mode }))))(
  `rclone mount --vfs-cache-mode $mode, vendor $vendor${needsMount.note}`,
  ({ vendor, mode }) => {
    it('writes, edits in place, renames, moves and deletes', async () => {
      const before = patterned(60_000);
      const files = { 'edit.jpg': before, 'from/a.jpg': 'a', 'from/deep/b.jpg': 'b', 'gone/c.jpg': 'c' };
      const folder = await WrittenFolder.start(files);
      await folder.expectToHold(files);
      const moves = { 'from/a.jpg': 'renamed ü.jpg', 'from/deep': 'moved', 'from/deep/b.jpg': 'moved/b.jpg' };
      const ids = ['edit.jpg', ...Object.keys(moves)].map((path) => folder.idOf(path));
      const film = patterned(20_000_000);
      const mounted = await (await rcloneOf(folder, vendor)).mount({ writes: mode });
      try {
        const on = (path: string) => join(mounted.path, 'media', path);
        await mkdir(on('Año 2026/a & b'), { recursive: true });
        await writeFile(on('Año 2026/a & b/100% #1.mp4'), film);
        await writeFile(on('new.jpg.part'), 'saved');
        await rename(on('new.jpg.part'), on('new.jpg'));
        await writeFile(on('dated.jpg'), 'dated');
        await utimes(on('dated.jpg'), 1_500_000_000, 1_500_000_000);
        const file = await open(on('edit.jpg'), 'r+');
        await file.write('PATCH', 30_000);
        await file.close();
        await appendFile(on('edit.jpg'), 'and more');
        await rename(on('from/a.jpg'), on('renamed ü.jpg'));
        await rename(on('from/deep'), on('moved'));
        await rmdir(on('from'));
        await rm(on('gone'), { recursive: true });
        const edited = Buffer.concat([before, Buffer.from('and more')]);
        edited.write('PATCH', 30_000);
        await folder.expectToHold({
          'Año 2026/a & b/100% #1.mp4': film,
          'dated.jpg': 'dated',
          'edit.jpg': edited,
          'moved/b.jpg': 'b',
          'new.jpg': 'saved',
          'renamed ü.jpg': 'a',
        });
        expect(['edit.jpg', ...Object.values(moves)].map((path) => folder.idOf(path))).toEqual(ids);
        const seconds = Math.floor((await stat(on('dated.jpg'))).mtimeMs / 1000);
        if (vendor === 'owncloud') {
          expect([await folder.modifiedSeconds('dated.jpg'), seconds]).toEqual([
            1_500_000_000, 1_500_000_000,
          ]);
        }
        expect(sha1Of(await readFile(on('Año 2026/a & b/100% #1.mp4')))).toBe(sha1Of(film));
        const made = ['100% #1.mp4', 'Año 2026', 'a & b', 'dated.jpg', 'moved', 'new.jpg', 'renamed ü.jpg'];
        const old = ['edit.jpg', 'from', 'a.jpg', 'deep', 'b.jpg', 'gone', 'c.jpg'];
        // Of the name it was first written under rclone may have told us, or not.
        expect(folder.toldBeside(...made, ...old, 'new.jpg.part')).toEqual([]);
      } finally {
        await mounted.unmount();
        await folder.stop();
      }
    });
  },
);
