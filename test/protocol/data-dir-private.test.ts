import { chmod, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makePrivate } from '../../src/private-file.ts';
import { runCommand } from './cli-command.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

let work = '';
let photos = '';
let dataDir = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-private-'));
  [photos, dataDir] = [join(work, 'photos'), join(work, 'data')];
  await mkdir(photos);
  // As a package, a container or an administrator makes it: everybody may look into it.
  await mkdir(dataDir);
  await chmod(dataDir, 0o755);
  await sharp({ create: { width: 40, height: 30, channels: 3, background: '#d02020' } })
    .jpeg()
    .toFile(join(photos, 'a.jpg'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** Everything of DATA_DIR that others may read or change, and how many files there are. */
async function filesOfOthers(): Promise<{ open: string[]; files: string[] }> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const open: string[] = [];
  for (const file of files) if (((await stat(file)).mode & 0o077) !== 0) open.push(file);
  return { open, files };
}

/** Of the one photo, once it was read. */
async function listedDigest(server: MediadavProcess): Promise<string> {
  let digest: string | undefined;
  await until(async () => {
    [digest] = Object.keys((await (await fetch(`${server.url}/list`)).json()) as object);
    return digest !== undefined;
  });
  return digest ?? '';
}

/** Has the server make all that it keeps: catalog, system litter, a thumbnail. */
async function use(server: MediadavProcess): Promise<void> {
  const litter = await fetch(`${server.webdavUrl}/photos/.DS_Store`, { method: 'PUT', body: 'litter' });
  expect(litter.status).toBeLessThan(300);
  const thumbnail = await fetch(`${server.url}/thumbnail/${await listedDigest(server)}`);
  expect(thumbnail.status).toBe(200);
}

it('keeps what it stores to its owner, in a folder that others may look into', {
  timeout: 60_000,
}, async () => {
  const server = await startProcess({ args: [photos], dataDir, env: { LOCAL_WRITABLE: 'true' } });
  await use(server);
  const running = await filesOfOthers();
  expect(running.open).toEqual([]);
  for (const name of ['catalog.db', 'catalog.db-wal', 'scratch.db', '.png']) {
    expect(running.files.some((file) => file.endsWith(name))).toBe(true);
  }
  await server.kill();

  // What an earlier version has left, in the midst of its work.
  for (const file of running.files) await chmod(file, 0o644);
  const later = await startProcess({ args: [photos], dataDir, env: { LOCAL_WRITABLE: 'true' } });
  expect((await filesOfOthers()).open.filter((file) => file.includes('.db'))).toEqual([]);
  await later.stop();
});

it('so does a scan without a server', { timeout: 60_000 }, async () => {
  await rm(dataDir, { recursive: true });
  await mkdir(dataDir);
  await chmod(dataDir, 0o755);
  expect((await runCommand(['scan', photos], dataDir)).exitCode).toBe(0);
  const { open, files } = await filesOfOthers();
  expect([open, files.length > 0]).toEqual([[], true]);
});

it.runIf(process.platform === 'linux')('does not fail where nobody can set permissions', () => {
  // Readable for all, and no chmod, not even for root.
  expect(() => makePrivate('/proc/self/status')).not.toThrow();
  expect(() => makePrivate(join(work, 'missing', 'catalog.db'))).not.toThrow();
});
