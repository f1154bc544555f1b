import { CodedError } from '../model/coded-error.ts';
import { ResourcePath } from '../model/resource-path.ts';
import type { DavRequest } from './dav-request.ts';

const ABSOLUTE = /^(?<scheme>https?):\/\/(?<authority>[^/?#]*)(?<path>[^?#]*)(?<rest>.*)$/i;
const DEFAULT_PORT = /:(80|443)?$/;

/**
 * Where a COPY or MOVE is to lead (RFC 4918 section 10.3).
 * @throws CodedError `invalid` when it is missing or malformed.
 * @returns null for another server, and for what is not part of the mount on this one.
 */
export function readDestination(request: DavRequest): ResourcePath | null {
  const text = request.header('destination')?.trim();
  if (text === undefined || text === '')
    throw new CodedError('invalid', 'The Destination header is missing.');
  return readAddress(text, request);
}

/**
 * The resource that a header names: by an absolute URL of this server, or by an absolute path.
 * @throws CodedError `invalid` when it is malformed.
 * @returns null for another server, and for what is not part of the mount on this one.
 */
export function readAddress(
  text: string,
  { exchange, prefix }: Pick<DavRequest, 'exchange' | 'prefix'>,
): ResourcePath | null {
  if (text.startsWith('/') && !text.startsWith('//')) return pathIn(text, prefix);
  const { authority, path, rest } = ABSOLUTE.exec(text)?.groups ?? {};
  if (authority === undefined || rest !== '') throw malformed();
  if (!isSameHost(authority, exchange.target.authority)) return null;
  return pathIn(path === '' ? '/' : (path ?? '/'), prefix);
}

function pathIn(path: string, prefix: string): ResourcePath | null {
  if (/[?#]/.test(path)) throw malformed();
  const isBelow = path === prefix || path.startsWith(`${prefix}/`);
  return isBelow ? ResourcePath.parse(path.slice(prefix.length) || '/') : null;
}

/** Behind a proxy that does TLS the client's scheme is another than ours, and with it the default port. */
function isSameHost(asked: string, own: string | null): boolean {
  return own !== null && plainHost(asked) === plainHost(own);
}

function plainHost(authority: string): string {
  return authority
    .replace(/^[^@]*@/, '')
    .replace(DEFAULT_PORT, '')
    .toLowerCase();
}

function malformed(): CodedError {
  return new CodedError('invalid', 'A header names a resource by what is no plain address.');
}
