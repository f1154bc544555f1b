import { createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { ByteConnections } from '../../../../providers/immich/byte-connections.ts';
import type { Landing } from '../../../../src/model/landing.ts';

const CONTENT = Buffer.from(Uint8Array.from({ length: 700_001 }, (_, at) => (at * 31 + (at >> 8)) & 255));
const PIECE_BYTES = 7_001;

const servers: Server[] = [];
const clients: ByteConnections[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) server.close();
});

interface Scene {
  readonly get: (
    path?: string,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ) => ReturnType<ByteConnections['get']>;
  /** Requests, by the connection they came by. */
  readonly requests: string[][];
}

/** A server that answers the heads of requests by what `answer` writes. */
async function serve(answer: (socket: Socket, head: string) => void): Promise<Scene> {
  const requests: string[][] = [];
  const server = createServer((socket) => {
    const own: string[] = [];
    requests.push(own);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        own.push(text.slice(0, end));
        answer(socket, text.slice(0, end));
        text = text.slice(end + 4);
      }
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const client = new ByteConnections(2_000);
  clients.push(client);
  const { signal: never } = new AbortController();
  return {
    requests,
    get: (path = '/x', { timeoutMs = 5_000, signal = never } = {}) => {
      const headers = { 'x-api-key': 'k' };
      return client.get({ url: `http://127.0.0.1:${address.port}${path}`, headers, timeoutMs, signal });
    },
  };
}

/** Writes in pieces, so that heads and chunks are cut anywhere. */
async function drip(socket: Socket, bytes: Buffer, pieceBytes = PIECE_BYTES): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    socket.write(bytes.subarray(at, at + pieceBytes));
    await sleep(0);
  }
}

function sized(content: Buffer, more = ''): Buffer {
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n${more}\r\n`),
    content,
  ]);
}

function chunked(content: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')];
  for (let at = 0; at < content.length; at += 50_000) {
    const part = content.subarray(at, at + 50_000);
    parts.push(Buffer.from(`${part.length.toString(16)};a=b\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\nX-Trailer: 1\r\n\r\n')]);
}

/** Memory of so many bytes for each piece. */
class Memory implements Landing {
  readonly pieces: Buffer[] = [];
  readonly #pieceBytes: number;
  #offset = 0;

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  place(): Buffer {
    if (this.#offset % this.#pieceBytes === 0 && this.pieces.length === this.#offset / this.#pieceBytes)
      this.pieces.push(Buffer.alloc(this.#pieceBytes));
    return this.pieces.at(-1)?.subarray(this.#offset % this.#pieceBytes) ?? Buffer.alloc(0);
  }

  land(lengthBytes: number): Buffer {
    const bytes = this.place().subarray(0, lengthBytes);
    this.#offset += bytes.length;
    return bytes;
  }
}

it.each([
  ['of a told length', (socket: Socket) => drip(socket, sized(CONTENT))],
  ['in one go', async (socket: Socket) => void socket.write(sized(CONTENT))],
  ['byte by byte', (socket: Socket) => drip(socket, sized(CONTENT.subarray(0, 300)), 1)],
  ['in chunks', (socket: Socket) => drip(socket, chunked(CONTENT))],
  ['in chunks, byte by byte', (socket: Socket) => drip(socket, chunked(CONTENT.subarray(0, 300)), 1)],
  [
    'up to the end of the connection',
    async (socket: Socket) => {
      await drip(socket, Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), CONTENT]));
      socket.end();
    },
  ],
  [
    'that is short, up to the end of the connection',
    async (socket: Socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nshort'),
  ],
  [
    'behind a hint',
    (socket: Socket) =>
      drip(
        socket,
        Buffer.concat([Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'), sized(CONTENT)]),
      ),
  ],
  ['of nothing', async (socket: Socket) => void socket.write(sized(Buffer.alloc(0)))],
])('reads a body %s', async (_, answer) => {
  const scene = await serve((socket) => void answer(socket));
  const { status, body } = await scene.get();
  const got = await buffer(body);
  expect(status).toBe(200);
  const wanted = got.length === 5 ? Buffer.from('short') : CONTENT.subarray(0, got.length);
  expect(got.equals(wanted)).toBe(true);
  expect([0, 5, 300, CONTENT.length]).toContain(got.length);
});

it('reads a body again and again over the same connection, and asks for what it was told to', async () => {
  const scene = await serve(
    (socket, head) => void drip(socket, head.includes('/b') ? chunked(CONTENT) : sized(CONTENT)),
  );
  for (const path of ['/a?q=1', '/b', '/a?q=1']) {
    const { body } = await scene.get(path);
    expect((await buffer(body)).equals(CONTENT)).toBe(true);
  }
  expect(scene.requests).toHaveLength(1);
  expect(scene.requests[0]?.[0]).toMatch(
    /^GET \/a\?q=1 HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n[\s\S]*x-api-key: k$/,
  );
});

it.each([
  ['a server that says so', sized(CONTENT, 'Connection: close\r\n')],
  [
    'HTTP/1.0',
    Buffer.concat([Buffer.from(`HTTP/1.0 200 OK\r\nContent-Length: ${CONTENT.length}\r\n\r\n`), CONTENT]),
  ],
  ['a server that soon closes it', sized(CONTENT, 'Keep-Alive: timeout=1\r\n')],
])('does not use a connection again of %s', async (_, answer) => {
  const scene = await serve((socket) => void socket.write(answer));
  for (let round = 0; round < 2; round++) {
    expect((await buffer((await scene.get()).body)).equals(CONTENT)).toBe(true);
  }
  expect(scene.requests).toHaveLength(2);
});

it('asks by another connection when the server has closed the one that was kept', async () => {
  const scene = await serve((socket) => socket.end(sized(CONTENT)));
  for (let round = 0; round < 2; round++) {
    expect((await buffer((await scene.get()).body)).equals(CONTENT)).toBe(true);
    await sleep(20);
  }
  expect(scene.requests).toHaveLength(2);
});

it('gives two who ask at once a connection each, and the one who stays behind its bytes', async () => {
  const scene = await serve((socket) => void socket.write(sized(CONTENT)));
  const [one, other] = await Promise.all([scene.get(), scene.get()]);
  expect((await buffer(other.body)).equals(CONTENT)).toBe(true);
  await sleep(20);
  expect((await buffer(one.body)).equals(CONTENT)).toBe(true);
  expect(scene.requests).toHaveLength(2);
});

it.each([1_000, 100_000, 1_000_000])('puts bytes where they are wanted: pieces of %i', async (pieceBytes) => {
  const scene = await serve((socket) => void drip(socket, sized(CONTENT), 60_000));
  for (let round = 0; round < 2; round++) {
    const memory = new Memory(pieceBytes);
    const { body } = await scene.get();
    body.landIn(memory);
    const chunks: Buffer[] = [];
    body.on('data', (chunk: Buffer) => chunks.push(chunk));
    await finished(body);
    let at = 0;
    for (const chunk of chunks) {
      const home = memory.pieces[Math.floor(at / pieceBytes)];
      expect(chunk.buffer === home?.buffer).toBe(true);
      expect(chunk.byteOffset - (home?.byteOffset ?? 0)).toBe(at % pieceBytes);
      expect(chunk.equals(CONTENT.subarray(at, at + chunk.length))).toBe(true);
      at += chunk.length;
    }
    expect(at).toBe(CONTENT.length);
  }
  expect(scene.requests).toHaveLength(1);
});

it.each([
  ['ends before its length', sized(CONTENT).subarray(0, 400_000), 'ECONNRESET'],
  ['ends in the middle of a chunk', chunked(CONTENT).subarray(0, 400_000), 'ECONNRESET'],
  ['ends before its last chunk', chunked(CONTENT).subarray(0, -20), 'ECONNRESET'],
  [
    'has a chunk without a size',
    Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'),
    'HPE_INVALID_CONSTANT',
  ],
])('a body that %s is an error, not a shorter body', async (_, answer, code) => {
  const scene = await serve((socket) => socket.end(answer));
  const { body } = await scene.get();
  await expect(buffer(body)).rejects.toMatchObject({ code });
});

it('a body that goes on behind its length is no body of the next answer', async () => {
  const scene = await serve(
    (socket) => void socket.write(Buffer.concat([sized(CONTENT), Buffer.from('more')])),
  );
  for (let round = 0; round < 2; round++) {
    const outcome = await buffer((await scene.get()).body).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (Buffer.isBuffer(outcome)) expect(outcome.equals(CONTENT)).toBe(true);
    else expect(outcome).toBe('HPE_INVALID_CONSTANT');
    await sleep(20);
  }
  expect(scene.requests).toHaveLength(2);
});

it.each([
  ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345'],
  ['a length beside chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a head without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`],
])('rejects an answer that is or has %s', async (_, answer) => {
  const scene = await serve((socket) => void socket.write(answer));
  await expect(scene.get()).rejects.toMatchObject({ code: 'HPE_INVALID_CONSTANT' });
});

it('rejects when there is no answer, and when nobody waits any more', async () => {
  const scene = await serve((socket, head) => (head.includes('/close') ? socket.destroy() : undefined));
  await expect(scene.get('/close')).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(scene.get('/silent', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const leaving = new AbortController();
  const asked = scene.get('/silent', { signal: leaving.signal });
  leaving.abort(new Error('left'));
  await expect(asked).rejects.toThrow('left');
  await expect(scene.get('/silent', { signal: leaving.signal })).rejects.toThrow('left');
});

it('reads no further than somebody takes, and breaks off when nobody wants the rest', async () => {
  let isBroken = false;
  const large = Buffer.alloc(64 * 1024 * 1024);
  let socketOf: Socket | undefined;
  const scene = await serve((socket) => {
    socketOf = socket;
    socket.once('close', () => {
      isBroken = true;
    });
    socket.write(sized(large));
  });
  const { body } = await scene.get();
  await new Promise((resolve) => body.once('readable', resolve));
  await sleep(100);
  expect(socketOf?.writableLength).toBeGreaterThan(large.length / 4);
  body.destroy();
  await expect.poll(() => isBroken).toBe(true);
});
