import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { listTree } from './dav-listing.ts';
import { type Ask, ask, propfind, type WireAnswer } from './dav-wire.ts';

let running: FolderApp;

beforeAll(async () => {
  running = await startFolderApp({
    files: { 'a/first.jpg': 'first', 'b/second.jpg': 'second' },
    env: { LOCAL_WRITABLE: 'true', LOCAL_LAYOUT: 'flat,folders,type' },
  });
});
afterAll(() => running.stop());

function send(method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<WireAnswer> {
  return ask(running.davPort, path, { method, ...request });
}

async function files(): Promise<string[]> {
  const tree = await listTree(`http://127.0.0.1:${running.davPort}/photos`);
  return [...tree.keys()].filter((path) => path.endsWith('.jpg')).sort();
}

function isGone(path: string): Promise<boolean> {
  return access(join(running.root, path)).then(
    () => false,
    () => true,
  );
}

it('what is written below "folders" is on the disk, and in every view when the answer comes', async () => {
  const put = await send('PUT', '/photos/folders/a/new.jpg', { body: 'new' });
  expect(put.status).toBe(201);
  expect(await readFile(join(running.root, 'a/new.jpg'), 'utf8')).toBe('new');
  const names = ['first', 'new', 'second'];
  const flat = names.map((name) => `flat/${name}.jpg`);
  const typed = names.map((name) => `type/images/${name}.jpg`);
  expect(await files()).toEqual([
    ...flat,
    ...['folders/a/first.jpg', 'folders/a/new.jpg', 'folders/b/second.jpg'],
    ...typed,
  ]);
  expect((await send('GET', '/photos/type/images/new.jpg')).text).toBe('new');

  // Replaced: one file still, in each of them.
  expect((await send('PUT', '/photos/folders/a/new.jpg', { body: 'newer' })).status).toBe(204);
  expect((await send('GET', '/photos/flat/new.jpg')).text).toBe('newer');
  expect((await files()).filter((path) => path.startsWith('flat/'))).toEqual(flat);
});

it('a file is renamed and removed in all views at once', async () => {
  await send('PUT', '/photos/folders/b/old.jpg', { body: 'old' });
  expect((await send('MKCOL', '/photos/folders/c')).status).toBe(201);
  const headers = { Destination: '/photos/folders/c/moved.jpg' };
  expect((await send('MOVE', '/photos/folders/b/old.jpg', { headers })).status).toBe(201);
  expect(await readFile(join(running.root, 'c/moved.jpg'), 'utf8')).toBe('old');
  expect((await files()).filter((path) => /(old|moved)\.jpg$/.test(path))).toEqual([
    'flat/moved.jpg',
    'folders/c/moved.jpg',
    'type/images/moved.jpg',
  ]);
  expect((await send('DELETE', '/photos/folders/c')).status).toBe(204);
  expect(await isGone('c')).toBe(true);
  expect((await files()).filter((path) => path.includes('moved'))).toEqual([]);
});

it.each([
  ['PUT', '/photos/flat/put.jpg'],
  ['PUT', '/photos/flat/first.jpg'],
  ['PUT', '/photos/put.jpg'],
  ['PUT', '/photos/type/images/put.jpg'],
  ['MKCOL', '/photos/type/more'],
  ['MKCOL', '/photos/more'],
  ['DELETE', '/photos/flat/first.jpg'],
  ['DELETE', '/photos/type'],
  ['DELETE', '/photos/folders'],
  ['LOCK', '/photos/flat/first.jpg'],
])('%s %s is refused, and nothing is changed', async (method, path) => {
  const before = await files();
  const answer = await send(method, path, method === 'PUT' ? { body: 'x' } : {});
  expect(answer.status).toBe(403);
  if (path !== '/photos/folders') expect(answer.text).toContain('only "folders" can be written to');
  expect(await files()).toEqual(before);
  expect(await readFile(join(running.root, 'a/first.jpg'), 'utf8')).toBe('first');
  expect(await isGone('put.jpg')).toBe(true);
  expect(await isGone('more')).toBe(true);
});

it('moving out of another view, or into it, is refused', async () => {
  const into = { headers: { Destination: '/photos/flat/moved.jpg' } };
  expect((await send('MOVE', '/photos/folders/a/first.jpg', into)).status).toBe(403);
  const out = { headers: { Destination: '/photos/folders/moved.jpg' } };
  expect((await send('MOVE', '/photos/flat/first.jpg', out)).status).toBe(403);
  expect(await readFile(join(running.root, 'a/first.jpg'), 'utf8')).toBe('first');
  expect(await isGone('moved.jpg')).toBe(true);
});

it('a file is copied out of another view to where it can be written, and only there', async () => {
  const copy = (from: string, to: string, more = {}) =>
    send('COPY', `/photos/${from}`, { headers: { Destination: `/photos/${to}`, ...more } });
  expect((await copy('flat/first.jpg', 'folders/b/copied.jpg')).status).toBe(201);
  expect(await readFile(join(running.root, 'b/copied.jpg'), 'utf8')).toBe('first');
  const time = async (path: string) => (await send('HEAD', `/photos/${path}`)).headers['last-modified'];
  expect(await time('folders/b/copied.jpg')).toBe(await time('folders/a/first.jpg'));

  expect((await copy('flat/first.jpg', 'folders/b/copied.jpg', { Overwrite: 'F' })).status).toBe(412);
  expect((await copy('type/images/second.jpg', 'folders/b/copied.jpg')).status).toBe(204);
  expect(await readFile(join(running.root, 'b/copied.jpg'), 'utf8')).toBe('second');

  expect((await copy('flat/none.jpg', 'folders/b/none.jpg')).status).toBe(404);
  expect((await copy('flat/first.jpg', 'type/images/more.jpg')).status).toBe(403);
  const whole = await copy('type/images', 'folders/all');
  expect(whole.status).toBe(403);
  expect(whole.text).toContain('single files can be copied');
  expect(await isGone('all')).toBe(true);
  expect((await send('DELETE', '/photos/folders/b/copied.jpg')).status).toBe(204);
});

it('clients are told where they can write', async () => {
  const allowed = async (path: string) => String((await send('OPTIONS', path)).headers.allow);
  expect(await allowed('/photos/folders/a/')).toContain('PUT');
  expect(await allowed('/photos/flat/')).not.toContain('PUT');
  const body = '<propfind xmlns="DAV:"><prop><supportedlock/></prop></propfind>';
  const listing = (await propfind(running.davPort, '/photos/', { headers: { Depth: '1' }, body })).text;
  const lockable = listing.split('<D:response>').filter((part) => part.includes('lockentry'));
  expect(lockable.map((part) => /href>([^<]*)</.exec(part)?.[1])).toEqual(['/photos/', '/photos/folders/']);
});

it('what macOS leaves beside a file is taken in where the file can be written', async () => {
  expect((await send('PUT', '/photos/folders/a/._first.jpg', { body: 'litter' })).status).toBe(201);
  expect((await send('PUT', '/photos/.DS_Store', { body: 'litter' })).status).toBe(201);
  expect((await send('PUT', '/photos/flat/._first.jpg', { body: 'litter' })).status).toBe(403);
});
