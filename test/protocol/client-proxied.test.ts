import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patterned } from './dav-app.ts';
import { type Ask, ask, Wire } from './dav-wire.ts';
import { LITMUS_SUITES, runLitmus } from './litmus.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';
import { type ProxyKind, type ReverseProxy, startReverseProxy } from './reverse-proxy.ts';
import { lookUp } from './tool-lookup.ts';

const LOGIN = { username: 'ann', password: 'a secret' };
const AUTHORIZATION = `Basic ${Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')}`;
/** More than the buffers of both servers together. */
const LARGE = patterned(24 * 1024 * 1024);

describe.each<ProxyKind>(['nginx', 'apache2'])('behind %s, set up as the guide says', (kind) => {
  const needs = lookUp(kind, 'litmus');

  describe.skipIf(needs.areMissing)(`a writable mount${needs.note}`, () => {
    let root = '';
    let server: MediadavProcess;
    let proxy: ReverseProxy;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'mediadav-proxied-'));
      const env = {
        ...{ LOCAL_PATHS: `media=${root}`, LOCAL_WRITABLE: 'true' },
        ...{ AUTH_USERNAME: LOGIN.username, AUTH_PASSWORD: LOGIN.password },
      };
      server = await startProcess({ env });
      proxy = await startReverseProxy(kind, server.webdavUrl);
    });
    afterAll(async () => {
      await proxy.stop();
      await server.stop();
      await rm(root, { recursive: true });
    });

    const send = (method: string, path: string, request: Omit<Ask, 'method'> = {}) =>
      ask(proxy.port, path, {
        ...request,
        method,
        headers: { Authorization: AUTHORIZATION, ...request.headers },
      });

    it.each(LITMUS_SUITES)('litmus %s: all %i', async (suite, count) => {
      await runLitmus({ url: `${proxy.url}/media/`, suite, count, ...LOGIN, cwd: server.dataDir });
    });

    it('a large file goes there and back as it is', async () => {
      expect((await send('PUT', '/media/large.mp4', { body: LARGE })).status).toBe(201);
      expect((await readFile(join(root, 'large.mp4'))).equals(LARGE)).toBe(true);
      expect((await send('GET', '/media/large.mp4')).body.equals(LARGE)).toBe(true);
      const part = await send('GET', '/media/large.mp4', { headers: { Range: 'bytes=20000000-20000999' } });
      expect([part.status, part.body.equals(LARGE.subarray(20_000_000, 20_001_000))]).toEqual([206, true]);
    });

    it('so does what a client sends in chunks, as Finder does', async () => {
      const text = 'in chunks '.repeat(300_000);
      const body = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
      const headers = { 'Transfer-Encoding': 'chunked', 'X-Expected-Entity-Length': String(text.length) };
      expect((await send('PUT', '/media/chunked.jpg', { headers, body })).status).toBe(201);
      expect(await readFile(join(root, 'chunked.jpg'), 'utf8')).toBe(text);
    });

    it('an upload that breaks off leaves the old file, and nothing else', async () => {
      await send('PUT', '/media/kept.jpg', { body: 'old' });
      const before = (await readdir(root)).sort();
      const wire = await Wire.open(proxy.port);
      const head = `Host: 127.0.0.1:${proxy.port}\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Length: 9000000\r\n`;
      wire.send(`PUT /media/kept.jpg HTTP/1.1\r\n${head}\r\n`);
      wire.send(LARGE.subarray(0, 4_000_000));
      // It is passed on while it comes in, and not after that.
      await until(async () => (await readdir(root)).length > before.length);
      wire.close();
      await until(async () => (await readdir(root)).length === before.length);
      expect((await readdir(root)).sort()).toEqual(before);
      expect(await readFile(join(root, 'kept.jpg'), 'utf8')).toBe('old');
    });

    it('names of all kinds come through, and lead back', async () => {
      const names = [
        'a & b #1?.jpg',
        '100%.jpg',
        'ä+ü=ö.jpg',
        "it's [1];(2),$.jpg",
        '%2F.jpg',
        'a%20b.jpg',
        '日本.jpg',
      ];
      await send('MKCOL', '/media/names');
      for (const name of names) {
        const path = `/media/names/${encodeURIComponent(name)}`;
        expect([name, (await send('PUT', path, { body: name })).status]).toEqual([name, 201]);
        const headers = { Destination: `${proxy.url}/media/names/moved%20${encodeURIComponent(name)}` };
        expect([name, (await send('MOVE', path, { headers })).status]).toEqual([name, 201]);
      }
      const onDisk = await readdir(join(root, 'names'));
      expect(onDisk.sort()).toEqual(names.map((name) => `moved ${name}`).sort());
      const answer = await send('PROPFIND', '/media/names/', { headers: { Depth: '1' } });
      const hrefs = [...answer.text.matchAll(/<D:href>([^<]+\.jpg)<\/D:href>/g)].map(([, href = '']) => href);
      expect(hrefs).toHaveLength(names.length);
      for (const href of hrefs) expect([href, (await send('GET', href)).status]).toEqual([href, 200]);
    });

    it('a destination elsewhere is still refused, and the scheme may be that of the proxy', async () => {
      await send('PUT', '/media/here.jpg', { body: 'here' });
      const move = (Destination: string) => send('MOVE', '/media/here.jpg', { headers: { Destination } });
      expect((await move(`${server.webdavUrl}/media/there.jpg`)).status).toBe(502);
      expect((await move(`https://127.0.0.1:${proxy.port}/media/there.jpg`)).status).toBe(201);
    });
  });
});
