import { rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { SMALL_KEY } from './immich-small-library.ts';
import { ImmichWriteApp } from './immich-write-app.ts';
import { expectHealed, expectKept, requestsOf, WORKS, WorkPlace } from './immich-write-work.ts';

/** What becomes of writes while Immich is changed, or cannot be reached, in the middle of them. */

// Waits that a server asks for are kept all the same.
vi.mock(import('p-retry'), async (load) => {
  const real = await load();
  const retry: typeof real.default = (work, options) =>
    real.default(work, { ...options, minTimeout: 5, maxTimeout: 10 });
  return { ...real, default: retry };
});

const UPLOAD = /^POST \/api\/assets$/;

let on: ImmichWriteApp;
let serial = 0;
afterEach(() => on.stop());

async function newPlace(): Promise<WorkPlace> {
  serial += 1;
  return await WorkPlace.make(on, serial);
}

/** How often Immich was asked for this. */
function countOf(kind: RegExp): number {
  return on.fake.requests.filter(({ method, path }) => kind.test(`${method} ${path}`)).length;
}

/** Something happens in the moment in which Immich is asked for this. */
function when(kind: RegExp, happens: () => void): void {
  const match = ({ method, url }: IncomingMessage) => {
    if (kind.test(`${method} ${url}`)) happens();
    return false;
  };
  on.fake.faults.add({ match, kind: 'reset' });
}

describe('an upload', () => {
  it('waits as long as Immich asks for, if that is not long', async () => {
    on = await ImmichWriteApp.start({ isProxied: true });
    on.proxy.misbehave({ kind: 'status', status: 429, retryAfter: '1' }, UPLOAD, 1);
    const at = await newPlace();
    const { status } = await on.send('PUT', `${at.album}/new.jpg`, { body: at.photo('new.jpg') });
    expect([status, countOf(UPLOAD)]).toEqual([201, 1]);
  });

  it('is sent once, also when nobody hears that it has come', async () => {
    on = await ImmichWriteApp.start({ isProxied: true });
    on.proxy.misbehave({ kind: 'reset', afterBytes: 0 }, UPLOAD);
    const at = await newPlace();
    const { status } = await on.send('PUT', `${at.album}/new.jpg`, { body: at.photo('new.jpg') });
    expect([status, countOf(UPLOAD)]).toEqual([201, 1]);
  });

  it.each(VERSIONS)('that nobody heard of goes to the trash when it is refused (%s)', async (version) => {
    on = await ImmichWriteApp.start({ isProxied: true, version });
    on.proxy.misbehave({ kind: 'reset', afterBytes: 0 }, UPLOAD, 1);
    const at = await newPlace();
    on.fake.library.deleteAlbum(on.album(at.album));
    const { status } = await on.send('PUT', `${at.album}/new.jpg`, { body: at.photo('new.jpg') });
    expect([status, at.isTrashed('new.jpg')]).toEqual([503, true]);
  });

  it('of what a phone has sent in the same moment leaves that alone when it is refused', async () => {
    on = await ImmichWriteApp.start({ isProxied: true });
    const at = await newPlace();
    const { library } = on.fake;
    const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
    const content = at.photo('new.jpg');
    when(UPLOAD, () => library.addAsset({ owner, name: 'from a phone.jpg', content }));
    on.proxy.misbehave({ kind: 'reset', afterBytes: 0 }, UPLOAD, 1);
    library.deleteAlbum(on.album(at.album));
    expect((await on.send('PUT', `${at.album}/new.jpg`, { body: content })).status).toBe(503);
    expect(at.isTrashed('new.jpg')).toBe(false);
  });

  it.each(VERSIONS)(
    'of what a phone sends under the same name and time leaves that alone, too (%s)',
    async (version) => {
      on = await ImmichWriteApp.start({ isProxied: true, version });
      const at = await newPlace();
      const { library } = on.fake;
      const owner = library.keys.get(SMALL_KEY)?.userId ?? '';
      const content = at.photo('new.jpg');
      const time = 1_700_000_000_000;
      const ofPhone = { owner, name: 'new.jpg', content, fileModifiedAt: time, deviceAssetId: 'new.jpg-1' };
      when(UPLOAD, () => library.addAsset(ofPhone));
      on.proxy.misbehave({ kind: 'reset', afterBytes: 0 }, UPLOAD, 1);
      library.deleteAlbum(on.album(at.album));
      const headers = { 'X-OC-Mtime': String(time / 1000) };
      const { status } = await on.send('PUT', `${at.album}/new.jpg`, { body: content, headers });
      expect([status, at.isTrashed('new.jpg')]).toEqual([503, false]);
    },
  );

  it('of a photo that another client throws away meanwhile brings it back', async () => {
    on = await ImmichWriteApp.start();
    const at = await newPlace();
    const bytes = at.photo('two.jpg');
    let overwriting: Promise<number> | null = null;
    // Immich has said that it has the bytes, and before they are put into the album they are replaced in the other one.
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    on.fake.faults.add({ match: /POST .*bulk-upload-check/, kind: 'late', until: released, times: 1 });
    const placing = on.put(`${at.other}/two.jpg`, bytes);
    await vi.waitUntil(() => countOf(/bulk-upload-check/) === 1);
    overwriting = on.put(`${at.album}/two.jpg`, at.photo('new.jpg'));
    expect(await overwriting).toBe(204);
    expect(at.isTrashed('two.jpg')).toBe(true);
    release();
    expect(await placing).toBe(201);
    expect(at.isTrashed('two.jpg')).toBe(false);
    expect((await on.get(`${at.other}/two.jpg`)).equals(bytes)).toBe(true);
  });
});

it.each([/media-types/, /api-keys\/me/])('what it asks first (%s) is not answered: 503', async (request) => {
  on = await ImmichWriteApp.start({ isProxied: true });
  on.proxy.misbehave({ kind: 'status', status: 500 }, request);
  for (const work of WORKS.filter(({ name }) => name.startsWith('PUT'))) {
    const at = await newPlace();
    const answer = await work.run(at);
    expect(answer.status).toBe(503);
    await expectKept(work, at, answer);
  }
});

it('an album that nobody heard of is not made twice', async () => {
  on = await ImmichWriteApp.start({ isProxied: true });
  on.proxy.misbehave({ kind: 'reset', afterBytes: 0 }, /^POST \/api\/albums$/, 1);
  // All that looks for it fails as well.
  on.fake.faults.add({ match: /^GET \/api\/albums/, kind: 'status', status: 500, times: 5 });
  expect((await on.send('MKCOL', 'Made')).status).toBe(503);
  expect([201, 405]).toContain((await on.send('MKCOL', 'Made')).status);
  await on.rescan();
  expect(await on.names()).toEqual(['Album 1', 'Album 2', 'Made']);
});

describe('at every request of every write', () => {
  it('the key is revoked: 503, nothing is lost, and it works again when it is back', async () => {
    for (const work of WORKS) {
      on = await ImmichWriteApp.start(work.env === undefined ? {} : { env: work.env });
      const { keys } = on.fake.library;
      const key = keys.get(SMALL_KEY);
      if (key === undefined) throw new Error('there is no key');
      // What was asked once is remembered for a minute.
      await requestsOf(work, await newPlace());
      for (const request of await requestsOf(work, await newPlace())) {
        const at = await newPlace();
        when(request, () => keys.delete(SMALL_KEY));
        const answer = await work.run(at);
        expect([work.name, request.source, answer.status]).toEqual([work.name, request.source, 503]);
        keys.set(SMALL_KEY, key);
        await expectKept(work, at, answer);
        on.fake.faults.clear();
        await expectHealed(work, at, answer);
      }
      await on.stop();
    }
  });

  it('Immich is upgraded from 2.7 to 3.1: nobody notices', async () => {
    for (const work of WORKS) {
      on = await ImmichWriteApp.start({
        version: '2.7.5',
        ...(work.env === undefined ? {} : { env: work.env }),
      });
      for (const request of await requestsOf(work, await newPlace())) {
        on.fake.setVersion('2.7.5');
        const at = await newPlace();
        when(request, () => on.fake.setVersion('3.1.0'));
        const answer = await work.run(at);
        expect([work.name, request.source, answer.status < 300]).toEqual([work.name, request.source, true]);
        on.fake.faults.clear();
        await expectHealed(work, at, answer);
      }
      await on.stop();
    }
  });
});

it('Immich is away for its upgrade in the middle of many uploads: they come through when sent again', async () => {
  on = await ImmichWriteApp.start({ version: '2.7.5' });
  const at = await newPlace();
  const names = Array.from({ length: 24 }, (_, index) => `${index}.jpg`);
  let isAway = false;
  const upload = async (name: string) => {
    for (let tries = 0; tries < 100; tries += 1) {
      const answer = await on.send('PUT', `${at.album}/${name}`, { body: at.photo(name) });
      if (answer.status < 300) return;
      expect([answer.status, isAway]).toEqual([503, true]);
      await at.readAgain().catch(() => undefined);
    }
    throw new Error(`${name} did not get through`);
  };
  let uploads = 0;
  when(UPLOAD, () => {
    uploads += 1;
    if (uploads !== 8) return;
    isAway = true;
    void on.fake.stop().then(async () => {
      on.fake.setVersion('3.1.0');
      await on.fake.start();
    });
  });
  await Promise.all(names.map(upload));
  await at.readAgain();
  expect(isAway).toBe(true);
  expect(await on.names(at.album)).toEqual([...names, 'one.jpg', 'two.jpg'].sort());
  expect(on.inImmich(at.album)).toEqual([...names, 'one.jpg', 'two.jpg'].sort());
  for (const name of names) expect((await on.get(`${at.album}/${name}`)).equals(at.photo(name))).toBe(true);
});

it('the name of Immich cannot be looked up for a while: 503, listings stay, and it heals by itself', async () => {
  on = await ImmichWriteApp.start();
  const { work: folder, fake } = on;
  const file = join(folder, 'fails');
  vi.stubEnv('FAILING_DNS', file);
  const { SWITCHED_NAME } = await import('./failing-dns.ts');
  await on.halt();
  await on.boot({ IMMICH_URL: fake.url.replace('127.0.0.1', SWITCHED_NAME) });
  for (const work of WORKS.filter(({ env }) => env === undefined)) {
    const at = await newPlace();
    await writeFile(file, '');
    // A connection that stands needs no name.
    await fake.stop();
    await fake.start();
    const answer = await work.run(at);
    expect([work.name, answer.status]).toEqual([work.name, 503]);
    await expectKept(work, at, answer);
    await rm(file);
    await expectHealed(work, at, answer);
  }
  vi.unstubAllEnvs();
});

it('two hundred writes that fail leave no more in memory than twenty', async () => {
  on = await ImmichWriteApp.start({ isProxied: true });
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const at = await newPlace();
  const body = Buffer.alloc(100_000, 'as much as a small photo ');
  const failing = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      const how = index % 2 === 0 ? ({ kind: 'status', status: 500 } as const) : ({ kind: 'page' } as const);
      on.proxy.misbehave(how, /^(POST|PUT|DELETE) \/api\/(assets|albums)/);
      body.writeUInt32BE(index);
      expect(await on.put(`${at.album}/new ${index}.jpg`, body)).toBe(503);
      if (index % 4 > 0) continue;
      const { status } = await on.move(`${at.album}/two.jpg`, `${at.other}/two.jpg`);
      expect(status).toBe(503);
    }
    on.proxy.behave();
    await at.readAgain();
  };
  // What is let go of in one turn is given back by a later collection.
  const held = async () => {
    let leastBytes = Number.POSITIVE_INFINITY;
    for (let time = 0; time < 8; time += 1) {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      leastBytes = Math.min(leastBytes, heapUsed + external);
      await sleep(100);
    }
    return leastBytes;
  };
  await failing(20);
  const before = await held();
  await failing(180);
  // Kept, their bytes alone would be 18 MB.

  expect((await held()) - before).toBeLessThan(6_000_000);
  expect(await on.waitingUploads()).toEqual([]);
}, 120_000);
