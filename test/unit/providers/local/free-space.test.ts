import { realpathSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Disk } from '../../../../providers/local/disk.ts';
import { WRITE_PATIENCE_MS } from '../../../../providers/local/pool-share.ts';
import { createWriting } from '../../../../providers/local/write/writing.ts';
import { NOTHING_HELD } from '../../../../src/source/source.ts';

const asked = Promise.withResolvers<void>();

vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs/promises')>();
  // As of a network share whose server is gone.
  const statfs = () => {
    asked.resolve();
    return new Promise(() => undefined);
  };
  return { ...fs, statfs };
});

it('a disk that does not tell how much room it has is unavailable in time', async () => {
  const folder = realpathSync(await mkdtemp(join(tmpdir(), 'mediadav-space-')));
  const disk = new Disk();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { dev: device, ino: inode } = statSync(folder, { bigint: true });
    const root = async () => ({ path: folder, device, inode });
    const writing = createWriting({ root, knownRoot: root, givenPath: folder, disk, writer: 'a' });
    const { signal } = new AbortController();
    const free = writing.freeBytes('', {
      ...{
        signal,
        held: NOTHING_HELD,
        accepts: () => true,
        enters: () => true,
        tell: () => undefined,
        goesOn: () => undefined,
      },
      attempt: (work) => work(signal),
    });
    const refused = expect(free).rejects.toMatchObject({ code: 'unavailable' });
    await asked.promise;
    vi.advanceTimersByTime(WRITE_PATIENCE_MS);
    await refused;
  } finally {
    vi.useRealTimers();
    disk.close();
    await rm(folder, { recursive: true });
  }
}, 5_000);
