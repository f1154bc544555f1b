import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ImmichWriteApp } from './immich-write-app.ts';
import { heldBefore, WORKS, type Work, WorkPlace } from './immich-write-work.ts';
import type { Misbehaviour } from './misbehaving-proxy.ts';

/**
 * Whatever may go wrong with any single request that a write makes of Immich, does. What was answered 2xx is in Immich then;
 * what was refused has cost nothing; and the next try comes through.
 */

// Nobody waits here for what takes a minute in life.
vi.mock(import('../../providers/immich/limits.ts'), async (load) => {
  const { DEFAULT_LIMITS } = await load();
  const short = { firstByteMs: 250, listingMs: 250, changeMs: 250, uploadSilenceMs: 250 };
  return { DEFAULT_LIMITS: { ...DEFAULT_LIMITS, ...short } };
});
vi.mock(import('p-retry'), async (load) => {
  const real = await load();
  const retry: typeof real.default = (work, options) =>
    real.default(work, { ...options, minTimeout: 5, maxTimeout: 10 });
  return { ...real, default: retry };
});

let on: ImmichWriteApp;
let serial = 0;

/** What a request is, whatever it is about. */
function kindOf({ method, path }: { method: string; path: string }): RegExp {
  const escaped = path
    .replace(/[.?+*]/g, '\\$&')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '[^/?]+');
  return new RegExp(`^${method} ${escaped}$`);
}

/** The requests that a write makes when nothing goes wrong. */
async function requestsOf(work: Work): Promise<RegExp[]> {
  const at = await WorkPlace.make(on, ++serial);
  const from = on.fake.requests.length;
  const { status } = await work.run(at);
  expect(status).toBeLessThan(300);
  await expectDone(work, at);
  const kinds = on.fake.requests.slice(from).map((request) => kindOf(request));
  return [...new Map(kinds.map((kind) => [kind.source, kind])).values()];
}

const sorted = (held: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(held).map(([album, names]) => [album, [...names].sort()]));

async function expectDone(work: Work, at: WorkPlace): Promise<void> {
  const done = sorted(work.done(at));
  const shown = sorted((work.shown ?? work.done)(at));
  expect(at.inImmich()).toEqual(done);
  expect(await at.inMount()).toEqual(shown);
  for (const name of ['one.jpg', 'two.jpg', 'three.jpg']) {
    expect([name, at.isTrashed(name)]).toEqual([name, work.trashes?.includes(name) ?? false]);
  }
  expect(await on.waitingUploads()).toEqual([]);
}

async function suffer(work: Work, how: Misbehaviour, match: RegExp, times?: number): Promise<void> {
  const at = await WorkPlace.make(on, ++serial);
  on.proxy.misbehave(how, match, times);
  try {
    await sufferedBy(work, at);
  } finally {
    on.proxy.behave();
  }
}

async function sufferedBy(work: Work, at: WorkPlace): Promise<void> {
  const { status, headers, text } = await work.run(at);
  if (status < 300) {
    await expectDone(work, at);
  } else {
    expect([status, text]).toEqual([503, expect.stringMatching(/\w/)]);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    const held = at.inImmich();
    const allowed = [heldBefore(at), ...(work.mayLeave === undefined ? [] : [work.mayLeave(at)])].map(sorted);
    expect(allowed).toContainEqual(held);
    for (const name of ['one.jpg', 'two.jpg', 'three.jpg'])
      expect([name, at.isTrashed(name)]).toEqual([name, false]);
    expect(await on.waitingUploads()).toEqual([]);
  }
  on.proxy.behave();
  await at.readAgain();
  if (status >= 300) {
    const again = await work.run(at);
    expect([200, 201, 204, 404, 405]).toContain(again.status);
  }
  await expectDone(work, at);
  await at.readAgain();
  await expectDone(work, at);
}

const FAULTS: readonly (readonly [name: string, how: Misbehaviour])[] = [
  ['an answer that breaks off', { kind: 'reset', afterBytes: 0 }],
  ['no answer to what was done', { kind: 'mute' }],
  ['no answer to what was not heard', { kind: 'silent' }],
  ['half an answer', { kind: 'half' }],
  ['a length that is too long', { kind: 'longer' }],
  ['a length that is too short', { kind: 'shorter' }],
  ['a drip', { kind: 'drip', bytes: 1, ms: 20 }],
  ['a web page', { kind: 'page' }],
  ['status 500', { kind: 'status', status: 500 }],
  ['status 429', { kind: 'status', status: 429, retryAfter: '120' }],
];

describe.each(WORKS)('$name', { timeout: 600_000 }, (work) => {
  beforeAll(async () => {
    on = await ImmichWriteApp.start({ isProxied: true });
  });
  afterAll(() => on.stop());

  it.each(FAULTS)('%s, once', async (_, how) => {
    const failed: string[] = [];
    for (const request of await requestsOf(work)) {
      await suffer(work, how, request, 1).catch((error) =>
        failed.push(`${request.source}: ${error.message.slice(0, 1500)}`),
      );
    }
    expect(failed.join('\n')).toBe('');
  });

  it.each(FAULTS)('%s, always', async (_, how) => {
    const failed: string[] = [];
    for (const request of await requestsOf(work)) {
      await suffer(work, how, request).catch((error) =>
        failed.push(`${request.source}: ${error.message.slice(0, 1500)}`),
      );
    }
    expect(failed.join('\n')).toBe('');
  });
});
