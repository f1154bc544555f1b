import { describe, expect, test } from 'vitest';
import { isRangeCurrent, weighConditions } from '../../../src/http/conditions.ts';
import { lastModifiedText, parseHttpDate } from '../../../src/http/http-date.ts';

const MODIFIED_MS = Date.UTC(1994, 10, 6, 8, 49, 37, 900);
const SAME = 'Sun, 06 Nov 1994 08:49:37 GMT';
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';
const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT';
const current = { etag: '"v1"', modifiedMs: MODIFIED_MS };
const weak = { etag: 'W/"v1"', modifiedMs: MODIFIED_MS };

describe('GET', () => {
  test.each([
    [{}, 'proceed'],
    [{ 'if-match': '"v1"' }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': '"a", "v1"' }, 'proceed'],
    [{ 'if-match': '"v2"' }, 'failed'],
    [{ 'if-match': 'W/"v1"' }, 'failed'],
    [{ 'if-match': 'v1' }, 'failed'],
    [{ 'if-match': '' }, 'failed'],
    [{ 'if-unmodified-since': SAME }, 'proceed'],
    [{ 'if-unmodified-since': LATER }, 'proceed'],
    [{ 'if-unmodified-since': EARLIER }, 'failed'],
    [{ 'if-unmodified-since': 'yesterday' }, 'proceed'],
    [{ 'if-match': '"v1"', 'if-unmodified-since': EARLIER }, 'proceed'],
    [{ 'if-none-match': '"v1"' }, 'not-modified'],
    [{ 'if-none-match': 'W/"v1"' }, 'not-modified'],
    [{ 'if-none-match': '*' }, 'not-modified'],
    [{ 'if-none-match': '"x,y" ,, W/"v1"' }, 'not-modified'],
    [{ 'if-none-match': '"v1","' }, 'not-modified'],
    [{ 'if-none-match': '"a,"v1",b"' }, 'proceed'],
    [{ 'if-none-match': '"v2"' }, 'proceed'],
    [{ 'if-none-match': 'v1' }, 'proceed'],
    [{ 'if-none-match': 'w/"v1"' }, 'proceed'],
    [{ 'if-modified-since': SAME }, 'not-modified'],
    [{ 'if-modified-since': LATER }, 'not-modified'],
    [{ 'if-modified-since': EARLIER }, 'proceed'],
    [{ 'if-modified-since': '1994-11-06T08:49:37Z' }, 'proceed'],
    [{ 'if-none-match': '"v2"', 'if-modified-since': SAME }, 'proceed'],
    [{ 'if-none-match': '"v1"', 'if-modified-since': EARLIER }, 'not-modified'],
    [{ 'if-match': '"v2"', 'if-none-match': '"v1"' }, 'failed'],
  ])('%j: %s', (headers, verdict) => {
    expect(weighConditions('GET', headers, current)).toBe(verdict);
    expect(weighConditions('HEAD', headers, current)).toBe(verdict);
  });

  test('a weak entity-tag never matches If-Match, but If-None-Match', () => {
    expect(weighConditions('GET', { 'if-match': 'W/"v1"' }, weak)).toBe('failed');
    expect(weighConditions('GET', { 'if-none-match': '"v1"' }, weak)).toBe('not-modified');
  });

  test('an entity-tag with a comma inside its quotes is one', () => {
    const comma = { etag: '"a,b"', modifiedMs: 0 };
    expect(weighConditions('GET', { 'if-none-match': '"a", "a,b"' }, comma)).toBe('not-modified');
    expect(weighConditions('GET', { 'if-none-match': '"a", "b"' }, comma)).toBe('proceed');
  });

  test('a long row of rubbish is read in no time', () => {
    const startMs = performance.now();
    weighConditions('GET', { 'if-none-match': ', '.repeat(20_000) }, current);
    weighConditions('GET', { 'if-none-match': '"'.repeat(40_000) }, current);
    expect(performance.now() - startMs).toBeLessThan(200);
  });
});

describe('PUT', () => {
  test.each([
    [{ 'if-match': '"v1"' }, 'proceed', 'failed'],
    [{ 'if-match': '*' }, 'proceed', 'failed'],
    [{ 'if-match': '"v2"' }, 'failed', 'failed'],
    [{ 'if-none-match': '*' }, 'failed', 'proceed'],
    [{ 'if-none-match': '"v1"' }, 'failed', 'proceed'],
    [{ 'if-none-match': '"v2"' }, 'proceed', 'proceed'],
    [{ 'if-unmodified-since': EARLIER }, 'failed', 'proceed'],
    [{ 'if-modified-since': SAME }, 'proceed', 'proceed'],
  ])('%j: %s on what is there, %s on nothing', (headers, onSomething, onNothing) => {
    expect(weighConditions('PUT', headers, current)).toBe(onSomething);
    expect(weighConditions('PUT', headers, null)).toBe(onNothing);
  });
});

describe('If-Range', () => {
  test.each([
    [undefined, true],
    ['"v1"', true],
    ['"v2"', false],
    ['W/"v1"', false],
    [SAME, true],
    [EARLIER, false],
    [LATER, false],
    ['v1', false],
    ['', false],
    ['"v1", "v2"', false],
  ])('%j: %s', (header, isCurrent) => {
    expect(isRangeCurrent(header === undefined ? {} : { 'if-range': header }, current)).toBe(isCurrent);
  });

  test('no entity-tag makes a weak validator strong', () => {
    expect(isRangeCurrent({ 'if-range': '"v1"' }, weak)).toBe(false);
    expect(isRangeCurrent({ 'if-range': 'W/"v1"' }, weak)).toBe(false);
  });
});

describe('HTTP dates', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  test.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sunday, 06-Nov-30 08:49:37 GMT', Date.UTC(2030, 10, 6, 8, 49, 37)],
    ['Sun Nov  6 08:49:37 1994', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Mon, 01 Jan 0001 00:00:00 GMT', -62135596800000],
    ['Sun, 31 Feb 1994 08:49:37 GMT', null],
    ['Sun, 06 Nov 1994 24:49:37 GMT', null],
    ['Sun, 06 Nov 1994 08:49:37 +0000', null],
    ['Sun, 06 Nov 1994 08:49:37', null],
    ['06 Nov 1994', null],
    ['784111777', null],
    ['', null],
  ])('%s', (text, ms) => {
    expect(parseHttpDate(text, nowMs)).toBe(ms);
  });

  test('Last-Modified lies between 1970 and now', () => {
    expect(lastModifiedText(MODIFIED_MS, nowMs)).toBe(SAME);
    expect(lastModifiedText(-1, nowMs)).toBe('Thu, 01 Jan 1970 00:00:00 GMT');
    expect(lastModifiedText(Number.NaN, nowMs)).toBe('Thu, 01 Jan 1970 00:00:00 GMT');
    expect(lastModifiedText(nowMs + 5_000, nowMs)).toBe('Thu, 01 Jan 2026 00:00:00 GMT');
  });
});
