import type { Dice } from '../protocol/random-folder.ts';

/** What has broken servers before, in one segment of a path or one value. */
const FRAGMENTS = [
  ...[
    '..',
    '.',
    '%2e%2e',
    '%2e%2e%2f',
    '%2F',
    '%5c',
    '\\',
    '//',
    '%00',
    '%0a',
    '%0d%0aX: y',
    '%',
    '%zz',
    '%ff',
  ],
  ...['%C0%AF', '%ED%A0%80', '%EF%BF%BE', '%E2%80%AE', '%C2%85', '%7f', ':', '*', '?', '"', '<', '>', '|'],
  ...[
    'CON',
    'nul.jpg',
    'a.jpg.',
    'a.jpg%20',
    '._a.jpg',
    '.DS_Store',
    'Thumbs.db',
    '~',
    '$HOME',
    '`id`',
    "' OR 1=1--",
  ],
  ...[
    'a%CC%88.jpg',
    '%C3%A4.jpg',
    '%F0%9F%98%80.jpg',
    '\u00e4',
    'e\u0301',
    '[',
    ']',
    '{}',
    '()',
    '@',
    '&amp;',
  ],
  ...[
    'constructor',
    '__proto__',
    'hasOwnProperty',
    'toString',
    'null',
    'undefined',
    'NaN',
    '-1',
    '0',
    '1e999',
  ],
  ...['9007199254740993', '18446744073709551616', '0x10', 'a.jpg', 'photos', 'scratch', 'sub', 'etc/passwd'],
  ...['..%c0%af..%c0%afetc', '....//', '%252e%252e', '.mediadav', 'outside', 'data', 'catalog.db', '(<x>)'],
] as const;

/** A value out of pieces that mean something somewhere. Without a line end or a space, so that it stays in its place. */
export function nastyName(dice: Dice): string {
  const count = 1 + dice.below(4);
  let name = '';
  for (let index = 0; index < count; index += 1) name += piece(dice);
  return name.replaceAll(/[\r\n ]/g, '');
}

function piece(dice: Dice): string {
  switch (dice.below(12)) {
    case 0:
      return (dice.pick(FRAGMENTS) ?? '').repeat(1 + dice.below(100));
    case 1:
      return `%${dice.below(256).toString(16).padStart(2, '0')}`;
    case 2:
      return String.fromCharCode(0x21 + dice.below(0xde));
    case 3:
      return 'n'.repeat(dice.below(300));
    default:
      return dice.pick(FRAGMENTS) ?? '';
  }
}

export function nastyPath(dice: Dice): string {
  const segments = Array.from({ length: 1 + dice.below(4) }, () => nastyName(dice));
  const from =
    dice.pick(['/', '/photos/', '/scratch/', '/scratch/sub/', '/photos/../', '//', '/dav/', '']) ?? '/';
  return `${from}${segments.join('/')}` || '/';
}

/** The same bytes with some of them changed, left out, or said twice. */
export function mutated(dice: Dice, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let left = 1 + dice.below(6); left > 0 && result.length > 0; left -= 1) {
    const at = dice.below(result.length);
    const length = dice.below(Math.min(40, result.length - at));
    switch (dice.below(5)) {
      case 0:
        result[at] = dice.below(256);
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at + length), result.subarray(at)]);
        break;
      case 3:
        result = result.subarray(0, at);
        break;
      default:
        result = Buffer.concat([result.subarray(0, at), Buffer.from(nastyName(dice)), result.subarray(at)]);
    }
  }
  return result;
}
