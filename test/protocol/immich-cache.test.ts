import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { CacheScene, FILM_BYTES, MIB, workFolder } from './cache-scene.ts';
import { succeed } from './client-command.ts';
import { sha1Of } from './disk-listing.ts';
import { until } from './mediadav-process.ts';
import { Rclone } from './rclone.ts';
import { lookUp } from './tool-lookup.ts';

const PATIENCE = { timeout: 120_000 };
const needs = lookUp('rclone', 'curl');

describe.each(VERSIONS)('what was read once from Immich %s', PATIENCE, (version) => {
  it('is read from the disk the next time, also over a restart and while Immich is away', async () => {
    const scene = await CacheScene.set(version);
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
    const scene = await CacheScene.set(version);
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
    const scene = await CacheScene.set(version);
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
    const scene = await CacheScene.set('3.1.0');
    const [before, after] = [join(workFolder(), 'before'), join(workFolder(), 'after')];
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
    const curled = join(workFolder(), 'curled.jpg');
    await succeed('curl', ['--silent', '--fail', '--output', curled, scene.url('large 1.jpg')]);
    expect(sha1Of(await readFile(curled))).toBe(scene.asset('large 1.jpg').content.sha1().toString('hex'));
    await scene.end();
  });
});

describe.each(VERSIONS)('requests to Immich %s', PATIENCE, (version) => {
  it('are shared by all who read the same at once', async () => {
    const scene = await CacheScene.set(version);
    scene.fake.faults.add({ match: '/original', kind: 'delay', ms: 1_000, times: 1 });
    await Promise.all(Array.from({ length: 20 }, () => scene.expectRight('large 2.jpg')));
    expect(scene.downloads('large 2.jpg')).toMatchObject([{ bytesSent: 5 * MIB }]);
    await scene.end();
  });

  it('are for what is played of a film, and end with the player', async () => {
    const scene = await CacheScene.set(version);
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
    const scene = await CacheScene.set(version);
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
    const scene = await CacheScene.set(version);
    scene.fake.faults.add({ match: '/original', kind: 'cut', bytes: 2.5 * MIB, times: 1 });
    const answer = await fetch(scene.url('large 2.jpg'));
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await scene.expectRight('large 2.jpg');
    await scene.fake.stop();
    await scene.expectRight('large 2.jpg');
    await scene.end();
  });
});

/** Often on one of them; what differs between the others is how they are asked for bytes. */
const ROUNDS = VERSIONS.map((version) => ({ version, rounds: version === '3.1.0' ? 12 : 4 }));

describe('a process that is killed while it reads from Immich', { timeout: 300_000 }, () => {
  it.each(ROUNDS)(
    '$version has kept nothing that is wrong, however often it happens',
    async ({ version, rounds }) => {
      const scene = await CacheScene.set(version);
      const names = ['large 1.jpg', 'large 2.jpg', 'large 3.jpg', 'film.mp4', 'photo 1-1.jpg'];
      for (let round = 0; round < rounds; round++) {
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
      expect(scene.server.log.filter(({ message }) => /damaged|other bytes/.test(String(message)))).toEqual(
        [],
      );
      await scene.end();
    },
  );
});
