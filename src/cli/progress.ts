import { sizeText } from '../model/byte-size.ts';

/** What a progress is written to: standard output, or a list in a test. */
export interface ProgressOutput {
  write(text: string): unknown;
  /** A person watches, so one line is drawn again and again; else lines come one after the other, rarely. */
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const REDRAW_MS = 100;
const LINE_EVERY_MS = 5_000;
const MAX_BAR = 24;
const MIN_BAR = 4;
const DEFAULT_COLUMNS = 80;

/** How far a work over many files has come: files, bytes, rate, and the time left where the number of files is known. */
export class Progress {
  readonly #out: ProgressOutput;
  readonly #now: () => number;
  #label = '';
  #expectedFiles: number | null = null;
  #files = 0;
  #bytes = 0;
  #startedMs = 0;
  #shownMs = 0;
  #isLineOpen = false;

  constructor(out: ProgressOutput, now: () => number = Date.now) {
    this.#out = out;
    this.#now = now;
  }

  /** @param expectedFiles about how many there will be; null when nobody knows. */
  begin(label: string, expectedFiles: number | null): void {
    this.#label = label;
    this.#expectedFiles = expectedFiles;
    this.#files = 0;
    this.#bytes = 0;
    this.#startedMs = this.#now();
    this.#shownMs = this.#startedMs;
    if (this.#out.isTTY === true) this.#draw();
  }

  /** One more file. */
  advance(bytes: number): void {
    this.update(this.#files + 1, this.#bytes + bytes);
  }

  /** So much is done by now. */
  update(files: number, bytes: number): void {
    this.#files = files;
    this.#bytes = bytes;
    const everyMs = this.#out.isTTY === true ? REDRAW_MS : LINE_EVERY_MS;
    const nowMs = this.#now();
    if (nowMs - this.#shownMs < everyMs) return;
    this.#shownMs = nowMs;
    if (this.#out.isTTY === true) this.#draw();
    else this.#out.write(`${this.#label}: ${this.#text()}\n`);
  }

  /** A line that stays: what came of it, or something to know on the way. */
  say(line: string): void {
    this.pause();
    this.#out.write(`${line}\n`);
  }

  /** Makes room for somebody else's line. */
  pause(): void {
    if (this.#isLineOpen) this.#out.write('\r\u001b[2K');
    this.#isLineOpen = false;
  }

  /** Ends the work with a line that says how much it was. @param result completes that line; `''` for nothing. */
  end(result: string): void {
    const seconds = Math.max(this.#seconds(), 0.001);
    const rate = `${Math.round(this.#files / seconds).toLocaleString('en')} files/s, ${sizeText(this.#bytes / seconds)}/s`;
    this.#expectedFiles = null;
    const facts = `${this.#counts()} in ${durationText(seconds)}, ${rate}`;
    this.say(`${this.#label}: ${facts}${result === '' ? '' : `; ${result}`}`);
  }

  #draw(): void {
    const text = this.#text();
    // The last column stays free: some terminals begin a new line once it is filled.
    const columns = (this.#out.columns || DEFAULT_COLUMNS) - 1;
    const bar = this.#bar(Math.min(MAX_BAR, columns - this.#label.length - text.length - ' [] '.length));
    this.#out.write(`\r\u001b[2K${`${this.#label} ${bar}${text}`.slice(0, columns)}`);
    this.#isLineOpen = true;
  }

  /** What of it is done, in as much room as there is; `''` where nobody knows. */
  #bar(width: number): string {
    const share = this.#share();
    if (share === null || width < MIN_BAR) return '';
    const filled = Math.round(share * width);
    return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] `;
  }

  #text(): string {
    const seconds = this.#seconds();
    const filesPerSecond = seconds > 0 ? this.#files / seconds : 0;
    const parts = [this.#counts()];
    if (filesPerSecond > 0) {
      parts.push(`${Math.round(filesPerSecond).toLocaleString('en')} files/s`);
      parts.push(`${sizeText(this.#bytes / seconds)}/s`);
      const left = (this.#expectedFiles ?? 0) - this.#files;
      if (left > 0) parts.push(`about ${durationText(left / filesPerSecond)} left`);
    }
    return parts.join(', ');
  }

  #counts(): string {
    const share = this.#share();
    const known = share === null ? '' : ` of about ${this.#expectedFiles?.toLocaleString('en')}`;
    return `${this.#files.toLocaleString('en')}${known} files, ${sizeText(this.#bytes)}`;
  }

  /** Null when nobody knows how many there will be, or there are more than that already. */
  #share(): number | null {
    const expected = this.#expectedFiles;
    return expected === null || expected === 0 || this.#files >= expected ? null : this.#files / expected;
  }

  #seconds(): number {
    return (this.#now() - this.#startedMs) / 1000;
  }
}

/** `4.2 s`, `3:07 min`, `2:10 h`. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}
