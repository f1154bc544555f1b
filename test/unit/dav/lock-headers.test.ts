import { describe, expect, it } from 'vitest';
import { readLockDepth, readLockToken, readTimeoutMs } from '../../../src/dav/lock-headers.ts';

const having = (name: string, value: string | undefined) => ({
  header: (asked: string) => (asked === name ? value : undefined),
});

describe('Timeout', () => {
  it.each([
    ['Second-600', 600],
    ['second-3600', 3600],
    ['Infinite, Second-4100000000', 86_400],
    ['Second-4100000000', 86_400],
    ['Second-99999999999999999999, Second-30', 30],
    ['Extend, Second-30', 30],
    ['Second-0', 1],
    ['Second--5', 600],
    ['', 600],
    [undefined, 600],
  ])('%s gives %i seconds', (header, seconds) => {
    expect(readTimeoutMs(having('timeout', header))).toBe(seconds * 1000);
  });
});

describe('Depth of a LOCK', () => {
  it.each([
    [undefined, 'infinity'],
    ['Infinity', 'infinity'],
    [' 0 ', '0'],
  ])('%s means %s', (header, depth) => {
    expect(readLockDepth(having('depth', header))).toBe(depth);
  });
  it.each(['1', '2', '', '0, 0'])('%s is refused', (header) => {
    expect(() => readLockDepth(having('depth', header))).toThrow();
  });
});

describe('Lock-Token', () => {
  it('is what stands between the brackets', () => {
    expect(readLockToken(having('lock-token', ' <urn:uuid:1> '))).toBe('urn:uuid:1');
  });
  it.each([undefined, '', 'urn:uuid:1', '<>', '<a><b>', '<a b>', '(<a>)'])('%s is refused', (header) => {
    expect(() => readLockToken(having('lock-token', header))).toThrow();
  });
});
