import { describe, expect, it } from 'vitest';
import { contentTypeOf, extensionOf, mediaKindOf } from '../../../src/model/content-type.ts';

describe('content types by name', () => {
  it.each([
    ['IMG.JPG', 'image/jpeg', 'image'],
    ['a.heic', 'image/heic', 'image'],
    ['a.avif', 'image/avif', 'image'],
    ['a.jxl', 'image/jxl', 'image'],
    ['a.hif', 'image/heif', 'image'],
    ['a.mp4', 'video/mp4', 'video'],
    ['a.MOV', 'video/quicktime', 'video'],
    ['a.mts', 'video/mp2t', 'video'],
    ['a.mkv', 'video/x-matroska', 'video'],
    ['a.mp3', 'audio/mpeg', 'audio'],
    ['a.CR3', 'image/x-canon-cr3', 'raw'],
    ['a.dng', 'image/x-adobe-dng', 'raw'],
    ['a.txt', 'text/plain', 'other'],
    ['README', 'application/octet-stream', 'other'],
    ['.jpg', 'application/octet-stream', 'other'],
  ])('%s is %s, %s', (name, contentType, kind) => {
    expect(contentTypeOf(name)).toBe(contentType);
    expect(mediaKindOf(name)).toBe(kind);
  });

  it('knows the extensions that real Immich servers name', () => {
    for (const extension of ['3gp', 'avi', 'flv', 'insv', 'm2ts', 'mpg', 'webm', 'wmv']) {
      expect([extension, mediaKindOf(`a.${extension}`)]).toEqual([extension, 'video']);
    }
    for (const extension of [
      'bmp',
      'gif',
      'heif',
      'insp',
      'jpe',
      'jp2',
      'png',
      'psd',
      'svg',
      'tif',
      'webp',
    ]) {
      expect([extension, mediaKindOf(`a.${extension}`)]).toEqual([extension, 'image']);
    }
  });

  it('takes the last extension', () => {
    expect(extensionOf('a.tar.GZ')).toBe('gz');
    expect(extensionOf('.hidden')).toBe('');
  });
});
