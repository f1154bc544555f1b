import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ImmichWriteApp } from './immich-write-app.ts';
import { expectHealed, expectKept, requestsOf, WORKS, type Work, WorkPlace } from './immich-write-work.ts';
import type { Misbehaviour } from './misbehaving-proxy.ts';

/**
 * Whatever may go wrong with any single request that a write makes of Immich, does. What was answered 2xx is in Immich then;
 * what was refused has cost nothing; and the next try comes through.
 */

/** In milliseconds. While Immich says nothing, nobody waits here for what takes a minute in life. */
const patience = vi.hoisted(() => ({ ms: 20_000 }));
vi.mock(import('../../providers/immich/limits.ts'), async (load) => {
  const { DEFAULT_LIMITS } = await load();
  const limits = {
    ...DEFAULT_LIMITS,
    get changeMs() {
      return patience.ms;
    },
    // Whoever tries again here does so at once.
    lostMs: 0,
    get uploadSilenceMs() {
      return patience.ms;
    },
  };
  return { DEFAULT_LIMITS: limits };
});
vi.mock(import('p-retry'), async (load) => {
  const real = await load();
  const retry: typeof real.default = (work, options) =>
    real.default(work, { ...options, minTimeout: 5, maxTimeout: 10 });
  return { ...real, default: retry };
});

const SHORT_MS = 120;

/** Those after which it can only be waited for. */
const SILENCES: readonly (readonly [name: string, how: Misbehaviour])[] = [
  ['no answer to what was done', { kind: 'mute' }],
  ['no answer to what was not heard', { kind: 'silent' }],
  ['a drip', { kind: 'drip', bytes: 1, ms: 20 }],
];
const FAULTS: readonly (readonly [name: string, how: Misbehaviour])[] = [
  ...SILENCES,
  ['an answer that breaks off', { kind: 'reset', afterBytes: 0 }],
  ['half an answer', { kind: 'half' }],
  ['a length that is too long', { kind: 'longer' }],
  ['a length that is too short', { kind: 'shorter' }],
  ['a web page', { kind: 'page' }],
  ['status 500', { kind: 'status', status: 500 }],
  ['status 429', { kind: 'status', status: 429, retryAfter: '120' }],
];

/** What is only read is not changed by an answer that was lost: all that is no answer is the same there. */
const READING_FAULTS: readonly Misbehaviour['kind'][] = ['silent', 'drip', 'half', 'status'];
/** Those whose end the next try may meet; for all others that is as if they had never been. */
const SHORT_FAULTS = FAULTS.filter(([, { kind }]) => ['mute', 'silent', 'reset', 'status'].includes(kind));

let on: ImmichWriteApp;
let serial = 0;

const isChange = ({ source }: RegExp) => !source.startsWith('^GET');

async function newPlace(): Promise<WorkPlace> {
  serial += 1;
  return await WorkPlace.make(on, serial);
}

async function suffer(work: Work, how: Misbehaviour, match: RegExp, times?: number): Promise<void> {
  const at = await newPlace();
  if (SILENCES.some(([, silence]) => silence === how)) patience.ms = SHORT_MS;
  on.proxy.misbehave(how, match, times);
  try {
    const answer = await work.run(at);
    await expectKept(work, at, answer);
    if (how.kind === 'status' && how.retryAfter !== undefined && answer.status === 503) {
      expect(answer.headers['retry-after']).toBe(how.retryAfter);
    }
    patience.ms = 20_000;
    on.proxy.behave();
    await expectHealed(work, at, answer);
    at.clear();
  } finally {
    patience.ms = 20_000;
    on.proxy.behave();
  }
}

describe.each(WORKS)('$name', (work) => {
  let requests: readonly RegExp[] = [];

  beforeAll(async () => {
    on = await ImmichWriteApp.start({
      isProxied: true,
      ...(work.env === undefined ? {} : { env: work.env }),
    });
    // What was asked once is remembered for a minute.
    await requestsOf(work, await newPlace());
    requests = await requestsOf(work, await newPlace());
  });
  afterAll(() => on.stop());

  it.each(SHORT_FAULTS)('%s, once, to each of its requests', async (_, how) => {
    for (const request of requests.filter(isChange)) await suffer(work, how, request, 1);
  });

  it.each(FAULTS)('%s, for a while, to each of its requests', async (_, how) => {
    const isMeant = READING_FAULTS.includes(how.kind) ? () => true : isChange;
    for (const request of requests.filter(isMeant)) await suffer(work, how, request);
  });
});
