import { describe, expect, it, test } from 'vitest';
import {
  apiKey,
  apiKeyList,
  boolean,
  byteSize,
  commaList,
  extensionList,
  host,
  httpUrl,
  numberAbove,
  offOr,
  oneOf,
  quote,
  secret,
  someOf,
  text,
  wholeNumber,
} from '../../../src/model/setting-parser.ts';

test.each([
  ['true', true],
  ['YES', true],
  [' on ', true],
  ['1', true],
  ['false', false],
  ['No', false],
  ['off', false],
  ['0', false],
])('boolean takes %j', (given, value) => {
  expect(boolean(given)).toBe(value);
});

test.each([
  ['1048576', 1_048_576],
  ['10GiB', 10 * 1024 ** 3],
  ['10 gib', 10 * 1024 ** 3],
  ['500MB', 500_000_000],
  [' 1.5 TiB ', 1.5 * 1024 ** 4],
  ['2000000b', 2_000_000],
])('byteSize takes %j', (given, value) => {
  expect(byteSize(1_000_000, 1024 ** 5)(given)).toBe(value);
});

test.each(['', 'much', '10G', '10 XB', '-1GB', '1e9', '5 kB', '9999TiB', '1,5GB'])(
  'byteSize refuses %j',
  (given) => {
    expect(() => byteSize(1_000_000, 1024 ** 5)(given)).toThrow('must be a size such as 500MB or 10GiB');
  },
);

test.each([
  ['boolean', () => boolean('maybe'), 'must be true or false, not "maybe"'],
  ['whole number', () => wholeNumber(0, 65_535)('x'), 'must be a whole number from 0 to 65535, not "x"'],
  ['whole number, fraction', () => wholeNumber(0, 9)('1.5'), 'must be a whole number from 0 to 9, not "1.5"'],
  ['whole number, hex', () => wholeNumber(0, 99)('0x10'), 'must be a whole number from 0 to 99, not "0x10"'],
  ['whole number, too big', () => wholeNumber(0, 9)('10'), 'must be a whole number from 0 to 9, not "10"'],
  ['number', () => numberAbove(0, 596)('0'), 'must be a number above 0 and not above 596, not "0"'],
  [
    'number, word',
    () => numberAbove(0, 596)('Infinity'),
    'must be a number above 0 and not above 596, not "Infinity"',
  ],
  ['one of', () => oneOf(['a', 'b'])('c'), 'must be one of a, b, not "c"'],
  ['some of', () => someOf(['a', 'b'])('a,c'), 'must be one of a, b, not "c"'],
  ['some of nothing', () => someOf(['a', 'b'])(','), 'must be one of a, b, not ","'],
  ['some of, twice', () => someOf(['a', 'b'])('a, b, A'), 'must not name a twice'],
  ['off or', () => offOr(wholeNumber(1, 2))('3'), 'must be off or a whole number from 1 to 2, not "3"'],
  ['extensions', () => extensionList('png,a/b'), 'must be file extensions such as png,jpg; "a/b" is none'],
  ['url', () => httpUrl('immich.local:2283'), 'must start with http:// or https://, not "immich.local:2283"'],
  ['url without host', () => httpUrl('https://'), 'must be a web address, not "https://"'],
  ['url with port 99999', () => httpUrl('http://x:99999'), 'must be a web address, not "http://x:99999"'],
  ['url with login', () => httpUrl('https://joe:pw@x'), 'must not hold a user name or password before the @'],
  ['url with secret', () => httpUrl('ftp://joe:pw@x'), 'must start with http:// or https://, not what it is'],
  [
    'api key',
    () => apiKey('se cret'),
    'holds a space or a character that no API key has: copy the key again',
  ],
  ['api keys', () => apiKeyList(' , '), 'holds no key, only commas'],
])('%s complains in words that complete "NAME …"', (_, parse, message) => {
  expect(parse).toThrow(message);
});

describe('values', () => {
  it('trims texts but not passwords', () => {
    expect(text('  a b ')).toBe('a b');
    expect(secret('  a b ')).toBe('  a b ');
  });

  it('takes the bounds of a number', () => {
    expect(wholeNumber(0, 65_535)('0')).toBe(0);
    expect(wholeNumber(0, 65_535)(' 65535 ')).toBe(65_535);
    expect(numberAbove(0, 596)('.25')).toBe(0.25);
    expect(numberAbove(0, 596)('596')).toBe(596);
  });

  it('takes words in any case', () => {
    expect(oneOf(['windows', 'exact'])('Exact')).toBe('exact');
    expect(someOf(['folders', 'date'])('Date, folders,')).toEqual(['date', 'folders']);
    expect(offOr(wholeNumber(0, 1))('OFF')).toBe('off');
    expect(offOr(wholeNumber(0, 1))('1')).toBe(1);
  });

  it('splits lists and drops empty parts', () => {
    expect(commaList(' a, b ,,c,')).toEqual(['a', 'b', 'c']);
    expect(extensionList('PNG, .jpg,*.Heic,jpg')).toEqual(['png', 'jpg', 'heic']);
  });

  it('normalises addresses', () => {
    expect(httpUrl(' HTTPS://Immich.Example.com:443/sub/?x=1#y ')).toBe('https://immich.example.com/sub');
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['My-NAS.local', 'my-nas.local'],
  ])('host %s is %s', (given, value) => {
    expect(host(given)).toBe(value);
  });

  it.each(['http://0.0.0.0', '0.0.0.0:80', '300.1.1.1', '*', 'a b', '1.2.3'])(
    'host %s is refused',
    (given) => {
      expect(() => host(given)).toThrow('must be an address such as');
    },
  );

  it('quotes no more than a line', () => {
    expect(quote(`a\nb\u0000${'x'.repeat(100)}`)).toBe(`"a b ${'x'.repeat(56)}…"`);
  });
});
