import { Dice } from '../protocol/random-folder.ts';
import { headerLines } from './fuzz-headers.ts';
import { mutated, nastyName, nastyPath } from './fuzz-names.ts';
import { xmlBody } from './fuzz-xml.ts';

/** One input: what goes over the wire, byte for byte. */
export interface FuzzInput {
  /** With the seed it makes the same input again. */
  readonly index: number;
  /** Which part of it is out of the ordinary. */
  readonly target: Target;
  readonly port: 'dav' | 'api';
  readonly method: string;
  readonly bytes: Buffer;
  /** The framing is in order, so that an answer is due. Else the server may also just close. */
  readonly isWhole: boolean;
}

const TARGETS = [
  ...['request line', 'headers', 'If', 'Destination', 'Depth', 'Range', 'XML body', 'name', 'bytes', 'API'],
] as const;
export type Target = (typeof TARGETS)[number];

const COMMON_METHODS = [
  'GET',
  'HEAD',
  'PROPFIND',
  'PROPPATCH',
  'PUT',
  'DELETE',
  'COPY',
  'MOVE',
  'LOCK',
] as const;
const RARE_METHODS = [
  ...[
    'OPTIONS',
    'MKCOL',
    'UNLOCK',
    'REPORT',
    'POST',
    'PATCH',
    'SEARCH',
    'TRACE',
    'ACL',
    'BIND',
    'MKCALENDAR',
  ],
] as const;
/** Methods that look at what is tried. Anywhere else, any. */
const READERS: Partial<Record<Target, readonly string[]>> = {
  Range: ['GET', 'GET', 'GET', 'HEAD', 'PUT'],
  Destination: ['COPY', 'MOVE'],
  Depth: ['PROPFIND', 'COPY', 'MOVE', 'DELETE', 'LOCK', 'REPORT'],
  'XML body': ['PROPFIND', 'PROPFIND', 'PROPPATCH', 'LOCK', 'REPORT', 'MKCOL'],
};
const API_PATHS = [
  ...['/list', '/list/date/2024-02-30', '/list/daterange/2024-01-01/2023-01-01', '/api/v1/changes?cursor=0'],
  ...['/api/v1/changes?cursor=0&max_size=2', '/api/v1/cursor', '/api/v1/root', '/api/health', '/api/docs'],
  ...[`/image/${'0'.repeat(64)}`, `/thumbnail/${'f'.repeat(64)}`, '/api/openapi.json', '/list?hash=md5', '/'],
  '/api/v1/nodes/00000000-0000-0000-0000-000000000000/children',
] as const;

/**
 * The input of one index. Most of each request is in order, so that the strange part gets as far as the code it is
 * aimed at.
 */
export function fuzzInput(seed: number, index: number): FuzzInput {
  const dice = new Dice((seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0);
  const target = TARGETS[index % TARGETS.length] ?? 'bytes';
  if (target === 'API') return apiInput(dice, index);
  const method = methodFor(dice, target);
  const path = pathFor(dice, target);
  const headers = headerLines(dice, target, method);
  const body = bodyOf(dice, target, method);
  const line = target === 'request line' ? requestLine(dice, method, path) : `${method} ${path} HTTP/1.1`;
  const framing = framingOf(dice, target, body);
  const head = [line, ...framing.lines, ...headers].join('\r\n');
  const whole = Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), framing.body]);
  const isBroken = target === 'bytes';
  return {
    ...{ index, target, port: 'dav' as const, method },
    bytes: isBroken ? mutated(dice, whole) : whole,
    isWhole: !isBroken && target !== 'request line' && framing.isWhole,
  };
}

function methodFor(dice: Dice, target: Target): string {
  const isOrdinary = dice.below(8) > 0;
  const methods = READERS[target] ?? COMMON_METHODS;
  return dice.pick(isOrdinary ? methods : RARE_METHODS) ?? 'GET';
}

function apiInput(dice: Dice, index: number): FuzzInput {
  const method = dice.pick(['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) ?? 'GET';
  const base = dice.pick(API_PATHS) ?? '/';
  const path =
    dice.below(3) === 0
      ? base
      : `${base}${dice.pick(['?', '&', '/', '?cursor=', '?hash='])}${nastyName(dice)}`;
  const body = dice.below(4) === 0 ? Buffer.from(`{"a":${'['.repeat(dice.below(2_000))}`) : Buffer.alloc(0);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    `Content-Length: ${body.length}`,
    ...(body.length > 0 ? ['Content-Type: application/json'] : []),
    ...headerLines(dice, 'Range', method),
  ];
  const bytes = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
  return { index, target: 'API', port: 'api', method, bytes, isWhole: true };
}

function pathFor(dice: Dice, target: Target): string {
  if (target === 'name') return nastyPath(dice);
  // Ranges mean something only of a file that is there, and that nobody takes away.
  if (target === 'Range' && dice.below(3) > 0) return '/photos/a.jpg';
  return ordinaryPath(dice);
}

function ordinaryPath(dice: Dice): string {
  const folder = dice.pick(['/photos/', '/scratch/', '/scratch/sub/', '/']) ?? '/';
  return (
    folder + (dice.pick(['', 'a.jpg', 'b.jpg', 'sub/', 'sub', 'none.jpg', `n${dice.below(40)}.jpg`]) ?? '')
  );
}

function requestLine(dice: Dice, method: string, path: string): string {
  const strange = nastyName(dice);
  const lines = [
    `${method} ${strange} HTTP/1.1`,
    `${method} http://${strange}/photos/ HTTP/1.1`,
    `${method} ${path}?${strange} HTTP/1.1`,
    `${method} ${path}#${strange} HTTP/1.1`,
    `${method}  ${path} HTTP/1.1`,
    `${method} ${path} HTTP/1.${dice.below(10)}`,
    `${method} ${path}`,
    `${strange} ${path} HTTP/1.1`,
    `${method.toLowerCase()} ${path} HTTP/1.1`,
    `${method} /${'a/'.repeat(dice.below(3_000))} HTTP/1.1`,
    `${method} /photos/${'x'.repeat(dice.below(20_000))} HTTP/1.1`,
    `\r\n${method} ${path} HTTP/1.1`,
  ];
  return dice.pick(lines) ?? path;
}

function bodyOf(dice: Dice, target: Target, method: string): Buffer {
  if (target === 'XML body') return xmlBody(dice, method);
  if (method === 'PUT') return Buffer.alloc(dice.below(3_000), 'p');
  const hasXml = ['PROPFIND', 'PROPPATCH', 'LOCK', 'REPORT'].includes(method) && dice.below(2) === 0;
  return hasXml ? xmlBody(dice, method, true) : Buffer.alloc(0);
}

/** `Host` and how long the body is; as it should be, except where the headers are what is tried. */
function framingOf(
  dice: Dice,
  target: Target,
  body: Buffer,
): { readonly lines: readonly string[]; readonly body: Buffer; readonly isWhole: boolean } {
  const common = ['Host: localhost', 'Connection: close'];
  const isStrange = target === 'headers' && dice.below(4) === 0;
  if (isStrange) {
    const lines = dice.pick([
      ['Content-Length: 9e15'],
      ['Content-Length: -1'],
      ['Content-Length: 99999999999999999999'],
      [`Content-Length: ${body.length + 1 + dice.below(100)}`],
      ['Content-Length: 3', 'Content-Length: 4'],
      ['Transfer-Encoding: chunked'],
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer-Encoding: chunked', `Content-Length: ${body.length}`],
      ['Transfer-Encoding: identity'],
      [`Content-Length: ${body.length}`, 'Expect: 200-maybe'],
      [`Content-Length: ${body.length}`, 'Expect: 100-continue'],
    ]);
    return { lines: [...common, ...(lines ?? [])], body, isWhole: false };
  }
  if (dice.below(5) === 0) {
    const chunks = body.length === 0 ? '' : `${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n`;
    const framed = Buffer.from(`${chunks}0\r\n\r\n`, 'latin1');
    return { lines: [...common, 'Transfer-Encoding: chunked'], body: framed, isWhole: true };
  }
  return { lines: [...common, `Content-Length: ${body.length}`], body, isWhole: true };
}
