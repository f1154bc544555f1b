import type { IncomingMessage, ServerResponse } from 'node:http';
import { CodedError } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { Wording } from './error-status.ts';

/** What the request line asks for (RFC 9112 section 3.2). */
export interface RequestTarget {
  /** Still percent-encoded, starts with `/`; or `*` for `OPTIONS *`. For `ResourcePath.parse`. */
  readonly path: string;
  /** Without `?`; `''` when there is none. */
  readonly query: string;
  /** Host and port the client addressed, from the absolute form or else `Host`; null when it named none. */
  readonly authority: string | null;
}

/** What answering needs, even when the request itself is beyond reading. */
export interface Reply {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Short and random; in every log line, in `X-Request-Id` and in the body of a 500. */
  readonly id: string;
  /**
   * Aborted as soon as the client hangs up before the response is finished, with a CodedError `cancelled` as its
   * reason. Hand it to everything the request starts.
   */
  readonly signal: AbortSignal;
  /** Adds the request id to every line. */
  readonly log: Logger;
  /** How the edge that answers words its failures. */
  readonly wording: Wording;
}

/** One request and its response, as edges get it. */
export interface Exchange extends Reply {
  readonly target: RequestTarget;
  /** Set by the edge once it knows; null before. */
  user: string | null;
}

/** 12 hexadecimal digits: enough to find one request in a log. It is no secret, so any random number will do. */
export function newRequestId(): string {
  return Math.floor(Math.random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0');
}

/**
 * Reads the request target: origin form, absolute form (whose host then counts instead of `Host`), and `*` for
 * OPTIONS. Nothing is decoded here.
 * @throws CodedError `invalid` for everything else, for two `Host` headers and for a host that is none.
 */
export function parseRequestTarget(req: IncomingMessage): RequestTarget {
  const text = req.url ?? '';
  const host = hostHeaderOf(req);
  if (text === '*' && req.method === 'OPTIONS') return { path: '*', query: '', authority: host };
  // A fragment never travels in a request; taking it for a part of the path or cutting it off would be a guess.
  if (text.includes('#')) throw new CodedError('invalid', 'The request target holds a "#".');
  if (text.startsWith('/')) return { ...splitQuery(text), authority: host };

  const absolute = /^https?:\/\/(?<authority>[^/?]*)(?<rest>.*)$/i.exec(text)?.groups;
  if (absolute === undefined) throw new CodedError('invalid', 'The request target is malformed.');
  const authority = absolute.authority ?? '';
  if (!isAuthority(authority))
    throw new CodedError('invalid', 'The host of the request target is malformed.');
  const rest = absolute.rest ?? '';
  return { ...splitQuery(rest.startsWith('/') ? rest : `/${rest}`), authority };
}

/** RFC 9112 section 3.2: a second or a malformed `Host` must be answered with 400. */
function hostHeaderOf(req: IncomingMessage): string | null {
  const hosts = req.headersDistinct.host ?? [];
  const host = hosts[0];
  if (host === undefined || host === '') return null;
  if (hosts.length > 1) throw new CodedError('invalid', 'The request has more than one Host header.');
  if (!isAuthority(host)) throw new CodedError('invalid', 'The Host header is malformed.');
  return host;
}

/** What was found to be an authority last: nearly all requests name the same one. */
let lastAuthority: string | null = null;

/** Host and optional port, without user info, as RFC 3986 section 3.2 writes them. */
function isAuthority(text: string): boolean {
  if (text !== lastAuthority && !isWellFormedAuthority(text)) return false;
  lastAuthority = text;
  return true;
}

function isWellFormedAuthority(text: string): boolean {
  return /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?$/i.test(text) && URL.canParse(`http://${text}/`);
}

function splitQuery(text: string): { path: string; query: string } {
  const mark = text.indexOf('?');
  if (mark === -1) return { path: text, query: '' };
  return { path: text.slice(0, mark), query: text.slice(mark + 1) };
}
