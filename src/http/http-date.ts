/**
 * Dates of HTTP (RFC 9110 section 5.6.7), to the second, as milliseconds since 1970 UTC. `Date.parse` takes far
 * more than the three forms HTTP knows, and what is no HTTP date must be ignored, so it is not used here.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

const IMF_FIXDATE = new RegExp(`^${DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`);
const RFC_850 = new RegExp(`^${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`);
const ASCTIME = new RegExp(`^${DAY} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`);

/** An HTTP date in any of its three forms as milliseconds since 1970; null when it is none. */
export function parseHttpDate(text: string, nowMs: number = Date.now()): number | null {
  const trimmed = text.trim();
  const parts = (IMF_FIXDATE.exec(trimmed) ?? RFC_850.exec(trimmed) ?? ASCTIME.exec(trimmed))?.groups;
  if (parts === undefined) return null;
  const number = (name: string): number => Number(parts[name]);
  const month = MONTHS.indexOf(parts.month ?? '');
  const year = parts.year?.length === 2 ? fullYear(number('year'), nowMs) : number('year');
  const [hour, minute, second] = [number('hour'), number('minute'), number('second')];
  // A leap second is legal; it counts as the first second of the next minute.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month, number('day'));
  if (date.getUTCMonth() !== month || date.getUTCDate() !== number('day')) return null;
  return date.setUTCHours(hour, minute, second);
}

const MS_PER_DAY = 86_400_000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** What a day is called in both forms. */
interface DayText {
  /** Since 1970. */
  readonly day: number;
  /** `Sun, 06 Nov 1994 `. */
  readonly http: string;
  /** `1994-11-06`. */
  readonly iso: string;
}

/** The day asked for last: files of one folder tend to be of few days, and a listing writes two dates for each. */
let lastDay: DayText = dayText(0);

function dayText(day: number): DayText {
  const date = new Date(day * MS_PER_DAY);
  return { day, http: date.toUTCString().slice(0, -12), iso: date.toISOString().slice(0, -14) };
}

/** @returns the day that an instant falls on, and its time of day as `08:49:37`. */
function dayAndTime(ms: number): { day: DayText; time: string } {
  const day = Math.floor(ms / MS_PER_DAY);
  if (day !== lastDay.day) lastDay = dayText(day);
  const seconds = Math.floor((ms - day * MS_PER_DAY) / 1000);
  const minutes = Math.floor(seconds / 60);
  const hour = TWO_DIGITS[Math.floor(minutes / 60)];
  return { day: lastDay, time: `${hour}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}` };
}

/** An instant in milliseconds since 1970 as IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatHttpDate(ms: number): string {
  const { day, time } = dayAndTime(ms);
  return `${day.http}${time} GMT`;
}

/** The same instant in UTC by RFC 3339, to the second: `1994-11-06T08:49:37Z`. */
export function formatInstant(ms: number): string {
  const { day, time } = dayAndTime(ms);
  return `${day.iso}T${time}Z`;
}

/** A modification time as HTTP sees it: whole seconds, never before 1970; what is no number counts as 1970. */
export function wholeSecondsMs(modifiedMs: number): number {
  return Number.isFinite(modifiedMs) ? Math.max(0, Math.floor(modifiedMs / 1000) * 1000) : 0;
}

/**
 * The text of `Last-Modified` and of `DAV:getlastmodified`: never before 1970, because Finder refuses to mount
 * then, and never after `nowMs` (RFC 9110 section 8.8.2.1).
 */
export function lastModifiedText(modifiedMs: number, nowMs: number = Date.now()): string {
  return formatHttpDate(Math.min(wholeSecondsMs(modifiedMs), nowMs));
}

/** RFC 9110 section 5.6.7: a two-digit year that seems more than 50 years ahead lies in the past. */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
