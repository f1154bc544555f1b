import type { AssetFacts } from '../model/asset.ts';
import { CodedError } from '../model/coded-error.ts';
import { quote } from '../model/setting-parser.ts';

/**
 * When a photo was made, in milliseconds since 1970, as the reference of `/list` has it: the time of capture, whose
 * wall clock is read in this machine's zone where no instant is known; else the disk's `ctime`, or whatever time
 * there is.
 */
export function creationMs(facts: AssetFacts): number {
  const { taken } = facts;
  return (
    taken?.instantMs ??
    (taken === null ? null : wallClockMs(taken.localText)) ??
    facts.statusChangedMs ??
    facts.createdMs ??
    facts.modifiedMs
  );
}

/** Milliseconds since 1970; `end` does not belong to it. */
export interface TimeSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * From the start of one day to the end of another, both as `YYYY-MM-DD` in this machine's zone.
 * @throws CodedError `invalid` for what is no date, and when the last day comes before the first.
 */
export function daysFrom(first: string, last: string): TimeSpan {
  const [start, end] = [dayOf(first), dayOf(last)];
  if (start > end) {
    throw new CodedError('invalid', `The dates are reversed: ${first} comes after ${last}.`);
  }
  end.setDate(end.getDate() + 1);
  return { startMs: start.getTime(), endMs: end.getTime() };
}

/** Midnight at the start of a day, here. */
function dayOf(text: string): Date {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const date = new Date(0);
  date.setHours(0, 0, 0, 0);
  date.setFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getMonth() !== Number(month) - 1 || date.getDate() !== Number(day)) {
    throw new CodedError('invalid', `${quote(text)} is no date: write it as YYYY-MM-DD, such as 2026-03-04.`);
  }
  return date;
}

/** Null for a text that is no date: a camera may write anything. */
function wallClockMs(localText: string): number | null {
  const ms = new Date(localText).getTime();
  return Number.isNaN(ms) ? null : ms;
}
