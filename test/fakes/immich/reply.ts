import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Content } from './content.ts';
import type { Traits } from './versions.ts';

export type Headers = Record<string, string>;

/** An answer before it is sent. Handlers return it instead of writing, so that faults can be done to any answer. */
export interface Reply {
  status: number;
  headers: Headers;
  body: Buffer | ContentSlice | null;
}

export interface ContentSlice {
  readonly content: Content;
  readonly start: number;
  readonly end: number;
  /** Counts as an original: in `openStreams` and `bytesSent`. */
  readonly isOriginal: boolean;
}

export function isSlice(body: Reply['body']): body is ContentSlice {
  return body !== null && 'content' in body;
}

export function bodyLength(body: Reply['body']): number {
  if (body === null) return 0;
  return isSlice(body) ? body.end - body.start : body.length;
}

/** The strong ETag that Express gives to every JSON answer, errors included. */
function jsonTag(body: Buffer): string {
  return `"${body.length.toString(16)}-${createHash('sha1').update(body).digest('base64').slice(0, 27)}"`;
}

export function json(value: unknown, status = 200): Reply {
  const body = Buffer.from(JSON.stringify(value));
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(body.length),
      etag: jsonTag(body),
    },
    body,
  };
}

export function noContent(status = 204): Reply {
  return { status, headers: status === 204 ? {} : { 'content-length': '0' }, body: null };
}

export function redirect(location: string): Reply {
  const body = Buffer.from(`Found. Redirecting to ${location}`);
  return {
    status: 302,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(body.length), location },
    body,
  };
}

/** As the `fresh` package decides; a request with `Cache-Control: no-cache` (fetch adds it) never gets a 304. */
export function isFresh(request: IncomingHttpHeaders, headers: Headers): boolean {
  if (/(?:^|,)\s*no-cache\s*(?:,|$)/.test(request['cache-control'] ?? '')) return false;
  const noneMatch = request['if-none-match'];
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === '*') return true;
    const bare = (tag: string) => tag.trim().replace(/^W\//, '');
    return noneMatch.split(',').some((tag) => bare(tag) === bare(headers.etag ?? ''));
  }
  const since = Date.parse(request['if-modified-since'] ?? '');
  return Date.parse(headers['last-modified'] ?? '') <= since;
}

/** A GET of JSON that the client already has is answered 304. */
export function revalidated(reply: Reply, method: string, request: IncomingHttpHeaders): Reply {
  const isRead = method === 'GET' || method === 'HEAD';
  if (!isRead || reply.status !== 200 || isSlice(reply.body) || !isFresh(request, reply.headers))
    return reply;
  const { 'content-type': _type, 'content-length': _length, ...headers } = reply.headers;
  return { status: 304, headers, body: null };
}

/** From 3.0 on the correlation id is a header, not a part of the error body. */
export function commonHeaders(traits: Traits): Headers {
  return traits.errors === 'short' ? { 'x-correlation-id': correlationId() } : {};
}

export function correlationId(): string {
  return Math.random().toString(36).slice(2, 10).padEnd(8, '0');
}

export interface Delivery {
  readonly onBytes: (count: number) => void;
  /** How much the line to the client carries. Default: whatever the client takes. */
  readonly bytesPerSecond?: number | undefined;
}

/** Writes the reply at the speed of the client; resolves when it is written or the client has gone. */
export async function deliver(
  res: ServerResponse,
  reply: Reply,
  isHead: boolean,
  on: Delivery,
): Promise<void> {
  res.writeHead(reply.status, reply.headers);
  const { body } = reply;
  if (isHead || body === null) {
    res.end();
    return;
  }
  const chunks = isSlice(body) ? body.content.chunks(body.start, body.end) : [body];
  const startedMs = performance.now();
  let sentBytes = 0;
  for (const chunk of chunks) {
    if (res.destroyed) return;
    const hasRoom = res.write(chunk);
    on.onBytes(chunk.length);
    sentBytes += chunk.length;
    if (!hasRoom) await drained(res);
    const dueMs = on.bytesPerSecond === undefined ? 0 : (sentBytes / on.bytesPerSecond) * 1_000;
    while (performance.now() - startedMs < dueMs) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (!res.destroyed) res.end();
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done);
      res.off('close', done);
      resolve();
    };
    res.on('drain', done);
    res.on('close', done);
  });
}
