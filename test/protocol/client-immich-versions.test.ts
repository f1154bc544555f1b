import { appendFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { patterned } from './dav-app.ts';
import { mountDavfs } from './davfs-mount.ts';
import { sha1Of } from './disk-listing.ts';
import { ImmichWriteApp } from './immich-write-app.ts';
import { Rclone } from './rclone.ts';
import { FUSE, lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

/** What real clients write arrives in every version of Immich, wherever albums are shown. */

const needs = lookUp('rclone');
const needsMount = lookUp('mount.davfs', FUSE, MOUNT_RIGHTS);
const photo = (text: string) => makeJpeg(64, 48, [20, 160, 90], text);
const LARGE_BYTES = 12_000_000;

const LAYOUTS = [
  { env: {}, below: '' },
  { env: { IMMICH_VIEWS: 'albums,timeline' }, below: 'albums/' },
];

describe.each(VERSIONS.flatMap((version) => LAYOUTS.map((layout) => ({ version, ...layout }))))(
  'Immich $version, albums in "/$below"',
  { timeout: 60_000 },
  ({ version, env, below }) => {
    let on: ImmichWriteApp;
    let local = '';

    beforeAll(async () => {
      on = await ImmichWriteApp.start({ version, env });
      local = await mkdtemp(join(tmpdir(), 'mediadav-immich-versions-'));
    });
    afterAll(async () => {
      await on.stop();
      await rm(local, { recursive: true });
    });

    /** Names in the album and their bytes, in Immich and for clients, before and after a refresh. */
    async function expectAlbum(album: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
      const { library } = on.fake;
      const held = [...on.album(album).assetIds].map((id) => library.asset(id));
      const shas = held
        .filter(({ deletedAt }) => deletedAt === null)
        .map((each) => sha1Of(each.content.bytes()));
      expect(shas.sort()).toEqual(Object.values(files).map(sha1Of).sort());
      for (const round of ['at once', 'after a refresh']) {
        expect(await on.names(`${below}${album}`), round).toEqual(Object.keys(files).sort());
        for (const [name, bytes] of Object.entries(files)) {
          expect((await on.get(`${below}${album}/${name}`)).equals(bytes), `${name} ${round}`).toBe(true);
        }
        await on.rescan();
      }
    }

    it.skipIf(needs.areMissing)(`rclone copies, syncs, moves and deletes${needs.note}`, async () => {
      const rclone = await Rclone.at(on.app.webdavUrl ?? '', { flags: ['--stats', '0', '-v'] });
      const remote = `:webdav:immich/${below}`;
      const run = async (command: string, ...paths: string[]) => {
        const { code, stderr } = await rclone.run(command, paths);
        expect([command, code, stderr]).toEqual([command, 0, expect.anything()]);
        return stderr;
      };
      await mkdir(join(local, 'Trip'));
      const at = (name: string) => join(local, 'Trip', name);
      for (const name of ['a.jpg', 'Año & b #1.jpg']) await writeFile(at(name), photo(name));
      await run('copy', local, remote);
      await expectAlbum('Trip', { 'a.jpg': photo('a.jpg'), 'Año & b #1.jpg': photo('Año & b #1.jpg') });
      await rm(at('a.jpg'));
      await writeFile(at('Año & b #1.jpg'), photo('longer than it was before'));
      await writeFile(at('c.jpg'), photo('c'));
      await run('sync', at(''), `${remote}Trip`);
      const synced = { 'Año & b #1.jpg': photo('longer than it was before'), 'c.jpg': photo('c') };
      await expectAlbum('Trip', synced);
      expect(on.asset('Año & b #1.jpg').deletedAt).not.toBeNull();
      expect(await run('sync', at(''), `${remote}Trip`)).not.toContain('Copied');
      await run('moveto', `${remote}Trip/c.jpg`, `${remote}Album 1/moved.jpg`);
      expect(on.inImmich('Album 1')).toEqual(['c.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
      await run('moveto', `${remote}Trip`, `${remote}Journey`);
      await expectAlbum('Journey', { 'Año & b #1.jpg': synced['Año & b #1.jpg'] });
      await run('deletefile', `${remote}Album 1/moved.jpg`);
      expect(on.inImmich('Album 1')).toEqual(['photo 1-1.jpg', 'photo 1-2.jpg']);
      await run('purge', `${remote}Journey`);
      expect(await on.names(below.slice(0, -1))).not.toContain('Journey');
    });

    it.skipIf(needsMount.areMissing)(
      `davfs2 saves, edits, renames and removes${needsMount.note}`,
      async () => {
        const film = patterned(LARGE_BYTES);
        const edited = Buffer.concat([await on.get(`${below}Album 2/photo 2-1.jpg`), Buffer.from('edited')]);
        const other = await on.get(`${below}Album 2/photo 2-2.jpg`);
        const mounted = await mountDavfs(on.app.webdavUrl ?? '', { access: 'rw', uploadDelaySeconds: 0 });
        try {
          const album = join(mounted.path, 'immich', below, 'Album 2');
          const made = join(mounted.path, 'immich', below, 'By hand');
          await mkdir(made);
          await writeFile(join(made, 'film.mp4'), film);
          await writeFile(join(made, 'gone.jpg'), photo('gone'));
          await appendFile(join(album, 'photo 2-1.jpg'), 'edited');
          await writeFile(join(made, 'saved.jpg'), photo('saved'));
          await writeFile(join(made, 'saving.jpg'), photo('saved better'));
          await rename(join(made, 'saving.jpg'), join(made, 'saved.jpg'));
          await rename(join(album, 'photo 2-2.jpg'), join(made, 'renamed.jpg'));
          await rm(join(made, 'gone.jpg'));
          expect(sha1Of(await readFile(join(made, 'film.mp4')))).toBe(sha1Of(film));
        } finally {
          await mounted.unmount();
        }
        await expectAlbum('Album 2', { 'photo 2-1.jpg': edited });
        await expectAlbum('By hand', {
          'film.mp4': film,
          'renamed.jpg': other,
          'saved.jpg': photo('saved better'),
        });
      },
    );
  },
);
