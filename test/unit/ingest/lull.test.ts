import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Lull } from '../../../src/ingest/lull.ts';

const { signal } = new AbortController();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** @returns when it opened, in milliseconds from now; null: not within the time. */
async function opens(lull: Lull, withinMs: number, everyMs: number | null): Promise<number | null> {
  const startMs = performance.now();
  let openedMs: number | null = null;
  void lull.untilOpen(signal).then(() => {
    openedMs = performance.now() - startMs;
  });
  for (let ms = 0; ms <= withinMs && openedMs === null; ms += 10) {
    if (everyMs !== null && ms % everyMs === 0) lull.noteWrite();
    await vi.advanceTimersByTimeAsync(10);
  }
  return openedMs;
}

it('opens at once where nobody writes', async () => {
  expect(await opens(new Lull(), 100, null)).toBe(0);
});

it('opens a moment after the last write', async () => {
  const lull = new Lull();
  lull.noteWrite();
  expect(await opens(lull, 1_000, null)).toBeGreaterThanOrEqual(200);
  expect(await opens(lull, 1_000, null)).toBe(0);
});

it('opens while there is no end of writes, but not all the time', async () => {
  const lull = new Lull();
  lull.noteWrite();
  const first = await opens(lull, 10_000, 20);
  expect(first).toBeGreaterThanOrEqual(1_900);
  expect(first).toBeLessThan(2_200);
  // Its share of the time: still open while they go on, and shut again after it.
  lull.noteWrite();
  expect(await opens(lull, 100, null)).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  lull.noteWrite();
  expect(await opens(lull, 100, 20)).toBe(null);
});

it('is shut at once by a burst that follows another', async () => {
  const lull = new Lull();
  lull.noteWrite();
  expect(await opens(lull, 1_000, null)).toBeGreaterThanOrEqual(200);
  await vi.advanceTimersByTimeAsync(300);
  lull.noteWrite();
  expect(await opens(lull, 1_000, 20)).toBe(null);
});

it.each([100, 210, 260, 300])('starves nobody by a write every %i ms', async (everyMs) => {
  const lull = new Lull();
  let openMs = 0;
  let waitedMs = 0;
  let longestMs = 0;
  for (let ms = 0; ms < 30_000; ms += 10) {
    if (ms % everyMs === 0) lull.noteWrite();
    // Takes the 10 ms that the loop counts.
    const isOpen = (await opens(lull, 0, null)) === 0;
    openMs += isOpen ? 10 : 0;
    waitedMs = isOpen ? 0 : waitedMs + 10;
    longestMs = Math.max(longestMs, waitedMs);
  }
  // The third that it owes, less what it owes at the end.
  expect(openMs).toBeGreaterThanOrEqual(9_000);
  expect(longestMs).toBeLessThan(2_200);
});

it('keeps nobody waiting who ends', async () => {
  const lull = new Lull();
  lull.noteWrite();
  const ending = new AbortController();
  const waiting = lull.untilOpen(ending.signal);
  ending.abort();
  await waiting;
  const another = lull.untilOpen(signal);
  lull.close();
  await another;
});
