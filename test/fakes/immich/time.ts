/** Milliseconds since the epoch. May carry a fraction: Immich's database keeps microseconds, and some answers show them. */
export type Instant = number;

/** Anything a test may write for a moment. */
export type TimeLike = Date | string | number;

export function toInstant(time: TimeLike): Instant {
  const instant =
    typeof time === 'number' ? time : typeof time === 'string' ? Date.parse(time) : time.getTime();
  if (!Number.isFinite(instant)) throw new TypeError(`not a time: ${String(time)}`);
  return instant;
}

/** `2024-01-02T03:04:05.000Z`: what JavaScript's own JSON writes. */
export function isoTime(at: Instant): string {
  return new Date(Math.floor(at)).toISOString();
}

/** `2024-01-02T03:04:05+00:00`: what PostgreSQL's JSON writes, microseconds with trailing zeros cut. */
export function databaseTime(at: Instant): string {
  const micros = Math.round(at * 1000);
  const seconds = Math.floor(micros / 1e6);
  const fraction = String(micros - seconds * 1e6)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}+00:00`;
}

/** `2024-01-02T00:00:00.000Z`: how an album shows its first and last day. */
export function dayTime(at: Instant): string {
  return `${isoTime(at).slice(0, 10)}T00:00:00.000Z`;
}

/**
 * The server's clock. A change must be visible in answers that show whole milliseconds only, so each `tick` is at least one
 * millisecond after the one before; a test can then tell two changes apart however fast it makes them.
 */
export class Clock {
  #last = 0;

  /** Now, for a new row: not before any other row. */
  stamp(): Instant {
    this.#last = Math.max(Date.now(), Math.floor(this.#last));
    return this.#withMicros();
  }

  /** Now, for a change: later than every row and change so far. */
  tick(): Instant {
    this.#last = Math.max(Date.now(), Math.floor(this.#last) + 1);
    return this.#withMicros();
  }

  /** The last digit is never zero, so the database format always shows six digits, as it nearly always does on a real server. */
  #withMicros(): Instant {
    return (
      this.#last + (100 + Math.floor(Math.random() * 89) * 10 + 1 + Math.floor(Math.random() * 9)) / 1000
    );
  }
}
