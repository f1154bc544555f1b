import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';

/** What a proxy between mediadav and Immich can do to an answer. */
export type Misbehaviour =
  | { kind: 'none' }
  /** Takes the request and says nothing. */
  | { kind: 'silent' }
  /** Passes the request on, and keeps the answer. */
  | { kind: 'mute' }
  /** Says nothing, and passes the request on only then, whether anybody still waits or not. */
  | { kind: 'late'; until: Promise<void> }
  /** Breaks the connection after so many bytes of the body. */
  | { kind: 'reset'; afterBytes: number }
  | { kind: 'status'; status: number; retryAfter?: string }
  /** 200 and a page. */
  | { kind: 'page' }
  /** The first half of the body, with a length that agrees. */
  | { kind: 'half' }
  /** A length that is one byte more than the body has. */
  | { kind: 'longer' }
  /** A length that is one byte less; the rest is lost. */
  | { kind: 'shorter' }
  /** Asks for all of a file, whatever part of it is wanted, and passes that on. */
  | { kind: 'no-range' }
  /** Packed by gzip, unasked, and said so. */
  | { kind: 'packed' }
  /** All of it, `bytes` at a time. */
  | { kind: 'drip'; bytes: number; ms: number };

/** A reverse proxy that can be told to misbehave, for requests whose `METHOD /path` matches. */
export interface MisbehavingProxy {
  readonly url: string;
  /** @param times how often; without it, until something else is said. */
  misbehave(how: Misbehaviour, match?: RegExp, times?: number): void;
  behave(): void;
  close(): Promise<void>;
}

export async function startProxy(targetUrl: string): Promise<MisbehavingProxy> {
  let how: Misbehaviour = { kind: 'none' };
  let match = /./;
  let left = Number.POSITIVE_INFINITY;
  const sockets = new Set<Socket>();
  const server = createServer((req, res) => {
    const isMeant = left > 0 && match.test(`${req.method} ${req.url}`);
    if (isMeant) left -= 1;
    const current: Misbehaviour = isMeant ? how : { kind: 'none' };
    pass(targetUrl, req, res, current).catch(() => res.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    misbehave(next, pattern = /./, times = Number.POSITIVE_INFINITY) {
      how = next;
      match = pattern;
      left = times;
    },
    behave() {
      how = { kind: 'none' };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function pass(
  targetUrl: string,
  req: IncomingMessage,
  res: ServerResponse,
  how: Misbehaviour,
): Promise<void> {
  if (how.kind === 'silent') return;
  if (how.kind === 'status') {
    const wait = how.retryAfter === undefined ? {} : { 'retry-after': how.retryAfter };
    res.writeHead(how.status, { 'content-type': 'text/plain', ...wait }).end('no');
    return;
  }
  if (how.kind === 'page') {
    res.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
    return;
  }
  if (how.kind === 'no-range') {
    await passWhole(targetUrl, req, res);
    return;
  }
  if (how.kind === 'late') {
    await forwardLate(targetUrl, req, how.until);
    return;
  }
  const { status, headers, body } = await forward(targetUrl, req);
  if (how.kind === 'mute') return;
  if (how.kind === 'none' || req.method === 'HEAD') {
    res.writeHead(status, headers).end(body);
    return;
  }
  if (how.kind === 'packed') {
    const packed = gzipSync(body);
    const length = { 'content-length': String(packed.length) };
    res.writeHead(status, { ...headers, 'content-encoding': 'gzip', ...length }).end(packed);
    return;
  }
  const sent = how.kind === 'half' ? body.subarray(0, body.length >> 1) : body;
  const extra = how.kind === 'longer' ? 1 : how.kind === 'shorter' ? -1 : 0;
  res.writeHead(status, { ...headers, 'content-length': String(Math.max(0, sent.length + extra)) });
  if (how.kind === 'reset' || how.kind === 'longer') {
    const length = how.kind === 'reset' ? Math.min(how.afterBytes, sent.length) : sent.length;
    res.write(sent.subarray(0, length), () => setTimeout(() => res.destroy(), 20));
    return;
  }
  if (how.kind === 'drip') {
    for (let at = 0; at < sent.length && !res.destroyed; at += how.bytes) {
      res.write(sent.subarray(at, at + how.bytes));
      await new Promise((resolve) => setTimeout(resolve, how.ms));
    }
    res.end();
    return;
  }
  res.end(how.kind === 'shorter' ? sent.subarray(0, -1) : sent);
}

/** Piece by piece, so that no more is read of Immich than is taken here. */
async function passWhole(targetUrl: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '/', targetUrl);
  const { range: _, ...headers } = req.headers;
  const up = httpRequest(url, { method: req.method ?? 'GET', headers: { ...headers, host: url.host } });
  const [answer] = (await once(up.end(), 'response')) as [IncomingMessage];
  const { 'accept-ranges': __, ...told } = answer.headers;
  res.writeHead(answer.statusCode ?? 502, told);
  // A client that has enough is no failure of the proxy.
  await pipeline(answer, res).catch(() => up.destroy());
}

async function forwardLate(targetUrl: string, req: IncomingMessage, until: Promise<void>): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  await until;
  const url = new URL(req.url ?? '/', targetUrl);
  const up = httpRequest(url, { method: req.method ?? 'GET', headers: { ...req.headers, host: url.host } });
  const [answer] = (await once(up.end(Buffer.concat(chunks)), 'response')) as [IncomingMessage];
  await once(answer.resume(), 'end');
}

interface Forwarded {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

function forward(targetUrl: string, req: IncomingMessage): Promise<Forwarded> {
  const url = new URL(req.url ?? '/', targetUrl);
  return new Promise((resolve, reject) => {
    const up = httpRequest(url, { method: req.method ?? 'GET', headers: { ...req.headers, host: url.host } });
    up.on('error', reject);
    up.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 502,
          headers: answer.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    req.pipe(up);
  });
}
