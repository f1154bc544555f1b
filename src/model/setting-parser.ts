import { isIP } from 'node:net';
import { sizeText } from './byte-size.ts';

/**
 * Parsers for `Setting.parse`. Each takes the text as somebody wrote it and returns the value, or throws an
 * Error whose message completes "NAME …". `secret`, `apiKey`, `commaList` and `httpUrl` never quote what may be
 * secret; the others quote the text, because a typo is found faster when it is shown.
 */

const LONGEST_QUOTE = 60;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
]);

const BYTE_UNITS: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ...['k', 'm', 'g', 't'].flatMap((letter, index): [string, number][] => [
    [`${letter}b`, 1000 ** (index + 1)],
    [`${letter}ib`, 1024 ** (index + 1)],
  ]),
]);

/** Any text, without the white space around it. */
export function text(given: string): string {
  return given.trim();
}

/** A password: every character counts, so nothing is trimmed. */
export function secret(given: string): string {
  return given;
}

/** A key that travels in an HTTP header: visible ASCII without spaces. Never quoted. */
export function apiKey(given: string): string {
  const key = given.trim();
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new Error('holds a space or a character that no API key has: copy the key again');
  }
  return key;
}

/** `true`, `1`, `yes`, `on` and their opposites, in any case. */
export function boolean(given: string): boolean {
  const value = BOOLEANS.get(given.trim().toLowerCase());
  if (value === undefined) throw new Error(`must be true or false, not ${quote(given)}`);
  return value;
}

/** Whole numbers from `min` to `max`, both allowed. */
export function wholeNumber(min: number, max: number): (given: string) => number {
  return (given) => {
    const value = /^[+-]?\d+$/.test(given.trim()) ? Number(given) : Number.NaN;
    // Written so that NaN fails too.
    if (value >= min && value <= max) return value;
    throw new Error(`must be a whole number from ${min} to ${max}, not ${quote(given)}`);
  };
}

/** Decimal numbers greater than `above` and not greater than `max`. */
export function numberAbove(above: number, max: number): (given: string) => number {
  return (given) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(given.trim()) ? Number(given) : Number.NaN;
    if (value > above && value <= max) return value;
    throw new Error(`must be a number above ${above} and not above ${max}, not ${quote(given)}`);
  };
}

/** Bytes as a whole number, or with a unit: `500MB`, `1.5 GiB`; from `min` to `max` bytes, both allowed. */
export function byteSize(min: number, max: number): (given: string) => number {
  return (given) => {
    const match = /^(\d+(?:\.\d+)?) ?([kmgt]i?b|b)?$/i.exec(given.trim());
    const [, amount = '', unit = 'b'] = match ?? [];
    const factor = BYTE_UNITS.get(unit.toLowerCase()) ?? Number.NaN;
    const value = match === null ? Number.NaN : Math.round(Number(amount) * factor);
    // Written so that NaN fails too.
    if (value >= min && value <= max) return value;
    throw new Error(
      `must be a size such as 500MB or 10GiB, from ${sizeText(min)} to ${sizeText(max)}, not ${quote(given)}`,
    );
  };
}

/** One of some lower-case words, written in any case. */
export function oneOf<const Word extends string>(words: readonly Word[]): (given: string) => Word {
  return (given) => {
    const folded = given.trim().toLowerCase();
    const word = words.find((candidate) => candidate === folded);
    if (word === undefined) throw new Error(`must be one of ${words.join(', ')}, not ${quote(given)}`);
    return word;
  };
}

/** One or more of some lower-case words between commas, in any case, none of them twice. */
export function someOf<const Word extends string>(
  words: readonly Word[],
): (given: string) => readonly [Word, ...Word[]] {
  const parseOne = oneOf(words);
  return (given) => {
    const [first = given, ...others] = commaList(given);
    const chosen: [Word, ...Word[]] = [parseOne(first), ...others.map(parseOne)];
    const twice = chosen.find((word, at) => chosen.indexOf(word) !== at);
    if (twice !== undefined) throw new Error(`must not name ${twice} twice`);
    return chosen;
  };
}

/** What `parse` takes, or the word `off`. */
export function offOr<T>(parse: (given: string) => T): (given: string) => T | 'off' {
  return (given) => {
    if (given.trim().toLowerCase() === 'off') return 'off';
    try {
      return parse(given);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(message.replace(/^must be /, 'must be off or '), { cause });
    }
  };
}

/** The parts between commas, trimmed; empty parts do not count. */
export function commaList(given: string): readonly string[] {
  return given
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** A comma list of keys, each fit for an HTTP header. Never quoted. */
export function apiKeyList(given: string): readonly string[] {
  const keys = commaList(given);
  if (keys.length === 0) throw new Error('holds no key, only commas');
  return keys.map(apiKey);
}

/** File extensions as people write them (`JPG`, `.jpg`, `*.jpg`), as lower case without the dot. */
export function extensionList(given: string): readonly string[] {
  const extensions = commaList(given).map((part) => part.replace(/^\*?\.+/, '').toLowerCase());
  const wrong = extensions.find((extension) => !/^[^\s./\\*?]+$/.test(extension));
  if (wrong !== undefined) {
    throw new Error(`must be file extensions such as png,jpg; ${quote(wrong)} is none`);
  }
  return [...new Set(extensions)];
}

/**
 * An http or https address without query, fragment and trailing slash. A user name and password in it are
 * refused: the address is shown in logs and on the status page.
 */
export function httpUrl(given: string): string {
  const trimmed = given.trim();
  // Whatever stands before an @ or after a ? may be a secret.
  const shown = /[@?]/.test(trimmed) ? 'what it is' : quote(trimmed);
  if (!/^https?:\/\//i.test(trimmed)) throw new Error(`must start with http:// or https://, not ${shown}`);
  if (!URL.canParse(trimmed)) throw new Error(`must be a web address, not ${shown}`);
  const url = new URL(trimmed);
  if (url.username !== '' || url.password !== '') {
    throw new Error('must not hold a user name or password before the @');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** An IP address (an IPv6 one with or without brackets) or a host name. */
export function host(given: string): string {
  const bare = given.trim().replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0) return bare;
  const isHostName = /^[a-z0-9]([\w.-]*[a-z0-9])?$/i.test(bare) && !/^[\d.]+$/.test(bare);
  if (isHostName) return bare.toLowerCase();
  throw new Error(
    `must be an address such as 127.0.0.1, 0.0.0.0, :: or localhost, without port, not ${quote(given)}`,
  );
}

/** The text in quotation marks, short enough for one line and without control characters. */
export function quote(given: string): string {
  const clean = given.replace(/[\u0000-\u001f\u007f]/g, ' ');
  return `"${clean.length > LONGEST_QUOTE ? `${clean.slice(0, LONGEST_QUOTE)}…` : clean}"`;
}
