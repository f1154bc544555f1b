import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseIso6709 } from '../../../src/enrich/geo-text.ts';
import { lookInto } from './look-into.ts';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

const CREATED = '2024-05-06T07:08:09Z';
const CREATED_MS = Date.parse(CREATED);
const TAGS = ['-metadata', `creation_time=${CREATED}`, '-metadata', 'location=+48.8584+002.2945/'];
const INPUT = [
  ...['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25:duration=2'],
  ...['-f', 'lavfi', '-i', 'sine=duration=2'],
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-video-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A film of two seconds as ffmpeg writes it. */
async function film(name: string, options: readonly string[] = [], input: readonly string[] = INPUT) {
  const file = join(folder, name);
  const made = spawnSync('ffmpeg', ['-v', 'error', '-y', ...input, ...options, file], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  return await lookInto(await readFile(file), name);
}

describe.skipIf(!hasFfmpeg)('films', () => {
  it.each([
    ['a.mp4', 'video/mp4'],
    ['a.mov', 'video/quicktime'],
    ['a.mkv', 'video/x-matroska'],
  ])('%s: size, duration, instant, place', async (name, contentType) => {
    const { media, problem, ...found } = await film(name, TAGS);
    expect(media).toMatchObject({ width: 320, height: 180 });
    expect(media.durationMs).toBeGreaterThanOrEqual(2000);
    expect(media.durationMs).toBeLessThan(2100);
    expect(media.taken).toMatchObject({ instantMs: CREATED_MS, offsetMinutes: 0 });
    expect(media.taken?.localText).toBe('2024-05-06T07:08:09');
    expect(media.latitude).toBeCloseTo(48.8584, 3);
    expect(media.longitude).toBeCloseTo(2.2945, 3);
    expect({ problem, ...found }).toEqual({ problem: null, contentType });
  });

  it('without a time have none, though the field is there', async () => {
    expect((await film('b.mp4')).media.taken).toBeNull();
  });

  it.each([
    ['a.webm', ['-c:v', 'libvpx', '-c:a', 'libvorbis'], 2000],
    ['a.avi', [], 2000],
    ['a.wmv', [], 2000],
    ['a.mpg', [], 2000],
    ['a.ts', ['-c:v', 'libx264'], 2000],
    ['b.ts', [], 2000],
  ])('%s: size and duration', async (name, options, durationMs) => {
    const { media, problem } = await film(name, options);
    expect({ problem, ...media }).toMatchObject({ problem: null, width: 320, height: 180 });
    expect(Math.abs((media.durationMs ?? 0) - durationMs)).toBeLessThan(500);
  });

  it('a WMV tells its instant', async () => {
    expect((await film('t.wmv', TAGS)).media.taken?.instantMs).toBe(CREATED_MS);
  });

  it('stand upright as displayed', async () => {
    await film('flat.mp4', TAGS);
    const input = ['-display_rotation', '90', '-i', join(folder, 'flat.mp4')];
    const isKnown = spawnSync('ffmpeg', ['-hide_banner', '-h', 'full'], { encoding: 'utf8' }).stdout;
    const turned = isKnown.includes('display_rotation')
      ? await film('turned.mp4', ['-c', 'copy'], input)
      : await film('turned.mp4', ['-c', 'copy', '-metadata:s:v', 'rotate=90'], input.slice(2));
    expect(turned.media).toMatchObject({ width: 180, height: 320 });
  });

  it('of phones tell the wall clock, its offset, the place and the camera', async () => {
    const tags = {
      creationdate: '2024-05-06T09:08:09+0200',
      'location.ISO6709': '+48.8584+002.2945+035.000/',
      make: 'Apple',
      model: 'iPhone 15',
      'content.identifier': '570F1469-09C7-4E50-9875-05F21D5BD166',
    };
    const options = Object.entries(tags).flatMap(([name, value]) => [
      '-metadata',
      `com.apple.quicktime.${name}=${value}`,
    ]);
    const { media } = await film('phone.mov', ['-movflags', 'use_metadata_tags', ...options]);
    expect(media).toMatchObject({ latitude: 48.8584, longitude: 2.2945, camera: 'Apple iPhone 15' });
    expect(media.livePhotoId).toBe('570F1469-09C7-4E50-9875-05F21D5BD166');
    expect(media.taken).toEqual({
      ...{ localText: '2024-05-06T09:08:09', offsetMinutes: 120, instantMs: CREATED_MS },
      derivedFrom: 'video:com.apple.quicktime.creationdate',
    });
  });

  it.each(['a.mp3', 'a.m4a', 'a.flac', 'a.ogg', 'a.wav', 'a.aac'])('%s: duration', async (name) => {
    const sound = ['-f', 'lavfi', '-i', 'sine=duration=3'];
    const { media, problem } = await film(name, ['-metadata', 'date=2020-01-02'], sound);
    expect(Math.abs((media.durationMs ?? 0) - 3000)).toBeLessThan(100);
    // When a song came out is not when somebody took it.
    expect({ problem, taken: media.taken, width: media.width }).toEqual({
      problem: null,
      taken: null,
      width: null,
    });
  });
});

describe('clocks of AVI', () => {
  const chunk = (type: string, content: Buffer): Buffer => {
    const header = Buffer.alloc(8);
    header.write(type, 'latin1');
    header.writeUInt32LE(content.length, 4);
    return Buffer.concat([header, content]);
  };
  const aviWith = (date: string): Buffer => {
    const main = Buffer.alloc(56);
    main.writeUInt32LE(40_000, 0);
    main.writeUInt32LE(50, 16);
    main.writeUInt32LE(640, 32);
    main.writeUInt32LE(480, 36);
    const parts = [chunk('avih', main), chunk('IDIT', Buffer.from(date, 'latin1'))];
    const list = chunk('LIST', Buffer.concat([Buffer.from('hdrl'), ...parts]));
    return chunk('RIFF', Buffer.concat([Buffer.from('AVI '), list]));
  };

  it.each([
    ['Sat Apr 11 15:47:53 2009\n\0', '2009-04-11T15:47:53'],
    ['SAT APR 01 15:47:53 2009\n\0', '2009-04-01T15:47:53'],
    ['2009:04:11 15:47:53\0', '2009-04-11T15:47:53'],
    ['2009/04/11/ 15:47\0', '2009-04-11T15:47:00'],
    ['yesterday', undefined],
  ])('%j', async (date, localText) => {
    const { media } = await lookInto(aviWith(date), 'a.avi');
    expect(media).toMatchObject({ width: 640, height: 480, durationMs: 2000 });
    expect(media.taken?.localText).toBe(localText);
  });
});

describe('places of films', () => {
  it.each([
    ['+48.8584+002.2945+035.000/', 48.8584, 2.2945],
    ['-33.8688+151.2093/', -33.8688, 151.2093],
    ['+4851.50+00217.67/', 48.858333, 2.2945],
    ['+485130.0-0021740.2/', 48.858333, -2.2945],
  ])('%s', (text, latitude, longitude) => {
    const place = parseIso6709(text);
    expect(place?.latitude).toBeCloseTo(latitude, 4);
    expect(place?.longitude).toBeCloseTo(longitude, 4);
  });

  it.each(['', '48.8,2.3', '+48', 'Paris', null, 5])('%j is none', (text) => {
    expect(parseIso6709(text)).toBeNull();
  });
});
