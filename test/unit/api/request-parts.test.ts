import { describe, expect, it } from 'vitest';
import { creationMs, daysFrom } from '../../../src/api/creation-date.ts';
import { readDigest } from '../../../src/api/digest-parameter.ts';
import { isoText, superRoot } from '../../../src/api/feed-node.ts';
import { type ParameterTable, readParameters } from '../../../src/api/parameter.ts';
import { acceptsGzip } from '../../../src/http/accept-encoding.ts';
import { UNKNOWN_MEDIA } from '../../../src/model/asset.ts';

describe('acceptsGzip', () => {
  it.each([
    ['gzip', true],
    ['GZIP', true],
    ['x-gzip', true],
    ['deflate, gzip;q=1.0, *;q=0.5', true],
    ['br;q=1.0, gzip;q=0.8', true],
    ['*', true],
    ['gzip; q=0.001', true],
    ['', false],
    [undefined, false],
    ['identity', false],
    ['br, deflate', false],
    ['gzip;q=0', false],
    ['gzip; q=0.0, *', false],
    ['*;q=0', false],
    ['gzip;q=x', false],
    [',,;,', false],
  ])('%s: %s', (header, expected) => {
    expect(acceptsGzip(header)).toBe(expected);
  });
});

describe('readParameters', () => {
  const table: ParameterTable = {
    cursor: { type: 'integer', description: '', minimum: 0, maximum: 100, default: 7 },
    size: { type: 'integer', description: '', minimum: 1, maximum: 10 },
    word: { type: 'string', description: '', enum: ['a', 'b'], default: 'a' },
    name: { type: 'string', description: '', maxLength: 5 },
  };
  it('takes values, defaults and nothing else', () => {
    expect(readParameters({}, table)).toEqual({ cursor: 7, size: undefined, word: 'a', name: undefined });
    expect(readParameters({ cursor: '0', size: '10', word: 'b', name: 'é', more: 'x' }, table)).toEqual({
      ...{ cursor: 0, size: 10, word: 'b', name: 'é' },
    });
  });
  it.each([
    [{ cursor: '-1' }, 'The parameter "cursor" must be a whole number from 0 to 100, not "-1".'],
    [{ cursor: '101' }, /from 0 to 100/],
    [{ cursor: ' 1' }, /whole number/],
    [{ cursor: '' }, /whole number/],
    [{ cursor: '١' }, /whole number/],
    [{ cursor: ['1', '2'] }, 'The parameter "cursor" must be given once.'],
    [{ word: 'c' }, 'The parameter "word" must be one of a, b, not "c".'],
    [{ name: 'abcdef' }, 'The parameter "name" must not be longer than 5 characters.'],
  ])('refuses %j', (given, message) => {
    expect(() => readParameters(given, table)).toThrow(message);
  });
});

describe('readDigest', () => {
  it('knows the length of each algorithm, in any case', () => {
    expect(readDigest('AB'.repeat(32), 'sha256')).toBe('ab'.repeat(32));
    expect(readDigest('ab'.repeat(20), 'sha1')).toBe('ab'.repeat(20));
    expect(readDigest('ab'.repeat(16), 'md5')).toBe('ab'.repeat(16));
    for (const wrong of ['', 'ab', `${'ab'.repeat(31)}xy`, `${'ab'.repeat(32)} `, 'ab'.repeat(20)]) {
      expect(() => readDigest(wrong, 'sha256')).toThrow(/no sha256 digest: that has 64 hexadecimal digits/);
    }
  });
});

describe('isoText', () => {
  it.each([
    [Date.UTC(2026, 2, 4, 12), '2026-03-04T12:00:00+00:00'],
    [Date.UTC(2026, 2, 4, 12) + 0.5, '2026-03-04T12:00:00.000500+00:00'],
    [Date.UTC(2026, 2, 4, 12) + 123.456, '2026-03-04T12:00:00.123456+00:00'],
    [0, '1970-01-01T00:00:00+00:00'],
    [-1, '1969-12-31T23:59:59.999000+00:00'],
    [1e20, '+275760-09-13T00:00:00+00:00'],
  ])('%d is %s', (ms, text) => {
    expect(isoText(ms)).toBe(text);
  });
});

describe('superRoot', () => {
  const root = (createdMs: number | null, modifiedMs: number) => ({
    ...{
      kind: 'collection' as const,
      id: 1,
      parentId: null,
      sourceId: 1,
      name: '1',
      storedName: 'x',
      ref: null,
      isUnread: false,
    },
    ...{ createdMs, modifiedMs, changedSeq: 1, stateSeq: 1 },
  });
  it('is as old as its oldest member and changed with the newest', () => {
    expect(superRoot([root(2_000, 5_000), root(null, 1_000), root(3_000, 9_000)], 0)).toMatchObject({
      ...{ ctime: '1970-01-01T00:00:01+00:00', mtime: '1970-01-01T00:00:09+00:00' },
    });
    expect(superRoot([], 4_000)).toMatchObject({ ctime: '1970-01-01T00:00:04+00:00' });
  });
});

describe('daysFrom', () => {
  it('goes from midnight to midnight here, whatever the clocks do between', () => {
    // Days on which clocks change somewhere.
    for (const day of ['2024-03-31', '2024-10-27', '2024-03-10', '2024-02-29', '0099-12-31']) {
      const { startMs, endMs } = daysFrom(day, day);
      const [start, end] = [new Date(startMs), new Date(endMs)];
      expect([start.getFullYear(), start.getMonth() + 1, start.getDate()]).toEqual(
        day.split('-').map(Number),
      );
      expect(new Date(endMs - 1).getDate()).toBe(start.getDate());
      expect(end.getDate()).not.toBe(start.getDate());
    }
    expect(daysFrom('2023-12-31', '2024-01-01').endMs).toBe(new Date(2024, 0, 2).getTime());
  });
});

describe('creationMs', () => {
  const times = { statusChangedMs: 3, createdMs: 2, modifiedMs: 1 };
  const facts = {
    ...UNKNOWN_MEDIA,
    ...{ ref: { id: 'x', path: 'x' }, version: 'v', sizeBytes: 1, contentType: 'image/jpeg' },
    ...{ kind: 'image' as const, digests: {}, ...times },
  };
  it('prefers the capture, then ctime, then whatever there is', () => {
    const taken = { localText: '2020-01-02T03:04:05', offsetMinutes: 60, instantMs: 7, derivedFrom: 'exif' };
    expect(creationMs({ ...facts, taken })).toBe(7);
    expect(creationMs({ ...facts, taken: { ...taken, instantMs: null } })).toBe(
      new Date(2020, 0, 2, 3, 4, 5).getTime(),
    );
    expect(creationMs(facts)).toBe(3);
    expect(creationMs({ ...facts, statusChangedMs: null })).toBe(2);
    expect(creationMs({ ...facts, statusChangedMs: null, createdMs: null })).toBe(1);
  });
});
