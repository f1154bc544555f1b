import { describe, expect, it } from 'vitest';
import { readAhead } from '../../../../providers/immich/read-ahead.ts';
import { Slots } from '../../../../providers/immich/slots.ts';

function gate() {
  const open: (() => void)[] = [];
  let running = 0;
  let most = 0;
  return {
    pass: async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => open.push(resolve));
      running -= 1;
    },
    open,
    most: () => most,
  };
}

const LIMITS = { maxReads: 3, weightOf: (entry: number) => entry, maxWeight: 10 };

describe('reading ahead', () => {
  it('gives results in order, however long each takes', async () => {
    const delays = [30, 1, 20, 2, 10];
    const read = async (ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ms;
    };
    const results: number[] = [];
    for await (const result of readAhead(delays, read, { ...LIMITS, maxWeight: 1000 })) results.push(result);
    expect(results).toEqual(delays);
  });

  it('begins no more than it may, by number and by weight, but one heavy entry alone', async () => {
    const begun: number[] = [];
    const read = async (entry: number) => {
      begun.push(entry);
      return entry;
    };
    const results = readAhead([4, 4, 4, 50, 1, 1, 1, 1], read, LIMITS);
    await results.next();
    expect(begun).toEqual([4, 4]);
    await results.next();
    expect(begun).toEqual([4, 4, 4]);
    await results.next();
    expect(begun).toEqual([4, 4, 4]);
    await results.next();
    expect(begun).toEqual([4, 4, 4, 50]);
    await results.next();
    expect(begun).toEqual([4, 4, 4, 50, 1, 1, 1]);
  });

  it('throws a failure in its place', async () => {
    const read = async (entry: number) => {
      if (entry === 2) throw new Error('two');
      return entry;
    };
    const results = readAhead([1, 2, 3], read, LIMITS);
    expect((await results.next()).value).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(results.next()).rejects.toThrow('two');
  });
});

it('slots let only so many pieces of work run', async () => {
  const slots = new Slots(2);
  const { pass, open, most } = gate();
  const work = [1, 2, 3, 4, 5].map(() => slots.run(pass));
  for (let left = 5; left > 0; left -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    open.shift()?.();
  }
  await Promise.all(work);
  expect(most()).toBe(2);
  await expect(slots.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(async () => 'free again')).toBe('free again');
});
