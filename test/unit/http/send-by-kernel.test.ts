import { randomFillSync } from 'node:crypto';
import {
  type FileHandle,
  mkdtemp,
  open,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readQueuedBytes } from '../../../src/http/queued-bytes.ts';
import type { FileBody } from '../../../src/http/send-file.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import { countingContent } from './counting-content.ts';
import { LOOPBACK_CERTIFICATE } from './loopback-certificate.ts';
import { closeAll, until } from './running-listener.ts';
import { serveContent } from './serve-content.ts';

const MIB = 1024 * 1024;
const isLinux = process.platform === 'linux';
const DESCRIPTORS = '/proc/self/fd';
const ETAG = '"the-bytes"';

let folder: string;
/** What is promised, and lies in `path` before each test. */
let bytes: Buffer;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-kernel-'));
  // Far more than what is always copied, and no multiple of anything.
  const copiedBytes = isLinux ? await readQueuedBytes() : 0;
  bytes = randomFillSync(Buffer.allocUnsafeSlow(copiedBytes + 48 * MIB + 4_321));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  path = join(folder, 'large.mp4');
  await writeFile(path, bytes);
});
afterEach(closeAll);

/** An open file of the disk that counts what is read of it piece by piece. */
class CountedFile implements FileBody {
  readonly fd?: number;
  readonly #handle: FileHandle;
  readonly #promisedMs: number;
  readBytes = 0;
  isClosed = false;

  constructor(handle: FileHandle, promisedMs: number, isByKernel: boolean) {
    this.#handle = handle;
    this.#promisedMs = promisedMs;
    if (isByKernel) this.fd = handle.fd;
  }

  async readInto(buffer: Buffer, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, position);
    this.readBytes += bytesRead;
    return bytesRead;
  }

  async verify(): Promise<void> {
    const { mtimeMs, size } = await this.#handle.stat();
    if (mtimeMs !== this.#promisedMs || size !== bytes.length) throw new CodedError('changed', 'written to');
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#handle.close();
  }
}

/** A server of the file. `/small` is answered at once. */
async function serve(isByKernel: boolean, options: Parameters<typeof serveContent>[1] = {}) {
  const files: CountedFile[] = [];
  const { mtimeMs } = await stat(path);
  const content = countingContent({
    bytes,
    facts: {
      etag: ETAG,
      openFile: async () => {
        const file = new CountedFile(await open(path), mtimeMs, isByKernel);
        files.push(file);
        return file;
      },
    },
  });
  return { ...(await serveContent(content, options)), files };
}

interface Answer {
  readonly head: string;
  readonly body: Buffer;
}

/** Everything that a connection gives until it closes, as answers one behind the other. */
async function readAnswers(socket: Socket, onBytes: (count: number) => void = () => undefined) {
  const chunks: Buffer[] = [];
  let count = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    count += chunk.length;
    onBytes(count);
  });
  socket.on('error', () => socket.destroy());
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  let rest = Buffer.concat(chunks);
  const answers: Answer[] = [];
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n') + 4;
    const head = rest.subarray(0, end).toString('latin1');
    const lengthBytes = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    answers.push({ head, body: rest.subarray(end, end + lengthBytes) });
    rest = rest.subarray(end + lengthBytes);
  }
  return answers;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const LAST = 'Connection: close\r\n\r\n';

async function ask(port: number, request = GET + LAST): Promise<Answer> {
  const socket = connect(port, '127.0.0.1');
  socket.write(request);
  const [answer] = await readAnswers(socket);
  return answer ?? { head: '', body: Buffer.alloc(0) };
}

async function openDescriptors(): Promise<number> {
  return isLinux ? (await readdir(DESCRIPTORS)).length : 0;
}

/** Reads slowly until told otherwise. */
function readSlowly(socket: Socket, pauseMs: number): () => void {
  let isSlow = true;
  socket.on('data', () => {
    if (!isSlow) return;
    socket.pause();
    setTimeout(() => socket.resume(), pauseMs);
  });
  return () => {
    isSlow = false;
  };
}

describe.each([
  ['partly sent by the kernel', true],
  ['copied', false],
])('a large file, %s', (_, isByKernel) => {
  test('arrives byte for byte, again and again on one connection, with a small answer in between', async () => {
    const { port, codes, files } = await serve(isByKernel);
    const socket = connect(port, '127.0.0.1');
    // Pipelined: nothing of one answer may come into another.
    socket.write(`${GET}\r\nGET /small HTTP/1.1\r\nHost: a\r\n\r\n${GET}${LAST}`);
    const answers = await readAnswers(socket);
    expect(answers.map(({ body }) => body.length)).toEqual([bytes.length, 5, bytes.length]);
    expect(answers[0]?.body.equals(bytes)).toBe(true);
    expect(answers[1]?.body.toString()).toBe('small');
    expect(answers[2]?.body.equals(bytes)).toBe(true);
    await until(() => codes.length === 2, 'both answers are over');
    expect(codes).toEqual(['sent', 'sent']);
    expect(files.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    // How much goes by the kernel depends on how quick the disk is: none of it is no answer.
    expect(files.every(({ readBytes }) => readBytes < bytes.length)).toBe(isByKernel && isLinux);
  });

  test('gives exactly a range, and nothing to HEAD', async () => {
    const { port, files } = await serve(isByKernel);
    const range = `Range: bytes=1234567-\r\nIf-Range: ${ETAG}\r\n`;
    const part = await ask(port, GET + range + LAST);
    expect(part.head).toMatch(/^HTTP\/1.1 206 /);
    expect(part.body.equals(bytes.subarray(1_234_567))).toBe(true);
    const [first, last] = [5, bytes.length - 3 * MIB];
    const middle = await ask(port, `${GET}Range: bytes=${first}-${last}\r\n${LAST}`);
    expect(middle.body.equals(bytes.subarray(first, last + 1))).toBe(true);
    const asked = files.length;
    const none = await ask(port, `HEAD / HTTP/1.1\r\nHost: a\r\n${LAST}`);
    expect(none.head).toContain(`Content-Length: ${bytes.length}`);
    expect(none.body.length).toBe(0);
    expect(files.length).toBe(asked);
  });

  test('arrives at a slow client, which no deadline of idle connections cuts off', async () => {
    const { port } = await serve(isByKernel, { limits: { idleTimeoutMs: 2_500 } });
    const socket = connect(port, '127.0.0.1');
    const startedMs = performance.now();
    const hurry = readSlowly(socket, 5);
    setTimeout(hurry, 4_000);
    socket.write(GET + LAST);
    const [answer] = await readAnswers(socket);
    expect(answer?.body.equals(bytes)).toBe(true);
    expect(performance.now() - startedMs).toBeGreaterThan(2_500);
  }, 30_000);

  test('is let go of when clients leave, whenever that is, and no descriptor stays open', async () => {
    const { port, codes, files } = await serve(isByKernel);
    await ask(port);
    const before = await openDescriptors();
    const leaving = [0, 1, 100, 64 * 1024, 3 * MIB, 30 * MIB, bytes.length - 3 * MIB];
    for (const leaveAt of leaving) {
      const socket = connect(port, '127.0.0.1');
      socket.write(GET + LAST);
      await readAnswers(socket, (count) => count >= leaveAt && socket.destroy());
    }
    await until(() => codes.length === leaving.length + 1, 'all answers are over', 10_000);
    expect(codes.slice(1).every((code) => code === 'cancelled' || code === 'sent')).toBe(true);
    expect(codes).toContain('cancelled');
    expect(files.every(({ isClosed }) => isClosed)).toBe(true);
    let after = await openDescriptors();
    for (let tries = 0; after > before && tries < 100; tries++) {
      await sleep(20);
      after = await openDescriptors();
    }
    expect(after).toBeLessThanOrEqual(before);
    // The thread is none the worse for it.
    expect((await ask(port)).body.equals(bytes)).toBe(true);
  }, 30_000);

  test('is one content to the end when another file takes its name meanwhile', async () => {
    const { port, codes } = await serve(isByKernel);
    const socket = connect(port, '127.0.0.1');
    const hurry = readSlowly(socket, 1);
    socket.write(GET + LAST);
    const answers = readAnswers(socket);
    await new Promise((resolve) => socket.once('data', resolve));
    await writeFile(join(folder, 'other'), 'another file');
    await rename(join(folder, 'other'), path);
    hurry();
    expect((await answers)[0]?.body.equals(bytes)).toBe(true);
    await until(() => codes.length > 0, 'the answer is over');
    expect(codes).toEqual(['sent']);
  });

  test.each([
    ['cut off', (at: string) => truncate(at, 10 * MIB)],
    ['written to', (at: string) => overwrite(at)],
  ])('is never a whole answer when it is %s meanwhile', async (_what, change) => {
    const { port, codes, files } = await serve(isByKernel);
    const socket = connect(port, '127.0.0.1');
    const hurry = readSlowly(socket, 1);
    socket.write(GET + LAST);
    const answers = readAnswers(socket);
    await new Promise((resolve) => socket.once('data', resolve));
    await change(path);
    hurry();
    expect((await answers)[0]?.body.length).toBeLessThan(bytes.length);
    await until(() => codes.length > 0, 'the answer is over');
    expect(['changed', 'corrupt']).toContain(codes[0]);
    expect(files[0]?.isClosed).toBe(true);
  });

  test('arrives as it was when it is written to after the last look, while a client still has it to read', async () => {
    const { port, codes } = await serve(isByKernel);
    const socket = connect(port, '127.0.0.1');
    socket.write(GET + LAST);
    // Takes no more than it has to for the server to come to its end.
    socket.on('data', () => {
      if (codes.length > 0) return;
      socket.pause();
      setTimeout(() => codes.length === 0 && socket.resume(), 1);
    });
    let seenBytes = 0;
    const answers = readAnswers(socket, (count) => {
      seenBytes = count;
    });
    await until(() => codes.length > 0, 'everything is handed over', 20_000);
    expect(codes).toEqual(['sent']);
    expect(seenBytes).toBeLessThan(bytes.length);
    await overwrite(path);
    socket.resume();
    expect((await answers)[0]?.body.equals(bytes)).toBe(true);
  }, 30_000);

  test('is sent to many who read nothing without anybody else having to wait', async () => {
    const { port, codes, files } = await serve(isByKernel);
    const before = await openDescriptors();
    const readers = Array.from({ length: 32 }, () => connect(port, '127.0.0.1'));
    for (const reader of readers) {
      reader.on('error', () => reader.destroy());
      reader.write(GET + LAST);
      await new Promise((resolve) => reader.once('data', resolve));
      reader.pause();
    }
    expect((await ask(port)).body.equals(bytes)).toBe(true);
    expect((await ask(port, `GET /small HTTP/1.1\r\nHost: a\r\n${LAST}`)).body.toString()).toBe('small');
    for (const reader of readers) reader.destroy();
    await until(() => codes.length === 33, 'all answers are over', 10_000);
    expect(codes.filter((code) => code === 'cancelled').length).toBe(32);
    expect(files.every(({ isClosed }) => isClosed)).toBe(true);
    expect(await openDescriptors()).toBeLessThanOrEqual(before + 8);
  }, 30_000);
});

test('what TLS has to change is never sent by the kernel', async () => {
  const { port, files } = await serve(true, { tls: LOOPBACK_CERTIFICATE });
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.write(GET + LAST);
  const [answer] = await readAnswers(socket);
  expect(answer?.body.equals(bytes)).toBe(true);
  expect(files[0]?.readBytes).toBe(bytes.length);
});

/** Other bytes in the same file, all along. */
async function overwrite(at: string): Promise<void> {
  const handle = await open(at, 'r+');
  try {
    const other = Buffer.alloc(MIB, 'other');
    for (let position = 0; position < bytes.length; position += other.length) {
      await handle.write(other, 0, Math.min(other.length, bytes.length - position), position);
    }
  } finally {
    await handle.close();
  }
}
