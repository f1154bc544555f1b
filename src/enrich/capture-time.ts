import type { CaptureTime } from '../model/asset.ts';

/** A wall clock as some field tells it, before anything is believed. */
export interface TimeClue {
  /** `2021:04:11 15:47:53`, `2021-04-11T15:47:53.054-05:00` and the like. */
  readonly text: unknown;
  /** Digits after the decimal point of the seconds, where a field of its own holds them. */
  readonly subSeconds?: unknown;
  /** `+02:00`, where a field of its own holds it. */
  readonly offset?: unknown;
  /** What `CaptureTime.derivedFrom` is to say. */
  readonly from: string;
}

export interface TimeClues {
  /** The first that is a time is taken. */
  readonly clocks: readonly TimeClue[];
  /** Times of other fields, with an offset: when one shows the same second, its offset is believed. */
  readonly zoned?: readonly unknown[];
  /** What the satellites said, in milliseconds since 1970 UTC. */
  readonly satelliteMs?: number | null;
}

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;

const FIRST_YEAR = 1800;
const LAST_YEAR = 2200;

/** Offsets that are in use somewhere, in minutes; daylight saving included. */
const OFFSETS_IN_USE = [
  ...[-720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -150, -120, -60, 0, 60, 120],
  ...[180, 210, 240, 270, 300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660, 720, 765, 780],
  ...[825, 840],
];

/** How far the clock of a camera and its last fix may be apart for both to mean the same moment. */
const SATELLITE_TOLERANCE_MS = 90_000;

const CLOCK =
  /^\s*(\d{4})[:\-/.](\d{1,2})[:\-/.](\d{1,2})(?:[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9})\d*)?)?\s*(Z|[+-]\d{1,2}:?\d{2})?)?[\s\0]*$/;

/**
 * When the media was taken, from what its fields tell. A clock without an offset is no instant. The offset is the
 * field's own, else that of another field which shows the same second, else the difference to the satellites' time
 * when that is an offset somebody uses. With satellites only, the clock is UTC.
 */
export function captureTimeOf(clues: TimeClues): CaptureTime | null {
  const satelliteMs = clues.satelliteMs ?? null;
  for (const clue of clues.clocks) {
    const clock = parseClock(clue.text);
    if (clock === null) continue;
    const fraction = fractionOf(clue.subSeconds) ?? clock.fraction;
    const own = parseOffset(clue.offset) ?? clock.offsetMinutes;
    if (own !== null) return timeOf(clock.utcMs, fraction, own, clue.from);
    const twin = offsetOfTwin(clock.utcMs, clues.zoned ?? []);
    if (twin !== null) return timeOf(clock.utcMs, fraction, twin, `${clue.from}+zone`);
    const measured = satelliteMs === null ? null : nearestOffset(clock.utcMs - satelliteMs);
    if (measured !== null) return timeOf(clock.utcMs, fraction, measured, `${clue.from}+gps`);
    return timeOf(clock.utcMs, fraction, null, clue.from);
  }
  return satelliteMs === null ? null : instantTime(satelliteMs, 'gps');
}

/** A time that is known as an instant only; its clock is UTC. Null when it is out of any reasonable range. */
export function instantTime(instantMs: number, from: string): CaptureTime | null {
  if (!Number.isFinite(instantMs)) return null;
  const date = new Date(instantMs);
  const year = date.getUTCFullYear();
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR)) return null;
  const wholeMs = Math.floor(instantMs / 1000) * 1000;
  const fraction = `${Math.floor(instantMs - wholeMs)}`.padStart(3, '0');
  return timeOf(wholeMs, fraction, 0, from);
}

/** Milliseconds since 1970 UTC of a text that tells its offset; null for any other. */
export function parseInstant(text: unknown): number | null {
  const clock = parseClock(text);
  if (clock === null || clock.offsetMinutes === null) return null;
  return clock.utcMs + Number(clock.fraction ?? 0) - clock.offsetMinutes * MS_PER_MINUTE;
}

/** Of EXIF: `2008:10:23` and `[14, 27, 7.24]` (or `14:27:07.24`), which are UTC. */
export function satelliteTimeOf(dateText: unknown, time: unknown): number | null {
  const day = parseClock(dateText);
  const parts = typeof time === 'string' ? time.split(':').map(Number) : time;
  if (day === null || !Array.isArray(parts) || parts.length !== 3) return null;
  const [hours, minutes, seconds] = parts as [unknown, unknown, unknown];
  const isTime = isWithin(hours, 23) && isWithin(minutes, 59) && isWithin(seconds, 60);
  if (!isTime) return null;
  const ofDayMs = (Number(hours) * 60 + Number(minutes)) * MS_PER_MINUTE + Number(seconds) * 1000;
  return day.utcMs - (day.utcMs % MS_PER_DAY) + Math.round(ofDayMs);
}

interface Clock {
  /** The wall clock, whole seconds, read as if it were UTC. */
  readonly utcMs: number;
  /** Three digits. */
  readonly fraction: string | null;
  readonly offsetMinutes: number | null;
}

function parseClock(given: unknown): Clock | null {
  if (typeof given !== 'string' || given.length > 100) return null;
  const match = CLOCK.exec(given);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  if (year === undefined || month === undefined || day === undefined) return null;
  if (year < FIRST_YEAR || year > LAST_YEAR) return null;
  const utcMs = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(utcMs);
  // The 31st of June is no date, and 24:00 is no time; Date would make the next day of them.
  const isReal =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return isReal ? { utcMs, fraction: fractionOf(match[7]), offsetMinutes: parseOffset(match[8]) } : null;
}

/** The first three digits after the point, padded; null when there are none or all are zero. */
function fractionOf(given: unknown): string | null {
  const digits = /^\s*(\d{1,9})/.exec(typeof given === 'number' ? `${given}` : `${given ?? ''}`)?.[1];
  const text = (digits ?? '').padEnd(3, '0').slice(0, 3);
  return text === '000' ? null : text;
}

function parseOffset(given: unknown): number | null {
  const text = typeof given === 'string' ? given.replace(/[\s\0]/g, '') : '';
  if (text === 'Z') return 0;
  const match = /^([+-])(\d{1,2}):?(\d{2})$/.exec(text);
  if (match === null) return null;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  const signed = match[1] === '-' ? -minutes : minutes;
  return Number(match[3]) < 60 && signed >= -720 && signed <= 840 ? signed + 0 : null;
}

function offsetOfTwin(utcMs: number, zoned: readonly unknown[]): number | null {
  for (const text of zoned) {
    const twin = parseClock(text);
    if (twin !== null && twin.utcMs === utcMs && twin.offsetMinutes !== null) return twin.offsetMinutes;
  }
  return null;
}

function nearestOffset(differenceMs: number): number | null {
  const near = OFFSETS_IN_USE.find(
    (minutes) => Math.abs(differenceMs - minutes * MS_PER_MINUTE) <= SATELLITE_TOLERANCE_MS,
  );
  return near ?? null;
}

function timeOf(utcMs: number, fraction: string | null, offset: number | null, from: string): CaptureTime {
  const seconds = new Date(utcMs).toISOString().slice(0, 19);
  const isFraction = fraction !== null && fraction !== '000';
  return {
    localText: isFraction ? `${seconds}.${fraction}` : seconds,
    offsetMinutes: offset,
    instantMs: offset === null ? null : utcMs + Number(fraction ?? 0) - offset * MS_PER_MINUTE,
    derivedFrom: from,
  };
}

function isWithin(value: unknown, most: number): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= most;
}
