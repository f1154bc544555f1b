import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { lock, lockInfo, setting, tokenOf } from './dav-lock-requests.ts';
import { onlyResponse } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';

/** How Finder, Explorer and davfs2 save a file, request by request. Nothing but the requests is theirs. */

const CONTENT = patterned(150_000);
let running: FolderApp;
let port = 0;

beforeAll(async () => {
  running = await startFolderApp({ files: { 'old.jpg': 'old' }, env: { LOCAL_WRITABLE: 'true' } });
  port = running.davPort;
});
afterAll(() => running.stop());

/** As Finder sends a content whose length it tells beside. */
function inChunks(content: Buffer): Buffer {
  const half = content.length >> 1;
  const parts = [content.subarray(0, half), content.subarray(half)].flatMap((part) => [
    Buffer.from(`${part.length.toString(16)}\r\n`),
    part,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

async function finderSaves(path: string): Promise<number[]> {
  const statuses: number[] = [];
  const send = async (method: string, headers: Record<string, string> = {}, body?: string | Buffer) => {
    const answer = await ask(port, path, { method, headers, ...(body === undefined ? {} : { body }) });
    statuses.push(answer.status);
    return answer;
  };
  await send('PROPFIND', { Depth: '0' });
  await send('PUT', {}, '');
  const token = tokenOf(await send('LOCK', { Depth: '0', Timeout: 'Second-600' }, lockInfo()));
  const chunkedHeaders = {
    'Transfer-Encoding': 'chunked',
    'X-Expected-Entity-Length': `${CONTENT.length}`,
    If: `(<${token}>)`,
  };
  const answer = await send('PUT', chunkedHeaders, inChunks(CONTENT));
  // Otherwise Finder asks for them with one more PROPFIND.
  expect(Object.keys(answer.headers)).toEqual(expect.arrayContaining(['etag', 'last-modified', 'date']));
  await send('PROPFIND', { Depth: '0' });
  await send('UNLOCK', { 'Lock-Token': `<${token}>` });
  return statuses;
}

describe('Finder', () => {
  it('saves a new file', async () => {
    expect(await finderSaves('/photos/finder.jpg')).toEqual([404, 201, 200, 204, 207, 204]);
    expect((await readFile(join(running.root, 'finder.jpg'))).equals(CONTENT)).toBe(true);
  });

  it('saves over a file', async () => {
    expect(await finderSaves('/photos/finder.jpg')).toEqual([207, 204, 200, 204, 207, 204]);
  });

  it('saves under a name in decomposed letters that Windows cannot store, and over it', async () => {
    const path = `/photos/${encodeURIComponent('cafe\u0301: open?.jpg')}`;
    expect(await finderSaves(path)).toEqual([404, 201, 200, 204, 207, 204]);
    expect(await finderSaves(path)).toEqual([207, 204, 200, 204, 207, 204]);
    expect((await readFile(join(running.root, 'caf\u00e9: open?.jpg'))).equals(CONTENT)).toBe(true);
  });

  it('saves the attributes of the file beside it, which no source ever holds', async () => {
    expect(await finderSaves('/photos/._finder.jpg')).toEqual([404, 201, 200, 204, 207, 204]);
    expect((await ask(port, '/photos/._finder.jpg')).body.equals(CONTENT)).toBe(true);
    expect(await readdir(running.root)).not.toContain('._finder.jpg');
  });

  it('saves by way of a folder of temporary items', async () => {
    const folder = '/photos/.TemporaryItems';
    expect((await ask(port, folder, { method: 'MKCOL' })).status).toBe(201);
    expect((await ask(port, `${folder}/sb-1`, { method: 'MKCOL' })).status).toBe(201);
    expect((await ask(port, `${folder}/sb-1/doc.jpg`, { method: 'PUT', body: CONTENT })).status).toBe(201);
    const moved = await ask(port, `${folder}/sb-1/doc.jpg`, {
      method: 'MOVE',
      headers: { Destination: `http://127.0.0.1:${port}/photos/saved.jpg` },
    });
    expect(moved.status).toBe(201);
    expect((await readFile(join(running.root, 'saved.jpg'))).equals(CONTENT)).toBe(true);
    expect((await ask(port, `${folder}/sb-1/doc.jpg`, { method: 'HEAD' })).status).toBe(404);
  });
});

describe('Explorer', () => {
  const TIMES =
    '<Z:Win32CreationTime>Tue, 05 Mar 2019 10:00:00 GMT</Z:Win32CreationTime>' +
    '<Z:Win32LastAccessTime>Thu, 07 Mar 2019 10:00:00 GMT</Z:Win32LastAccessTime>' +
    '<Z:Win32LastModifiedTime>Wed, 06 Mar 2019 10:20:30 GMT</Z:Win32LastModifiedTime>';
  const ATTRIBUTES = '<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>';

  it.each(['explorer.jpg', 'Thumbs.db'])('saves a new file: %s', async (name) => {
    const path = `/photos/${name}`;
    const statuses: number[] = [];
    const send = async (method: string, headers: Record<string, string> = {}, body?: string | Buffer) => {
      const answer = await ask(port, path, { method, headers, ...(body === undefined ? {} : { body }) });
      statuses.push(answer.status);
      return answer;
    };
    await send('PROPFIND', { Depth: '0' }, '');
    await send('PUT', {}, '');
    // No Depth, which means infinity.
    const token = tokenOf(await send('LOCK', { Timeout: 'Second-3600' }, lockInfo('exclusive', 'PC\\ann')));
    const headers = { If: `(<${token}>)` };
    const first = await send('PROPPATCH', headers, setting(TIMES + ATTRIBUTES));
    await send('HEAD');
    await send('PUT', headers, CONTENT);
    const second = await send('PROPPATCH', headers, setting(TIMES + ATTRIBUTES));
    await send('UNLOCK', { 'Lock-Token': `<${token}>` });
    expect(statuses).toEqual([404, 201, 200, 207, 200, 204, 207, 204]);
    for (const { body } of [first, second]) {
      expect([...onlyResponse(body).propstats.keys()]).toEqual(['HTTP/1.1 200 OK']);
      expect(onlyResponse(body).found.size).toBe(4);
    }
    const { found } = onlyResponse((await propfind(port, path)).body);
    expect(found.get('getlastmodified')).toBe('Wed, 06 Mar 2019 10:20:30 GMT');
    expect(found.get('getcontentlength')).toBe(`${CONTENT.length}`);
  });

  it('leaves the time it told on the disk', async () => {
    const { mtimeMs } = await stat(join(running.root, 'explorer.jpg'));
    expect(new Date(mtimeMs).toISOString()).toBe('2019-03-06T10:20:30.000Z');
    expect(await readdir(running.root)).not.toContain('Thumbs.db');
  });
});

describe('davfs2', () => {
  it.each(['davfs2.jpg', 'davfs2, 100% #1 \u00e9.jpg'])(
    'locks a name that nothing has, and writes under conditions: %s',
    async (name) => {
      const path = `/photos/${encodeURIComponent(name)}`;
      const given = await lock(port, path, { Depth: '0', Timeout: 'Second-1800' });
      expect(given.status).toBe(201);
      const token = tokenOf(given);
      const head = await ask(port, path, { method: 'HEAD' });
      expect([head.status, head.headers['content-length']]).toEqual([200, '0']);
      const put = await ask(port, path, {
        method: 'PUT',
        headers: {
          'If-Match': head.headers.etag ?? '',
          If: `<http://127.0.0.1:${port}${path}> (<${token}>)`,
        },
        body: CONTENT,
      });
      expect(put.status).toBe(204);
      const stale = await ask(port, path, {
        method: 'PUT',
        headers: { 'If-Match': head.headers.etag ?? '', If: `<${path}> (<${token}>)` },
        body: 'no',
      });
      expect(stale.status).toBe(412);
      const unlocked = await ask(port, path, { method: 'UNLOCK', headers: { 'Lock-Token': `<${token}>` } });
      expect(unlocked.status).toBe(204);
      expect((await readFile(join(running.root, name.normalize('NFC')))).equals(CONTENT)).toBe(true);
    },
  );
});
