import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Coalescer } from '../../../src/ingest/coalescer.ts';

let readyCount: number;
let coalescer: Coalescer;

beforeEach(() => {
  vi.useFakeTimers();
  readyCount = 0;
  coalescer = new Coalescer({
    onReady: () => {
      readyCount += 1;
    },
    limit: 5,
  });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Coalescer', () => {
  it('is ready once no hint has come for 50 ms', () => {
    coalescer.add('a');
    vi.advanceTimersByTime(40);
    coalescer.add('b');
    vi.advanceTimersByTime(49);
    expect(readyCount).toBe(0);
    vi.advanceTimersByTime(1);
    expect(readyCount).toBe(1);
    expect(coalescer.take()).toEqual(['a', 'b']);
  });

  it('lets no hint wait longer than 150 ms, however long the burst', () => {
    for (let ms = 0; ms < 140; ms += 20) {
      coalescer.add('a');
      vi.advanceTimersByTime(20);
      if (ms < 100) expect(readyCount).toBe(0);
    }
    vi.advanceTimersByTime(10);
    expect(readyCount).toBe(1);
  });

  it('calls once, until the hints were taken', () => {
    coalescer.add('a');
    vi.advanceTimersByTime(100);
    coalescer.add('b');
    vi.advanceTimersByTime(1000);
    expect(readyCount).toBe(1);
    expect(coalescer.take()).toEqual(['a', 'b']);
    expect(coalescer.take()).toEqual([]);
    coalescer.add('c');
    vi.advanceTimersByTime(50);
    expect(readyCount).toBe(2);
    expect(coalescer.take()).toEqual(['c']);
  });

  it('may be emptied before it is ready, and is not ready then', () => {
    coalescer.add('a');
    expect(coalescer.take()).toEqual(['a']);
    vi.advanceTimersByTime(1000);
    expect(readyCount).toBe(0);
  });

  it('leaves out what is below another path, and tells the outermost first', () => {
    for (const path of ['a/b/c.jpg', 'x/y', 'a/b', 'a/bc.jpg', 'z']) coalescer.add(path);
    expect(coalescer.take()).toEqual(['z', 'x/y', 'a/b', 'a/bc.jpg']);
  });

  it('gives up on paths when there are too many, or one is the top', () => {
    for (let count = 0; count < 5; count += 1) coalescer.add(`${count}`);
    expect(coalescer.take()).toHaveLength(5);
    for (let count = 0; count < 6; count += 1) coalescer.add(`${count}`);
    expect(coalescer.take()).toBe('everything');
    coalescer.add('a');
    coalescer.add('');
    expect(coalescer.take()).toBe('everything');
    expect(coalescer.take()).toEqual([]);
  });
});
