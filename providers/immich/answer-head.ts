/** How the end of a body is told (RFC 9112 section 6.3). */
export type Framing =
  | { readonly kind: 'sized'; readonly lengthBytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

export interface AnswerHead {
  readonly status: number;
  /** By their names in lower case; what came twice is joined (RFC 9110 section 5.3). */
  readonly headers: Readonly<Record<string, string>>;
  readonly framing: Framing;
  /** For how long the connection may wait for another request, in milliseconds; 0: it ends with this answer. */
  readonly keptMs: number;
}

/** Where the server does not say how long it keeps connections: that of Node, which Immich is, does for 5 s. */
const DEFAULT_KEPT_S = 5;
/** A request must not set out when the connection is about to end. */
const MARGIN_S = 1;
const MAX_KEPT_S = 60;

/**
 * Reads the head of an answer to a GET, without the empty line at its end.
 * @throws Error with a `code` when it is none of HTTP/1.1 or 1.0, or says two things about where its body ends.
 */
export function parseAnswerHead(text: string): AnswerHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const line = /^HTTP\/1\.(?<minor>[01]) (?<status>[1-5]\d\d)(?: |$)/.exec(statusLine)?.groups;
  if (line === undefined) throw malformed();
  const headers: Record<string, string> = {};
  for (const each of lines) {
    const field = /^(?<name>[\w!#$%&'*+.^`|~-]+):[ \t]*(?<value>[^\r\n\0]*)$/.exec(each)?.groups;
    if (field === undefined) throw malformed();
    const name = (field.name ?? '').toLowerCase();
    const value = (field.value ?? '').trimEnd();
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  const status = Number(line.status);
  const framing = framingOf(status, headers);
  const isKept =
    framing.kind !== 'until-close' &&
    (line.minor === '1'
      ? !/\bclose\b/i.test(headers.connection ?? '')
      : /\bkeep-alive\b/i.test(headers.connection ?? ''));
  return { status, headers, framing, keptMs: isKept ? keptMsOf(headers['keep-alive']) : 0 };
}

function framingOf(status: number, headers: Readonly<Record<string, string>>): Framing {
  if (status < 200 || status === 204 || status === 304) return { kind: 'sized', lengthBytes: 0 };
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (coding !== undefined) {
    // With both, one of them is somebody's mistake (RFC 9112 section 6.3).
    if (coding.toLowerCase() !== 'chunked' || length !== undefined) throw malformed();
    return { kind: 'chunked' };
  }
  if (length === undefined) return { kind: 'until-close' };
  if (!/^\d{1,15}$/.test(length)) throw malformed();
  return { kind: 'sized', lengthBytes: Number(length) };
}

function keptMsOf(hint: string | undefined): number {
  const told = /\btimeout=(\d{1,6})\b/i.exec(hint ?? '')?.[1];
  const seconds = told === undefined ? DEFAULT_KEPT_S : Number(told);
  return Math.max(0, Math.min(seconds, MAX_KEPT_S) - MARGIN_S) * 1_000;
}

export function malformed(): Error {
  return Object.assign(new Error('an answer that is not HTTP/1.1'), { code: 'HPE_INVALID_CONSTANT' });
}
