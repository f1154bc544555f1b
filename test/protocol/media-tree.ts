import { createHash } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { makeJpeg } from '../fakes/immich/made-media.ts';

/** One file of a made-up tree: where it is on disk, and the path every client is shown by default. */
export interface TreeFile {
  readonly storedPath: string;
  readonly shownPath: string;
  readonly bytes: Buffer;
}

const BIG_BYTES = 40 * 1024 * 1024;
export const BIG_PATH = 'videos/holiday.mp4';

/** As long as a name may be on most disks, in bytes. */
export const LONGEST_NAME = `${'long'.repeat(62)}123.jpg`;

/** Names on disk that clients are shown as they are. */
const PLAIN_NAMES: readonly string[] = [
  'IMG_0001.jpg',
  'a#b.jpg',
  '100%.jpg',
  '100%41.jpg',
  '%2e%2e.jpg',
  '%2F.jpg',
  'plus+and space;semi,comma=equals@at!.jpg',
  "it's (1) [2] {3}.jpg",
  '$HOME `id`.jpg',
  '-dash.jpg',
  '~tilde~.jpg',
  ' leading space.jpg',
  'double  space.jpg',
  'caret^and&ampersand;.jpg',
  'composed \u00fc\u00e9.jpg',
  'decomposed u\u0308e\u0301.jpg',
  'both forms caf\u00e9.jpg',
  'both forms cafe\u0301.jpg',
  '🏖️ beach 👨‍👩‍👧.jpg',
  'Case.jpg',
  'case.jpg',
  'CASE.JPG',
  '写真 漢字.jpg',
  '한글.jpg',
  'صورة.jpg',
  'fullwidth％.jpg',
  'console.jpg',
  'two.dots..jpg',
  LONGEST_NAME,
];

/** Names that Windows cannot store, and what is shown instead. */
const TWIN_NAMES: readonly (readonly [stored: string, shown: string])[] = [
  ['a?b.jpg', 'a？b.jpg'],
  ['a&<b>.jpg', 'a&＜b＞.jpg'],
  ['quoted "x".jpg', 'quoted ＂x＂.jpg'],
  ['back\\slash.jpg', 'back＼slash.jpg'],
  ['star*pipe|colon:.jpg', 'star＊pipe｜colon：.jpg'],
  ['CON.jpg', 'CON_.jpg'],
  ['com1.tar.jpg', 'com1_.tar.jpg'],
  ['trailing dot.', 'trailing dot．'],
  ['trailing space ', 'trailing space␠'],
];

/** Folders: stored, shown. */
const FOLDERS: readonly (readonly [stored: string, shown: string])[] = [
  ['', ''],
  ['2024/01 January', '2024/01 January'],
  ['2024/02 #February', '2024/02 #February'],
  ['deep/deeper/deepest/100%', 'deep/deeper/deepest/100%'],
  ['Über u\u0308ber 旅行', 'Über u\u0308ber 旅行'],
  ['AUX', 'AUX_'],
  ['why?', 'why？'],
  ['ends with dot.', 'ends with dot．'],
];

/** What files that are no JPEG begin with, so that their content says the same as their name. */
const SIGNATURES: Readonly<Record<string, string>> = {
  '.png': '\x89PNG\r\n\x1a\n',
  '.mp3': 'ID3\x04\0\0\0\0\0\0',
  '.CR2': 'II*\0\x08\0\0\0',
  '.mov': '\0\0\0\x14ftypqt  \0\0\0\0qt  ',
};

/**
 * A tree of some sixty files with every kind of name that has been trouble for a WebDAV client, one large file and an
 * empty one. Bytes differ from file to file, and so do times.
 */
export function oddTree(): TreeFile[] {
  const files: TreeFile[] = [];
  const add = (storedPath: string, shownPath: string, bytes?: Buffer) => {
    const colour = createHash('md5').update(storedPath).digest();
    const made = makeJpeg(64, 48, [colour[0] ?? 0, colour[1] ?? 0, colour[2] ?? 0], storedPath);
    const signature = Buffer.from(SIGNATURES[extname(storedPath)] ?? '', 'latin1');
    files.push({ storedPath, shownPath, bytes: bytes ?? Buffer.concat([signature, made]) });
  };
  for (const name of PLAIN_NAMES) add(`names/${name}`, `names/${name}`);
  for (const [stored, shown] of TWIN_NAMES) add(`names/${stored}`, `names/${shown}`);
  for (const [stored, shown] of FOLDERS) {
    for (const name of ['first.jpg', 'second.png']) add(joined(stored, name), joined(shown, name));
  }
  add('names/empty.jpg', 'names/empty.jpg', Buffer.alloc(0));
  add('sound.mp3', 'sound.mp3');
  add('raw.CR2', 'raw.CR2');
  add('clip.mov', 'clip.mov');
  add(BIG_PATH, BIG_PATH, numberedBytes(BIG_BYTES));
  return files;
}

/** Control characters of names cannot travel in XML; they are shown by their pictures under every policy. */
export const CONTROL_NAME: readonly [stored: string, shown: string] = [
  'names/line\nbreak\tbell\u0007del\u007f.jpg',
  'names/line␊break␉bell␇del␡.jpg',
];

/** Writes the files below `root`, with modification times some days apart and odd fractions of a second. */
export async function writeTree(root: string, files: readonly TreeFile[]): Promise<void> {
  for (const [index, { storedPath, bytes }] of files.entries()) {
    const path = join(root, storedPath);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    const seconds = Date.UTC(2019, 1, 3, 4, 5, 6) / 1000 + index * 100_000 + (index % 10) / 10;
    await utimes(path, seconds, seconds);
  }
}

/** Each block of 4 KiB starts with its number, so that bytes from a wrong place never look right. */
export function numberedBytes(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes, 'media');
  for (let at = 0; at + 4 <= sizeBytes; at += 4096) bytes.writeUInt32BE(at / 4096, at);
  return bytes;
}

function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
