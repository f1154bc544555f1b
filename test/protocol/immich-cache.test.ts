import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asset } from '../fakes/immich/model.ts';
import { type FakeImmich, type RequestRecord, startFakeImmich } from '../fakes/immich/server.ts';
import { succeed } from './client-command.ts';
import { urlOf } from './dav-listing.ts';
import { sha1Of } from './disk-listing.ts';
import { SMALL_KEY, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { isMounted, Rclone } from './rclone.ts';
import { lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const MIB = 1024 ** 2;
const PATIENCE = { timeout: 120_000 };
const FILM_BYTES = 120 * MIB;
/** Names and sizes of what is in `immich/Album 1`, beside its small photos. */
const FILES: readonly (readonly [name: string, size: number])[] = [
  ['large 1.jpg', 3 * MIB + 17],
  ['large 2.jpg', 5 * MIB],
  ['large 3.jpg', MIB],
  ['film.mp4', FILM_BYTES],
];

interface CacheHealth {
  readonly maxBytes: number;
  readonly usedBytes: number;
  readonly servedBytes: number;
  readonly fetchedBytes: number;
  readonly failure: string | null;
}

/** An Immich server with large files, and mediadav in front of it. */
class Scene {
  readonly fake: FakeImmich;
  readonly dataDir: string;
  server: MediadavProcess;
  readonly #env: Record<string, string>;

  private constructor(
    fake: FakeImmich,
    dataDir: string,
    server: MediadavProcess,
    env: Record<string, string>,
  ) {
    this.fake = fake;
    this.dataDir = dataDir;
    this.server = server;
    this.#env = env;
  }

  static async set(env: Record<string, string> = {}, prepare?: (dataDir: string) => Promise<unknown>) {
    const { library, albums } = smallLibrary(1, 3);
    for (const [at, [name, size]] of FILES.entries()) {
      const owner = albums[0].ownerId;
      library.addToAlbum(albums[0], library.addAsset({ owner, name, content: { size, seed: at + 1 } }));
    }
    const fake = await startFakeImmich({ version: '3.1.0', library });
    const dataDir = await mkdtemp(join(work, 'data-'));
    await prepare?.(dataDir);
    const all = {
      ...{ IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY, FLATTEN_ASSET_STRUCTURE: 'true' },
      ...env,
    };
    const server = await startProcess({ env: all, dataDir });
    const scene = new Scene(fake, dataDir, server, all);
    scenes.add(scene);
    return scene;
  }

  async startAgain(env: Record<string, string> = {}): Promise<void> {
    this.server = await startProcess({ env: { ...this.#env, ...env }, dataDir: this.dataDir });
  }

  async end(): Promise<void> {
    scenes.delete(this);
    await this.server.kill();
    await this.fake.close();
  }

  url(name: string): string {
    return urlOf(this.server.webdavUrl, `immich/Album 1/${name}`);
  }

  asset(name: string): Asset {
    const found = [...this.fake.library.assets.values()].find((each) => each.originalFileName === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** Downloads of the file from Immich so far. */
  downloads(name: string): RequestRecord[] {
    const path = `/api/assets/${this.asset(name).id}/original`;
    return this.fake.requests.filter((each) => each.method === 'GET' && each.path.startsWith(path));
  }

  async cache(): Promise<CacheHealth> {
    const health = (await (await fetch(`${this.server.url}/api/health`)).json()) as { cache: CacheHealth };
    return health.cache;
  }

  /** Until all of it is on the disk. */
  async kept(bytes: number): Promise<void> {
    await until(async () => (await this.cache()).usedBytes === bytes);
  }

  async expectRight(name: string): Promise<void> {
    const answer = await fetch(this.url(name));
    expect(answer.status).toBe(200);
    expect(sha1Of(Buffer.from(await answer.arrayBuffer()))).toBe(
      this.asset(name).content.sha1().toString('hex'),
    );
  }

  /** Plays the film from a place on as a player does: asks for all the rest, and leaves when it has seen enough. */
  async play(start: number, bytes: number): Promise<void> {
    const { content } = this.asset('film.mp4');
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { range: `bytes=${start}-` };
      httpGet(this.url('film.mp4'), { headers, agent: false }, resolve).on('error', reject);
    });
    expect(answer.statusCode).toBe(206);
    let at = start;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      expect(chunk.equals(content.bytes(at, at + chunk.length))).toBe(true);
      at += chunk.length;
      if (at >= start + bytes) break;
    }
    answer.destroy();
  }
}

let work = '';
const scenes = new Set<Scene>();
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-immich-cache-'));
});
afterAll(async () => {
  for (const scene of scenes) await scene.end();
  await rm(work, { recursive: true, force: true });
});

const needs = lookUp('rclone', 'curl');

describe('what was read once from Immich', PATIENCE, () => {
  it('is read from the disk the next time, also over a restart and while Immich is away', async () => {
    const scene = await Scene.set();
    for (const name of ['large 1.jpg', 'photo 1-1.jpg']) {
      await scene.expectRight(name);
      await scene.expectRight(name);
      expect(scene.downloads(name)).toHaveLength(1);
    }
    await scene.server.stop();
    await scene.startAgain();
    await scene.fake.stop();
    for (const name of ['large 1.jpg', 'photo 1-1.jpg']) await scene.expectRight(name);
    const part = await fetch(scene.url('large 1.jpg'), { headers: { range: 'bytes=2000000-2000009' } });
    expect(part.status).toBe(206);
    const expected = scene.asset('large 1.jpg').content.bytes(2_000_000, 2_000_010);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(expected);
    expect((await fetch(scene.url('large 2.jpg'))).status).toBe(503);
    await scene.end();
  });

  it('is known by all digests, also when it was read in parts', async () => {
    const scene = await Scene.set();
    for (const start of [4, 2, 0, 1, 3]) {
      const headers = { range: `bytes=${start * MIB}-${start * MIB + 9}` };
      await (await fetch(scene.url('large 2.jpg'), { headers })).arrayBuffer();
    }
    const sha1 = scene.asset('large 2.jpg').content.sha1().toString('hex');
    await until(async () => {
      const list = (await (await fetch(`${scene.server.url}/list?hash=sha1`)).json()) as Record<
        string,
        { md5: string | null }
      >;
      return list[sha1]?.md5 != null;
    });
    expect(scene.downloads('large 2.jpg').reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBe(5 * MIB);
    await scene.end();
  });

  it('is another thing than its rendition', async () => {
    const scene = await Scene.set();
    const name = 'large 3.jpg';
    scene.fake.library.updateAsset(scene.asset(name).id, { width: 10, height: 10 });
    await scene.expectRight(name);
    await scene.server.stop();
    await scene.startAgain({ IMMICH_RENDITION: 'preview' });
    const preview = Buffer.from(await (await fetch(scene.url(name))).arrayBuffer());
    expect(preview.subarray(0, 2).toString('hex')).toBe('ffd8');
    await scene.server.stop();
    await scene.startAgain();
    await scene.expectRight(name);
    expect(scene.downloads(name)).toHaveLength(1);
    await scene.end();
  });
});

describe.skipIf(needs.areMissing)(`clients while Immich is away${needs.note}`, PATIENCE, () => {
  it('rclone and curl open what was read before', async () => {
    const scene = await Scene.set();
    const [before, after] = [join(work, 'before'), join(work, 'after')];
    const only = ['--include', '*.jpg'];
    await (await Rclone.at(scene.server.webdavUrl, { flags: only })).copy('immich', before);
    await scene.fake.stop();
    await (await Rclone.at(scene.server.webdavUrl, { flags: only })).copy('immich', after);
    const names = (await readdir(join(after, 'Album 1'))).sort();
    expect(names).toEqual([
      'large 1.jpg',
      'large 2.jpg',
      'large 3.jpg',
      ...[1, 2, 3].map((n) => `photo 1-${n}.jpg`),
    ]);
    for (const name of names) {
      const sha1 = scene.asset(name).content.sha1().toString('hex');
      expect(sha1Of(await readFile(join(after, 'Album 1', name)))).toBe(sha1);
    }
    const curled = join(work, 'curled.jpg');
    await succeed('curl', ['--silent', '--fail', '--output', curled, scene.url('large 1.jpg')]);
    expect(sha1Of(await readFile(curled))).toBe(scene.asset('large 1.jpg').content.sha1().toString('hex'));
    await scene.end();
  });
});

describe('requests to Immich', PATIENCE, () => {
  it('are shared by all who read the same at once', async () => {
    const scene = await Scene.set();
    scene.fake.faults.add({ match: '/original', kind: 'delay', ms: 1_000, times: 1 });
    await Promise.all(Array.from({ length: 20 }, () => scene.expectRight('large 2.jpg')));
    expect(scene.downloads('large 2.jpg')).toMatchObject([{ bytesSent: 5 * MIB }]);
    await scene.end();
  });

  it('are for what is played of a film, and end with the player', async () => {
    const scene = await Scene.set();
    const places = [0, 100 * MIB, 50 * MIB];
    // Twice the first request, which is what sockets may take in before the player has seen it.
    const nearBytes = 12 * MIB;
    for (const start of places) await scene.play(start + 123, MIB);
    await until(() => scene.fake.openStreams === 0);
    const downloads = scene.downloads('film.mp4');
    const ranges = downloads.map(({ range = '' }) => /^bytes=(\d+)-(\d+)$/.exec(range)?.slice(1).map(Number));
    for (const [start = -1, end = Number.POSITIVE_INFINITY] of ranges.map((range) => range ?? [])) {
      expect(places.some((place) => start >= place && end < place + nearBytes)).toBe(true);
    }
    expect(ranges).toEqual(expect.arrayContaining(places.map((place) => [place, place + 4 * MIB - 1])));
    const sentBytes = downloads.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    expect(sentBytes).toBeLessThanOrEqual(places.length * nearBytes);

    // What was seen is there, and is not asked for again.
    await scene.kept((await scene.cache()).fetchedBytes);
    const before = downloads.length;
    for (const start of places) await scene.play(start, MIB);
    const again = scene.downloads('film.mp4').slice(before);
    expect(again.filter(({ range }) => places.some((place) => range?.startsWith(`bytes=${place}-`)))).toEqual(
      [],
    );
    await scene.end();
  });

  it('that nobody waits for any more end: a download of which the client has gone', async () => {
    const scene = await Scene.set();
    const leaving = new AbortController();
    const answer = await fetch(scene.url('film.mp4'), { signal: leaving.signal });
    await answer.body?.getReader().read();
    expect(scene.fake.openStreams).toBe(1);
    leaving.abort();
    await until(() => scene.fake.openStreams === 0);
    expect(scene.downloads('film.mp4')[0]?.bytesSent).toBeLessThan(FILM_BYTES / 2);
    await scene.end();
  });

  it('that are cut short give nobody wrong bytes, and are not kept', async () => {
    const scene = await Scene.set();
    scene.fake.faults.add({ match: '/original', kind: 'cut', bytes: 2.5 * MIB, times: 1 });
    const answer = await fetch(scene.url('large 2.jpg'));
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await scene.expectRight('large 2.jpg');
    await scene.fake.stop();
    await scene.expectRight('large 2.jpg');
    await scene.end();
  });
});

describe('the folder of the cache', PATIENCE, () => {
  const contents = async ({ dataDir }: Scene) => {
    const folder = join(dataDir, 'cache', 'contents');
    return (await readdir(folder)).map((name) => join(folder, name));
  };

  it('stays below its limit, and holds what was read last', async () => {
    const scene = await Scene.set({ CACHE_MAX_BYTES: '6MiB' });
    for (const name of ['large 1.jpg', 'large 2.jpg', 'film.mp4']) await scene.expectRight(name);
    expect((await scene.cache()).usedBytes).toBeLessThanOrEqual(6 * MIB);
    await scene.expectRight('large 3.jpg');
    await until(async () => {
      const sizes = await Promise.all(
        (await contents(scene)).map(async (path) => (await stat(path)).blocks * 512),
      );
      return sizes.reduce((sum, bytes) => sum + bytes, 0) <= 6 * MIB + 64 * 1024;
    });
    await scene.fake.stop();
    await scene.expectRight('large 3.jpg');
    await scene.end();
  });

  it('with a changed byte: that part is fetched anew and nobody gets it', async () => {
    const scene = await Scene.set();
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
    const scene = await Scene.set({}, (dataDir) => writeFile(join(dataDir, 'cache'), 'no folder'));
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
    const scene = await Scene.set({ CACHE_MAX_BYTES: 'off' });
    await scene.expectRight('large 1.jpg');
    await scene.expectRight('large 1.jpg');
    expect(scene.downloads('large 1.jpg')).toHaveLength(2);
    expect(await scene.cache()).toBeNull();
    expect(await readdir(scene.dataDir)).not.toContain('cache');
    await scene.end();
  });

  it('never holds what is in a local folder', async () => {
    const folder = await mkdtemp(join(work, 'photos-'));
    await writeFile(join(folder, 'mine.jpg'), Buffer.alloc(2 * MIB, 'local'));
    const scene = await Scene.set({ LOCAL_PATHS: `photos=${folder}` });
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
    const scene = await Scene.set({}, async (dataDir) => {
      cacheDir = join(dataDir, 'cache');
      await mkdir(cacheDir);
      await succeed('mount', ['-t', 'tmpfs', '-o', `size=${4 * MIB}`, 'mediadav-test', cacheDir]);
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

describe('a process that is killed while it reads from Immich', { timeout: 300_000 }, () => {
  it('has kept nothing that is wrong, however often it happens', async () => {
    const scene = await Scene.set();
    const names = ['large 1.jpg', 'large 2.jpg', 'large 3.jpg', 'film.mp4', 'photo 1-1.jpg'];
    for (let round = 0; round < 12; round++) {
      if (round > 0) await scene.startAgain();
      const reading = names.map((name) =>
        fetch(scene.url(name), { headers: round % 3 === 2 ? { range: `bytes=${round * 1_000}-` } : {} })
          .then((answer) => answer.arrayBuffer())
          .catch(() => null),
      );
      // By what was kept and not by the clock: later and later, the first time before anything was.
      const enough = (await scene.cache()).usedBytes + round * MIB;
      let isOver = false;
      void Promise.all(reading).then(() => {
        isOver = true;
      });
      while (!isOver && (await scene.cache()).usedBytes < enough) await sleep(1);
      await scene.server.kill();
      await Promise.all(reading);
    }
    await scene.startAgain();
    const before = (await scene.cache()).usedBytes;
    expect(before).toBeGreaterThan(0);
    for (const name of names) await scene.expectRight(name);
    const total = names.reduce((sum, name) => sum + scene.asset(name).content.size, 0);
    await scene.kept(total);
    expect((await scene.cache()).fetchedBytes).toBeLessThanOrEqual(total - before);
    await scene.fake.stop();
    for (const name of names) await scene.expectRight(name);
    expect(scene.server.log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(scene.server.log.filter(({ message }) => /damaged|other bytes/.test(String(message)))).toEqual([]);
    await scene.end();
  });
});
