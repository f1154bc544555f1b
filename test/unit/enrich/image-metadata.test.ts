import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ExifDirectories, tiffOf, withExif, withSegment, withXmp, xmpOf } from './exif-block.ts';
import { lookInto, pictureOf } from './look-into.ts';

const MAKE = 0x010f;
const MODEL = 0x0110;
const ORIENTATION = 0x0112;
const DATE_TIME_ORIGINAL = 0x9003;
const CREATE_DATE = 0x9004;
const OFFSET_TIME_ORIGINAL = 0x9011;
const SUB_SEC_TIME_ORIGINAL = 0x9291;

let jpeg: Buffer;

beforeAll(async () => {
  jpeg = await pictureOf('jpeg');
});

async function mediaWith(directories: ExifDirectories) {
  return (await lookInto(withExif(jpeg, directories), 'a.jpg')).media;
}

const degrees = (whole: number, minutes: number, seconds: number) => ({
  rational: [
    [whole, 1],
    [minutes, 1],
    [seconds * 100, 100],
  ] as const,
});

function place(latitude: number, south: string, longitude: number, west: string): ExifDirectories {
  return { gps: { 1: south, 2: degrees(latitude, 30, 0), 3: west, 4: degrees(longitude, 15, 36) } };
}

describe('sizes', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'of %s, with a thumbhash',
    async (format) => {
      const { media, contentType, problem } = await lookInto(await pictureOf(format), `a.${format}`);
      expect(media).toMatchObject({ width: 40, height: 30 });
      expect(media.thumbhash).toMatch(/^[\w+/]{20,40}={0,2}$/);
      expect(contentType).toBe(`image/${format}`);
      expect(problem).toBeNull();
    },
  );

  it('are told by the content when the name lies', async () => {
    const { media, contentType } = await lookInto(await pictureOf('png'), 'a.jpg');
    expect({ contentType, width: media.width }).toEqual({ contentType: 'image/png', width: 40 });
  });

  it('of BMP, PSD, JPEG 2000 and JPEG XL, from their headers', async () => {
    const bmp = Buffer.alloc(54);
    bmp.write('BM', 'latin1');
    bmp.writeUInt32LE(40, 14);
    bmp.writeInt32LE(640, 18);
    bmp.writeInt32LE(-480, 22);
    const psd = Buffer.alloc(26);
    psd.write('8BPS\0\x01', 'latin1');
    psd.writeUInt32BE(480, 14);
    psd.writeUInt32BE(640, 18);
    const box = (type: string, content: Buffer) => {
      const header = Buffer.alloc(8);
      header.writeUInt32BE(content.length + 8, 0);
      header.write(type, 4, 'latin1');
      return Buffer.concat([header, content]);
    };
    const signature = box('jP  ', Buffer.from('\r\n\x87\n', 'latin1'));
    const header = box('jp2h', box('ihdr', Buffer.from('000001e00000028000030707', 'hex')));
    const jp2 = Buffer.concat([signature, box('ftyp', Buffer.from('jp2 \0\0\0\0jp2 ', 'latin1')), header]);
    // Not small; height 480 (13 bits: 479); ratio 4:3; nothing else.
    const bits = `0${'10'}${[...(479).toString(2).padStart(13, '0')].reverse().join('')}${'110'}1`;
    const bytes = bits.padEnd(64, '0').match(/.{8}/g) ?? [];
    const codestream = Buffer.from(bytes.map((byte) => Number.parseInt([...byte].reverse().join(''), 2)));
    const jxl = Buffer.concat([Buffer.from([0xff, 0x0a]), codestream]);
    for (const [name, content] of Object.entries({
      'a.bmp': bmp,
      'a.psd': psd,
      'a.jp2': jp2,
      'a.jxl': jxl,
    })) {
      expect({ name, ...(await lookInto(content, name)).media }).toMatchObject({
        name,
        width: 640,
        height: 480,
      });
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'as displayed for EXIF orientation %i, and so the thumbhash',
    async (value) => {
      // A stored picture that shows `jpeg` once a viewer has turned it.
      const inverse = [1, 2, 3, 4, 5, 8, 7, 6][value - 1] ?? 1;
      const turned = await sharp(withExif(jpeg, { ifd0: { [ORIENTATION]: { short: [inverse] } } }))
        .autoOrient()
        .jpeg({ quality: 100 })
        .toBuffer();
      const media = (
        await lookInto(withExif(turned, { ifd0: { [ORIENTATION]: { short: [value] } } }), 'a.jpg')
      ).media;
      expect(media).toMatchObject({ width: 40, height: 30, orientation: value });
      const straight = (await lookInto(jpeg, 'a.jpg')).media.thumbhash ?? '';
      // Averages and the coarse parts of the picture lie in the first bytes.
      const difference = [...Buffer.from(straight, 'base64').subarray(0, 3)].map(
        (byte, at) => byte - (Buffer.from(media.thumbhash ?? '', 'base64')[at] ?? 0),
      );
      expect(Math.max(...difference.map(Math.abs))).toBeLessThanOrEqual(1);
      expect(media.thumbhash?.length).toBe(straight.length);
    },
  );

  it('do not follow an orientation that is none', async () => {
    const media = await mediaWith({ ifd0: { [ORIENTATION]: { short: [9] } } });
    expect(media).toMatchObject({ width: 40, height: 30, orientation: null });
  });

  it('of raw files are those of the largest picture, turned', async () => {
    const size = (width: number, height: number, kind = 0) => ({
      ...{ 254: { long: [kind] }, 256: { long: [width] }, 257: { long: [height] } },
    });
    const raw = tiffOf({
      ifd0: {
        ...size(160, 120, 1),
        [MAKE]: 'NIKON CORPORATION',
        [MODEL]: 'NIKON D70',
        [ORIENTATION]: { short: [8] },
      },
      exif: { [DATE_TIME_ORIGINAL]: '2008:03:15 09:52:01' },
      subIfds: [size(6000, 4000), size(1620, 1080, 1)],
    });
    const olympus = Buffer.from(raw);
    olympus.write('IIRO', 'latin1');
    for (const [name, content, contentType] of [
      ['a.nef', raw, null],
      ['a.orf', olympus, null],
    ] as const) {
      const found = await lookInto(content, name);
      expect(found.media).toMatchObject({ width: 4000, height: 6000, orientation: 8, camera: 'NIKON D70' });
      expect(found.media.taken?.localText).toBe('2008-03-15T09:52:01');
      expect(found).toMatchObject({ contentType, problem: null });
    }
  });
});

describe('capture time', () => {
  it('is DateTimeOriginal with its parts of a second and its offset', async () => {
    const exif = {
      [DATE_TIME_ORIGINAL]: '2021:04:11 15:47:53',
      [SUB_SEC_TIME_ORIGINAL]: '054',
      [OFFSET_TIME_ORIGINAL]: '-05:00',
      [CREATE_DATE]: '2022:01:01 00:00:00',
    };
    expect((await mediaWith({ exif })).taken).toEqual({
      ...{ localText: '2021-04-11T15:47:53.054', offsetMinutes: -300, derivedFrom: 'exif:DateTimeOriginal' },
      instantMs: Date.UTC(2021, 3, 11, 20, 47, 53, 54),
    });
  });

  it('is DateTimeDigitized when the other is empty', async () => {
    const exif = { [DATE_TIME_ORIGINAL]: '0000:00:00 00:00:00', [CREATE_DATE]: '2022:01:01 10:00:00' };
    expect((await mediaWith({ exif })).taken).toMatchObject({
      ...{ localText: '2022-01-01T10:00:00', offsetMinutes: null, derivedFrom: 'exif:DateTimeDigitized' },
    });
  });

  it('comes from XMP when there is no EXIF, whatever prefix it uses', async () => {
    const found = await lookInto(withXmp(jpeg, 'ps:DateCreated="2013-09-23T10:09:46+02:00"'), 'a.jpg');
    expect(found.media.taken).toMatchObject({ offsetMinutes: 120, derivedFrom: 'xmp:photoshop:DateCreated' });
  });

  it('takes the offset from XMP that shows the same second', async () => {
    const exif = { [DATE_TIME_ORIGINAL]: '2013:09:23 10:09:46' };
    const both = withExif(withXmp(jpeg, 'xap:CreateDate="2013-09-23T10:09:46+02:00"'), { exif });
    expect((await lookInto(both, 'a.jpg')).media.taken).toMatchObject({
      ...{ localText: '2013-09-23T10:09:46', offsetMinutes: 120, derivedFrom: 'exif:DateTimeOriginal+zone' },
    });
  });

  it('comes from the satellites when there is nothing else', async () => {
    const time = {
      rational: [
        [14, 1],
        [27, 1],
        [724, 100],
      ] as const,
    };
    const media = await mediaWith({ gps: { 29: '2008:10:23', 7: time } });
    expect(media.taken).toMatchObject({
      localText: '2008-10-23T14:27:07.240',
      offsetMinutes: 0,
      derivedFrom: 'gps',
    });
  });

  it('of PNG and WebP comes from their own chunks', async () => {
    const tiff = tiffOf({ exif: { [DATE_TIME_ORIGINAL]: '2021:04:11 15:47:53' } });
    const localText = '2021-04-11T15:47:53';
    const png = await pictureOf('png');
    const withChunk = (type: string, content: Buffer) => {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(content.length, 0);
      head.write(type, 4, 'latin1');
      return Buffer.concat([png.subarray(0, 33), head, content, Buffer.alloc(4), png.subarray(33)]);
    };
    expect((await lookInto(withChunk('eXIf', tiff), 'a.png')).media.taken).toMatchObject({ localText });
    const text = `XML:com.adobe.xmp\0\0\0\0\0${xmpOf('exif:DateTimeOriginal="2021-04-11T15:47:53"')}`;
    expect((await lookInto(withChunk('iTXt', Buffer.from(text)), 'a.png')).media.taken).toMatchObject({
      localText,
    });
    const written = withChunk('tEXt', Buffer.from('Creation Time\x002021:04:11 15:47:53', 'latin1'));
    expect((await lookInto(written, 'a.png')).media.taken).toMatchObject({ localText });
    const changed = withChunk('tIME', Buffer.from([0x07, 0xe5, 4, 11, 15, 47, 53]));
    expect((await lookInto(changed, 'a.png')).media.taken).toMatchObject({ localText, offsetMinutes: 0 });

    const webp = await sharp(await pictureOf('webp'))
      .withExif({ IFD2: { DateTimeOriginal: '2021:04:11 15:47:53' } })
      .webp()
      .toBuffer();
    expect((await lookInto(webp, 'a.webp')).media.taken).toMatchObject({ localText });
  });

  it('of AVIF is read, and its orientation is not applied a second time', async () => {
    const avif = await sharp(await pictureOf('avif'))
      .withExif({ IFD0: { Model: 'Pixel 8' }, IFD2: { DateTimeOriginal: '2021:04:11 15:47:53' } })
      .withMetadata({ orientation: 6 })
      .avif()
      .toBuffer();
    const { width, height, taken } = (await lookInto(avif, 'a.avif')).media;
    const decoded = await sharp(avif).toBuffer({ resolveWithObject: true });
    expect({ width, height }).toEqual({ width: decoded.info.width, height: decoded.info.height });
    expect(taken).toMatchObject({ localText: '2021-04-11T15:47:53' });
  });

  it('of IPTC is the last resort', async () => {
    const dataset = (number: number, text: string) =>
      Buffer.concat([Buffer.from([0x1c, 2, number, 0, text.length]), Buffer.from(text, 'latin1')]);
    const records = Buffer.concat([dataset(55, '20220110'), dataset(60, '151544-0400')]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(records.length);
    const header = Buffer.from('Photoshop 3.0\x008BIM\x04\x04\0\0', 'latin1');
    const found = await lookInto(withSegment(jpeg, 0xed, Buffer.concat([header, size, records])), 'a.jpg');
    expect(found.media.taken).toMatchObject({ localText: '2022-01-10T15:15:44', offsetMinutes: -240 });
  });
});

describe('place', () => {
  it.each([
    ['N', 'E', 45.5, 10.26],
    ['S', 'W', -45.5, -10.26],
  ])('%s %s', async (south, west, latitude, longitude) => {
    expect(await mediaWith(place(45, south, 10, west))).toMatchObject({ latitude, longitude });
  });

  it.each([
    ['out of range', place(95, 'N', 10, 'E')],
    ['without hemisphere', { gps: { 2: degrees(45, 0, 0), 4: degrees(10, 0, 0) } }],
    ['with half of it missing', { gps: { 1: 'N', 2: degrees(45, 0, 0) } }],
    ['divided by zero', { gps: { 1: 'N', 2: { rational: [[1, 0]] }, 3: 'E', 4: { rational: [[1, 0]] } } }],
    ['in the sea off Ghana', { gps: { 1: 'N', 2: degrees(0, 0, 0), 3: 'E', 4: degrees(0, 0, 0) } }],
  ] as [string, ExifDirectories][])('is not believed %s', async (_, directories) => {
    expect(await mediaWith(directories)).toMatchObject({ latitude: null, longitude: null });
  });

  it('comes from XMP when EXIF has none', async () => {
    const properties = 'exif:GPSLatitude="40,14.078645N" exif:GPSLongitude="76,17,13.5W"';
    const { latitude, longitude } = (await lookInto(withXmp(jpeg, properties), 'a.jpg')).media;
    expect(latitude).toBeCloseTo(40.2346441, 6);
    expect(longitude).toBeCloseTo(-76.2870833, 6);
  });
});

describe('camera', () => {
  it.each([
    ['Canon', 'Canon EOS 80D', 'Canon EOS 80D'],
    ['NIKON CORPORATION', 'NIKON D70', 'NIKON D70'],
    ['EASTMAN KODAK COMPANY', 'KODAK DC240', 'KODAK DC240'],
    ['Apple', 'iPhone 7', 'Apple iPhone 7'],
    ['samsung', '', 'samsung'],
    ['', 'Jolla', 'Jolla'],
    ['Ricoh\x07\x1b[31m  Co', 'G\nR', 'Ricoh [31m Co G R'],
    ['   ', ' ', null],
    ['x'.repeat(5000), 'y', 'x'.repeat(200)],
  ])('%j %j', async (make, model, camera) => {
    expect((await mediaWith({ ifd0: { [MAKE]: make, [MODEL]: model } })).camera).toBe(camera);
  });
});
