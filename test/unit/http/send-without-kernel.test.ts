import { randomFillSync } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { sendContent } from '../../../src/http/send-content.ts';
import { countingContent } from './counting-content.ts';
import { ask, closeAll, startListener } from './running-listener.ts';

// An optional package, for which there may be no binary.
vi.mock('koffi', () => {
  throw new Error('there is no such package');
});

afterEach(closeAll);

test('a large file arrives without the package that calls the kernel, which is told once', async () => {
  const bytes = randomFillSync(Buffer.allocUnsafeSlow(24 * 1024 * 1024));
  const folder = await mkdtemp(join(tmpdir(), 'mediadav-no-kernel-'));
  try {
    const path = join(folder, 'large.mp4');
    await writeFile(path, bytes);
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
    for (let times = 0; times < 2; times++) expect((await ask(port, '/')).body.equals(bytes)).toBe(true);
    const told = lines.filter(({ message }) => message.includes('sendfile'));
    expect(told.map(({ level }) => level)).toEqual(['debug']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
