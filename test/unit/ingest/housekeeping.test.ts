import { expect, it } from 'vitest';
import { changeLogPruning } from '../../../src/ingest/change-log-pruning.ts';
import { givenNamePruning } from '../../../src/ingest/given-name-pruning.ts';
import { Housekeeping } from '../../../src/ingest/housekeeping.ts';
import { keepingLogger } from '../http/running-listener.ts';

const { signal } = new AbortController();

it('forgets removals in bounded steps', async () => {
  const asked: { beforeMs: number; limit: number }[] = [];
  let left = 1_234;
  const writer = {
    async pruneTombstones(beforeMs: number, limit: number) {
      asked.push({ beforeMs, limit });
      const count = Math.min(left, limit);
      left -= count;
      return count;
    },
  };
  const chore = changeLogPruning(writer, 90, () => 100 * 86_400_000);
  expect(await chore.run(signal)).toBe(1_234);
  expect(asked).toHaveLength(3);
  expect(new Set(asked.map(({ beforeMs }) => beforeMs))).toEqual(new Set([10 * 86_400_000]));
  left = 10_000;
  const stopping = new AbortController();
  const pruned = chore.run(stopping.signal);
  stopping.abort();
  expect(await pruned).toBeLessThan(10_000);
});

it('looks at all given names, in bounded steps', async () => {
  const asked: unknown[] = [];
  const writer = {
    async pruneGivenNames(nowMs: number, goneBeforeMs: number, step: { after: number; limit: number }) {
      asked.push([nowMs - goneBeforeMs, step.after]);
      return { forgotten: 2, next: step.after < 1_000 ? step.after + step.limit : null };
    },
  };
  expect(await givenNamePruning(writer, 90).run(signal)).toBe(6);
  expect(asked).toEqual([0, 500, 1_000].map((after) => [90 * 86_400_000, after]));
});

it('does the chores one after the other, and goes on when one fails', async () => {
  const log = keepingLogger();
  const done: string[] = [];
  const chore = (name: string, count: number) => ({
    name,
    run: async () => {
      done.push(name);
      if (count < 0) throw new Error('no broom');
      return count;
    },
  });
  const house = new Housekeeping([chore('a', 0), chore('b', -1), chore('c', 3)], log);
  await Promise.all([house.run(), house.run()]);
  expect(done).toEqual(['a', 'b', 'c']);
  expect(log.lines).toMatchObject([
    { level: 'warn', message: 'keeping house failed: b', fields: { error: 'no broom' } },
    { level: 'info', message: 'keeping house: c', fields: { count: 3 } },
  ]);
  await house.stop();
});

it('begins by itself some time after the start, and stops', async () => {
  let rounds = 0;
  const house = new Housekeeping([{ name: 'count', run: async () => ++rounds }], keepingLogger(), 20);
  house.start();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(rounds).toBe(1);
  await house.stop();
  const idle = new Housekeeping([{ name: 'count', run: async () => ++rounds }], keepingLogger(), 10);
  idle.start();
  await idle.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(rounds).toBe(1);
});
