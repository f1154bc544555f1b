import { describe, expect, test } from 'vitest';
import { formatHttpDate, formatInstant } from '../../../src/http/http-date.ts';

const DAY_MS = 86_400_000;

describe('dates that are written by hand', () => {
  test('are those of the language, for every kind of day and in any order', () => {
    const instants = [0, 999, DAY_MS - 1, DAY_MS, Date.UTC(2000, 1, 29, 23, 59, 59), Date.UTC(2100, 1, 28)];
    // A step that is no whole number of anything, so that every field takes every value.
    for (let ms = 1; ms < 200 * 365 * DAY_MS; ms += 7_654_321_987) instants.push(ms, ms - DAY_MS);
    for (const ms of instants.filter((each) => each >= 0)) {
      expect(formatHttpDate(ms)).toBe(new Date(ms).toUTCString());
      expect(formatInstant(ms)).toBe(`${new Date(ms).toISOString().slice(0, 19)}Z`);
    }
  });
});
