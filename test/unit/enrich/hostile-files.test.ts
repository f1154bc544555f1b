import { deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { UNKNOWN_MEDIA } from '../../../src/model/asset.ts';
import { tiffOf, withExif, withSegment, withXmp } from './exif-block.ts';
import { lookInto, pictureOf } from './look-into.ts';

let jpeg: Buffer;
let png: Buffer;
let files: [string, Buffer][];

beforeAll(async () => {
  jpeg = withExif(await pictureOf('jpeg'), {
    ifd0: { 271: 'Canon' },
    exif: { 36867: '2021:04:11 15:47:53' },
  });
  png = await pictureOf('png');
  files = [
    ['a.jpg', jpeg],
    ['a.png', png],
    ['a.webp', await pictureOf('webp')],
    ['a.gif', await pictureOf('gif')],
    ['a.tif', await pictureOf('tiff')],
    ['a.avif', await pictureOf('avif')],
    ['a.nef', tiffOf({ ifd0: { 271: 'Nikon' }, exif: { 36867: '2021:04:11 15:47:53' } })],
    ['a.raf', rafOf(jpeg)],
    ['a.cr3', cr3Of()],
    ['a.mp4', movieOf()],
    ['a.mkv', Buffer.from('1a45dfa39f4286810142f7810142f2810442f381084282846d6174726f736b61', 'hex')],
    ['a.avi', Buffer.from('RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih\x38\0\0\0', 'latin1')],
    [
      'a.wmv',
      Buffer.concat([Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'), Buffer.alloc(200, 0xff)]),
    ],
    ['a.mpg', Buffer.concat([Buffer.from('000001ba440000000000000001b3', 'hex'), Buffer.alloc(40, 0xaa)])],
    ['a.flac', Buffer.concat([Buffer.from('fLaC'), Buffer.alloc(60, 0xff)])],
    ['a.ogg', Buffer.concat([Buffer.from('OggS'), Buffer.alloc(60, 0xff)])],
    ['a.mp3', Buffer.concat([Buffer.from('ID3\x04\0\0\x7f\x7f\x7f\x7f', 'latin1'), Buffer.alloc(60, 0xff)])],
    ['a.wav', Buffer.from('RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff', 'latin1')],
    ['a.jxl', Buffer.from('0000000c4a584c200d0a870a0000000062726f62457869660000', 'hex')],
  ];
});

/** A RAF whose JPEG is at an offset of its header. */
function rafOf(inside: Buffer): Buffer {
  const header = Buffer.alloc(160);
  header.write('FUJIFILMCCD-RAW ', 'latin1');
  header.writeUInt32BE(160, 84);
  header.writeUInt32BE(inside.length, 88);
  header.writeUInt32BE(120, 92);
  // One entry: the cropped size, height first.
  header.write('000000010111000403e805dc', 120, 'hex');
  return Buffer.concat([header, inside]);
}

function box(type: string, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(content.length + 8, 0);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, content]);
}

function cr3Of(): Buffer {
  const ifd0 = tiffOf({
    ifd0: {
      256: { long: [6000] },
      257: { long: [4000] },
      271: 'Canon',
      272: 'Canon EOS R',
      274: { short: [6] },
    },
  });
  const exif = tiffOf({ ifd0: { 36867: '2021:04:11 15:47:53', 36881: '+02:00' } });
  const id = Buffer.from('85c0b687820f11e08111f4ce462b6a48', 'hex');
  const own = box('uuid', id, box('CMT1', ifd0), box('CMT2', exif));
  return Buffer.concat([box('ftyp', Buffer.from('crx \0\0\0\0crx isom', 'latin1')), box('moov', own)]);
}

function movieOf(): Buffer {
  const ftyp = box('ftyp', Buffer.from('isom\0\0\0\0isommp42', 'latin1'));
  return Buffer.concat([
    ftyp,
    box('moov', box('mvhd', Buffer.alloc(100, 0xff)), box('trak', Buffer.alloc(50, 1))),
  ]);
}

/** The same sequence on every machine. */
function randomBytes(count: number, seed: number): Buffer {
  let state = seed;
  const bytes = Buffer.alloc(count);
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

describe('raw files as cameras write them', () => {
  it('RAF', async () => {
    const { media, problem } = await lookInto(rafOf(jpeg), 'a.raf');
    expect({ problem, ...media }).toMatchObject({
      problem: null,
      width: 1500,
      height: 1000,
      camera: 'Canon',
    });
    expect(media.taken?.localText).toBe('2021-04-11T15:47:53');
  });

  it('CR3', async () => {
    const { media, problem, contentType } = await lookInto(cr3Of(), 'a.cr3');
    expect({ problem, ...media }).toMatchObject({
      problem: null,
      width: 4000,
      height: 6000,
      camera: 'Canon EOS R',
    });
    expect(media.taken).toMatchObject({ localText: '2021-04-11T15:47:53', offsetMinutes: 120 });
    expect(contentType).toBe('image/x-canon-cr3');
  });
});

describe('files that are not what they say', () => {
  it('random bytes under the name of a photo give nothing but a word about it', async () => {
    const found = await lookInto(randomBytes(100_000, 7), 'a.jpg');
    expect(found).toEqual({
      media: UNKNOWN_MEDIA,
      contentType: null,
      problem: 'a file that is no image inside',
    });
    expect((await lookInto(Buffer.alloc(0), 'a.jpg')).problem).toBe('an empty file');
    expect((await lookInto(Buffer.from('text'), 'notes.txt')).problem).toBeNull();
  });

  it('random bytes behind each signature give nothing that cannot be', async () => {
    for (const [name, content] of files) {
      for (let seed = 1; seed <= 20; seed++) {
        const hostile = Buffer.concat([content.subarray(0, 12 + seed * 2), randomBytes(2_000, seed)]);
        expectSound((await lookInto(hostile, name)).media, `${name} ${seed}`);
      }
    }
  });

  it('files cut off at any place give what is there', async () => {
    for (const [name, content] of files) {
      const step = Math.max(1, Math.floor(content.length / 60));
      for (let end = 1; end < content.length; end += step) {
        expectSound((await lookInto(content.subarray(0, end), name)).media, `${name} ${end}`);
      }
    }
  });

  it('files with single bytes changed are read to their end', async () => {
    for (const [name, content] of files) {
      for (let seed = 1; seed <= 60; seed++) {
        const hostile = Buffer.from(content);
        const places = randomBytes(8, seed);
        for (let at = 0; at < 8; at += 2) {
          hostile[(places.readUInt16LE(at) * 31) % hostile.length] = places[at] ?? 0;
        }
        expectSound((await lookInto(hostile, name)).media, `${name} ${seed}`);
      }
    }
  }, 120_000);
});

describe('traps', () => {
  it('directories that lead in circles', async () => {
    const tiff = tiffOf({ ifd0: { 271: 'Canon', 34665: { long: [8] }, 330: { long: [8] } } });
    const circle = Buffer.from(tiff);
    const first = circle.readUInt32LE(4);
    const count = circle.readUInt16LE(first);
    for (let entry = 0; entry < count; entry++) {
      const at = first + 2 + entry * 12;
      if ([0x8769, 0x014a].includes(circle.readUInt16LE(at))) circle.writeUInt32LE(first, at + 8);
    }
    circle.writeUInt32LE(first, first + 2 + count * 12);
    for (const name of ['a.nef', 'a.tif']) expectSound((await lookInto(circle, name)).media, name);
  });

  it('sizes that no file has', async () => {
    const huge = Buffer.from(png);
    huge.writeUInt32BE(0x7fffffff, 16);
    huge.writeUInt32BE(0x7fffffff, 20);
    expect((await lookInto(huge, 'a.png')).media).toMatchObject({ width: null, height: null });
    const many = tiffOf({ ifd0: { 256: { long: [0xffffffff] }, 257: { long: [0xffffffff] } } });
    expect((await lookInto(many, 'a.dng')).media).toMatchObject({ width: null, height: null });
    // A picture of 4 gigapixels in 200 bytes: the size is told, but nothing is decoded.
    const wide = Buffer.from(png);
    wide.writeUInt32BE(65_000, 16);
    wide.writeUInt32BE(65_000, 20);
    const before = process.memoryUsage().rss;
    const { media } = await lookInto(wide, 'a.png');
    expect(media.thumbhash).toBeNull();
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it('text that unpacks to gigabytes', async () => {
    const bomb = deflateSync(Buffer.alloc(300 * 1024 * 1024));
    for (const text of ['XML:com.adobe.xmp\0\x01\0\0\0', 'Comment\0\x01\0\0\0']) {
      const content = Buffer.concat([Buffer.from(text, 'latin1'), bomb]);
      const head = Buffer.alloc(8);
      head.writeUInt32BE(content.length, 0);
      head.write('iTXt', 4, 'latin1');
      const file = Buffer.concat([png.subarray(0, 33), head, content, Buffer.alloc(4), png.subarray(33)]);
      const before = process.memoryUsage().rss;
      const { media } = await lookInto(file, 'a.png');
      expect(media).toMatchObject({ width: 40, height: 30 });
      expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
    }
  });

  it('XMP made to keep a search busy', async () => {
    const startedMs = performance.now();
    const text = `xap:CreateDate${' '.repeat(20_000)}ps:DateCreated='${'<'.repeat(20_000)}`;
    expectSound((await lookInto(withXmp(jpeg, text), 'a.jpg')).media, 'xmp');
    const entities = '<!DOCTYPE x [<!ENTITY a "&b;&b;"><!ENTITY b "&a;">]>';
    expectSound((await lookInto(withXmp(jpeg, `/>${entities}&a;<x`), 'a.jpg')).media, 'entities');
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('thousands of empty boxes, chunks and segments', async () => {
    const boxes = Buffer.concat([
      movieOf().subarray(0, 24),
      Buffer.from('0000000866726565'.repeat(200_000), 'hex'),
    ]);
    const chunks = Buffer.concat([
      png.subarray(0, 33),
      Buffer.from('0000000074455874000000'.repeat(200_000), 'hex'),
    ]);
    const segments = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from('ffe10002', 'hex')));
    const jpegs = withSegment(
      Buffer.concat([jpeg.subarray(0, 2), segments, jpeg.subarray(2)]),
      0xe1,
      Buffer.alloc(2),
    );
    const startedMs = performance.now();
    for (const [name, content] of [
      ['a.mp4', boxes],
      ['a.png', chunks],
      ['a.jpg', jpegs],
    ] as const) {
      expectSound((await lookInto(content, name)).media, name);
    }
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});

function expectSound(media: object, what: string): void {
  for (const [key, value] of Object.entries(media)) {
    const isSound = typeof value !== 'number' || Number.isFinite(value);
    expect(isSound, `${what}: ${key} is ${value}`).toBe(true);
    if (typeof value === 'string') expect(value.length, `${what}: ${key}`).toBeLessThanOrEqual(200);
  }
}
