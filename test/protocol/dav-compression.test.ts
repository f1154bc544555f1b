import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { ask, propfind, requestText, Wire } from './dav-wire.ts';

const COUNT = 3000;
const GZIP = { 'Accept-Encoding': 'gzip, deflate' };

let running: FolderApp;
let port = 0;

beforeAll(async () => {
  const many = Array.from({ length: COUNT }, (_, at) => [`many/IMG_${at}.jpg`, 'x'] as const);
  const text = Buffer.from('a page that would shrink well '.repeat(1000));
  running = await startFolderApp({
    files: {
      'big.jpg': patterned(200_000),
      'few/a.jpg': 'a',
      'some/page.html': text,
      ...Object.fromEntries(many),
    },
    env: { LOCAL_ALL_FILES: 'true' },
  });
  port = running.davPort;
});

afterAll(async () => {
  await running.stop();
});

describe('a listing for clients that accept gzip', () => {
  it('is streamed compressed, and is the same listing', async () => {
    const plain = await propfind(port, '/photos/many/', { headers: { Depth: '1' } });
    const packed = await propfind(port, '/photos/many/', { headers: { Depth: '1', ...GZIP } });
    expect(packed.status).toBe(207);
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    for (const { headers } of [plain, packed]) expect(headers.vary).toMatch(/\bAccept-Encoding\b/);
    expect(packed.body.length).toBeLessThan(plain.body.length / 5);
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    expect(readMultistatus(gunzipSync(packed.body))).toHaveLength(COUNT + 1);
  });

  it('has its length when it is short, and is left alone when it fits into a packet', async () => {
    const middle = await propfind(port, '/photos/', { headers: { Depth: '1', ...GZIP } });
    expect(middle.headers['content-encoding']).toBe('gzip');
    expect(Number(middle.headers['content-length'])).toBe(middle.body.length);
    expect(readMultistatus(gunzipSync(middle.body))).toHaveLength(5);
    const small = await propfind(port, '/photos/few/', { headers: { Depth: '0', ...GZIP } });
    expect(small.headers['content-encoding']).toBeUndefined();
    expect(readMultistatus(small.body)).toHaveLength(1);
  });

  it.each(['identity', 'gzip;q=0', 'br', 'deflate'])('is plain for Accept-Encoding: %s', async (value) => {
    const headers = { Depth: '1', 'Accept-Encoding': value };
    const answer = await propfind(port, '/photos/many/', { headers });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(readMultistatus(answer.body)).toHaveLength(COUNT + 1);
  });

  it('works for REPORT and for the page of a browser', async () => {
    const page = await ask(port, '/photos/many/', { headers: GZIP });
    expect(page.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(gunzipSync(page.body).toString()).toContain('IMG_2999.jpg');
    const body =
      '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>';
    const report = await ask(port, '/photos/many/', { method: 'REPORT', headers: GZIP, body });
    expect(report.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(report.body).toString()).toContain('<D:sync-token>');
  });

  it('leaves nothing behind when the client goes in the middle', async () => {
    for (let time = 0; time < 20; time += 1) {
      const wire = await Wire.open(port);
      const headers = { Depth: '1', ...GZIP };
      wire.send(requestText(port, '/photos/many/', { method: 'PROPFIND', headers }));
      await wire.receives(100);
      wire.close();
    }
    const answer = await propfind(port, '/photos/many/', { headers: { Depth: '1', ...GZIP } });
    expect(readMultistatus(gunzipSync(answer.body))).toHaveLength(COUNT + 1);
  });
});

describe('content', () => {
  it.each(['/photos/big.jpg', '/photos/some/page.html'])('is never compressed: %s', async (path) => {
    const answer = await ask(port, path, { headers: GZIP });
    const plain = await ask(port, path);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers.etag).toBe(plain.headers.etag);
    expect(answer.body.equals(plain.body)).toBe(true);
  });
});
