import { execFile } from 'node:child_process';
import { link, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp, writeFiles } from './dav-app.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { ask, propfind, type WireAnswer } from './dav-wire.ts';

const SECRET = 'nobody may read this';
const REFUSED = [400, 403, 404];

let running: FolderApp;
let outside = '';

beforeEach(async () => {
  running = await startFolderApp({
    files: { 'a.jpg': 'a', 'b.jpg': 'b', 'sub/c.jpg': 'c', 'sub/deeper/d.jpg': 'd' },
  });
  outside = join(dirname(running.root), 'outside');
  await writeFiles(outside, { 'a.jpg': SECRET, 'c.jpg': SECRET, 'deeper/d.jpg': SECRET });
});

afterEach(async () => {
  await running.stop();
});

/** GET in every form. None may give the secret, or anything. */
async function expectNothing(path: string): Promise<void> {
  const asked: [string, WireAnswer][] = [
    ['GET', await ask(running.davPort, path)],
    ['GET below /dav', await ask(running.port, `/dav${path}`)],
    ['a part', await ask(running.davPort, path, { headers: { Range: 'bytes=0-5' } })],
  ];
  for (const [what, answer] of asked) {
    expect([what, path, REFUSED.includes(answer.status), answer.text]).toEqual([
      ...[what, path, true],
      expect.not.stringContaining('nobody'),
    ]);
  }
}

describe('paths', () => {
  it.each([
    '/../outside/a.jpg',
    '/photos/../../outside/a.jpg',
    '/photos/%2e%2e/%2e%2e/outside/a.jpg',
    '/photos/..%2f..%2foutside/a.jpg',
    '/photos/%2e%2e%2f%2e%2e%2foutside%2fa.jpg',
    '/photos/..%5c..%5coutside%5ca.jpg',
    '/photos/%5c..%5c..%5coutside%5ca.jpg',
    '/photos\\..\\..\\outside\\a.jpg',
    '/photos/%252e%252e/%252e%252e/outside/a.jpg',
    '/photos/%c0%ae%c0%ae/outside/a.jpg',
    '/photos/%uff0e%uff0e/outside/a.jpg',
    '/photos/a.jpg%00.png',
    '/photos/a.jpg%00/../../outside/a.jpg',
    '/photos/sub/..',
    '/photos/...',
    '/photos/~',
    '/photos/%2Fetc%2Fpasswd',
    '//etc/passwd',
    `/photos/${'../'.repeat(40)}etc/passwd`,
    `/photos/${'sub/'.repeat(300)}c.jpg`,
    `/photos/${'x'.repeat(5_000)}`,
  ])('%.60s leads nowhere', async (path) => {
    await expectNothing(path);
  });

  it('lead from the WebDAV tree to no other part of the server', async () => {
    for (const path of [
      '/dav/../api/health',
      '/dav/%2e%2e/api/health',
      '/dav/..%5capi/health',
      '/dav/api/health',
    ]) {
      expect([path, REFUSED.includes((await ask(running.port, path)).status)]).toEqual([path, true]);
    }
  });

  it('may be given with the host, and mean the same', async () => {
    const path = `http://127.0.0.1:${running.davPort}/photos/a.jpg`;
    expect((await ask(running.davPort, path)).text).toBe('a');
    const listing = await propfind(running.davPort, `http://127.0.0.1:${running.davPort}/photos`);
    expect(readMultistatus(listing.body).map(({ href }) => href)).toEqual(['/photos/']);
    expect((await ask(running.davPort, `http://127.0.0.1:${running.davPort}/../outside/a.jpg`)).status).toBe(
      400,
    );
  });
});

describe('links that are made after the scan', () => {
  it('out of the folder give nothing where a file was', async () => {
    await rm(join(running.root, 'a.jpg'));
    await symlink(join(outside, 'a.jpg'), join(running.root, 'a.jpg'));
    await expectNothing('/photos/a.jpg');
    await running.rescan();
    await expectNothing('/photos/a.jpg');
    const listing = await propfind(running.davPort, '/photos/', { headers: { Depth: '1' } });
    expect(listing.text).not.toContain('a.jpg');
  });

  it('out of the folder give nothing where a folder was', async () => {
    await rename(join(running.root, 'sub'), join(running.root, 'was-sub'));
    await symlink(outside, join(running.root, 'sub'));
    for (const path of ['/photos/sub/c.jpg', '/photos/sub/deeper/d.jpg', '/photos/sub/a.jpg'])
      await expectNothing(path);
    await running.rescan();
    for (const path of ['/photos/sub/c.jpg', '/photos/sub/deeper/d.jpg', '/photos/sub/a.jpg'])
      await expectNothing(path);
  });

  it('to the very same files, which were moved out of the folder, give nothing', async () => {
    await rename(join(running.root, 'sub'), join(outside, 'moved'));
    await symlink(join(outside, 'moved'), join(running.root, 'sub'));
    await rename(join(running.root, 'a.jpg'), join(outside, 'moved.jpg'));
    await symlink(join(outside, 'moved.jpg'), join(running.root, 'a.jpg'));
    for (const path of ['/photos/sub/c.jpg', '/photos/sub/deeper/d.jpg', '/photos/a.jpg'])
      await expectNothing(path);
  });

  it('out of the folder are no new files', async () => {
    await symlink(join(outside, 'a.jpg'), join(running.root, 'new.jpg'));
    await symlink(outside, join(running.root, 'new'));
    await symlink('../../outside/a.jpg', join(running.root, 'sub/relative.jpg'));
    const paths = ['/photos/new.jpg', '/photos/new/a.jpg', '/photos/sub/relative.jpg'];
    for (const path of paths) await expectNothing(path);
    await running.rescan();
    for (const path of paths) await expectNothing(path);
  });

  it('to what the system makes up give nothing', async () => {
    for (const target of [
      '/etc/passwd',
      '/proc/self/environ',
      '/dev/zero',
      'a.jpg/../b.jpg',
      'b.jpg/',
      'loop.jpg',
    ]) {
      await rm(join(running.root, 'a.jpg'), { force: true });
      await symlink(target, join(running.root, 'a.jpg'));
      await expectNothing('/photos/a.jpg');
    }
  });

  it('within the folder are as good as the file', async () => {
    await rm(join(running.root, 'a.jpg'));
    await symlink('sub/c.jpg', join(running.root, 'a.jpg'));
    const answer = await ask(running.davPort, '/photos/a.jpg');
    expect([answer.status, answer.text]).toEqual([200, 'c']);
  });
});

describe('a file that is no file any more', () => {
  const path = '/photos/a.jpg';
  beforeEach(async () => {
    await rm(join(running.root, 'a.jpg'));
  });

  it('but a folder', async () => {
    await mkdir(join(running.root, 'a.jpg'));
    await expectNothing(path);
  });

  it('but a pipe, which must hold up nobody', async () => {
    await promisify(execFile)('mkfifo', [join(running.root, 'a.jpg')]);
    await expectNothing(path);
    // The folder is still read to its end.
    await running.rescan();
    await expectNothing(path);
    expect((await ask(running.davPort, '/photos/b.jpg')).text).toBe('b');
  });

  it('but a socket', async () => {
    const socket = createServer();
    await new Promise<void>((resolve) => socket.listen(join(running.root, 'a.jpg'), resolve));
    const answer = await ask(running.davPort, path);
    // A socket cannot be opened at all, which says nothing about whether it will stay so.
    expect([...REFUSED, 503]).toContain(answer.status);
    await new Promise((resolve) => socket.close(resolve));
  });

  it('but another file under two names', async () => {
    await link(join(running.root, 'b.jpg'), join(running.root, 'a.jpg'));
    expect((await ask(running.davPort, path)).text).toBe('b');
  });

  it('but a file again', async () => {
    await writeFile(join(running.root, 'a.jpg'), 'again');
    expect((await ask(running.davPort, path)).text).toBe('again');
  });
});
