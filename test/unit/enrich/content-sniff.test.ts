import { describe, expect, it } from 'vitest';
import { sniffContentType } from '../../../src/enrich/content-sniff.ts';
import { contentTypeOf } from '../../../src/model/content-type.ts';

function sniff(bytes: string, name: string) {
  return sniffContentType(Buffer.from(bytes, 'latin1'), contentTypeOf(name));
}

const ftyp = (brands: string) =>
  `\0\0\0\x20ftyp${brands.slice(0, 4)}\0\0\0\0${brands.slice(4)}`.padEnd(32, '\0');
const ebml = (kind: string) => `\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82${kind}`;
const packets = (bytes: number, first: number) =>
  Array.from({ length: bytes * 5 }, (_, at) => (at % bytes === first ? 'G' : 'x')).join('');

describe('content types by content', () => {
  it.each([
    ['\xff\xd8\xff\xe0', 'a.heic', 'image/jpeg'],
    ['\x89PNG\r\n\x1a\n', 'a.jpg', 'image/png'],
    ['GIF89a', 'a', 'image/gif'],
    ['RIFF\0\0\0\0WEBP', 'a.png', 'image/webp'],
    ['RIFF\0\0\0\0AVI LIST', 'a.mp4', 'video/x-msvideo'],
    [ftyp('heicmif1heic'), 'a.jpg', 'image/heic'],
    [ftyp('mif1mif1heic'), 'a.heif', 'image/heic'],
    [ftyp('mif1avifmif1'), 'a.avif', 'image/avif'],
    [ftyp('avifmif1'), 'a.heic', 'image/avif'],
    [ftyp('crx crx isom'), 'a.cr3', 'image/x-canon-cr3'],
    [ftyp('qt  '), 'a.mp4', 'video/quicktime'],
    [ftyp('isomiso2'), 'a.mov', 'video/mp4'],
    [ftyp('3gp4'), 'a.mp4', 'video/3gpp'],
    [ftyp('M4A '), 'a.mp4', 'audio/mp4'],
    ['\0\0\x10\0moov\0\0\0\0', 'a.mov', 'video/quicktime'],
    [ebml('\x84webm'), 'a.mkv', 'video/webm'],
    [ebml('\x88matroska'), 'a.webm', 'video/x-matroska'],
    [packets(188, 0), 'a.mpg', 'video/mp2t'],
    [packets(192, 4), 'a.mpg', 'video/mp2t'],
    ['\0\0\x01\xba\x44', 'a.vob', 'video/mpeg'],
    ['\xff\x0a', 'a.jpg', 'image/jxl'],
    ['%PDF-1.7', 'a.jpg', 'application/pdf'],
    ['ID3\x04', 'a.bin', 'audio/mpeg'],
    ['\xff\xfb\x90\0', 'a.mp3', 'audio/mpeg'],
    ['\xff\xf1\x50\x80', 'a.aac', 'audio/aac'],
  ])('%j in %s is %s', (bytes, name, contentType) => {
    const found = sniff(bytes, name);
    // Null says that the name is right.
    expect(found?.contentType ?? contentTypeOf(name)).toBe(contentType);
    expect(found).not.toBeNull();
  });

  it.each([
    ['II*\0\x08', 'a.nef'],
    ['MM\0*\0', 'a.dng'],
    ['IIU\0', 'a.rwl'],
    ['\xff\xd8\xff', 'a.mpo'],
    [ftyp('mp42isom'), 'a.m4v'],
    [ftyp('mp42isom'), 'a.m4a'],
    [ftyp('isom3gp4'), 'a.3gp'],
    [ebml('\x88matroska'), 'a.mka'],
    ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'a.wma'],
    ['OggS\0\x02', 'a.ogv'],
    ['PK\x03\x04', 'a.docx'],
  ])('%j leaves %s to its name', (bytes, name) => {
    expect(sniff(bytes, name)).toMatchObject({ contentType: null });
  });

  it.each([
    ['', 'a.jpg'],
    ['\xff', 'a.jpg'],
    ['hello', 'a.jpg'],
    ['XXXX\0\0\0\0WEBP', 'a.webp'],
    ['BMW is a maker of cars', 'a.txt'],
    ['\xff\xfb\x90\0', 'a.bin'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'a.svg'],
    ['\0\0\0\x20ftyp', 'a.mp4'],
  ])('%j in %s is nothing known', (bytes, name) => {
    expect(sniff(bytes, name)).toBeNull();
  });
});
