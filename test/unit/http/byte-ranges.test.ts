import { describe, expect, test } from 'vitest';
import { contentRangeText, parseRanges } from '../../../src/http/byte-ranges.ts';

const WHOLE = { kind: 'whole' };
const UNSATISFIABLE = { kind: 'unsatisfiable' };
const ranges = (...pairs: [number, number][]) => ({
  kind: 'ranges',
  ranges: pairs.map(([start, end]) => ({ start, end })),
});

describe('one range', () => {
  test.each([
    ['bytes=0-', 100, ranges([0, 99])],
    ['bytes=0-0', 100, ranges([0, 0])],
    ['bytes=10-19', 100, ranges([10, 19])],
    ['bytes=99-', 100, ranges([99, 99])],
    ['bytes=90-500', 100, ranges([90, 99])],
    ['bytes=-1', 100, ranges([99, 99])],
    ['bytes=-100', 100, ranges([0, 99])],
    ['bytes=-101', 100, ranges([0, 99])],
    ['BYTES=0-1', 100, ranges([0, 1])],
    ['bytes = 0-1', 100, ranges([0, 1])],
    ['bytes=007-0008', 100, ranges([7, 8])],
    ['bytes=100-', 100, UNSATISFIABLE],
    ['bytes=100-200', 100, UNSATISFIABLE],
    ['bytes=-0', 100, UNSATISFIABLE],
  ])('%s of %d', (header, size, expected) => {
    expect(parseRanges(header, size)).toEqual(expected);
  });
});

describe('ignored', () => {
  test.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes=-',
    'bytes=a-b',
    'bytes=1',
    'bytes=5-4',
    'bytes=1-2-3',
    'bytes=+1-2',
    'bytes=1.0-2',
    'bytes=0x1-2',
    'bytes=0-1;2-3',
    'bytes=0-1, x',
    'bytes=١-٢',
    'lines=0-1',
    'bytes 0-1',
    'xbytes=0-1',
  ])('%j', (header) => {
    expect(parseRanges(header, 100)).toEqual(WHOLE);
  });

  test('anything of an empty content', () => {
    for (const header of ['bytes=0-', 'bytes=-5', 'bytes=0-0', 'bytes=7-']) {
      expect(parseRanges(header, 0)).toEqual(WHOLE);
    }
  });
});

describe('numbers beyond 2^53', () => {
  test.each([
    ['bytes=0-9007199254740993', ranges([0, 99])],
    ['bytes=0-99999999999999999999999999', ranges([0, 99])],
    [`bytes=0-${'9'.repeat(400)}`, ranges([0, 99])],
    [`bytes=-${'9'.repeat(400)}`, ranges([0, 99])],
    ['bytes=99999999999999999999-', UNSATISFIABLE],
    [`bytes=${'9'.repeat(400)}-${'9'.repeat(401)}`, UNSATISFIABLE],
    ['bytes=99999999999999999999-5', WHOLE],
  ])('%s', (header, expected) => {
    expect(parseRanges(header, 100)).toEqual(expected);
  });
});

describe('several ranges', () => {
  test.each([
    ['kept in the order asked', 'bytes=50-59,0-9', ranges([50, 59], [0, 9])],
    ['with spaces and empty elements', 'bytes= 0-1 , ,\t4-5,', ranges([0, 1], [4, 5])],
    ['overlapping ones become one', 'bytes=0-10,5-20', ranges([0, 20])],
    ['adjacent ones become one', 'bytes=10-19,0-9', ranges([0, 19])],
    [
      'joined ones stand where the first of them stood',
      'bytes=80-89,40-49,45-60',
      ranges([80, 89], [40, 60]),
    ],
    ['inside another', 'bytes=0-50,10-20,70-70', ranges([0, 50], [70, 70])],
    ['those behind the end are left out', 'bytes=200-,0-1,-0', ranges([0, 1])],
    ['all behind the end', 'bytes=200-,300-400', UNSATISFIABLE],
    ['suffix and prefix', 'bytes=0-0,-1', ranges([0, 0], [99, 99])],
    ['two overlaps are still fine', 'bytes=0-10,5-20,15-30', ranges([0, 30])],
    ['three overlaps look like an attack', 'bytes=0-,0-,0-,0-', WHOLE],
  ])('%s', (_, header, expected) => {
    expect(parseRanges(header, 100)).toEqual(expected);
  });

  test('100 are read, 101 ignored', () => {
    const set = (count: number) =>
      `bytes=${Array.from({ length: count }, (_, i) => `${i * 3}-${i * 3}`).join(',')}`;
    const hundred = parseRanges(set(100), 1000);
    expect(hundred.kind === 'ranges' && hundred.ranges.length).toBe(100);
    expect(parseRanges(set(101), 1000)).toEqual(WHOLE);
  });
});

test('Content-Range', () => {
  expect(contentRangeText({ start: 1, end: 2 }, 10)).toBe('bytes 1-2/10');
  expect(contentRangeText(undefined, 10)).toBe('bytes */10');
});
