import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileSender, type SendOrder } from '../../../src/http/file-sender.ts';
import { loadKernelCalls } from '../../../src/http/kernel-calls.ts';

const HANGING = new URL('./hanging-sender-thread.ts', import.meta.url);
const LATE = new URL('./late-sender-thread.ts', import.meta.url);
const ENDING = new URL('./ending-sender-thread.ts', import.meta.url);
const ORDER: SendOrder = { socketFd: -1, fileFd: -1, startByte: 0, copiedFrom: 1, endByte: 1 };

function send(sender: FileSender, signal = new AbortController().signal) {
  return sender.send(ORDER, signal, () => undefined);
}

test('a thread that its disk does not let go is given up, and everybody who waits for it is told', async () => {
  const sender = new FileSender({ entry: HANGING, limitMs: 100 });
  await sender.begin();
  const outcomes = await Promise.allSettled([send(sender), send(sender)]);
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
    'unavailable',
    'unavailable',
  ]);
});

test('one whose client has left while the disk hangs ends too', async () => {
  const sender = new FileSender({ entry: HANGING, limitMs: 100 });
  await sender.begin();
  const client = new AbortController();
  const sent = send(sender, client.signal);
  client.abort();
  await expect(sent).rejects.toMatchObject({ code: 'unavailable' });
});

test('there is another thread as soon as the disk has let the last one go', async () => {
  const sender = new FileSender({ entry: HANGING, limitMs: 100 });
  await sender.begin();
  await expect(send(sender)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(sender.begin()).rejects.toMatchObject({ code: 'unavailable' });
  await expect.poll(() => sender.begin().then(() => 'there')).toBe('there');
});

test('a thread that ends before it began fails who sends, and nothing that nobody waits for', async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  try {
    // Without `begin`, as after the pause in which a thread has ended.
    await expect(send(new FileSender({ entry: ENDING }))).rejects.toThrow('ended');
    await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).toEqual([]);
  } finally {
    process.off('unhandledRejection', hear);
  }
});

test.runIf(process.platform === 'linux')(
  'what a disk gives after all goes nowhere: the number of the connection is another one by then',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mediadav-late-'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const fileFd = openSync(join(folder, 'pipe'), 'r+');
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await expect.poll(() => accepted.length).toBe(2);
    const received = clients.map((client) => {
      const chunks: Buffer[] = [];
      client.on('data', (chunk) => chunks.push(chunk));
      return chunks;
    });
    const { duplicate } = await loadKernelCalls();
    const numbers = accepted.map((socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd);
    try {
      const sender = new FileSender({ entry: LATE, limitMs: 100 });
      await sender.begin();
      const socketFd = duplicate(numbers[0] ?? -1);
      const order = { socketFd, fileFd, startByte: 0, copiedFrom: 0, endByte: 1_000 };
      const { signal } = new AbortController();
      await expect(sender.send(order, signal, () => undefined)).rejects.toMatchObject({
        code: 'unavailable',
      });
      closeSync(socketFd);
      // The lowest number that is free comes first.
      const others = [duplicate(numbers[1] ?? -1)];
      while ((others.at(-1) ?? socketFd) < socketFd) others.push(duplicate(numbers[1] ?? -1));
      expect(others.at(-1)).toBe(socketFd);
      writeSync(fileFd, Buffer.alloc(1_000, 'late'));
      // The thread has ended.
      await expect.poll(() => sender.begin().then(() => 'there')).toBe('there');
      for (const other of others) closeSync(other);
      for (const socket of accepted) socket.end('end');
      await expect
        .poll(() => received.map((chunks) => Buffer.concat(chunks).toString()))
        .toEqual(['end', 'end']);
    } finally {
      for (const socket of [...clients, ...accepted]) socket.destroy();
      server.close();
      closeSync(fileFd);
      rmSync(folder, { recursive: true });
    }
  },
);
