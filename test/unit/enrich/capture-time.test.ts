import { describe, expect, it } from 'vitest';
import {
  captureTimeOf,
  instantTime,
  parseInstant,
  satelliteTimeOf,
} from '../../../src/enrich/capture-time.ts';

const clock = (text: unknown, more: { subSeconds?: unknown; offset?: unknown } = {}) =>
  captureTimeOf({ clocks: [{ text, from: 'x', ...more }] });

describe('clocks', () => {
  it('keeps a bare clock as one, and claims no instant', () => {
    const taken = {
      localText: '2021-04-11T15:47:53',
      offsetMinutes: null,
      instantMs: null,
      derivedFrom: 'x',
    };
    expect(clock('2021:04:11 15:47:53')).toEqual(taken);
    expect(clock('2021:04:11 15:47:53\0')).toEqual(taken);
    expect(clock('2021-04-11T15:47:53')).toEqual(taken);
    expect(clock(' 2021/4/11 15:47:53 ')).toEqual(taken);
  });

  it('knows the instant with an offset, wherever that stands', () => {
    const instantMs = Date.UTC(2021, 3, 11, 20, 47, 53, 54);
    const taken = { localText: '2021-04-11T15:47:53.054', offsetMinutes: -300, instantMs };
    expect(clock('2021:04:11 15:47:53', { subSeconds: '054', offset: '-05:00' })).toMatchObject(taken);
    expect(clock('2021-04-11T15:47:53.054-05:00')).toMatchObject(taken);
    expect(clock('2021-04-11T20:47:53.054Z')).toMatchObject({ offsetMinutes: 0, instantMs });
  });

  it('reads parts of a second as digits behind the point', () => {
    expect(clock('2021:04:11 15:47:53', { subSeconds: '17' })?.localText).toBe('2021-04-11T15:47:53.170');
    expect(clock('2021:04:11 15:47:53', { subSeconds: '023460' })?.localText).toBe('2021-04-11T15:47:53.023');
    expect(clock('2021:04:11 15:47:53', { subSeconds: '00' })?.localText).toBe('2021-04-11T15:47:53');
    expect(clock('2021:04:11 15:47:53', { subSeconds: 'x' })?.localText).toBe('2021-04-11T15:47:53');
  });

  it.each([
    ...[
      '0000:00:00 00:00:00',
      '    :  :     :  :  ',
      '2021:13:11 15:47:53',
      '2021:06:31 15:47:53',
      '',
      'today',
    ],
    ...['2021:04:11 24:00:00', '2021:04:11 15:61:00', '1604:01:01 00:00:00', '9999:01:01 00:00:00', null, 5],
    ...['2021:04:11 15:47:53; DROP TABLE', `2021:04:11${' '.repeat(5000)}`],
  ])('does not believe %j', (text) => {
    expect(clock(text)).toBeNull();
  });

  it('ignores offsets that nobody has', () => {
    for (const offset of ['+25:00', '-14:30', '+01:99', '  :  ', 7]) {
      expect(clock('2021:04:11 15:47:53', { offset })?.offsetMinutes).toBeNull();
    }
    expect(clock('2021:04:11 15:47:53', { offset: '+05:45' })?.offsetMinutes).toBe(345);
    expect(Object.is(clock('2021:04:11 15:47:53', { offset: '-00:00' })?.offsetMinutes, 0)).toBe(true);
  });

  it('takes the first that is a time', () => {
    const clocks = [
      { text: '0000:00:00 00:00:00', from: 'a' },
      { text: '2020:01:01 00:00:00', from: 'b' },
      { text: '2019:01:01 00:00:00', from: 'c' },
    ];
    expect(captureTimeOf({ clocks })).toMatchObject({ localText: '2020-01-01T00:00:00', derivedFrom: 'b' });
  });
});

describe('what helps a clock without offset', () => {
  const clocks = [{ text: '2015:04:10 20:12:23', subSeconds: '550', from: 'exif' }];

  it('another field that shows the same second with its offset', () => {
    const zoned = ['2014-04-10T20:12:23+09:00', '2015-04-10T20:12:23.5+02:00'];
    const taken = captureTimeOf({ clocks, zoned });
    expect(taken).toMatchObject({ offsetMinutes: 120, derivedFrom: 'exif+zone' });
    expect(taken?.instantMs).toBe(Date.UTC(2015, 3, 10, 18, 12, 23, 550));
  });

  it('the time of the satellites, when the difference is an offset in use', () => {
    const satelliteMs = Date.UTC(2015, 3, 10, 18, 11, 40);
    expect(captureTimeOf({ clocks, satelliteMs })).toMatchObject({
      ...{ localText: '2015-04-10T20:12:23.550', offsetMinutes: 120, derivedFrom: 'exif+gps' },
      instantMs: Date.UTC(2015, 3, 10, 18, 12, 23, 550),
    });
  });

  it('nothing when camera and satellites disagree', () => {
    const satelliteMs = Date.UTC(2015, 3, 10, 18, 2, 0);
    expect(captureTimeOf({ clocks, satelliteMs })).toMatchObject({ offsetMinutes: null, instantMs: null });
  });

  it('only satellites: the clock is UTC', () => {
    expect(captureTimeOf({ clocks: [], satelliteMs: Date.UTC(2015, 3, 10, 18, 12, 23) })).toEqual({
      ...{ localText: '2015-04-10T18:12:23', offsetMinutes: 0, derivedFrom: 'gps' },
      instantMs: Date.UTC(2015, 3, 10, 18, 12, 23),
    });
  });
});

describe('instants', () => {
  it('are read with an offset only', () => {
    expect(parseInstant('2023-11-15T12:30:00Z')).toBe(Date.UTC(2023, 10, 15, 12, 30));
    expect(parseInstant('2023-11-15T12:30:00')).toBeNull();
  });

  it('of satellites are a date and three numbers', () => {
    expect(satelliteTimeOf('2008:10:23', [14, 27, 7.24])).toBe(Date.UTC(2008, 9, 23, 14, 27, 7, 240));
    expect(satelliteTimeOf('2008:10:23', '14:27:07')).toBe(Date.UTC(2008, 9, 23, 14, 27, 7));
    expect(satelliteTimeOf('2008:10:23', [14, 27, Number.NaN])).toBeNull();
    expect(satelliteTimeOf('2008:10:23', [99, 0, 0])).toBeNull();
    expect(satelliteTimeOf('2008:10:23', undefined)).toBeNull();
    expect(satelliteTimeOf('', [14, 27, 7])).toBeNull();
  });

  it('out of all reason are none', () => {
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 1e17, -1e15])
      expect(instantTime(ms, 'x')).toBeNull();
    expect(instantTime(1_500, 'x')).toMatchObject({ localText: '1970-01-01T00:00:01.500', instantMs: 1_500 });
  });
});
