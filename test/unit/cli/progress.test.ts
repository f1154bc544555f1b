import { describe, expect, it } from 'vitest';
import { durationText, Progress } from '../../../src/cli/progress.ts';

class Terminal {
  readonly isTTY: boolean;
  readonly columns = 120;
  readonly written: string[] = [];
  nowMs = 0;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.written.push(text);
  }

  /** What stands there at last. */
  get screen(): string {
    return this.written.join('').split('\r\u001b[2K').at(-1) ?? '';
  }
}

describe('on a terminal', () => {
  it('draws one line again and again: files, bytes, rate, time left', () => {
    const out = new Terminal(true);
    const progress = new Progress(out, () => out.nowMs);
    progress.begin('photos', 400);
    for (let at = 0; at < 100; at++) {
      out.nowMs += 10;
      progress.advance(1_000_000);
    }
    expect(out.screen).toBe(
      'photos [######..................] 100 of about 400 files, 100 MB, 100 files/s, 100 MB/s, about 3.0 s left',
    );
    // Ten times a second at most.
    expect(out.written.length).toBeLessThan(15);
    progress.say('something to know');
    expect(out.screen).toBe('something to know\n');
    progress.end('all is well');
    expect(out.screen).toBe(
      'something to know\nphotos: 100 files, 100 MB in 1.0 s, 100 files/s, 100 MB/s; all is well\n',
    );
  });

  /** The line in the midst of a large scan. */
  function drawn(columns: number, label = 'photos', expected: number | null = 100_000): string {
    const out = Object.assign(new Terminal(true), { columns });
    const progress = new Progress(out, () => out.nowMs);
    progress.begin(label, expected);
    out.nowMs = 40_000;
    progress.update(45_123, 123_400_000_000);
    return out.screen;
  }

  it('keeps bar and time left on small terminals, and the last column free', () => {
    expect(drawn(120)).toBe(
      'photos [###########.............] 45,123 of about 100,000 files, 123 GB, 1,128 files/s, 3.1 GB/s, about 49 s left',
    );
    expect(drawn(80)).toBe('photos [#########...........] 45,123/100,000 files, 123 GB, 3.1 GB/s, 49 s left');
    expect(drawn(60)).toBe('photos [####....] 45,123/100,000 files, 3.1 GB/s, 49 s left');
    expect(drawn(40)).toBe('photos [######........] 45 %, 49 s left');
    for (let columns = 20; columns <= 200; columns++) expect(drawn(columns).length).toBeLessThan(columns);
    for (let columns = 40; columns <= 200; columns++)
      expect(drawn(columns)).toMatch(/\[#+\.+\].* 49 s left$/);
  });

  it('shortens a long name first', () => {
    const name = 'everything from the attic, contents';
    expect(drawn(80, name)).toBe(
      'everything from t… [####....] 45,123/100,000 files, 123 GB, 3.1 GB/s, 49 s left',
    );
    expect(drawn(40, name)).toBe('everything… [####.....] 45 %, 49 s left');
    // Terminals draw each of these in two columns.
    expect(drawn(40, '家族の写真アルバム')).toBe('家族の写真… [####.....] 45 %, 49 s left');
  });

  it('tells the numbers where nobody knows how much there will be', () => {
    expect(drawn(80, 'photos', null)).toBe('photos 45,123 files, 123 GB, 1,128 files/s, 3.1 GB/s');
    expect(drawn(40, 'photos', null)).toBe('photos 45,123 files, 123 GB, 3.1 GB/s');
    expect(drawn(20, 'photos', null)).toBe('photos 45,123 files');
  });

  it('says how far it is on what is hardly a terminal', () => {
    expect(drawn(24)).toBe('photos 45 %, 49 s left');
    expect(drawn(12)).toBe('45 %, 49 s ');
  });
});

describe('elsewhere', () => {
  it('writes plain lines, rarely', () => {
    const out = new Terminal(false);
    const progress = new Progress(out, () => out.nowMs);
    progress.begin('photos', null);
    for (let at = 0; at < 1200; at++) {
      out.nowMs += 10;
      progress.advance(2_000);
    }
    progress.end('');
    expect(out.written).toEqual([
      'photos: 500 files, 1.0 MB, 100 files/s, 200 kB/s\n',
      'photos: 1,000 files, 2.0 MB, 100 files/s, 200 kB/s\n',
      'photos: 1,200 files, 2.4 MB in 12 s, 100 files/s, 200 kB/s\n',
    ]);
  });

  it('promises nothing once there are more than there were', () => {
    const out = new Terminal(false);
    const progress = new Progress(out, () => out.nowMs);
    progress.begin('photos', 1);
    out.nowMs = 6_000;
    progress.advance(1);
    progress.advance(1);
    expect(out.written.join('')).not.toMatch(/left|about/);
  });
});

it.each([
  [0.04, '0.0 s'],
  [9.94, '9.9 s'],
  [59, '59 s'],
  [61, '1:01 min'],
  [3_599, '59:59 min'],
  [7_260, '2:01 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
