import type { Dice } from '../protocol/random-folder.ts';
import type { Target } from './fuzz-input.ts';
import { nastyName } from './fuzz-names.ts';

const TOKEN = 'urn:uuid:00000000-0000-4000-8000-000000000000';
const NAMES = [
  ...[
    'Accept',
    'Accept-Encoding',
    'Authorization',
    'Content-Encoding',
    'Content-Range',
    'Content-Type',
    'Cookie',
  ],
  ...[
    'Forwarded',
    'If-Match',
    'If-Modified-Since',
    'If-None-Match',
    'If-Unmodified-Since',
    'Lock-Token',
    'OC-Checksum',
  ],
  ...['Origin', 'Overwrite', 'Prefer', 'Timeout', 'Translate', 'User-Agent', 'Want-Repr-Digest', 'X-API-Key'],
  ...['X-Expected-Entity-Length', 'X-Forwarded-Host', 'X-OC-Mtime', '__proto__', 'constructor'],
] as const;

/** Lines of the request's head, strange in what is tried and in order elsewhere. Without those of the framing. */
export function headerLines(dice: Dice, target: Target, method: string): string[] {
  const lines: string[] = [];
  if (target === 'Depth')
    lines.push(`Depth: ${dice.pick(['-1', '2', 'Infinity', 'infinity,0', '', '0x1', nastyName(dice)])}`);
  else if (['PROPFIND', 'REPORT', 'LOCK', 'COPY'].includes(method))
    lines.push(`Depth: ${dice.pick(['0', '1', 'infinity'])}`);
  if (target === 'Destination') lines.push(`Destination: ${strangeDestination(dice)}`);
  else if (method === 'COPY' || method === 'MOVE')
    lines.push(`Destination: http://localhost/scratch/m${dice.below(20)}.jpg`);
  if (target === 'Range') lines.push(strangeRange(dice));
  if (target === 'If') lines.push(`If: ${strangeIf(dice)}`);
  if (target === 'headers') {
    for (let left = 1 + dice.below(5); left > 0; left -= 1) lines.push(`${dice.pick(NAMES)}: ${value(dice)}`);
  }
  if (method === 'UNLOCK')
    lines.push(`Lock-Token: ${dice.pick([`<${TOKEN}>`, TOKEN, '<>', '', nastyName(dice)])}`);
  return lines;
}

function value(dice: Dice): string {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  const values = [
    ...[
      '',
      '*',
      '"',
      '""',
      '"a", W/"b",',
      'W/',
      date,
      date.toLowerCase(),
      'Sun, 99 Nov 1994 99:99:99 GMT',
      '0',
      '-1',
    ],
    ...[
      '1e400',
      'T',
      'F',
      'x',
      'Second-0',
      'Second-4294967296',
      'Infinite, Second-1',
      'Basic',
      'Basic !!!',
      'Bearer ',
    ],
    ...[
      'Basic OnBhc3M=',
      'SHA1:',
      'SHA1:zz',
      'MD5:d41d8cd98f00b204e9800998ecf8427e',
      'return=minimal',
      'gzip;q=x',
    ],
    ...[
      'bytes 0-1/2',
      'bytes */*',
      'http://localhost',
      'null',
      '[::1',
      '\u00e4\u00ff',
      '\t',
      ','.repeat(500),
    ],
    ...['"x",'.repeat(300), '('.repeat(800), nastyName(dice), nastyName(dice)],
  ];
  return dice.pick(values) ?? '';
}

function strangeDestination(dice: Dice): string {
  const name = nastyName(dice);
  return (
    dice.pick([
      ...[
        '',
        '/',
        '*',
        'http://',
        'http://[',
        'http://localhost',
        '//localhost/scratch/x.jpg',
        'scratch/x.jpg',
      ],
      ...[
        'http://elsewhere.example/scratch/x.jpg',
        'ftp://localhost/scratch/x.jpg',
        'http://localhost:99999/x',
        '/scratch/',
      ],
      ...[
        `/scratch/${name}`,
        `http://localhost/${name}`,
        `http://localhost/scratch/${name}`,
        name,
        '/photos/x.jpg',
      ],
      ...[
        '/scratch/sub/sub/sub',
        '/scratch/sub/',
        '/scratch/none/x.jpg',
        '/scratch/a.jpg?x',
        '/scratch/a.jpg#x',
      ],
      ...[
        `/scratch/../../outside/${dice.below(9)}`,
        '/scratch/%2e%2e/outside/secret.txt',
        'javascript:alert(1)',
      ],
    ]) ?? ''
  );
}

function strangeRange(dice: Dice): string {
  const number = () =>
    dice.pick(['0', '1', '5', '6', '7', '99', '-', '', '18446744073709551616', '9e9', '-1', 'x']);
  const ranges = Array.from(
    { length: 1 + dice.below(dice.below(4) === 0 ? 400 : 3) },
    () => `${number()}-${number()}`,
  );
  const unit = dice.pick(['bytes', 'bytes', 'bytes', 'Bytes', 'items', '', 'bytes ']);
  const line = `Range: ${unit}=${ranges.join(dice.pick([',', ', ', ' ', ',,']))}`;
  return dice.below(4) === 0 ? `${line}\r\nIf-Range: ${value(dice).replaceAll(/[\r\n]/g, '')}` : line;
}

function strangeIf(dice: Dice): string {
  const part = () =>
    dice.pick([
      ...[
        `(<${TOKEN}>)`,
        '(<x>)',
        '()',
        '(',
        ')',
        '(Not <x>)',
        '(Not Not <x>)',
        '(["etag"])',
        '([W/"e"])',
        '([)',
      ],
      ...[
        `</scratch/a.jpg> (<${TOKEN}>)`,
        '<http://[> (<x>)',
        '<%zz> (<x>)',
        '<http://elsewhere.example/> (<x>)',
      ],
      ...[
        '(<DAV:no-lock>)',
        '(Not <DAV:no-lock>)',
        '(<x> ["e"])',
        '<>',
        '["e"]',
        'Not',
        '(<a>)(<b>)',
        nastyName(dice),
      ],
    ]);
  const count = dice.below(10) === 0 ? 400 : 1 + dice.below(3);
  return Array.from({ length: count }, part).join(dice.pick([' ', '', ',']));
}
