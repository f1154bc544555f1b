import {
  appendFile,
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { patterned } from './dav-app.ts';
import { mountDavfs } from './davfs-mount.ts';
import { sha1Of, sha1OfFile } from './disk-listing.ts';
import type { Mounted } from './rclone.ts';
import { FUSE, lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';
import { WrittenFolder } from './written-folder.ts';

const needs = lookUp('mount.davfs', FUSE, MOUNT_RIGHTS);
const LARGE_BYTES = 100_000_000;

type Change = (media: string, folder: WrittenFolder) => Promise<void>;

/** Mounts, works below `media/`, and unmounts. What davfs2 has kept to itself is uploaded by then. */
async function whileMounted(
  folder: WrittenFolder,
  work: Change,
  options: { uploadDelaySeconds?: number; port?: '/' | '/dav' } = {},
): Promise<void> {
  const { port = '/', ...more } = options;
  const url = port === '/dav' ? `${folder.server.url}/dav` : folder.server.webdavUrl;
  const mounted: Mounted = await mountDavfs(url, { access: 'rw', ...more });
  try {
    await work(join(mounted.path, 'media'), folder);
  } finally {
    await mounted.unmount();
  }
}

async function withFolder(
  files: Readonly<Record<string, string | Buffer>>,
  work: (folder: WrittenFolder) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = await WrittenFolder.start(files, settings);
  try {
    await work(folder);
  } finally {
    await folder.stop();
  }
}

describe.skipIf(needs.areMissing).each([
  { when: 'at once', uploadDelaySeconds: 0, port: '/' },
  { when: 'when it is unmounted', uploadDelaySeconds: 600, port: '/dav' },
] as const)(`davfs2 with locks, uploading $when, at $port${needs.note}`, ({ uploadDelaySeconds, port }) => {
  const mounting = { uploadDelaySeconds, port };

  it('makes files and folders, and takes them away', async () => {
    await withFolder({ 'old.jpg': 'old', 'sub/other.jpg': 'other' }, async (folder) => {
      const photo = patterned(300_001);
      await whileMounted(
        folder,
        async (media) => {
          await mkdir(join(media, 'Año 2026/a & b'), { recursive: true });
          await mkdir(join(media, 'empty folder'));
          await mkdir(join(media, 'passing'));
          await rmdir(join(media, 'passing'));
          await writeFile(join(media, 'Año 2026/a & b/100% #1.jpg'), photo);
          await writeFile(join(media, 'empty.jpg'), '');
          await rm(join(media, 'old.jpg'));
          await rm(join(media, 'sub'), { recursive: true });
          expect(sha1Of(await readFile(join(media, 'Año 2026/a & b/100% #1.jpg')))).toBe(sha1Of(photo));
        },
        mounting,
      );
      const wanted = { 'Año 2026/a & b/100% #1.jpg': photo, 'empty folder': null, 'empty.jpg': '' };
      await folder.expectToHold(wanted);
      const made = ['100% #1.jpg', 'Año 2026', 'a & b', 'empty folder', 'empty.jpg', 'passing'];
      expect(folder.toldBeside(...made, 'old.jpg', 'other.jpg', 'sub')).toEqual([]);
    });
  });

  it('edits files in place: at their end, in the middle, shorter, and all of it', async () => {
    const before = patterned(50_000);
    const files = { 'append.jpg': before, 'patch.jpg': before, 'cut.jpg': before, 'whole.jpg': before };
    await withFolder(files, async (folder) => {
      await folder.expectToHold(files);
      const ids = Object.keys(files).map((path) => folder.idOf(path));
      await whileMounted(
        folder,
        async (media) => {
          await appendFile(join(media, 'append.jpg'), 'and more');
          const file = await open(join(media, 'patch.jpg'), 'r+');
          await file.write('PATCH', 20_000);
          await file.close();
          const cut = await open(join(media, 'cut.jpg'), 'r+');
          await cut.truncate(4097);
          await cut.close();
          await writeFile(join(media, 'whole.jpg'), 'all new');
        },
        mounting,
      );
      const patched = Buffer.from(before);
      patched.write('PATCH', 20_000);
      await folder.expectToHold({
        'append.jpg': Buffer.concat([before, Buffer.from('and more')]),
        'patch.jpg': patched,
        'cut.jpg': before.subarray(0, 4097),
        'whole.jpg': 'all new',
      });
      expect(Object.keys(files).map((path) => folder.idOf(path))).toEqual(ids);
      expect(folder.toldBeside(...Object.keys(files))).toEqual([]);
    });
  });

  it('renames and moves, and everything keeps its id and its time', async () => {
    const files = { 'a.jpg': 'a', 'b.jpg': 'b', 'from/c.jpg': 'c', 'from/deep/d.jpg': 'd', 'to/e.jpg': 'e' };
    await withFolder(files, async (folder) => {
      await folder.expectToHold(files);
      const moves = {
        'a.jpg': 'renamed ü.jpg',
        'b.jpg': 'to/b.jpg',
        'from/c.jpg': 'to/c2.jpg',
        'from/deep': 'to/deeper',
        'from/deep/d.jpg': 'to/deeper/d.jpg',
      };
      const ids = Object.keys(moves).map((path) => folder.idOf(path));
      const timeOfD = await folder.modifiedSeconds('from/deep/d.jpg');
      await whileMounted(
        folder,
        async (media) => {
          for (const path of ['a.jpg', 'b.jpg', 'from/c.jpg', 'from/deep'] as const) {
            await rename(join(media, path), join(media, moves[path]));
          }
        },
        mounting,
      );
      const wanted = { from: null, 'renamed ü.jpg': 'a', 'to/b.jpg': 'b', 'to/c2.jpg': 'c' };
      await folder.expectToHold({ ...wanted, 'to/deeper/d.jpg': 'd', 'to/e.jpg': 'e' });
      expect(Object.values(moves).map((path) => folder.idOf(path))).toEqual(ids);
      expect(await folder.modifiedSeconds('to/deeper/d.jpg')).toBe(timeOfD);
    });
  });

  it.each([
    { NAMES: 'windows', isStored: false },
    { NAMES: 'exact', isStored: true },
  ])(
    'loses nothing under names that Windows cannot store, with NAMES=$NAMES',
    async ({ NAMES, isStored }) => {
      const names = ['Trip 1: where?.jpg', '\u00e9 * "first".jpg', 'ends with dot.'];
      const written = new Map<string, string>();
      await withFolder(
        {},
        async (folder) => {
          await whileMounted(
            folder,
            async (media) => {
              for (const name of names) {
                // Whoever writes is told, or it is there in the end.
                const writing = writeFile(join(media, name), name);
                if (isStored) await writing;
                else await expect(writing, name).rejects.toThrow();
                if (isStored) written.set(name, name);
              }
              // Listed in composed letters, whatever the settings.
              await expect(writeFile(join(media, 'e\u0301.jpg'), 'decomposed')).rejects.toThrow();
              await mkdir(join(media, 'e\u0301'));
              await expect(writeFile(join(media, 'e\u0301/in.jpg'), 'in')).rejects.toThrow();
              await rmdir(join(folder.root, '\u00e9'));
              await writeFile(join(media, 'plain.jpg'), 'plain');
              const renaming = rename(join(media, 'plain.jpg'), join(media, 'odd?.jpg'));
              if (isStored) await renaming;
              // Uploaded by then, it is as good under another name.
              else await renaming.catch(() => undefined);
              const isThere = (await readdir(folder.root)).includes('odd?.jpg');
              written.set(isThere ? 'odd?.jpg' : 'plain.jpg', 'plain');
              await readdir(media);
            },
            mounting,
          );
          const stored = (await readdir(folder.root)).map(
            async (name) => [name, await readFile(join(folder.root, name), 'utf8')] as const,
          );
          expect(new Map(await Promise.all(stored))).toEqual(written);
        },
        { NAMES },
      );
    },
  );

  it('saves as editors do: beside the file, and then over it', async () => {
    await withFolder({ 'photo.jpg': 'before' }, async (folder) => {
      await whileMounted(
        folder,
        async (media) => {
          await writeFile(join(media, 'photo.jpg~'), 'after');
          await rename(join(media, 'photo.jpg~'), join(media, 'photo.jpg'));
          expect(await readFile(join(media, 'photo.jpg'), 'utf8')).toBe('after');
        },
        mounting,
      );
      await folder.expectToHold({ 'photo.jpg': 'after' });
      expect(folder.toldBeside('photo.jpg', 'photo.jpg~')).toEqual([]);
    });
  });
});

describe.skipIf(needs.areMissing)(`davfs2 with locks${needs.note}`, () => {
  it('writes a large file and reads it back, byte for byte', { timeout: 120_000 }, async () => {
    await withFolder({}, async (folder) => {
      const film = patterned(LARGE_BYTES);
      await whileMounted(folder, async (media) => await writeFile(join(media, 'film.mp4'), film));
      await folder.expectToHold({ 'film.mp4': film });
      expect(folder.toldBeside('film.mp4')).toEqual([]);
      await whileMounted(folder, async (media) => {
        expect(await sha1OfFile(join(media, 'film.mp4'))).toBe(sha1Of(film));
      });
    });
  });

  it('shows the time that a file has, and leaves it alone when it only makes it a program', async () => {
    await withFolder({ 'photo.jpg': 'a photo' }, async (folder) => {
      const time = await folder.modifiedSeconds('photo.jpg');
      await whileMounted(folder, async (media) => {
        await chmod(join(media, 'photo.jpg'), 0o755);
        expect(Math.floor((await stat(join(media, 'photo.jpg'))).mtimeMs / 1000)).toBe(time);
      });
      await folder.expectToHold({ 'photo.jpg': 'a photo' });
      expect(await folder.modifiedSeconds('photo.jpg')).toBe(time);
      await whileMounted(folder, async (media) => {
        const stats = await stat(join(media, 'photo.jpg'));
        expect(Math.floor(stats.mtimeMs / 1000)).toBe(time);
      });
    });
  });
});
