import { createHash } from 'node:crypto';

/**
 * Names that every client can store. Explorer shows no folder at all when a single name in it is one
 * Windows cannot hold, and one control character makes a whole multistatus ill-formed, so every name is made
 * safe once, at ingest, and stored beside the source's own. The twins of forbidden characters are those rclone
 * uses, so that a tree copied by rclone on Windows looks the same.
 */

/** `windows`: what Windows cannot store is shown by its twin. `exact`: only what XML and URLs cannot carry. */
export type NamePolicy = 'windows' | 'exact';

/** Hexadecimal digits. */
const TAG_LENGTHS = [8, 16, 64];

/** RFC 4918 clients and file systems stop at 255 bytes a segment. */
const MAX_NAME_BYTES = 255;

const WINDOWS_TWINS: Readonly<Record<string, string>> = {
  '<': '＜',
  '>': '＞',
  ':': '：',
  '"': '＂',
  '\\': '＼',
  '|': '｜',
  '?': '？',
  '*': '＊',
};

const WINDOWS_RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const FORBIDDEN_ALWAYS = /[\u0000-\u001f\u007f/\ufffe\uffff]/g;

/**
 * C1 control characters, which terminals obey; what turns the direction of writing, so that `gpj.exe` reads as `exe.jpg`;
 * and halves of a surrogate pair, which UTF-8 cannot carry. None has a twin that could be seen.
 */
const INVISIBLE = /[\u0080-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
const FORBIDDEN_ON_WINDOWS = /[<>:"\\|?*]/g;

/** The name a client is shown for a source's own `storedName`. Pure and idempotent; never empty. */
export function safeName(storedName: string, policy: NamePolicy): string {
  let name = storedName.replace(INVISIBLE, codePointText).replace(FORBIDDEN_ALWAYS, twinOfControl);
  if (policy === 'windows') {
    name = name.replace(FORBIDDEN_ON_WINDOWS, (character) => WINDOWS_TWINS[character] ?? '_');
    if (WINDOWS_RESERVED.test(name)) name = insertBeforeFirstDot(name, '_');
  }
  // A trailing dot or space is lost by Windows; `.` and `..` are not names at all in a URL.
  if (policy === 'windows' || name === '.' || name === '..') name = name.replace(/[. ]$/, twinOfTrailer);
  if (name === '') name = '_';
  return truncateName(name, MAX_NAME_BYTES);
}

/** Names that fold to the same text cannot live in one collection of a case-insensitive client. */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}

/** `IMG_1.jpg` with `tag` `3fa9` becomes `IMG_1~3fa9.jpg`; the result still fits a name. */
export function tagName(name: string, tag: string): string {
  const { stem, extension } = splitExtension(name);
  const ending = `~${tag}${extension}`;
  return truncateBytes(stem, MAX_NAME_BYTES - Buffer.byteLength(ending)) + ending;
}

/**
 * Tags that keep equal names apart, the shortest first; the longer ones are for when those clash. They come from the thing
 * itself, never from its position, so a name once given does not move.
 * @param source the source's own id of what has the name.
 */
export function tagsOf(source: string): string[] {
  const digest = createHash('sha256').update(source).digest('hex');
  return TAG_LENGTHS.map((length) => digest.slice(0, length));
}

/** Cuts the stem, never the extension and never a code point, until the name fits. */
function truncateName(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const { stem, extension } = splitExtension(name);
  return truncateBytes(stem, maxBytes - Buffer.byteLength(extension)) + extension;
}

function truncateBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  // What is left must not end in what safeName() has just replaced.
  return kept.replace(/[. ]+$/, '');
}

function splitExtension(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.');
  // An "extension" longer than this is part of the name.
  if (dot <= 0 || name.length - dot > 16) return { stem: name, extension: '' };
  return { stem: name.slice(0, dot), extension: name.slice(dot) };
}

function insertBeforeFirstDot(name: string, text: string): string {
  const dot = name.indexOf('.');
  return dot === -1 ? name + text : name.slice(0, dot) + text + name.slice(dot);
}

function twinOfControl(character: string): string {
  if (character === '/') return '／';
  const code = character.charCodeAt(0);
  if (code <= 0x1f) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '␡';
  return '\ufffd';
}

/** `{U+202E}`: tells which character it was, and every client can store it. */
function codePointText(character: string): string {
  return `{U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}}`;
}

function twinOfTrailer(character: string): string {
  return character === '.' ? '．' : '␠';
}

/** The last name of a path whose names are separated by `/`. */
export function lastNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
