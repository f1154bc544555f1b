import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WRITE_PATIENCE_MS } from '../../../../providers/local/pool-share.ts';
import { inSteps } from '../../../../providers/local/write/write-steps.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';

const { signal } = new AbortController();
const ends: Promise<void>[] = [];
const CALL = {
  ...{ signal, held: NOTHING_HELD, accepts: () => true, enters: () => true, tell: () => undefined },
  attempt: <T>(work: (signal: AbortSignal) => Promise<T>) => work(signal),
  goesOn: (over: Promise<void>) => void ends.push(over),
};

beforeEach(() => {
  ends.length = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => void vi.useRealTimers());

it('however long a write of many steps takes, it goes on while the disk answers', async () => {
  const removed = await inSteps(CALL, async (steps) => {
    let count = 0;
    for (; count < 100; count += 1) {
      steps.next();
      vi.advanceTimersByTime(WRITE_PATIENCE_MS - 1);
    }
    return count;
  });
  expect(removed).toBe(100);
  expect(ends).toEqual([]);
});

it('one step that takes too long is the last one, and who gave it up is told when it is over', async () => {
  const hanging = Promise.withResolvers<void>();
  const done: string[] = [];
  const writing = inSteps(CALL, async (steps) => {
    steps.next();
    await hanging.promise;
    done.push('late');
    steps.next();
    done.push('next');
  });
  vi.advanceTimersByTime(WRITE_PATIENCE_MS);
  await expect(writing).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: 10_000 });
  let isOver = false;
  const over = ends[0]?.then(() => {
    isOver = true;
  });
  await turn();
  expect(isOver).toBe(false);
  hanging.resolve();
  await over;
  expect(done).toEqual(['late']);
});
