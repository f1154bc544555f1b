import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Exchange } from '../../../src/http/exchange.ts';
import { createListener, type Listener, type ListenerOptions } from '../../../src/http/listener.ts';
import type { LogFields, Logger } from '../../../src/model/logger.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export interface RunningListener {
  readonly port: number;
  readonly url: string;
  readonly listener: Listener;
  readonly lines: LogLine[];
}

/** A logger that keeps its lines. */
export function keepingLogger(lines: LogLine[] = []): Logger & { readonly lines: LogLine[] } {
  const keep =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields });
    };
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
}

const started: Listener[] = [];

/** A listener on a free port of 127.0.0.1; `closeAll` ends it. */
export async function startListener(
  handle: (exchange: Exchange) => Promise<void>,
  options: Partial<ListenerOptions> = {},
): Promise<RunningListener> {
  const log = keepingLogger();
  const listener = createListener({ handle, log, ...options });
  started.push(listener);
  const { port, url } = await listener.listen({ host: '127.0.0.1', port: 0 });
  return { port, url, listener, lines: log.lines };
}

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  await Promise.all(started.splice(0).map((listener) => listener.close()));
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** One request on a connection of its own. Rejects when the body is cut. */
export function ask(port: number, path: string, asking: Asking = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = asking;
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) }),
      );
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** A bare connection, for what no HTTP client would do. */
export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends bytes as they are and resolves with everything that came back once the server closed, or after `waitMs`. */
export async function sendRaw(port: number, text: string, waitMs = 300): Promise<string> {
  const socket = await openSocket(port);
  return new Promise((resolve) => {
    let received = '';
    const timer = setTimeout(() => socket.destroy(), waitMs);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
    });
    // A reset ends it as well as a close does; what arrived before is the answer.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(received);
    });
    socket.write(text, 'latin1');
  });
}

/** Waits until `isTrue` says so; fails with `what` after `limitMs`. */
export async function until(isTrue: () => boolean, what: string, limitMs = 2_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!isTrue()) {
    if (Date.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
