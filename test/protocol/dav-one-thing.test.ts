import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { succeed } from './client-command.ts';
import { type FolderApp, startFolderApp, writeFiles } from './dav-app.ts';
import { ask } from './dav-wire.ts';
import { until } from './mediadav-process.ts';
import { isMounted } from './rclone.ts';
import { FUSE, lookUp, MOUNT_RIGHTS, toolPath } from './tool-lookup.ts';

const FILES = { 'Photos/a.jpg': 'a', 'Photos/deep/b.jpg': 'b' };

async function journey(
  app: FolderApp,
  method: string,
  from: string,
  to: string,
  overwrite = 'T',
): Promise<number> {
  const headers = { Destination: `/disk/${to}`, Overwrite: overwrite };
  return (await ask(app.davPort, `/disk/${from}`, { method, headers })).status;
}

async function onDisk(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(root.length + 1)] = await readFile(path, 'utf8');
  }
  return found;
}

const foldingNeeds = lookUp('rclone', 'fusermount3', FUSE, MOUNT_RIGHTS);

/**
 * As exFAT, or what Macs have. Linux tells cases apart everywhere else, so rclone shows a folder that way; a new case of
 * a name is lost on it, which is its own affair.
 */
const FOLDING_DISKS = [
  { which: 'numbers each thing once', flags: ['--attr-timeout', '0s', '--dir-cache-time', '1h'] },
  { which: 'numbers each name', flags: ['--vfs-write-back', '0s'] },
];
describe.skipIf(foldingNeeds.areMissing).each(FOLDING_DISKS)(
  `a disk that takes A for a and $which${foldingNeeds.note}`,
  { timeout: 60_000 },
  ({ flags }) => {
    async function withDisk(work: (app: FolderApp, real: string) => Promise<void>): Promise<void> {
      const base = await mkdtemp(join(tmpdir(), 'mediadav-folding-'));
      const [real, disk] = [join(base, 'real'), join(base, 'disk')];
      await mkdir(real);
      await mkdir(disk);
      await writeFiles(real, FILES);
      const how = ['--vfs-case-insensitive', '--vfs-cache-mode', 'full', ...flags];
      const where = ['--cache-dir', join(base, 'cache'), '--config', '/dev/null'];
      const child = spawn('rclone', ['mount', real, disk, ...how, ...where], {
        env: { PATH: toolPath(), HOME: base },
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      try {
        await until(() => isMounted(disk));
        const app = await startFolderApp({ env: { LOCAL_PATHS: `disk=${disk}`, LOCAL_WRITABLE: 'true' } });
        try {
          await work(app, real);
        } finally {
          await app.stop();
        }
      } finally {
        await succeed('fusermount3', ['-u', '-z', disk]);
        await ended;
        await rm(base, { recursive: true });
      }
    }

    it.each([
      ['MOVE', 'Photos', 'photos', 201],
      ['MOVE', 'Photos', 'PHOTOS', 201],
      ['MOVE', 'Photos/a.jpg', 'Photos/A.JPG', 201],
      ['COPY', 'Photos', 'photos', 403],
      ['COPY', 'Photos/a.jpg', 'Photos/A.JPG', 403],
      ['MOVE', 'Photos/deep', 'photos', 403],
      ['COPY', 'Photos/deep', 'photos', 403],
    ])('%s %s to %s loses nothing: %i', async (method, from, to, status) => {
      for (const overwrite of method === 'MOVE' ? ['T', 'F'] : ['T']) {
        await withDisk(async (app, real) => {
          expect(await journey(app, method, from, to, overwrite)).toBe(status);
          const names = Object.entries(await onDisk(real)).map(([path, text]) => [path.toLowerCase(), text]);
          expect(Object.fromEntries(names)).toEqual({ 'photos/a.jpg': 'a', 'photos/deep/b.jpg': 'b' });
        });
      }
    });
  },
);

it('of two names of one file, a MOVE onto the other one leaves that', async () => {
  const base = await mkdtemp(join(tmpdir(), 'mediadav-links-'));
  await writeFile(join(base, 'one.jpg'), 'one');
  await link(join(base, 'one.jpg'), join(base, 'two.jpg'));
  const app = await startFolderApp({ env: { LOCAL_PATHS: `disk=${base}`, LOCAL_WRITABLE: 'true' } });
  try {
    expect(await journey(app, 'MOVE', 'one.jpg', 'two.jpg')).toBe(204);
    expect(await onDisk(base)).toEqual({ 'two.jpg': 'one' });
    expect((await ask(app.davPort, '/disk/one.jpg')).status).toBe(404);
    expect((await ask(app.davPort, '/disk/two.jpg')).text).toBe('one');
  } finally {
    await app.stop();
    await rm(base, { recursive: true });
  }
});

const mountNeeds = lookUp('mount', MOUNT_RIGHTS);
describe.skipIf(mountNeeds.areMissing)(`a folder that is mounted twice${mountNeeds.note}`, () => {
  it('is neither moved nor copied onto or into itself', async () => {
    const base = await mkdtemp(join(tmpdir(), 'mediadav-twice-'));
    await writeFiles(base, { ...FILES, 'again/.keep': '' });
    await succeed('mount', ['--bind', join(base, 'Photos'), join(base, 'again')]);
    const app = await startFolderApp({ env: { LOCAL_PATHS: `disk=${base}`, LOCAL_WRITABLE: 'true' } });
    try {
      const before = await onDisk(base);
      for (const method of ['MOVE', 'COPY']) {
        for (const [from = '', to = ''] of [
          ['Photos', 'again'],
          ['Photos/deep', 'again'],
          ['Photos/a.jpg', 'again/a.jpg'],
        ]) {
          const status = await journey(app, method, from, to);
          expect([method, from, to, status >= 400]).toEqual([method, from, to, true]);
          expect(await onDisk(base)).toEqual(before);
        }
      }
    } finally {
      await app.stop();
      await succeed('umount', [join(base, 'again')]);
      await rm(base, { recursive: true });
    }
  });
});
