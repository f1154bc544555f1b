import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PoolShare } from '../../../../providers/local/pool-share.ts';
import { FileSyncs } from '../../../../providers/local/write/file-syncs.ts';

const SIGN_MS = 100;
const PATIENCE_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Syncs of a disk that answers when it is told to, by descriptor. */
function makeSyncs() {
  const answers = new Map<number, PromiseWithResolvers<void>>();
  let signs = 0;
  let underWay = 0n;
  const countSign = () => {
    signs += 1;
  };
  const syncs = new FileSyncs(countSign, {
    share: new PoolShare({ patienceMs: PATIENCE_MS }),
    signMs: SIGN_MS,
    syncFile: (fd) => {
      const answer = Promise.withResolvers<void>();
      answers.set(fd, answer);
      return answer.promise;
    },
    countUnderWay: (more) => {
      underWay += more;
    },
  });
  return {
    /** @returns how it ended. */
    sync: (fd: number) =>
      syncs.sync(fd).then(
        () => 'synced',
        (error: { code: string }) => error.code,
      ),
    answer: (fd: number) => answers.get(fd)?.resolve(),
    fail: (fd: number) => answers.get(fd)?.reject(Object.assign(new Error('the disk'), { code: 'EIO' })),
    isUnderWay: (fd: number) => syncs.underWay(fd) !== null,
    underWay: () => underWay,
    async signsWithin(ms: number) {
      const before = signs;
      await vi.advanceTimersByTimeAsync(ms);
      return signs - before;
    },
  };
}

it('gives signs of life until the last of several syncs is over, and none afterwards', async () => {
  const { sync, answer, fail, signsWithin, underWay } = makeSyncs();
  const ended = [sync(1), sync(2), sync(3)];
  expect(await signsWithin(250)).toBe(2);
  answer(1);
  fail(2);
  expect(await signsWithin(250)).toBeGreaterThanOrEqual(2);
  expect(underWay()).toBe(1n);
  answer(3);
  expect(await Promise.all(ended)).toEqual(['synced', 'EIO', 'synced']);
  expect(await signsWithin(1_000)).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  expect(underWay()).toBe(0n);

  const another = sync(1);
  expect(await signsWithin(250)).toBe(2);
  answer(1);
  expect(await another).toBe('synced');
  expect(vi.getTimerCount()).toBe(0);
});

it('gives none for a sync that nobody waits for any more, but counts it until the disk answers', async () => {
  const { sync, answer, signsWithin, isUnderWay, underWay } = makeSyncs();
  const late = sync(1);
  await signsWithin(PATIENCE_MS);
  expect(await late).toBe('unavailable');
  expect(await signsWithin(1_000)).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  expect([isUnderWay(1), underWay()]).toEqual([true, 1n]);
  answer(1);
  await signsWithin(1);
  expect([isUnderWay(1), underWay()]).toEqual([false, 0n]);
});
