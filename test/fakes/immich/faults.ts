import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyLength, type Delivery, isSlice, type Reply } from './reply.ts';

export type FaultKind =
  /** Another status, with its own body. */
  | { kind: 'status'; status: number; retryAfter?: number; body?: string; contentType?: string }
  /** The connection breaks before any answer. */
  | { kind: 'reset' }
  /** Declares the full length, sends `bytes` of it and breaks. */
  | { kind: 'cut'; bytes: number }
  /** `bytes` bytes with a length that agrees: nothing in the transfer shows that something is missing. */
  | { kind: 'short'; bytes: number }
  /** Never answers. */
  | { kind: 'hang' }
  /** Answers, but later. */
  | { kind: 'delay'; ms: number }
  /** Tells what was so when it was asked, but only now. */
  | { kind: 'late'; until: Promise<void> }
  /** `bytes` bytes every `ms` milliseconds. */
  | { kind: 'drip'; bytes: number; ms: number }
  /** 200 with the page of a proxy or a login wall. */
  | { kind: 'html'; body?: string }
  /** JSON that stops in the middle, with a length that agrees. */
  | { kind: 'truncated-json' };

export type Fault = FaultKind & {
  /** Compared with `METHOD /path?query`: part of it, a pattern, or a question about the request. */
  match: string | RegExp | ((request: IncomingMessage) => boolean);
  /** How often it happens; without it, until `clear()`. */
  times?: number;
};

/** What goes wrong, in the order it was added: the first that matches and is not used up happens. */
export class Faults {
  #list: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#list.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#list = [];
  }

  /** The fault for this request, counted as used. */
  take(request: IncomingMessage): Fault | undefined {
    const line = `${request.method} ${request.url}`;
    const entry = this.#list.find(({ fault: { match }, left }) => {
      if (left <= 0) return false;
      if (typeof match === 'string') return line.includes(match);
      return match instanceof RegExp ? match.test(line) : match(request);
    });
    if (entry !== undefined) entry.left -= 1;
    return entry?.fault;
  }
}

/** The answer as the fault changes it, for faults that change the answer and not the transfer. */
export function spoiled(reply: Reply, fault: Fault): Reply {
  switch (fault.kind) {
    case 'status': {
      const body = Buffer.from(fault.body ?? JSON.stringify({ message: `fault ${fault.status}` }));
      const headers: Reply['headers'] = {
        'content-type': fault.contentType ?? 'application/json; charset=utf-8',
        'content-length': String(body.length),
      };
      if (fault.retryAfter !== undefined) headers['retry-after'] = String(fault.retryAfter);
      return { status: fault.status, headers, body };
    }
    case 'html': {
      const body = Buffer.from(fault.body ?? '<!doctype html><title>Sign in</title><p>Please sign in.</p>');
      return {
        status: 200,
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-length': String(body.length) },
        body,
      };
    }
    case 'short':
      return shortened(reply, Math.min(fault.bytes, bodyLength(reply.body)));
    case 'truncated-json':
      return shortened(reply, Math.floor(bodyLength(reply.body) / 2));
    default:
      return reply;
  }
}

function shortened(reply: Reply, length: number): Reply {
  const { body } = reply;
  if (body === null) return reply;
  return {
    ...reply,
    headers: { ...reply.headers, 'content-length': String(length) },
    body: isSlice(body) ? { ...body, end: body.start + length } : body.subarray(0, length),
  };
}

/** Sends the first bytes of an answer that declares more, waits until they have left, and breaks the connection. */
export async function sendCut(res: ServerResponse, reply: Reply, length: number): Promise<number> {
  res.writeHead(reply.status, reply.headers);
  res.flushHeaders();
  const part = bytesOf(shortened(reply, Math.min(length, bodyLength(reply.body))));
  if (part.length > 0) {
    await new Promise<void>((resolve) => {
      res.once('close', resolve);
      res.write(part, () => resolve());
    });
  }
  // The bytes are with the kernel now; a moment lets the client read them before it sees the end.
  await pause(20);
  res.destroy();
  return part.length;
}

export async function sendDrip(
  res: ServerResponse,
  reply: Reply,
  { bytes, ms }: { bytes: number; ms: number },
  on: Delivery,
): Promise<void> {
  res.writeHead(reply.status, reply.headers);
  const all = bytesOf(reply);
  for (let at = 0; at < all.length && !res.destroyed; at += bytes) {
    const part = all.subarray(at, at + bytes);
    res.write(part);
    on.onBytes(part.length);
    await pause(ms);
  }
  if (!res.destroyed) res.end();
}

function bytesOf(reply: Reply): Buffer {
  if (reply.body === null) return Buffer.alloc(0);
  return isSlice(reply.body) ? reply.body.content.bytes(reply.body.start, reply.body.end) : reply.body;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
