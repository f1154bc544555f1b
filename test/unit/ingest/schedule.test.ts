import { describe, expect, it } from 'vitest';
import { dueAt, type ScanHistory } from '../../../src/ingest/schedule.ts';

const QUIET = { durationMs: null, isBlind: false };

const WELL: ScanHistory = { failuresInARow: 0, endedMs: 1000, durationMs: 500, isBlind: false };

describe('dueAt', () => {
  it('is never by itself without an interval', () => {
    expect(dueAt({ ...QUIET, failuresInARow: 0, endedMs: 1000 }, 0)).toBeNull();
  });

  it('is not while the first scan runs', () => {
    expect(dueAt({ ...QUIET, failuresInARow: 0, endedMs: null }, 60_000)).toBeNull();
  });

  it('is one interval after the end of the last scan', () => {
    expect(dueAt({ ...QUIET, failuresInARow: 0, endedMs: 1000 }, 60_000)).toBe(61_000);
  });

  it('comes sooner after a failure, then later and later, but never later than the interval', () => {
    const waits = [1, 2, 3, 10].map((failuresInARow) =>
      dueAt({ ...QUIET, failuresInARow, endedMs: 0 }, 3_600_000),
    );
    expect(waits).toEqual([5_000, 10_000, 20_000, 300_000]);
    expect(dueAt({ ...QUIET, failuresInARow: 10, endedMs: 0 }, 60_000)).toBe(60_000);
    expect(dueAt({ ...QUIET, failuresInARow: 1, endedMs: 0 }, 0)).toBe(5_000);
  });

  it('leaves a source alone for as long as it asked', () => {
    expect(dueAt({ ...QUIET, failuresInARow: 1, endedMs: 0, retryAfterMs: 300_000 }, 3_600_000)).toBe(
      300_000,
    );
  });

  it('does not rely on watching that may miss something', () => {
    expect(dueAt({ ...QUIET, isBlind: true, failuresInARow: 0, endedMs: 0 }, 0)).toBe(60_000);
    expect(dueAt({ isBlind: true, durationMs: 90_000, failuresInARow: 0, endedMs: 0 }, 0)).toBe(90_000);
  });

  it('is a minute later while changes may be missed, or as late as a scan takes', () => {
    const blind = { ...WELL, isBlind: true };
    expect(dueAt(blind, 0)).toBe(61_000);
    expect(dueAt(blind, 5_000)).toBe(6_000);
    expect(dueAt({ ...blind, durationMs: 600_000 }, 0)).toBe(601_000);
  });
});
