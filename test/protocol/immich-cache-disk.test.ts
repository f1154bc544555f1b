import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CacheScene, MIB, workFolder } from './cache-scene.ts';
import { succeed } from './client-command.ts';
import { urlOf } from './dav-listing.ts';
import { until } from './mediadav-process.ts';
import { isMounted } from './rclone.ts';
import { lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

/** What lies on the disk is the same for each version. */
const VERSION = '3.1.0';
const PATIENCE = { timeout: 120_000 };

describe('the folder of the cache', PATIENCE, () => {
  const contents = async ({ dataDir }: CacheScene) => {
    const folder = join(dataDir, 'cache', 'contents');
    return (await readdir(folder)).map((name) => join(folder, name));
  };

  it('stays below its limit, and holds what was read last', async () => {
    const scene = await CacheScene.set(VERSION, { env: { CACHE_MAX_BYTES: '6MiB' } });
    for (const name of ['large 1.jpg', 'large 2.jpg', 'film.mp4']) await scene.expectRight(name);
    expect((await scene.cache()).usedBytes).toBeLessThanOrEqual(6 * MIB);
    await scene.expectRight('large 3.jpg');
    await until(async () => {
      const sizes = await Promise.all(
        (await contents(scene)).map((path) =>
          // What was removed after it was listed takes no room.
          stat(path).then(
            ({ blocks }) => blocks * 512,
            () => 0,
          ),
        ),
      );
      return sizes.reduce((sum, bytes) => sum + bytes, 0) <= 6 * MIB + 64 * 1024;
    });
    await scene.fake.stop();
    await scene.expectRight('large 3.jpg');
    await scene.end();
  });

  it('with a changed byte: that part is fetched anew and nobody gets it', async () => {
    const scene = await CacheScene.set(VERSION);
    await scene.expectRight('large 2.jpg');
    await scene.kept(5 * MIB);
    const [path = ''] = await contents(scene);
    const file = await open(path, 'r+');
    await file.write(Buffer.from('rot'), 0, 3, 3 * MIB + 1_000);
    await file.close();
    await scene.expectRight('large 2.jpg');
    expect(scene.downloads('large 2.jpg')[1]).toMatchObject({ range: `bytes=${3 * MIB}-${4 * MIB - 1}` });
    await scene.kept(5 * MIB);
    await scene.expectRight('large 2.jpg');
    expect(scene.downloads('large 2.jpg')).toHaveLength(2);
    await scene.end();
  });

  it('that is none: everything is served without it, and the log says why', async () => {
    const scene = await CacheScene.set(VERSION, {
      prepare: (dataDir) => writeFile(join(dataDir, 'cache'), 'no folder'),
    });
    for (let times = 1; times <= 2; times++) {
      await scene.expectRight('large 1.jpg');
      expect(scene.downloads('large 1.jpg')).toHaveLength(times);
    }
    expect(await scene.cache()).toBeNull();
    expect(scene.server.log.filter(({ message }) => String(message).includes('cache'))).toMatchObject([
      { level: 'warn', message: expect.stringContaining('so it is off') },
    ]);
    await scene.end();
  });

  it('is not made when the cache is off', async () => {
    const scene = await CacheScene.set(VERSION, { env: { CACHE_MAX_BYTES: 'off' } });
    await scene.expectRight('large 1.jpg');
    await scene.expectRight('large 1.jpg');
    expect(scene.downloads('large 1.jpg')).toHaveLength(2);
    expect(await scene.cache()).toBeNull();
    expect(await readdir(scene.dataDir)).not.toContain('cache');
    await scene.end();
  });

  it('is trimmed at the start to a limit that is lower than before, oldest first, and removed when it is off', async () => {
    const scene = await CacheScene.set(VERSION);
    for (const name of ['large 1.jpg', 'large 2.jpg', 'large 3.jpg']) {
      await scene.expectRight(name);
      // One after the other is on the disk, so that it is clear which was used last.
      await until(async () => (await scene.cache()).usedBytes === (await scene.cache()).fetchedBytes);
    }
    await scene.server.stop();
    await scene.startAgain({ CACHE_MAX_BYTES: '6MiB' });
    expect((await scene.cache()).usedBytes).toBe(6 * MIB);
    await scene.fake.stop();
    for (const name of ['large 2.jpg', 'large 3.jpg']) await scene.expectRight(name);
    expect((await fetch(scene.url('large 1.jpg'))).status).toBe(503);
    await scene.server.stop();
    await scene.fake.start();
    await writeFile(join(scene.dataDir, 'cache', 'of somebody else.txt'), 'stays');
    await scene.startAgain({ CACHE_MAX_BYTES: 'off' });
    await until(async () => (await readdir(join(scene.dataDir, 'cache'))).length === 1);
    await scene.expectRight('large 2.jpg');
    await scene.server.stop();
    await rm(join(scene.dataDir, 'cache', 'of somebody else.txt'));
    await scene.startAgain({ CACHE_MAX_BYTES: '100MiB' });
    await scene.expectRight('large 2.jpg');
    expect((await scene.cache()).usedBytes).toBe(5 * MIB);
    await scene.server.stop();
    await scene.startAgain({ CACHE_MAX_BYTES: 'off' });
    await until(async () => !(await readdir(scene.dataDir)).includes('cache'));
    await scene.end();
  });

  it('never holds what is in a local folder', async () => {
    const folder = await mkdtemp(join(workFolder(), 'photos-'));
    await writeFile(join(folder, 'mine.jpg'), Buffer.alloc(2 * MIB, 'local'));
    const scene = await CacheScene.set(VERSION, { env: { LOCAL_PATHS: `photos=${folder}` } });
    const answer = await fetch(urlOf(scene.server.webdavUrl, 'photos/mine.jpg'));
    expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.alloc(2 * MIB, 'local'))).toBe(true);
    await scene.expectRight('photo 1-1.jpg');
    await scene.kept(scene.asset('photo 1-1.jpg').content.size);
    await scene.end();
  });
});

const mounting = lookUp(MOUNT_RIGHTS);

describe.skipIf(mounting.areMissing)(`a full disk under the cache${mounting.note}`, PATIENCE, () => {
  it('is told once, and everything is served', async () => {
    let cacheDir = '';
    const scene = await CacheScene.set(VERSION, {
      prepare: async (dataDir) => {
        cacheDir = join(dataDir, 'cache');
        await mkdir(cacheDir);
        await succeed('mount', ['-t', 'tmpfs', '-o', `size=${4 * MIB}`, 'mediadav-test', cacheDir]);
      },
    });
    try {
      await scene.expectRight('photo 1-1.jpg');
      for (const name of ['large 1.jpg', 'large 2.jpg', 'film.mp4', 'large 1.jpg'])
        await scene.expectRight(name);
      const told = scene.server.log.filter(({ message }) =>
        String(message).includes('cache of remote bytes'),
      );
      expect(told).toMatchObject([{ level: 'warn', reason: expect.stringContaining('no space left') }]);
      expect((await scene.cache()).failure).toContain('no space left');
      await scene.fake.stop();
      await scene.expectRight('photo 1-1.jpg');
    } finally {
      await scene.end();
      if (await isMounted(cacheDir)) await succeed('umount', ['--lazy', cacheDir]);
    }
  });
});
