import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { lock, locked, lockInfo, setting } from './dav-lock-requests.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { type Ask, ask, propfind, type WireAnswer } from './dav-wire.ts';

/** What systems leave in folders can be written and read back, and nobody else ever sees it. */

let running: FolderApp;
let port = 0;

beforeAll(async () => {
  running = await startFolderApp({
    files: { 'a.jpg': 'a', 'sub/b.jpg': 'b' },
    env: { LOCAL_WRITABLE: 'true' },
  });
  port = running.davPort;
});
afterAll(() => running.stop());

const send = (method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<WireAnswer> =>
  ask(port, path, { method, ...request });

async function statusOf(method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<number> {
  return (await send(method, path, request)).status;
}

async function listed(path: string): Promise<string[]> {
  const { body } = await propfind(port, path, { headers: { Depth: '1' } });
  return readMultistatus(body).map(({ href }) => href);
}

describe.each(['/photos/._a.jpg', '/photos/sub/.DS_Store', '/.DS_Store', '/photos/desktop.ini'])(
  '%s',
  (path) => {
    it('can be written, read, locked and deleted', async () => {
      const content = patterned(5000);
      expect(await statusOf('GET', path)).toBe(404);
      const put = await send('PUT', path, { body: content });
      expect(put.status).toBe(201);
      const got = await send('GET', path, { headers: { Range: 'bytes=1000-' } });
      expect([got.status, got.body.equals(content.subarray(1000))]).toEqual([206, true]);
      expect(got.headers.etag).toBe(put.headers.etag);
      const token = await locked(port, path);
      expect(await statusOf('PUT', path, { body: 'x' })).toBe(423);
      const If = `(<${token}>)`;
      expect(await statusOf('PUT', path, { body: 'x', headers: { If } })).toBe(204);
      const changed = await send('PUT', path, {
        body: 'y',
        headers: { If, 'If-Match': put.headers.etag ?? '' },
      });
      expect(changed.status).toBe(412);
      expect((await propfind(port, path)).status).toBe(207);
      expect(await statusOf('DELETE', path, { headers: { If } })).toBe(204);
      expect(await statusOf('GET', path)).toBe(404);
      // Its lock went with it.
      expect(await statusOf('PUT', path, { body: 'x' })).toBe(201);
    });
  },
);

describe('system litter', () => {
  it('is in no folder, no listing and no feed', async () => {
    const feed = async () => {
      const { text } = await ask(running.port, '/api/v1/changes?limit=1000');
      return text;
    };
    const before = [await readdir(running.root, { recursive: true }), await feed()];
    const shown = [await listed('/'), await listed('/photos/'), await listed('/photos/sub/')];
    for (const name of ['._b.jpg', '.DS_Store', 'Thumbs.db']) {
      expect(await statusOf('PUT', `/photos/sub/${name}`, { body: 'litter' })).toBeLessThan(300);
    }
    expect(await statusOf('MKCOL', '/photos/.Spotlight-V100')).toBe(201);
    expect(await statusOf('PUT', '/photos/.Spotlight-V100/store.db', { body: 'x' })).toBe(201);
    expect((await lock(port, '/photos/sub/._new.jpg')).status).toBe(201);
    await running.rescan();
    expect([await readdir(running.root, { recursive: true }), await feed()]).toEqual(before);
    expect([await listed('/'), await listed('/photos/'), await listed('/photos/sub/')]).toEqual(shown);
    expect(await listed('/photos/.Spotlight-V100/')).toEqual([
      '/photos/.Spotlight-V100/',
      '/photos/.Spotlight-V100/store.db',
    ]);
  });

  it('needs a folder to be in', async () => {
    expect(await statusOf('PUT', '/photos/nowhere/._a', { body: 'x' })).toBe(409);
    expect(await statusOf('MKCOL', '/photos/.fseventsd/deep')).toBe(409);
    expect(await statusOf('PUT', '/photos/a.jpg/._a', { body: 'x' })).toBe(409);
  });

  it('goes along with the folder it is in', async () => {
    await send('MKCOL', '/photos/old');
    await send('PUT', '/photos/old/._x.jpg', { body: 'x' });
    const moved = { headers: { Destination: '/photos/new' } };
    expect(await statusOf('MOVE', '/photos/old', moved)).toBe(201);
    expect((await send('GET', '/photos/new/._x.jpg')).text).toBe('x');
    expect(await statusOf('GET', '/photos/old/._x.jpg')).toBe(404);
    expect(await statusOf('DELETE', '/photos/new')).toBe(204);
    expect(await statusOf('MKCOL', '/photos/new')).toBe(201);
    expect(await statusOf('GET', '/photos/new/._x.jpg')).toBe(404);
  });

  it('can be renamed and copied among itself', async () => {
    await send('PUT', '/photos/._one', { body: '1' });
    const to = (path: string, Overwrite = 'T') => ({ headers: { Destination: path, Overwrite } });
    expect(await statusOf('COPY', '/photos/._one', to('/photos/._two'))).toBe(201);
    expect(await statusOf('MOVE', '/photos/._one', to('/photos/._two', 'F'))).toBe(412);
    expect(await statusOf('MOVE', '/photos/._one', to('/photos/sub/._three'))).toBe(201);
    expect((await send('GET', '/photos/._two')).text).toBe('1');
    expect((await send('GET', '/photos/sub/._three')).text).toBe('1');
    expect(await statusOf('GET', '/photos/._one')).toBe(404);
  });

  it('takes in nothing that is somebody’s: no photo is moved there, and no trash is made', async () => {
    const into = { headers: { Destination: '/photos/._a.jpg' } };
    expect(await statusOf('MOVE', '/photos/a.jpg', into)).toBe(403);
    expect(await statusOf('COPY', '/photos/a.jpg', into)).toBe(403);
    expect(await statusOf('MKCOL', '/photos/.Trashes')).toBe(403);
    expect(await statusOf('MKCOL', '/photos/.Trash-1000')).toBe(403);
    expect((await send('GET', '/photos/a.jpg')).text).toBe('a');
  });

  it('is asked about without any source, and refused where nothing can be written', async () => {
    const readOnly = await startFolderApp({ files: { 'a.jpg': 'a' } });
    for (const [method, body] of [
      ['PUT', 'x'],
      ['MKCOL'],
      ['LOCK', lockInfo()],
      ['PROPPATCH', setting('<x/>')],
    ]) {
      const request = { method: method ?? '', ...(body === undefined ? {} : { body }) };
      expect([method, (await ask(readOnly.davPort, '/photos/._a.jpg', request)).status]).toEqual([
        method,
        403,
      ]);
    }
    await readOnly.stop();
  });
});
