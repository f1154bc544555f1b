import { describe, expect, it } from 'vitest';
import { dueAt } from '../../../src/ingest/schedule.ts';

describe('dueAt', () => {
  it('is never by itself without an interval', () => {
    expect(dueAt({ failuresInARow: 0, endedMs: 1000 }, 0)).toBeNull();
  });

  it('is not while the first scan runs', () => {
    expect(dueAt({ failuresInARow: 0, endedMs: null }, 60_000)).toBeNull();
  });

  it('is one interval after the end of the last scan', () => {
    expect(dueAt({ failuresInARow: 0, endedMs: 1000 }, 60_000)).toBe(61_000);
  });

  it('comes sooner after a failure, then later and later, but never later than the interval', () => {
    const waits = [1, 2, 3, 10].map((failuresInARow) => dueAt({ failuresInARow, endedMs: 0 }, 3_600_000));
    expect(waits).toEqual([5_000, 10_000, 20_000, 300_000]);
    expect(dueAt({ failuresInARow: 10, endedMs: 0 }, 60_000)).toBe(60_000);
    expect(dueAt({ failuresInARow: 1, endedMs: 0 }, 0)).toBe(5_000);
  });
});
