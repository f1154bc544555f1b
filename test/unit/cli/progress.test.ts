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

  it('leaves the bar out before anything else, and the last column free', () => {
    const drawn = (columns: number): string => {
      const out = Object.assign(new Terminal(true), { columns });
      const progress = new Progress(out, () => out.nowMs);
      progress.begin('photos', 400);
      out.nowMs = 1_000;
      progress.advance(1_000_000);
      return out.screen;
    };
    expect(drawn(100)).toMatch(/^photos \[\.{19}\] 1 of about 400 files, .* left$/);
    expect(drawn(80)).toBe('photos 1 of about 400 files, 1.0 MB, 1 files/s, 1.0 MB/s, about 6:39 min left');
    expect(drawn(20)).toBe('photos 1 of about 4');
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
