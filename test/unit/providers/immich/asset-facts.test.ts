import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAsset } from '../../../../providers/immich/api-answers.ts';
import {
  assetFactsOf,
  isShown,
  knownSizeOf,
  modifiedMsOf,
  parseTime,
} from '../../../../providers/immich/asset-facts.ts';
import type { AssetFacts } from '../../../../src/model/asset.ts';

const SHA1 = Buffer.alloc(20, 0xab);

/** An answer as 3.1.0 gives it, changed as a test needs. */
function answer(changes: Record<string, unknown> = {}, exif: Record<string, unknown> = {}) {
  return {
    id: 'bf84f098-05d7-45dd-a30b-5fc779019f87',
    libraryId: null,
    type: 'IMAGE',
    originalFileName: 'IMG_0001.jpg',
    originalMimeType: 'image/jpeg',
    thumbhash: 'G6kKPZCArGd4dpmId4d3hz+G+G6G',
    fileCreatedAt: '2024-02-11T09:20:30.000Z',
    fileModifiedAt: '2024-01-02T03:04:05.678Z',
    localDateTime: '2024-02-11T11:20:30.000Z',
    updatedAt: '2026-11-20T11:07:51.402Z',
    isTrashed: false,
    visibility: 'timeline',
    duration: null,
    checksum: SHA1.toString('base64'),
    width: 656,
    height: 480,
    isEdited: false,
    exifInfo: {
      make: 'TestCam',
      model: 'X100',
      exifImageWidth: 656,
      exifImageHeight: 480,
      fileSizeInByte: 12222,
      orientation: null,
      timeZone: 'UTC+2',
      latitude: 48.8534,
      longitude: 2.3488,
      ...exif,
    },
    ...changes,
  };
}

function factsOf(changes: Record<string, unknown> = {}, exif: Record<string, unknown> = {}): AssetFacts {
  return assetFactsOf(parseAsset(answer(changes, exif)), 12222).facts;
}

describe('facts of an asset', () => {
  it('hold all that Immich knows', () => {
    expect(factsOf()).toEqual({
      ref: { id: 'bf84f098-05d7-45dd-a30b-5fc779019f87', path: 'IMG_0001.jpg' },
      version: 'ab'.repeat(20),
      sizeBytes: 12222,
      contentType: 'image/jpeg',
      kind: 'image',
      modifiedMs: Date.parse('2024-01-02T03:04:05.678Z'),
      createdMs: Date.parse('2024-02-11T09:20:30Z'),
      statusChangedMs: null,
      digests: { sha1: 'ab'.repeat(20) },
      width: 656,
      height: 480,
      orientation: null,
      durationMs: null,
      latitude: 48.8534,
      longitude: 2.3488,
      camera: 'TestCam X100',
      taken: {
        localText: '2024-02-11T11:20:30',
        offsetMinutes: 120,
        instantMs: Date.parse('2024-02-11T09:20:30Z'),
        derivedFrom: 'immich',
      },
      thumbhash: 'G6kKPZCArGd4dpmId4d3hz+G+G6G',
      livePhotoId: '',
    });
  });

  it('tell what both halves of a live photo have in common: the id of the film', () => {
    const film = 'c0ffee00-05d7-45dd-a30b-5fc779019f87';
    expect(factsOf({ livePhotoVideoId: film }).livePhotoId).toBe(film);
    expect(factsOf({ id: film, type: 'VIDEO', originalFileName: 'IMG_0001.MOV' }).livePhotoId).toBe(film);
  });

  it('are equal in every date format that Immich has', () => {
    const database = factsOf({
      fileCreatedAt: '2024-02-11T09:20:30+00:00',
      fileModifiedAt: '2024-01-02T03:04:05.678+00:00',
      localDateTime: '2024-02-11T11:20:30+00:00',
      updatedAt: '2026-11-20T11:07:51.402957+00:00',
    });
    expect(database).toEqual(factsOf());
  });

  it.each([
    ['a file of an external library', { libraryId: '0f5b7f43-0000-4000-8000-000000000000' }],
    ['a server that does not say', { libraryId: undefined }],
    ['no checksum', { checksum: null }],
    ['a checksum of another kind', { checksum: Buffer.alloc(32).toString('base64') }],
  ])('take no content hash from %s', (_what, changes) => {
    const facts = factsOf(changes);
    expect(facts.digests).toEqual({});
    expect(facts.version).toMatch(/^d-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$/);
    expect(factsOf({ ...changes, updatedAt: '2026-11-20T11:07:51.403Z' }).version).not.toBe(facts.version);
    expect(factsOf({ ...changes, fileModifiedAt: '2024-01-02T03:04:05.679Z' }).version).not.toBe(
      facts.version,
    );
  });

  it.each(['2024-01-02T03:04:05.678Z', '1969-12-31T23:59:58.500Z', '1901-02-03T04:05:06.000Z'])(
    'have the time of the file in a version without content hash: %s',
    (fileModifiedAt) => {
      const { version } = factsOf({ libraryId: 'x', fileModifiedAt });
      expect(modifiedMsOf(version)).toBe(Date.parse(fileModifiedAt));
    },
  );

  it('have no time of the file in a content hash, nor where Immich told none', () => {
    expect(modifiedMsOf(factsOf().version)).toBeNull();
    expect(modifiedMsOf(factsOf({ libraryId: 'x', fileModifiedAt: null }).version)).toBeNull();
  });

  it.each([
    ['0:00:00.00000', null],
    ['00:00:04.000', 4000],
    ['1:02:03.456789', 3_723_457],
    ['12:00:00', 43_200_000],
    [4000, 4000],
    [0, null],
    [null, null],
    ['soon', null],
  ])('read a duration of %s', (duration, expected) => {
    expect(factsOf({ duration }).durationMs).toBe(expected);
  });

  it.each([
    [{}, {}, 656, 480],
    [{ width: null, height: null }, { orientation: '6' }, 480, 656],
    [{ width: undefined, height: undefined }, { orientation: '3' }, 656, 480],
    [{ width: 100, height: 100, isEdited: true }, { orientation: '8' }, 480, 656],
    [{ width: 100, height: 100, isEdited: true }, { exifImageWidth: null }, 100, 100],
    [{ width: null, height: 480 }, { exifImageWidth: 0 }, null, null],
  ])('show the size of the original as displayed: %j %j', (changes, exif, width, height) => {
    expect(factsOf(changes, exif)).toMatchObject({ width, height });
  });

  it.each([
    ['IMAGE', 'a.jpg', 'image/jpeg', 'image', 'image/jpeg'],
    ['IMAGE', 'a.NEF', 'image/nef', 'raw', 'image/nef'],
    ['VIDEO', 'a.mov', 'video/quicktime', 'video', 'video/quicktime'],
    ['AUDIO', 'a.mp3', 'audio/mpeg', 'audio', 'audio/mpeg'],
    ['VIDEO', 'noextension', null, 'video', 'application/octet-stream'],
    ['IMAGE', 'a.png', null, 'image', 'image/png'],
    ['IMAGE', 'a.png', 'evil\r\nheader: x', 'image', 'image/png'],
    ['OTHER', 'a.mp4', null, 'video', 'video/mp4'],
    ['OTHER', 'a.xyzzy', null, 'other', 'application/octet-stream'],
  ])('tell what %s %s is', (type, originalFileName, originalMimeType, kind, contentType) => {
    expect(factsOf({ type, originalFileName, originalMimeType })).toMatchObject({ kind, contentType });
  });

  it('claim no offset without a time zone, nor one that cannot be', () => {
    expect(factsOf({}, { timeZone: null }).taken).toEqual({
      localText: '2024-02-11T11:20:30',
      offsetMinutes: null,
      instantMs: Date.parse('2024-02-11T09:20:30Z'),
      derivedFrom: 'immich',
    });
    expect(factsOf({ localDateTime: '2024-02-13T11:20:30.000Z' }).taken?.offsetMinutes).toBeNull();
    expect(factsOf({ localDateTime: '2024-02-11T11:20:30.500Z' }).taken).toMatchObject({
      localText: '2024-02-11T11:20:30.500',
      offsetMinutes: null,
    });
    expect(factsOf({ exifInfo: null }).taken?.offsetMinutes).toBeNull();
  });

  it('take a time that makes no sense as unknown, and say so', () => {
    for (const bad of ['yesterday', '2024-02-31T00:00:00.000Z', '2024-13-01T00:00:00.000Z', '', 5, null]) {
      const read = assetFactsOf(parseAsset(answer({ fileModifiedAt: bad, localDateTime: bad })), 1);
      expect(read.hasBadDate).toBe(true);
      expect(read.facts.modifiedMs).toBe(Date.parse('2024-02-11T09:20:30Z'));
      expect(read.facts.taken).toBeNull();
    }
    const lost = { fileCreatedAt: 'x', fileModifiedAt: 'x', localDateTime: 'x', updatedAt: 'x' };
    expect(factsOf(lost)).toMatchObject({ modifiedMs: 0, createdMs: null, taken: null });
    expect(assetFactsOf(parseAsset(answer()), 1).hasBadDate).toBe(false);
  });

  it.each([
    [{ make: 'Canon', model: 'Canon EOS 80D' }, 'Canon EOS 80D'],
    [{ make: 'Apple', model: null }, 'Apple'],
    [{ make: null, model: 'X100' }, 'X100'],
    [{ make: ' ', model: '' }, null],
  ])('name the camera of %j', (exif, camera) => {
    expect(factsOf({}, exif).camera).toBe(camera);
  });

  it('know a size only when it is one', () => {
    const sizeOf = (fileSizeInByte: unknown) => knownSizeOf(parseAsset(answer({}, { fileSizeInByte })));
    expect([0, 12, null, undefined, -1, 1.5, '12', Number.NaN].map(sizeOf)).toEqual([
      0,
      12,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(knownSizeOf(parseAsset(answer({ exifInfo: undefined })))).toBeNull();
  });

  it('hide what is hidden, locked or in the trash', () => {
    const shown = (changes: object) => isShown(parseAsset({ ...answer(), ...changes }));
    expect(shown({ visibility: 'archive' })).toBe(true);
    expect(shown({ visibility: undefined })).toBe(true);
    expect(shown({ visibility: 'hidden' })).toBe(false);
    expect(shown({ visibility: 'locked' })).toBe(false);
    expect(shown({ isTrashed: true })).toBe(false);
  });
});

describe('times', () => {
  it.each([
    ['2024-02-11T09:20:30.000Z', '2024-02-11T09:20:30.000Z'],
    ['2024-02-11T09:20:30+00:00', '2024-02-11T09:20:30.000Z'],
    ['2024-02-11T09:20:30.390999+00:00', '2024-02-11T09:20:30.390Z'],
    ['2024-02-11T09:20:30.5+02:00', '2024-02-11T07:20:30.500Z'],
    ['1899-12-31T23:59:59Z', '1899-12-31T23:59:59.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s', (text, expected) => {
    expect(new Date(parseTime(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  it.each(['2023-02-29T00:00:00Z', '0000-01-01T00:00:00Z', '2024-02-11', '2024-02-11T09:20:30', 'now'])(
    'not %s',
    (text) => {
      expect(parseTime(text)).toBeNull();
    },
  );
});

const recordings = process.env.MEDIADAV_RECORDINGS;

describe.skipIf(recordings === undefined)('assets that real servers answered', () => {
  const found =
    recordings === undefined ? [] : versionsIn(recordings).map((version) => assetsIn(recordings, version));

  it('are read without a complaint', () => {
    expect(found).toHaveLength(4);
    for (const assets of found) {
      expect(assets.length).toBeGreaterThan(100);
      for (const asset of assets) {
        const read = assetFactsOf(parseAsset(asset), 1);
        expect(read.hasBadDate).toBe(false);
        expect(read.facts.version).toMatch(/^[0-9a-f]{40}$/);
      }
    }
  });

  it('give the same facts whichever route told them', () => {
    for (const assets of found) {
      const seen = new Map<string, string>();
      for (const asset of assets.map(parseAsset)) {
        if (asset.exif === null || asset.updatedAt === null) continue;
        const text = JSON.stringify(assetFactsOf(asset, knownSizeOf(asset) ?? 0).facts);
        // The row itself changed now and then while the records were made.
        const key = `${asset.id} ${parseTime(asset.updatedAt)} ${asset.exif.exifImageWidth} ${asset.exif.timeZone}`;
        expect(seen.get(key) ?? text).toBe(text);
        seen.set(key, text);
      }
    }
  });

  it('show the same picture size and length on every version', () => {
    const sizes = found.map((assets) => {
      const byName = new Map<string, string>();
      for (const asset of assets.map(parseAsset)) {
        const { width, height, durationMs, orientation } = assetFactsOf(asset, 0).facts;
        if (width !== null)
          byName.set(asset.originalFileName, `${width}x${height} ${orientation} ${durationMs}`);
      }
      return byName;
    });
    const [oldest, ...others] = sizes;
    expect(oldest?.size).toBeGreaterThan(20);
    for (const [name, size] of oldest ?? []) {
      for (const other of others) expect(`${name} ${other.get(name) ?? size}`).toBe(`${name} ${size}`);
    }
  });
});

function versionsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
}

/** Every asset anywhere in the answers of one version. */
function assetsIn(folder: string, version: string): Record<string, unknown>[] {
  const assets: Record<string, unknown>[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('originalFileName' in value && 'checksum' in value) assets.push(value as Record<string, unknown>);
    for (const part of Object.values(value)) visit(part);
  };
  for (const name of readdirSync(join(folder, version)).sort()) {
    visit(JSON.parse(readFileSync(join(folder, version, name), 'utf8')).response.body);
  }
  return assets;
}
