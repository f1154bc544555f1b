import { afterEach, describe, expect, test } from 'vitest';
import { sendContent } from '../../../src/http/send-content.ts';
import type { FileBody } from '../../../src/http/send-file.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import { countingContent } from './counting-content.ts';
import { ask, closeAll, openSocket, startListener, until } from './running-listener.ts';
import { serveContent } from './serve-content.ts';

afterEach(closeAll);

/** No multiple of any buffer. */
const BYTES = Buffer.from(
  Uint8Array.from({ length: 3 * 1024 * 1024 + 17 }, (_, at) => (at * 31 + (at >> 8)) & 255),
);

interface FakeFile extends FileBody {
  readonly log: string[];
}

/** An open file in memory. @param held what is on the disk, which may be other than what was promised. */
function fileOf(held: Buffer, verify: () => Promise<void> = async () => undefined): FakeFile {
  const log: string[] = [];
  return {
    log,
    // Gives less than was asked for, as a disk may.
    async readInto(buffer, position) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return held.copy(buffer, 0, position, Math.min(position + Math.ceil(buffer.length * 0.7), held.length));
    },
    async verify() {
      log.push('verify');
      await verify();
    },
    async close() {
      log.push('close');
    },
  };
}

async function serve(file: FileBody, refreshed?: FileBody, bytes = BYTES) {
  const contentOf = (body: FileBody) => countingContent({ bytes, facts: { openFile: async () => body } });
  const content = contentOf(file);
  if (refreshed !== undefined) Object.assign(content, { refresh: async () => contentOf(refreshed) });
  return { ...(await serveContent(content)), content };
}

const changed = () => Promise.reject(new CodedError('changed', 'written to'));

describe('a content that is an open file', () => {
  test('arrives byte for byte although its two buffers are used again and again, and is closed', async () => {
    const file = fileOf(BYTES);
    const { port, content } = await serve(file);
    const answer = await ask(port, '/');
    expect(answer.status).toBe(200);
    expect(answer.body.equals(BYTES)).toBe(true);
    await until(() => file.log.at(-1) === 'close', 'the file is closed');
    expect(file.log).toEqual(['verify', 'close']);
    expect(content.opened).toEqual([]);
  });

  test('arrives byte for byte when the client takes its time', async () => {
    const { port } = await serve(fileOf(BYTES));
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

  test('gives exactly a range', async () => {
    const { port } = await serve(fileOf(BYTES));
    const answer = await ask(port, '/', { headers: { Range: 'bytes=1000-1999999' } });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(BYTES.subarray(1000, 2_000_000))).toBe(true);
  });

  test('is cut when it was written to meanwhile: never a whole answer of two contents', async () => {
    const file = fileOf(BYTES, changed);
    const { port, codes } = await serve(file);
    await expect(ask(port, '/')).rejects.toThrow();
    await until(() => codes.length > 0, 'the answer is over');
    expect(codes).toEqual(['changed']);
    expect(file.log).toEqual(['verify', 'close']);
  });

  test('is asked for anew when that shows before the first byte went out', async () => {
    const { port, codes } = await serve(fileOf(Buffer.alloc(0), changed), fileOf(BYTES));
    const answer = await ask(port, '/');
    expect(answer.body.equals(BYTES)).toBe(true);
    expect(codes).toEqual(['sent']);
  });

  test('is cut when it ends early', async () => {
    const file = fileOf(BYTES.subarray(0, 1_000_000));
    const { port, codes } = await serve(file);
    await expect(ask(port, '/')).rejects.toThrow();
    await until(() => codes.length > 0, 'the answer is over');
    expect(codes).toEqual(['corrupt']);
    expect(file.log.at(-1)).toBe('close');
  });

  test('is closed when the client leaves in the middle', async () => {
    // More than the buffers of a connection take.
    const large = Buffer.alloc(64 * 1024 * 1024);
    const file = fileOf(large);
    const { port, codes } = await serve(file, undefined, large);
    const socket = await openSocket(port);
    // Nothing is read, so that the server waits with a full socket.
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await until(() => codes.length > 0, 'the answer is over');
    expect(codes).toEqual(['cancelled']);
    expect(file.log.at(-1)).toBe('close');
  });
});

describe('a short content as one piece', () => {
  test('is sent as it is; one of another length is an error before anything is sent', async () => {
    const short = Buffer.from('short');
    for (const [given, status] of [[short, 200] as const, [Buffer.from('shorter'), 502] as const]) {
      const content = countingContent({ bytes: short, facts: { readShort: async () => given } });
      const { port } = await startListener((exchange) => sendContent(exchange, content));
      const answer = await ask(port, '/');
      expect(answer.status).toBe(status);
      if (status === 200) expect(answer.body.equals(short)).toBe(true);
      expect(content.opened).toEqual([]);
    }
  });
});
