import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, runCommand, succeed } from './client-command.ts';
import { patterned } from './dav-app.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { lookUp } from './tool-lookup.ts';

const LOGIN = { username: 'editor', password: 'a pass:word' };
const rclone = lookUp('rclone');
const curl = lookUp('curl');

let work = '';
let root = '';
let server: MediadavProcess;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-client-write-'));
  root = join(work, 'root');
  await mkdir(root);
  server = await startProcess({
    env: {
      LOCAL_PATHS: `media=${root}`,
      LOCAL_WRITABLE: 'true',
      AUTH_USERNAME: LOGIN.username,
      AUTH_PASSWORD: LOGIN.password,
    },
  });
});
afterAll(async () => {
  await server.stop();
  await rm(work, { recursive: true });
});

/** Contents by path; null for folders. */
async function tree(path: string): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  for (const name of (await readdir(path, { recursive: true })).sort()) {
    const isFile = (await stat(join(path, name))).isFile();
    found[name] = isFile ? (await readFile(join(path, name))).toString('base64') : null;
  }
  return found;
}

/** A small tree of real shapes: folders, an empty file, a large one, a name with everything. */
async function plant(path: string): Promise<void> {
  await mkdir(join(path, 'Año 2026/nested'), { recursive: true });
  await writeFile(join(path, 'empty.jpg'), '');
  await writeFile(join(path, 'Año 2026/large.mp4'), patterned(3_000_000));
  await writeFile(join(path, 'Año 2026/nested/a & b #1.jpg'), 'x');
}

describe.skipIf(rclone.areMissing)(`rclone${rclone.note}`, () => {
  let obscured = '';
  beforeAll(async () => {
    obscured = (await succeed('rclone', ['obscure', '-'], { input: LOGIN.password })).trim();
  });

  function run(...args: string[]): Promise<CommandResult> {
    const where = ['--webdav-url', `${server.webdavUrl}/media`, '--webdav-vendor', 'other'];
    const who = ['--webdav-user', LOGIN.username, '--webdav-pass', obscured];
    return runCommand('rclone', [...args, ...where, ...who, '--config', '/dev/null', '--retries', '1']);
  }

  it('copies, syncs, moves, makes and purges folders', async () => {
    const local = join(work, 'rclone');
    await plant(local);
    expect(await run('copy', local, ':webdav:up')).toMatchObject({ code: 0 });
    expect(await tree(join(root, 'up'))).toEqual(await tree(local));
    expect(await run('check', '--download', local, ':webdav:up')).toMatchObject({ code: 0 });

    await rm(join(local, 'empty.jpg'));
    await writeFile(join(local, 'Año 2026/large.mp4'), 'not large any more');
    await writeFile(join(local, 'new.jpg'), 'new');
    expect(await run('sync', local, ':webdav:up')).toMatchObject({ code: 0 });
    expect(await tree(join(root, 'up'))).toEqual(await tree(local));

    expect(await run('move', ':webdav:up', ':webdav:moved/deep', '--delete-empty-src-dirs')).toMatchObject({
      code: 0,
    });
    expect(await tree(join(root, 'moved/deep'))).toEqual(await tree(local));
    expect(await run('moveto', ':webdav:moved/deep/new.jpg', ':webdav:moved/renamed.jpg')).toMatchObject({
      code: 0,
    });
    expect(await run('copyto', ':webdav:moved/renamed.jpg', ':webdav:moved/copied.jpg')).toMatchObject({
      code: 0,
    });
    expect(await run('mkdir', ':webdav:made/two/levels')).toMatchObject({ code: 0 });
    expect(await readdir(join(root, 'made/two'))).toEqual(['levels']);
    for (const folder of ['moved', 'made'])
      expect(await run('purge', `:webdav:${folder}`)).toMatchObject({ code: 0 });
    expect((await readdir(root)).filter((name) => name === 'moved' || name === 'made')).toEqual([]);
  }, 120_000);
});

describe.skipIf(curl.areMissing)(`curl -T${curl.note}`, () => {
  it.each([
    ['with its length', []],
    ['in chunks', ['-H', 'Transfer-Encoding: chunked']],
    ['without asking first', ['-H', 'Expect:']],
  ])('uploads a large file %s', async (how, more) => {
    const bytes = patterned(20_000_000);
    const file = join(work, 'large.bin');
    await writeFile(file, bytes);
    const name = `${how.replaceAll(' ', '-')}.mp4`;
    const who = ['-u', `${LOGIN.username}:${LOGIN.password}`];
    const url = `${server.webdavUrl}/media/${name}`;
    const { stdout } = await runCommand('curl', [
      '-sS',
      '-w',
      '%{http_code}',
      '-T',
      file,
      ...who,
      ...more,
      url,
    ]);
    expect(stdout).toBe('201');
    expect((await readFile(join(root, name))).equals(bytes)).toBe(true);
  });

  it('does not upload anything without the password', async () => {
    const url = `${server.webdavUrl}/media/foreign.jpg`;
    for (const who of [[], ['-u', `${LOGIN.username}:wrong`]]) {
      const args = ['-sS', '-w', '%{http_code}', '-o', '/dev/null', '-X', 'PUT', '-d', 'x', ...who, url];
      expect((await runCommand('curl', args)).stdout).toBe('401');
    }
    expect(await readdir(root)).not.toContain('foreign.jpg');
  });
});
