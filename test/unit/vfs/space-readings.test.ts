import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Space } from '../../../src/model/space.ts';
import { SpaceReadings, totalSpace } from '../../../src/vfs/space-readings.ts';

const space = (availableBytes: number, volume = 'v'): Space => ({ availableBytes, usedBytes: 1, volume });

describe('SpaceReadings', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('asks once for a while, and only those that are wanted', async () => {
    const one = vi.fn(async () => space(1));
    const other = vi.fn(async () => space(2));
    const readings = new SpaceReadings(
      new Map([
        [1, one],
        [2, other],
      ]),
    );
    for (let time = 0; time < 3; time += 1) expect((await readings.of([1, 3])).get(1)).toEqual(space(1));
    expect([one.mock.calls.length, other.mock.calls.length]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(11_000);
    await readings.of([1, 2]);
    expect([one.mock.calls.length, other.mock.calls.length]).toEqual([2, 1]);
  });

  it('waits for nobody: a disk that hangs is asked once, and its answer counts when it comes', async () => {
    let answer: (space: Space) => void = () => undefined;
    const hanging = vi.fn(() => new Promise<Space>((resolve) => (answer = resolve)));
    const readings = new SpaceReadings(new Map([[1, hanging]]));
    for (let time = 0; time < 3; time += 1) {
      const asked = readings.of([1]);
      await vi.advanceTimersByTimeAsync(200);
      expect((await asked).size).toBe(0);
    }
    expect(hanging).toHaveBeenCalledTimes(1);
    answer(space(7));
    expect((await readings.of([1])).get(1)).toEqual(space(7));
    // Later it hangs again: the last answer stands.
    await vi.advanceTimersByTimeAsync(11_000);
    const asked = readings.of([1]);
    await vi.advanceTimersByTimeAsync(200);
    expect((await asked).get(1)).toEqual(space(7));
  });

  it('tells nothing of a source that cannot be asked, and asks it again later', async () => {
    let isAway = true;
    const reader = vi.fn(async () => {
      if (isAway) throw new Error('away');
      return space(3);
    });
    const readings = new SpaceReadings(new Map([[1, reader]]));
    expect((await readings.of([1])).size).toBe(0);
    isAway = false;
    await vi.advanceTimersByTimeAsync(11_000);
    expect((await readings.of([1])).get(1)).toEqual(space(3));
  });
});

describe('totalSpace', () => {
  it('counts a disk that sources share once', () => {
    expect(totalSpace([space(5, 'a'), space(5, 'a'), space(2, 'b')])).toMatchObject({
      availableBytes: 7,
      usedBytes: 2,
    });
    expect(totalSpace([])).toBeNull();
  });
});
