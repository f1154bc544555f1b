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
/** Columns within the frame of the bar. */
const MAX_BAR = 24;
const MIN_BAR = 8;
const BAR_FRAME = '[] '.length;
/** Columns of a name that more numbers are not worth. */
const MIN_LABEL = 8;
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
    // The last column stays free: some terminals begin a new line once it is filled.
    this.#out.write(`\r\u001b[2K${this.#line((this.#out.columns || DEFAULT_COLUMNS) - 1)}`);
    this.#isLineOpen = true;
  }

  /** As much as `columns` hold: first words are left out, then numbers; bar and time left stay longest. */
  #line(columns: number): string {
    const share = this.#share();
    const leastBar = share === null ? 0 : MIN_BAR + BAR_FRAME;
    const leastLabel = Math.min(widthOf(this.#label), MIN_LABEL) + 1;
    const texts = this.#texts();
    const text = texts.find((each) => leastLabel + leastBar + each.length <= columns) ?? texts.at(-1) ?? '';
    let room = columns - text.length;
    // Where there is room for little, the time left says more than a bar.
    const hasBar = leastBar > 0 && room >= leastBar;
    const label = shortened(this.#label, room - (hasBar ? leastBar : 0) - 1);
    const start = label === '' ? '' : `${label} `;
    room -= widthOf(start);
    const bar = share === null || !hasBar ? '' : barText(share, Math.min(MAX_BAR, room - BAR_FRAME));
    return `${start}${bar}${text}`.slice(0, columns);
  }

  /** How far it is, in words, the longest first. */
  #texts(): string[] {
    const share = this.#share();
    const [files, bytes] = [this.#files.toLocaleString('en'), sizeText(this.#bytes)];
    const [filesRate, bytesRate] = this.#rates();
    const left = this.#left();
    const joined = (...parts: string[]): string => parts.filter((part) => part !== '').join(', ');
    if (share === null) {
      const counts = `${files} files`;
      return [
        joined(counts, bytes, filesRate, bytesRate),
        joined(counts, bytes, bytesRate),
        joined(counts, bytes),
        counts,
      ];
    }
    const counts = `${files}/${this.#expectedFiles?.toLocaleString('en')}`;
    return [
      this.#text(),
      joined(`${counts} files`, bytes, filesRate, bytesRate, left),
      joined(`${counts} files`, bytes, bytesRate, left),
      joined(`${counts} files`, bytesRate, left),
      joined(counts, left),
      joined(`${Math.floor(share * 100)} %`, left),
    ];
  }

  /** All of it. */
  #text(): string {
    const left = this.#left();
    const parts = [this.#counts(), ...this.#rates(), left === '' ? '' : `about ${left}`];
    return parts.filter((part) => part !== '').join(', ');
  }

  /** Files and bytes a second; empty texts at the very start. */
  #rates(): [string, string] {
    const filesPerSecond = this.#filesPerSecond();
    if (filesPerSecond === 0) return ['', ''];
    const bytesPerSecond = this.#bytes / this.#seconds();
    return [`${Math.round(filesPerSecond).toLocaleString('en')} files/s`, `${sizeText(bytesPerSecond)}/s`];
  }

  /** `3:07 min left`; `''` when nobody can tell. */
  #left(): string {
    const left = (this.#expectedFiles ?? 0) - this.#files;
    const filesPerSecond = this.#filesPerSecond();
    return left > 0 && filesPerSecond > 0 ? `${durationText(left / filesPerSecond)} left` : '';
  }

  #filesPerSecond(): number {
    const seconds = this.#seconds();
    return seconds > 0 ? this.#files / seconds : 0;
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

/** @param columns within the frame. */
function barText(share: number, columns: number): string {
  const filled = Math.round(share * columns);
  return `[${'#'.repeat(filled)}${'.'.repeat(columns - filled)}] `;
}

/** As much of the beginning as `columns` hold, with a mark where the rest is missing. */
function shortened(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let start = '';
  for (const { segment } of GRAPHEMES.segment(text)) {
    if (widthOf(start + segment) >= columns) break;
    start += segment;
  }
  return start === '' ? '' : `${start.trimEnd()}…`;
}

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** What terminals draw in two columns (Unicode Standard Annex #11), and some that they do not. */
const WIDE = /^[\u1100-\u115f\u2600-\u27bf\u2b1b-\u2b55\u2e80-\u{10ffff}]/u;

/** Columns on a terminal. Rather too many: a line that is too short harms nobody. */
function widthOf(text: string): number {
  let columns = 0;
  for (const { segment } of GRAPHEMES.segment(text)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
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
