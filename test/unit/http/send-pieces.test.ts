import { afterEach, describe, expect, test } from 'vitest';
import type { PieceBody } from '../../../src/http/send-pieces.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import { countingContent } from './counting-content.ts';
import { ask, closeAll, openSocket, until } from './running-listener.ts';
import { serveContent } from './serve-content.ts';

afterEach(closeAll);

/** No multiple of any piece. */
const BYTES = Buffer.from(
  Uint8Array.from({ length: 3 * 1024 * 1024 + 17 }, (_, at) => (at * 31 + (at >> 8)) & 255),
);
const PIECE_BYTES = 60_000;

interface FakeBody extends PieceBody {
  isClosed: boolean;
}

interface BodyOptions {
  /** How many pieces are there at a time; the next ones are waited for. */
  readonly atOnce?: number;
  /** Called before each waiting. */
  readonly wait?: () => Promise<void>;
}

/** Its memory is used for something else as soon as it may be. */
function bodyOf(content: Buffer, { atOnce = 1, wait = async () => undefined }: BodyOptions = {}): FakeBody {
  const held = Buffer.from(content);
  let position = 0;
  let ready = 0;
  const take = () => {
    const piece = held.subarray(position, position + PIECE_BYTES);
    position += piece.length;
    ready -= 1;
    return piece.length === 0 ? null : piece;
  };
  return {
    isClosed: false,
    async next() {
      await wait();
      ready = atOnce;
      return take();
    },
    nextAtHand: () => (ready > 0 ? take() : null),
    sent() {
      held.fill(0, 0, position);
    },
    close() {
      this.isClosed = true;
    },
  };
}

async function serve(body: PieceBody, refreshed?: PieceBody, bytes = BYTES) {
  const contentOf = (each: PieceBody) => countingContent({ bytes, facts: { openPieces: async () => each } });
  const content = contentOf(body);
  if (refreshed !== undefined) Object.assign(content, { refresh: async () => contentOf(refreshed) });
  return { ...(await serveContent(content)), content };
}

describe('a content that comes in pieces', () => {
  test.each([1, 3, 1000])('arrives byte for byte, %d pieces at a time, and is closed', async (atOnce) => {
    const body = bodyOf(BYTES, { atOnce });
    const { port, codes, content } = await serve(body);
    const answer = await ask(port, '/');
    expect(answer.status).toBe(200);
    expect(answer.body.equals(BYTES)).toBe(true);
    await until(() => body.isClosed, 'the body is closed');
    expect(codes).toEqual(['sent']);
    expect(content.opened).toEqual([]);
  });

  test('arrives byte for byte when the client takes its time', async () => {
    const { port } = await serve(bodyOf(BYTES, { atOnce: 4 }));
    const socket = await openSocket(port);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    const answer = Buffer.concat(chunks);
    expect(answer.subarray(answer.indexOf('\r\n\r\n') + 4).equals(BYTES)).toBe(true);
  });

  test('is with the client as far as it has come, while the rest is waited for', async () => {
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    let waits = 0;
    const wait = async () => {
      waits += 1;
      if (waits > 1) await promise;
    };
    const { port } = await serve(bodyOf(BYTES, { wait }));
    const socket = await openSocket(port);
    let seen = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
    });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const bodyBytes = () => seen.length - (seen.indexOf('\r\n\r\n') + 4);
    await until(() => bodyBytes() === PIECE_BYTES, 'the first piece is there');
    goOn();
    await until(() => bodyBytes() === BYTES.length, 'all is there');
  });

  test('gives its range, as long as was promised', async () => {
    const { port } = await serve(bodyOf(BYTES.subarray(1000, 2_000_000)));
    const answer = await ask(port, '/', { headers: { Range: 'bytes=1000-1999999' } });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(BYTES.subarray(1000, 2_000_000))).toBe(true);
  });

  test.each([
    ['ends early', BYTES.subarray(0, 1_000_000)],
    ['goes on too long', Buffer.concat([BYTES, Buffer.alloc(1)])],
  ])('is cut when it %s', async (_, held) => {
    const body = bodyOf(held);
    const { port, codes } = await serve(body);
    await expect(ask(port, '/')).rejects.toThrow();
    await until(() => codes.length > 0, 'the answer is over');
    expect(codes).toEqual(['corrupt']);
    expect(body.isClosed).toBe(true);
  });

  test('is cut when the source fails in the middle', async () => {
    let waits = 0;
    const wait = async () => {
      waits += 1;
      if (waits > 3) throw new CodedError('unavailable', 'broke off');
    };
    const body = bodyOf(BYTES, { wait });
    const { port, codes } = await serve(body);
    await expect(ask(port, '/')).rejects.toThrow();
    await until(() => codes.length > 0, 'the answer is over');
    expect(codes).toEqual(['unavailable']);
    expect(body.isClosed).toBe(true);
  });

  test('is asked for anew when it turns out to be another one before its first byte', async () => {
    const wait = () => Promise.reject(new CodedError('changed', 'another version'));
    const { port, codes } = await serve(bodyOf(BYTES, { wait }), bodyOf(BYTES));
    const answer = await ask(port, '/');
    expect(answer.body.equals(BYTES)).toBe(true);
    expect(codes).toEqual(['sent']);
  });

  test('is closed when the client leaves in the middle', async () => {
    // More than the buffers of a connection take.
    const large = Buffer.alloc(64 * 1024 * 1024);
    const body = bodyOf(large, { atOnce: 4 });
    const { port, codes } = await serve(body, undefined, large);
    const socket = await openSocket(port);
    // Nothing is read, so that the server waits with a full socket.
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await until(() => codes.length > 0, 'the answer is over');
    expect(codes).toEqual(['cancelled']);
    expect(body.isClosed).toBe(true);
  });
});
