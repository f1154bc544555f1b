import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Directory, tiffOf, withExif } from './exif-block.ts';
import { appleNote, liveFilm, liveStill, MAKER_NOTE } from './live-photo-files.ts';
import { lookInto, pictureOf } from './look-into.ts';

const ID = '570F1469-09C7-4E50-9875-05F21D5BD166';
const hasExiftool = spawnSync('exiftool', ['-ver']).status === 0;

let jpeg: Buffer;
/** What phones write is HEIC with another codec, which nothing here can write. */
let heic: Buffer;

beforeAll(async () => {
  jpeg = await pictureOf('jpeg');
  const avif = await sharp(liveStill(jpeg, ID)).keepExif().avif().toBuffer();
  heic = Buffer.from(avif);
  heic.write('heic', 8, 'latin1');
});

const idIn = async (content: Buffer, name: string) => (await lookInto(content, name)).media.livePhotoId;
const withNote = (note: Buffer, more: Directory = {}) =>
  withExif(jpeg, { exif: { ...more, [MAKER_NOTE]: note } });

describe('what both halves of a live photo have in common', () => {
  it('stands in JPEG, HEIC and raw stills and in QuickTime films', async () => {
    expect(await idIn(liveStill(jpeg, ID), 'a.jpg')).toBe(ID);
    expect(await lookInto(heic, 'a.heic')).toMatchObject({
      contentType: 'image/heic',
      media: { livePhotoId: ID },
    });
    expect(await idIn(tiffOf({ exif: { [MAKER_NOTE]: appleNote(ID) } }), 'a.dng')).toBe(ID);
    expect(await idIn(liveFilm(ID), 'a.mov')).toBe(ID);
    expect(await idIn(jpeg, 'a.jpg')).toBeNull();
  });

  it.skipIf(!hasExiftool)('is what ExifTool reads', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mediadav-live-'));
    const files = { 'a.jpg': liveStill(jpeg, ID), 'a.heic': heic, 'a.mov': liveFilm(ID) };
    try {
      for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
      // Older ones have another name for it in stills.
      const tags = ['-ContentIdentifier', '-MediaGroupUUID'];
      const { stdout } = spawnSync('exiftool', ['-json', ...tags, folder], { encoding: 'utf8' });
      const read = JSON.parse(stdout) as Record<string, string>[];
      expect(read.map((each) => each.ContentIdentifier ?? each.MediaGroupUUID)).toEqual([ID, ID, ID]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    ['of another maker', Buffer.from(`Canon\0\0\0\0\0\0\x01MM${ID}`)],
    ['that is cut off', appleNote(ID).subarray(0, 30)],
    ['that ends within the id', appleNote(ID).subarray(0, -10)],
    ['of nothing', Buffer.alloc(0)],
    [
      'with more entries than there can be',
      Buffer.concat([appleNote(ID).subarray(0, 14), Buffer.from('ffff', 'hex')]),
    ],
    ['that leads far out of the file', withPlace(appleNote(ID), 0xfffffff0)],
    ['whose id is no id', appleNote('<script>alert(1)</script>')],
    ['whose id has no end', appleNote('A'.repeat(5000))],
  ])('is not found in a note %s, and the rest is read all the same', async (_what, note) => {
    const { media, problem } = await lookInto(withNote(note, { 36867: '2024:05:06 07:08:09' }), 'a.jpg');
    expect(media).toMatchObject({
      livePhotoId: null,
      width: 40,
      taken: { localText: '2024-05-06T07:08:09' },
    });
    expect(problem).toBeNull();
  });
});

/** @param at where the id is said to stand. */
function withPlace(note: Buffer, at: number): Buffer {
  note.writeUInt32BE(at, 14 + 22);
  return note;
}
