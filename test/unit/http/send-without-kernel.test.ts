import { randomFillSync } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { countingContent } from './counting-content.ts';
import { ask, closeAll, startListener } from './running-listener.ts';

/** Large enough to be sent by the kernel, with queues that hold nothing. */
const bytes = randomFillSync(Buffer.allocUnsafeSlow(24 * 1024 * 1024));
let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-no-kernel-'));
  path = join(folder, 'large.mp4');
  await writeFile(path, bytes);
  vi.doMock('../../../src/http/queued-bytes.ts', () => ({ readQueuedBytes: async () => 0 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  await closeAll();
  vi.resetModules();
  vi.doUnmock('koffi');
  vi.doUnmock('../../../src/http/file-sender.ts');
});

/** Asks for the file three times. @returns what the log said of it, as levels. */
async function readThrice(): Promise<string[]> {
  const { sendContent } = await import('../../../src/http/send-content.ts');
  const openFile = async () => {
    const handle = await open(path);
    return {
      fd: handle.fd,
      readInto: async (buffer: Buffer, position: number) =>
        (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
      verify: async () => undefined,
      close: () => handle.close(),
    };
  };
  const content = countingContent({ bytes, facts: { openFile } });
  const { port, lines } = await startListener((exchange) => sendContent(exchange, content));
  for (let times = 0; times < 3; times++) expect((await ask(port, '/')).body.equals(bytes)).toBe(true);
  return lines.filter(({ message }) => message.includes('large files')).map(({ level }) => level);
}

test('a large file arrives without the package that calls the kernel, which is told once', async () => {
  // An optional package, for which there may be no binary.
  vi.doMock('koffi', () => {
    throw new Error('there is no such package');
  });
  expect(await readThrice()).toEqual(['debug']);
});

test('a large file arrives where there can be no thread to send it, which is tried and told once', async () => {
  vi.doMock('../../../src/http/file-sender.ts', () => ({
    FileSender: class {
      async begin() {
        throw new Error('no more threads');
      }
    },
  }));
  expect(await readThrice()).toEqual([process.platform === 'linux' ? 'warn' : 'debug']);
});

test('a file whose disk hangs while it is sent is cut, and let go of', async () => {
  const { FileSender } = await import('../../../src/http/file-sender.ts');
  const entry = new URL('./hanging-sender-thread.ts', import.meta.url);
  vi.doMock('../../../src/http/file-sender.ts', () => ({
    FileSender: class extends FileSender {
      constructor() {
        super({ entry, limitMs: 100 });
      }
    },
  }));
  const { sendContent } = await import('../../../src/http/send-content.ts');
  const handle = await open(path);
  let isClosed = false;
  const openFile = async () => ({
    fd: handle.fd,
    readInto: async (buffer: Buffer, position: number) =>
      (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
    verify: async () => undefined,
    close: async () => {
      isClosed = true;
      await handle.close();
    },
  });
  const content = countingContent({ bytes, facts: { openFile } });
  const { port } = await startListener((exchange) => sendContent(exchange, content));
  const answered = ask(port, '/');
  if (process.platform === 'linux') await expect(answered).rejects.toThrow();
  else await answered;
  await expect.poll(() => isClosed).toBe(true);
});
