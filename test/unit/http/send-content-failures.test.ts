import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import type { Content } from '../../../src/http/send-content.ts';
import { CodedError, type ErrorCode } from '../../../src/model/coded-error.ts';
import { type CountingOptions, countingContent, SAMPLE } from './counting-content.ts';
import { ask, closeAll, openSocket, sendRaw, until } from './running-listener.ts';
import { serveContent } from './serve-content.ts';

afterEach(closeAll);

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const MEBIBYTE = 1024 * 1024;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Gives the texts one by one, then ends, fails or hangs. */
function scripted(texts: readonly string[], last: 'end' | 'hang' | 'destroy' | Error = 'end'): Readable {
  const left = [...texts];
  return new Readable({
    read(): void {
      const text = left.shift();
      setTimeout(() => {
        if (text !== undefined) this.push(text);
        else if (last === 'end') this.push(null);
        else if (last === 'destroy') this.destroy();
        else if (last !== 'hang') this.destroy(last);
      }, 5);
    },
  });
}

/** The body of a raw answer; what came of it before the connection was closed. */
function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

describe('a source that fails before anything was sent', () => {
  test.each<[ErrorCode, number]>([
    ['not-found', 404],
    ['unavailable', 503],
    ['throttled', 503],
    ['denied', 403],
    ['corrupt', 502],
  ])('on opening, %s: %d', async (code, status) => {
    const open = () => Promise.reject(new CodedError(code, 'x', { retryAfterMs: 1500 }));
    const { port } = await serveContent(countingContent({ facts: { open } }));
    const answer = await ask(port, '/');
    expect(answer.status).toBe(status);
    expect(answer.headers.etag).toBeUndefined();
    expect(answer.headers['retry-after']).toBe(status === 503 ? '2' : undefined);
  });

  test.each<[string, CountingOptions['stream'], number]>([
    ['by an error', () => scripted([], new CodedError('unavailable', 'x')), 503],
    ['by a foreign error', () => scripted([], new Error('x')), 500],
    ['by ending', () => scripted([]), 502],
    ['by closing', () => scripted([], 'destroy'), 503],
    ['by one chunk that is too long', () => scripted([`${SAMPLE}!`]), 502],
    ['after its only chunk', () => scripted([`${SAMPLE}`], new CodedError('unavailable', 'x')), 503],
    ['having failed already', () => new Readable().destroy(), 503],
  ])('in its stream, %s, is no 200', async (_, stream, status) => {
    const content = countingContent(stream === undefined ? {} : { stream });
    const { port } = await serveContent(content);
    expect((await ask(port, '/')).status).toBe(status);
    await until(() => content.openStreams.size === 0, 'the stream is destroyed');
  });
});

describe('a source that breaks its promise', () => {
  const text = SAMPLE.toString();
  test.each<[string, () => Readable, string, string]>([
    ['ends short', () => scripted([text.slice(0, 20)]), text.slice(0, 20), 'corrupt'],
    [
      'runs long in a last chunk',
      () => scripted([text.slice(0, 20), text.slice(20), '!']),
      text.slice(0, 20),
      'corrupt',
    ],
    [
      'fails midway',
      () => scripted([text.slice(0, 9)], new CodedError('throttled', 'x')),
      text.slice(0, 9),
      'throttled',
    ],
    ['fails midway, unexpectedly', () => scripted(['0'], new Error('x')), '0', 'internal'],
    ['closes midway', () => scripted(['0'], 'destroy'), '0', 'unavailable'],
    [
      'fails at its end',
      () => scripted([text.slice(0, 9), text.slice(9)], new CodedError('unavailable', 'x')),
      text.slice(0, 9),
      'unavailable',
    ],
  ])('and %s gets the answer cut', async (_, stream, received, code) => {
    const content = countingContent({ stream });
    const { port, codes, lines } = await serveContent(content);
    const answer = await sendRaw(port, GET, 2_000);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('Content-Length: 36\r\n');
    expect(bodyOf(answer)).toBe(received);
    expect(codes).toEqual([code]);
    expect(content.openStreams.size).toBe(0);
    const level = code === 'internal' ? 'error' : 'warn';
    expect(lines).toContainEqual(expect.objectContaining({ level, message: 'an answer was cut' }));
    await expect(ask(port, '/')).rejects.toThrow();
  });

  test('in the second of several parts, too', async () => {
    const content = countingContent({
      stream: (range) => scripted([range?.start === 0 ? '01' : '4']),
    });
    const { port, codes } = await serveContent(content);
    const answer = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,4-5\r\n\r\n', 2_000);
    expect(bodyOf(answer)).toMatch(/bytes 4-5\/36\r\n\r\n4$/);
    expect(codes).toEqual(['corrupt']);
    expect(content.openStreams.size).toBe(0);
  });

  test('when a later part cannot be opened, the answer is cut, not refreshed', async () => {
    const facts: Partial<Content> = {
      open: async (range) => {
        if (range?.start === 0) return Readable.from([Buffer.from('01')]);
        throw new CodedError('changed', 'x');
      },
      refresh: () => Promise.reject(new Error('nobody may ask')),
    };
    const { port, codes } = await serveContent(countingContent({ facts }));
    const answer = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,4-5\r\n\r\n', 2_000);
    // Not whole: the closing boundary is missing.
    expect(bodyOf(answer)).toMatch(/^--mediadav-/);
    expect(answer).not.toMatch(/--\r\n$/);
    expect(codes).toEqual(['changed']);
  });

  test('an empty content that is none', async () => {
    const content = countingContent({ stream: () => scripted(['x']), facts: { sizeBytes: 0 } });
    const { port, codes } = await serveContent(content);
    expect((await ask(port, '/')).status).toBe(502);
    expect(codes).toEqual(['corrupt']);
  });
});

describe('a client that leaves', () => {
  test('a hundred times in the middle leaves nothing open', async () => {
    const content = countingContent({ zeros: 500 * MEBIBYTE });
    const { port, codes, lines } = await serveContent(content);
    for (let round = 0; round < 10; round += 1) {
      const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket(port)));
      const begun = sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve)));
      for (const socket of sockets) socket.write(GET);
      await Promise.all(begun);
      for (const [index, socket] of sockets.entries()) {
        socket.on('error', () => socket.destroy());
        if (index % 2 === 0) socket.destroy();
        else socket.resetAndDestroy();
      }
    }
    await until(() => codes.length === 100, 'every request has ended', 1_000);
    expect(content.opened).toHaveLength(100);
    expect(content.openStreams.size).toBe(0);
    expect(new Set(codes)).toEqual(new Set(['cancelled']));
    expect(lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  test('while the source is stalled releases it within a second', async () => {
    const content = countingContent({ stream: () => scripted(['0'], 'hang') });
    const { port, codes } = await serveContent(content);
    for (const leave of ['end', 'destroy'] as const) {
      const socket = await openSocket(port);
      socket.write(GET);
      await until(() => content.openStreams.size === 1, 'the source is open');
      await pause(30);
      socket[leave]();
      await until(() => content.openStreams.size === 0, 'the source is released', 1_000);
      socket.destroy();
    }
    await until(() => codes.length === 2, 'both have ended');
    expect(codes).toEqual(['cancelled', 'cancelled']);
  });

  test('without reading any more, but with its side closed, releases the source', async () => {
    const content = countingContent({ zeros: 500 * MEBIBYTE });
    const { port } = await serveContent(content);
    const socket = await openSocket(port);
    socket.pause();
    socket.write(GET);
    await until(() => content.openStreams.size === 1, 'the source is open');
    await pause(50);
    socket.end();
    await until(() => content.openStreams.size === 0, 'the source is released', 1_000);
    socket.destroy();
  });

  test('before the first byte aborts the opening', async () => {
    let signal: AbortSignal | undefined;
    const open: Content['open'] = (_, given) => {
      signal = given;
      return new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(given.reason)));
    };
    const { port, codes } = await serveContent(countingContent({ facts: { open } }));
    const socket = await openSocket(port);
    socket.write(GET);
    await until(() => signal !== undefined, 'the opening begins');
    socket.destroy();
    await until(() => codes.length === 1, 'the request ends', 1_000);
    expect(signal?.aborted).toBe(true);
    expect(codes).toEqual(['cancelled']);
  });

  test('before an opening that heeds no signal: its stream is destroyed when it comes', async () => {
    const stream = new PassThrough();
    let resolveOpen: (stream: Readable) => void = () => undefined;
    const open = () =>
      new Promise<Readable>((resolve) => {
        resolveOpen = resolve;
      });
    const { port, codes, lines } = await serveContent(countingContent({ facts: { open } }));
    const socket = await openSocket(port);
    socket.write(GET);
    await pause(30);
    socket.destroy();
    await pause(30);
    resolveOpen(stream);
    await until(() => codes.length === 1, 'the request ends', 1_000);
    expect(stream.destroyed).toBe(true);
    expect(codes).toEqual(['cancelled']);
    expect(lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  test('while waiting for the first byte releases the stream', async () => {
    const content = countingContent({ stream: () => scripted([], 'hang') });
    const { port, codes } = await serveContent(content);
    const socket = await openSocket(port);
    socket.write(GET);
    await until(() => content.openStreams.size === 1, 'the source is open');
    socket.destroy();
    await until(() => content.openStreams.size === 0 && codes.length === 1, 'the source is released', 1_000);
    expect(codes).toEqual(['cancelled']);
  });

  test('a stream that complains about being destroyed is no crash', async () => {
    const stream = new Readable({
      read(): void {
        this.push('0');
      },
      destroy(_, done): void {
        setTimeout(() => done(new Error('late complaint')), 10);
      },
    });
    const { port, codes } = await serveContent(
      countingContent({ zeros: MEBIBYTE * 500, stream: () => stream }),
    );
    const socket = await openSocket(port);
    socket.write(GET);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await until(() => codes.length === 1, 'the request ends', 1_000);
    await pause(30);
    expect(codes).toEqual(['cancelled']);
  });
});

test('a slow reader holds the source back', async () => {
  const content = countingContent({ zeros: 500 * MEBIBYTE });
  const { port } = await serveContent(content);
  const socket = await openSocket(port);
  socket.pause();
  socket.write(GET);
  await pause(300);
  const early = content.givenBytes;
  // What the sockets of both sides buffer on loopback, and little more.
  expect(early).toBeLessThan(12 * MEBIBYTE);
  await pause(200);
  expect(content.givenBytes - early).toBeLessThan(MEBIBYTE);
  socket.destroy();
  await until(() => content.openStreams.size === 0, 'the source is released', 1_000);
});

test('a source in object chunks of every size is counted right', async () => {
  const chunks = [0, 1, 0, 5, 30, 0].map((length) => Buffer.alloc(length, 'x'));
  const stream = () => {
    const through = new PassThrough();
    for (const chunk of chunks) through.write(chunk);
    through.end();
    return through;
  };
  const { port } = await serveContent(countingContent({ stream }));
  expect((await ask(port, '/')).body.toString()).toBe('x'.repeat(36));
});
