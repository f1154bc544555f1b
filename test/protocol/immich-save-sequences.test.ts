import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { lock, lockInfo, setting, tokenOf } from './dav-lock-requests.ts';
import { onlyResponse } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';
import { hrefOf, ImmichWriteApp } from './immich-write-app.ts';

/** How Finder, Explorer and davfs2 save a photo into an album, request by request. Nothing but the requests is theirs. */

let on: ImmichWriteApp;

const photo = (text: string) => makeJpeg(320, 240, [10, 90, 200], text);

/** As Finder sends a content whose length it tells beside. */
function inChunks(content: Buffer): Buffer {
  const head = Buffer.from(`${content.length.toString(16)}\r\n`);
  return Buffer.concat([head, content, Buffer.from('\r\n0\r\n\r\n')]);
}

async function finderSaves(path: string, content: Buffer): Promise<number[]> {
  const statuses: number[] = [];
  const send = async (method: string, headers: Record<string, string> = {}, body?: string | Buffer) => {
    const answer = await on.send(method, path, { headers, ...(body === undefined ? {} : { body }) });
    statuses.push(answer.status);
    return answer;
  };
  await send('PROPFIND', { Depth: '0' });
  await send('PUT', {}, '');
  const token = tokenOf(await send('LOCK', { Depth: '0', Timeout: 'Second-600' }, lockInfo()));
  const headers = { 'Transfer-Encoding': 'chunked', 'X-Expected-Entity-Length': `${content.length}` };
  await send('PUT', { ...headers, If: `(<${token}>)` }, inChunks(content));
  await send('PROPFIND', { Depth: '0' });
  await send('UNLOCK', { 'Lock-Token': `<${token}>` });
  return statuses;
}

/** Where albums are: at the top, and below a folder of theirs when there are other views. */
const LAYOUTS = [
  { env: {}, below: '' },
  { env: { IMMICH_VIEWS: 'albums,timeline' }, below: 'albums/' },
];
const CASES = VERSIONS.flatMap((version) => LAYOUTS.map((layout) => ({ version, ...layout })));

describe.each(CASES)('Immich $version, albums in "/$below"', ({ version, env, below }) => {
  beforeAll(async () => {
    on = await ImmichWriteApp.start({ version, env });
  });
  afterAll(() => on.stop());

  it('Finder saves a new photo, and saves over it', async () => {
    const first = photo(`finder ${version}`);
    expect(await finderSaves(`${below}Album 1/finder.jpg`, first)).toEqual([404, 201, 200, 204, 207, 204]);
    expect((await on.get(`${below}Album 1/finder.jpg`)).equals(first)).toBe(true);
    const second = photo(`finder again ${version}`);
    expect(await finderSaves(`${below}Album 1/finder.jpg`, second)).toEqual([207, 204, 200, 204, 207, 204]);
    await on.rescan();
    expect((await on.get(`${below}Album 1/finder.jpg`)).equals(second)).toBe(true);
    expect(on.inImmich('Album 1')).toEqual(['finder.jpg', 'photo 1-1.jpg', 'photo 1-2.jpg']);
    expect([...on.fake.library.assets.values()].filter(({ content }) => content.size === 0)).toEqual([]);
  });

  it('Finder leaves its own files beside it, and Immich hears of none', async () => {
    const requests = on.fake.requests.length;
    expect(await finderSaves(`${below}Album 1/._finder.jpg`, photo('attributes'))).toEqual([
      404, 201, 200, 204, 207, 204,
    ]);
    expect(on.fake.requests.length).toBe(requests);
  });

  it('macOS saves by way of a folder of temporary items', async () => {
    const bytes = photo(`macOS ${version}`);
    const folder = `${below}Album 1/.TemporaryItems`;
    expect((await on.send('MKCOL', folder)).status).toBe(201);
    expect(await on.put(`${folder}/doc.jpg`, bytes)).toBe(201);
    expect((await on.move(`${folder}/doc.jpg`, `${below}Album 1/saved.jpg`)).status).toBe(201);
    expect((await on.get(`${below}Album 1/saved.jpg`)).equals(bytes)).toBe(true);
    expect(on.inImmich('Album 1')).toContain('saved.jpg');
  });

  it('Explorer saves a new photo with its time', async () => {
    const path = `${below}Album 2/explorer.jpg`;
    const bytes = photo(`explorer ${version}`);
    const statuses: number[] = [];
    const send = async (method: string, headers: Record<string, string> = {}, body?: string | Buffer) => {
      const answer = await on.send(method, path, { headers, ...(body === undefined ? {} : { body }) });
      statuses.push(answer.status);
      return answer;
    };
    const times =
      '<Z:Win32CreationTime>Tue, 05 Mar 2019 10:00:00 GMT</Z:Win32CreationTime>' +
      '<Z:Win32LastAccessTime>Thu, 07 Mar 2019 10:00:00 GMT</Z:Win32LastAccessTime>' +
      '<Z:Win32LastModifiedTime>Wed, 06 Mar 2019 10:20:30 GMT</Z:Win32LastModifiedTime>' +
      '<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>';
    await send('PROPFIND', { Depth: '0' }, '');
    await send('PUT', {}, '');
    const token = tokenOf(await send('LOCK', { Timeout: 'Second-3600' }, lockInfo('exclusive', 'PC\\ann')));
    const headers = { If: `(<${token}>)` };
    const first = await send('PROPPATCH', headers, setting(times));
    await send('HEAD');
    await send('PUT', headers, bytes);
    const second = await send('PROPPATCH', headers, setting(times));
    await send('UNLOCK', { 'Lock-Token': `<${token}>` });
    expect(statuses).toEqual([404, 201, 200, 207, 200, 204, 207, 204]);
    for (const { body } of [first, second]) {
      expect([...onlyResponse(body).propstats.keys()]).toEqual(['HTTP/1.1 200 OK']);
    }
    await on.rescan();
    const { found } = onlyResponse((await propfind(on.port, hrefOf(path))).body);
    expect(found.get('getlastmodified')).toBe('Wed, 06 Mar 2019 10:20:30 GMT');
    expect(found.get('getcontentlength')).toBe(`${bytes.length}`);
    // Immich keeps the times of what it has.
    const other = times.replace('2019 10:20:30', '2020 10:20:30');
    const refused = onlyResponse((await on.send('PROPPATCH', path, { body: setting(other) })).body);
    expect([...refused.propstats.keys()]).toContain('HTTP/1.1 403 Forbidden');
  });

  it('davfs2 locks a name that nothing has, and writes under conditions', async () => {
    const path = hrefOf(`${below}Album 2/davfs2.jpg`);
    const given = await lock(on.port, path, { Depth: '0', Timeout: 'Second-1800' });
    expect(given.status).toBe(201);
    const token = tokenOf(given);
    const head = await ask(on.port, path, { method: 'HEAD' });
    expect([head.status, head.headers['content-length']]).toEqual([200, '0']);
    const headers = { 'If-Match': head.headers.etag ?? '', If: `<${path}> (<${token}>)` };
    const body = photo(`davfs2 ${version}`);
    expect((await ask(on.port, path, { method: 'PUT', headers, body })).status).toBe(204);
    expect((await ask(on.port, path, { method: 'PUT', headers, body: photo('stale') })).status).toBe(412);
    await ask(on.port, path, { method: 'UNLOCK', headers: { 'Lock-Token': `<${token}>` } });
    expect((await on.get(`${below}Album 2/davfs2.jpg`)).equals(body)).toBe(true);
  });
});
