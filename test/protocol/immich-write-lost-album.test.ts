import { afterEach, expect, it, vi } from 'vitest';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { ImmichWriteApp } from './immich-write-app.ts';

/** An album that Immich makes after whoever asked for it has given up is the one that was asked for. */

/** In milliseconds: how long an answer is waited for, and how long Immich may take to do what nobody waits for. */
const WAIT = vi.hoisted(() => ({ changeMs: 200, lostMs: 60_000 }));
vi.mock(import('../../providers/immich/limits.ts'), async (load) => {
  const { DEFAULT_LIMITS } = await load();
  const { changeMs } = WAIT;
  const limits = {
    ...DEFAULT_LIMITS,
    changeMs,
    get lostMs() {
      return WAIT.lostMs;
    },
  };
  return { DEFAULT_LIMITS: limits };
});

const MAKE = /^POST \/api\/albums$/;

let on: ImmichWriteApp;
afterEach(() => on.stop());

const madeCount = () =>
  [...on.fake.library.albums.values()].filter((each) => each.albumName === 'Made').length;
const askedCount = () => on.fake.requests.filter(({ method, path }) => MAKE.test(`${method} ${path}`)).length;

it.each(VERSIONS)('Immich %s makes it late: there is one', async (version) => {
  on = await ImmichWriteApp.start({ version, isProxied: true });
  const { promise: until, resolve: makeIt } = Promise.withResolvers<void>();
  on.proxy.misbehave({ kind: 'late', until }, MAKE, 1);
  const first = await on.send('MKCOL', 'Made');
  expect([first.status, first.text]).toEqual([503, expect.stringMatching(/\w/)]);
  expect(Number(first.headers['retry-after'])).toBeGreaterThan(0);
  expect(madeCount()).toBe(0);
  // A client tries again at once, and is not told that it is there before it is.
  expect((await on.send('MKCOL', 'Made')).status).toBe(503);
  makeIt();
  await vi.waitUntil(() => madeCount() === 1);
  expect((await on.send('MKCOL', 'Made')).status).toBe(201);
  expect(await on.put('Made/photo.jpg', 'bytes of a photo')).toBe(201);
  await on.rescan();
  expect([madeCount(), askedCount()]).toEqual([1, 1]);
  expect(await on.names()).toEqual(['Album 1', 'Album 2', 'Made']);
  expect(await on.names('Made')).toEqual(['photo.jpg']);
  // What is made later is another one.
  expect((await on.send('DELETE', 'Made')).status).toBe(204);
  expect((await on.send('MKCOL', 'Made')).status).toBe(201);
});

it('Immich never hears of it: it is made when it is asked for a while later', async () => {
  WAIT.lostMs = 2_000;
  on = await ImmichWriteApp.start({ isProxied: true });
  WAIT.lostMs = 60_000;
  on.proxy.misbehave({ kind: 'silent' }, MAKE, 1);
  expect((await on.send('MKCOL', 'Made')).status).toBe(503);
  await vi.waitUntil(async () => (await on.send('MKCOL', 'Made')).status === 201, { timeout: 10_000 });
  expect([madeCount(), askedCount()]).toEqual([1, 1]);
});

it.each([500, 503])('Immich answers %d once: the second try makes it, and nobody waits', async (status) => {
  on = await ImmichWriteApp.start({ isProxied: true });
  on.proxy.misbehave({ kind: 'status', status }, MAKE, 1);
  expect((await on.send('MKCOL', 'Made')).status).toBe(201);
  expect(madeCount()).toBe(1);
});

it('Immich is not there: the album can be made as soon as it is', async () => {
  on = await ImmichWriteApp.start();
  await on.fake.stop();
  expect((await on.send('MKCOL', 'Made')).status).toBe(503);
  await on.fake.start();
  await on.rescan();
  expect((await on.send('MKCOL', 'Made')).status).toBe(201);
  expect(madeCount()).toBe(1);
});
