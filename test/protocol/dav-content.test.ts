import { appendFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIRST_TIME_S, type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { onlyResponse } from './dav-multistatus.ts';
import { ask, propfind, type WireAnswer } from './dav-wire.ts';

const SIZE = 300_000;
const BYTES = patterned(SIZE);
const PATH = '/photos/a.jpg';
const MODIFIED = 'Wed, 01 Jan 2020 12:00:00 GMT';

let running: FolderApp;
let davPort = 0;

beforeAll(async () => {
  running = await startFolderApp({
    files: {
      'a.jpg': BYTES,
      'empty.jpg': '',
      'page.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      'b.bin': 'x',
    },
    env: { LOCAL_ALL_FILES: 'true' },
  });
  davPort = running.davPort;
});

afterAll(async () => {
  await running.stop();
});

const get = (headers: Readonly<Record<string, string>> = {}, path = PATH) => ask(davPort, path, { headers });

/** Headers of `names`, those that are absent left out. */
function some(answer: WireAnswer, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(answer.headers).filter(([name]) => names.includes(name)));
}

describe('GET of a file', () => {
  it('gives its bytes with everything a client needs to cache and to seek', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.body.equals(BYTES)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-length': String(SIZE),
      'content-type': 'image/jpeg',
      'last-modified': MODIFIED,
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[^"]+"$/),
    });
    expect(answer.headers).not.toHaveProperty('transfer-encoding');
    expect(answer.headers).not.toHaveProperty('content-encoding');
  });

  it('never compresses: the bytes on the wire are those the ETag and the ranges speak of', async () => {
    const answer = await get({ 'Accept-Encoding': 'gzip, br' }, '/photos/page.svg');
    expect(some(answer, 'content-encoding', 'content-length')).toEqual({ 'content-length': '41' });
  });

  it('takes no query for a part of the name', async () => {
    expect((await get({}, `${PATH}?download=1&x=%zz`)).body.equals(BYTES)).toBe(true);
  });

  it('gives an empty file', async () => {
    const answer = await get({}, '/photos/empty.jpg');
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '0', 0]);
    // Players ask so for everything.
    expect((await get({ Range: 'bytes=0-' }, '/photos/empty.jpg')).status).toBe(200);
  });

  it('keeps a file that could act as a page of this server from doing so', async () => {
    const { headers } = await get({}, '/photos/page.svg');
    expect(headers['content-security-policy']).toMatch(/sandbox/);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('HEAD', () => {
  it.each([PATH, '/photos/empty.jpg', '/photos/page.svg', '/photos/b.bin'])(
    'has the headers of GET: %s',
    async (path) => {
      const whole = await get({}, path);
      const head = await ask(davPort, path, { method: 'HEAD' });
      const stable = ({ headers }: WireAnswer) => ({ ...headers, date: '', 'x-request-id': '' });
      expect(head.status).toBe(200);
      expect(stable(head)).toEqual(stable(whole));
    },
  );

  it('knows no ranges', async () => {
    const head = await ask(davPort, PATH, { method: 'HEAD', headers: { Range: 'bytes=0-9' } });
    expect([head.status, head.headers['content-length']]).toEqual([200, String(SIZE)]);
  });

  it('names the same ETag and time as PROPFIND and GET', async () => {
    const whole = await get();
    const head = await ask(davPort, PATH, { method: 'HEAD' });
    const { found } = onlyResponse((await propfind(davPort, PATH)).body);
    expect(head.headers.etag).toBe(whole.headers.etag);
    expect(found.get('getetag')).toBe(whole.headers.etag);
    expect(found.get('getlastmodified')).toBe(whole.headers['last-modified']);
    expect(found.get('getcontentlength')).toBe(whole.headers['content-length']);
    expect(found.get('getcontenttype')).toBe(whole.headers['content-type']);
  });
});

describe('Range', () => {
  it.each([
    ['bytes=0-', 0, SIZE - 1],
    ['bytes=0-0', 0, 0],
    ['bytes=100-199', 100, 199],
    ['bytes=299999-', SIZE - 1, SIZE - 1],
    ['bytes=-500', SIZE - 500, SIZE - 1],
    ['bytes=-400000', 0, SIZE - 1],
    ['bytes=299000-999999', 299_000, SIZE - 1],
    ['BYTES = 5 - 9', null, null],
    ['Bytes=5-9', 5, 9],
    ['bytes=0-99,100-199', 0, 199],
  ])('%s', async (range, start, end) => {
    const answer = await get({ Range: range });
    if (start === null) {
      expect([answer.status, answer.body.equals(BYTES)]).toEqual([200, true]);
      return;
    }
    expect(answer.status).toBe(206);
    expect(some(answer, 'content-range', 'content-length', 'content-type')).toEqual({
      'content-range': `bytes ${start}-${end}/${SIZE}`,
      'content-length': String(end - start + 1),
      'content-type': 'image/jpeg',
    });
    expect(answer.headers.etag).toBe((await get()).headers.etag);
    expect(answer.body.equals(BYTES.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=300000-', 'bytes=400000-500000', 'bytes=-0'])('%s lies behind the end', async (range) => {
    const answer = await get({ Range: range });
    expect([answer.status, answer.headers['content-range']]).toEqual([416, `bytes */${SIZE}`]);
  });

  it.each(['bytes=', 'bytes=a-b', 'bytes=5', 'bytes=9-5', 'items=0-5', 'bytes=1-2-3', 'bytes 0-5', '0-5'])(
    '%s is ignored',
    async (range) => {
      const answer = await get({ Range: range });
      expect([answer.status, answer.body.equals(BYTES)]).toEqual([200, true]);
      expect(answer.headers).not.toHaveProperty('content-range');
    },
  );

  it('of several parts gives each of them with its place', async () => {
    const answer = await get({ Range: 'bytes=0-9,1000-1999,-5' });
    expect(answer.status).toBe(206);
    expect(answer.body.length).toBe(Number(answer.headers['content-length']));
    expect(readParts(answer)).toEqual([
      [`bytes 0-9/${SIZE}`, 'image/jpeg', BYTES.subarray(0, 10).toString('hex')],
      [`bytes 1000-1999/${SIZE}`, 'image/jpeg', BYTES.subarray(1000, 2000).toString('hex')],
      [`bytes 299995-299999/${SIZE}`, 'image/jpeg', BYTES.subarray(-5).toString('hex')],
    ]);
  });

  it.each([
    ['overlapping', Array.from({ length: 50 }, (_, index) => `${index}-`).join(',')],
    ['hundreds of tiny', Array.from({ length: 500 }, (_, index) => `${index * 2}-${index * 2}`).join(',')],
  ])('of %s parts is not worth the work: the whole file', async (_what, ranges) => {
    const answer = await get({ Range: `bytes=${ranges}` });
    expect([answer.status, answer.body.equals(BYTES)]).toEqual([200, true]);
  });
});

describe('If-Range', () => {
  it('with the current ETag or date gives the part', async () => {
    const etag = (await get()).headers.etag ?? '';
    for (const validator of [etag, MODIFIED]) {
      const answer = await get({ Range: 'bytes=5-9', 'If-Range': validator });
      expect([validator, answer.status, answer.body.length]).toEqual([validator, 206, 5]);
    }
  });

  it('with anything else gives the whole', async () => {
    const etag = (await get()).headers.etag ?? '';
    const stale = [
      '"stale"',
      `W/${etag}`,
      'Wed, 01 Jan 2020 11:59:59 GMT',
      'Thu, 02 Jan 2020 12:00:00 GMT',
      'nonsense',
    ];
    for (const validator of stale) {
      const answer = await get({ Range: 'bytes=5-9', 'If-Range': validator });
      expect([validator, answer.status, answer.body.length]).toEqual([validator, 200, SIZE]);
    }
  });
});

describe('conditions', () => {
  it.each(['GET', 'HEAD'])('%s is 304 for a client that has the content', async (method) => {
    const etag = (await get()).headers.etag ?? '';
    const held: Record<string, string>[] = [
      { 'If-None-Match': etag },
      { 'If-None-Match': `W/${etag}` },
      { 'If-None-Match': `"other", ${etag}` },
      { 'If-None-Match': '*' },
      { 'If-Modified-Since': MODIFIED },
      { 'If-Modified-Since': 'Thu, 02 Jan 2020 12:00:00 GMT' },
      { 'If-None-Match': etag, 'If-Modified-Since': 'Tue, 31 Dec 2019 12:00:00 GMT' },
      { 'If-None-Match': etag, Range: 'bytes=0-9' },
    ];
    for (const headers of held) {
      const answer = await ask(davPort, PATH, { method, headers });
      expect([headers, answer.status, answer.headers.etag]).toEqual([headers, 304, etag]);
      expect(answer.headers).not.toHaveProperty('content-length');
    }
  });

  it('give the content to a client that has another one', async () => {
    const others: Record<string, string>[] = [
      { 'If-None-Match': '"other"' },
      { 'If-Modified-Since': 'Wed, 01 Jan 2020 11:59:59 GMT' },
      { 'If-None-Match': '"other"', 'If-Modified-Since': MODIFIED },
    ];
    for (const headers of others) expect([headers, (await get(headers)).status]).toEqual([headers, 200]);
  });

  it('that must hold and do not are 412', async () => {
    const failing: Record<string, string>[] = [
      { 'If-Match': '"other"' },
      { 'If-Unmodified-Since': 'Wed, 01 Jan 2020 11:59:59 GMT' },
    ];
    for (const headers of failing) expect([headers, (await get(headers)).status]).toEqual([headers, 412]);
    const etag = (await get()).headers.etag ?? '';
    const holding: Record<string, string>[] = [
      { 'If-Match': etag },
      { 'If-Match': '*' },
      { 'If-Unmodified-Since': MODIFIED },
    ];
    for (const headers of holding) expect([headers, (await get(headers)).status]).toEqual([headers, 200]);
  });

  it('mean nothing to PROPFIND, which always tells', async () => {
    const etag = (await get()).headers.etag ?? '';
    const headers = { 'If-None-Match': etag, 'If-Modified-Since': MODIFIED };
    expect((await propfind(davPort, PATH, { headers })).status).toBe(207);
  });
});

describe('a file that changes between the scan and the request', () => {
  const NEW = Buffer.from('new content, and shorter');

  async function changing(name: string, change: (file: string) => Promise<void>): Promise<string> {
    const file = join(running.root, name);
    await writeFile(file, BYTES);
    await utimes(file, FIRST_TIME_S, FIRST_TIME_S);
    await running.rescan();
    const { etag = '' } = (await get({}, `/photos/${name}`)).headers;
    await change(file);
    return etag;
  }

  it.each<[string, (file: string) => Promise<void>]>([
    ['written-again.jpg', (file) => writeFile(file, NEW)],
    [
      'replaced.jpg',
      async (file) => {
        await writeFile(`${file}.new`, NEW);
        await rename(`${file}.new`, file);
      },
    ],
  ])('%s: the new bytes with a new ETag, everywhere', async (name, change) => {
    const path = `/photos/${name}`;
    const oldEtag = await changing(name, change);
    const ranged = await get({ Range: 'bytes=0-9', 'If-Range': oldEtag }, path);
    expect([ranged.status, ranged.text]).toEqual([200, NEW.toString()]);
    const { etag } = ranged.headers;
    expect(etag).not.toBe(oldEtag);

    const whole = await get({ 'If-None-Match': oldEtag }, path);
    expect([whole.status, whole.text, whole.headers.etag]).toEqual([200, NEW.toString(), etag]);
    expect((await ask(davPort, path, { method: 'HEAD' })).headers.etag).toBe(etag);
    const { found } = onlyResponse((await propfind(davPort, path)).body);
    expect([found.get('getetag'), found.get('getcontentlength')]).toEqual([etag, String(NEW.length)]);
  });

  it('one that has grown is never cut to the length it had', async () => {
    await changing('grown.jpg', (file) => appendFile(file, NEW));
    const answer = await get({}, '/photos/grown.jpg');
    expect([answer.status, answer.body.length]).toEqual([200, SIZE + NEW.length]);
    const tail = await get({ Range: `bytes=-${NEW.length}` }, '/photos/grown.jpg');
    expect([tail.status, tail.text]).toEqual([206, NEW.toString()]);
  });

  it('one of the same length is told apart by its time', async () => {
    const oldEtag = await changing('same-size.jpg', (file) => writeFile(file, Buffer.alloc(SIZE, 'z')));
    const answer = await get({ Range: 'bytes=5-9', 'If-Range': oldEtag }, '/photos/same-size.jpg');
    expect([answer.status, answer.body.length, answer.text.slice(0, 3)]).toEqual([200, SIZE, 'zzz']);
    expect(answer.headers.etag).not.toBe(oldEtag);
  });

  it('one that is gone is 404 while its folder is there', async () => {
    await changing('gone.jpg', (file) => rm(file));
    const answer = await get({}, '/photos/gone.jpg');
    expect([answer.status, answer.headers['cache-control']]).toEqual([404, 'no-store']);
    expect((await get({ Range: 'bytes=0-5' }, '/photos/gone.jpg')).status).toBe(404);
  });
});

/** Content-Range, Content-Type and bytes (in hexadecimal) of each part of a multipart/byteranges body. */
function readParts(answer: WireAnswer): [string, string, string][] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers['content-type'] ?? '')?.[1];
  const pieces = answer.body.toString('latin1').split(`--${boundary}`);
  expect(pieces.at(-1)).toBe('--\r\n');
  return pieces.slice(1, -1).map((piece) => {
    const [head = '', ...rest] = piece.split('\r\n\r\n');
    const bytes = Buffer.from(rest.join('\r\n\r\n').slice(0, -2), 'latin1');
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1]?.trim() ?? '';
    return [field('Content-Range'), field('Content-Type'), bytes.toString('hex')];
  });
}
