import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { isTransient } from '../../../../src/model/coded-error.ts';
import type { Call } from '../../../../src/provider/provider.ts';
import { seedId } from '../../../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../../../fakes/immich/server.ts';
import { namesIn, providerOf, scanAll } from './scan-all.ts';

const SUMMER = seedId('album summer');
const ODD = seedId('album odd');

let fake: FakeImmich;
afterEach(async () => fake.close());

/** A library of many albums: so many that a scan that goes on shows. */
async function startLarge(): Promise<void> {
  fake = await startFakeImmich({ version: '2.7.5' });
  for (let i = 0; i < 100; i += 1) fake.library.addAlbum({ owner: seedId('admin'), name: `A${i}` });
}

/** Three tries like those of the source wrapper, with a wait between them. */
const attempt: Call['attempt'] = async (work) => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work(new AbortController().signal);
    } catch (error) {
      if (tries === 3 || !isTransient(error)) throw error;
      await wait(20);
    }
  }
};

it.each([
  [429, 'throttled'],
  [503, 'unavailable'],
])(
  'ends the scan when an album is answered %s with a wait, and passes on the longest',
  async (status, code) => {
    await startLarge();
    fake.faults.add({ match: `/albums/${SUMMER}`, kind: 'status', status, retryAfter: 7 });
    fake.faults.add({ match: `/albums/${seedId('album trips')}`, kind: 'status', status, retryAfter: 90 });
    fake.faults.add({
      match: `/albums/${seedId('album duplicates')}`,
      kind: 'status',
      status,
      retryAfter: 8,
    });
    await expect(scanAll(providerOf(fake), { attempt })).rejects.toMatchObject({
      code,
      retryAfterMs: 90_000,
    });
    expect(fake.requests.length).toBeLessThan(40);
    // What was on its way already may still arrive.
    await wait(50);
    const count = fake.requests.length;
    await wait(100);
    expect(fake.requests.length).toBe(count);
  },
);

it('ends the scan at once, although albums before it are still being read', async () => {
  await startLarge();
  fake.faults.add({ match: `/albums/${SUMMER}`, kind: 'delay', ms: 10_000 });
  fake.faults.add({ match: `/albums/${seedId('album trips')}`, kind: 'status', status: 429 });
  const startMs = performance.now();
  const error = await scanAll(providerOf(fake), { attempt }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'throttled', retryAfterMs: undefined });
  expect(performance.now() - startMs).toBeLessThan(5_000);
});

it.each([
  `HEAD /api/assets/${seedId('odd/no exif row.jpg')}`,
  '/api-keys/me',
  'GET /api/albums?shared',
  '/server/version',
])('ends the scan when the wait is asked for at %s', async (match) => {
  fake = await startFakeImmich({ version: '2.7.5' });
  fake.faults.add({ match, kind: 'status', status: 429, retryAfter: 30 });
  const told = scanAll(providerOf(fake, { albumIds: [ODD] }));
  await expect(told).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 30_000 });
});

it('goes on when trying again was enough', async () => {
  fake = await startFakeImmich({ version: '3.1.0' });
  for (const match of ['/search/metadata', 'HEAD ', '/api-keys/me']) {
    fake.faults.add({ match, kind: 'status', status: 429, retryAfter: 1, times: 2 });
  }
  const told = await scanAll(providerOf(fake));
  expect(told.kept).toEqual([]);
  expect(told.warnings).toEqual([]);
});

it('keeps an album that fails without a word about waiting, as ever', async () => {
  await startLarge();
  fake.faults.add({ match: `/albums/${SUMMER}`, kind: 'status', status: 503 });
  const told = await scanAll(providerOf(fake), { attempt });
  expect(told.kept).toEqual([{ kind: 'kept', collection: SUMMER, mayHeal: true }]);
  expect(namesIn(told, ODD)).toHaveLength(9);
  expect(told.warnings).toHaveLength(1);
});
