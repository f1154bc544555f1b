import { afterEach, describe, expect, test } from 'vitest';
import { type Content, sendContent } from '../../../src/http/send-content.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import { countingContent, MODIFIED_MS, MODIFIED_TEXT, SAMPLE } from './counting-content.ts';
import { type Asking, ask, closeAll, sendRaw, startListener, until } from './running-listener.ts';

afterEach(closeAll);

const SIZE = SAMPLE.length;

/** Serves one content and asks for it once. */
async function get(content: Content, asking: Asking = {}) {
  const { port } = await startListener((exchange) => sendContent(exchange, content));
  return ask(port, '/', asking);
}

describe('GET', () => {
  test('gives everything with every header a client needs', async () => {
    const content = countingContent();
    const answer = await get(content);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-length': String(SIZE),
      'content-type': 'image/jpeg',
      etag: '"v1"',
      'last-modified': MODIFIED_TEXT,
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['transfer-encoding']).toBeUndefined();
    expect(answer.body).toEqual(SAMPLE);
    expect(content.opened).toEqual([undefined]);
    expect(content.openStreams.size).toBe(0);
  });

  test('of nothing', async () => {
    const content = countingContent({ bytes: Buffer.alloc(0) });
    const answer = await get(content, { headers: { Range: 'bytes=0-' } });
    expect(answer).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(answer.headers['content-length']).toBe('0');
    expect(content.openStreams.size).toBe(0);
  });

  test('of many megabytes, byte for byte', async () => {
    const bytes = Buffer.alloc(5_000_003);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = (i * 31) % 251;
    expect((await get(countingContent({ bytes }))).body.equals(bytes)).toBe(true);
  });

  test('keeps the connection for the next request', async () => {
    const { port } = await startListener((exchange) => sendContent(exchange, countingContent()));
    const one = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const answers = await sendRaw(port, one + one);
    expect(answers.split(SAMPLE.toString())).toHaveLength(3);
  });

  test('Last-Modified is never before 1970 and never after Date', async () => {
    const old = await get(countingContent({ facts: { modifiedMs: -86_400_000 } }));
    expect(old.headers['last-modified']).toBe('Thu, 01 Jan 1970 00:00:00 GMT');
    const future = await get(countingContent({ facts: { modifiedMs: Date.now() + 86_400_000 } }));
    expect(Date.parse(String(future.headers['last-modified']))).toBeLessThanOrEqual(
      Date.parse(String(future.headers.date)),
    );
  });

  test.each([
    ['image/svg+xml', true],
    ['text/html', true],
    ['application/xhtml+xml; charset=utf-8', true],
    ['text/xml', true],
    ['image/jpeg', false],
    ['video/mp4', false],
    ['application/pdf', false],
  ])('%s is sandboxed: %s', async (contentType, isSandboxed) => {
    const { headers } = await get(countingContent({ facts: { contentType } }));
    expect(headers['content-type']).toBe(contentType);
    expect(/^sandbox;/.test(String(headers['content-security-policy']))).toBe(isSandboxed);
  });

  test.each(['', 'jpeg', 'a/b\r\nX-Evil: 1', 'image/jpeg\n', 'imäge/jpeg'])(
    '%j is no content type',
    async (contentType) => {
      const answer = await get(countingContent({ facts: { contentType } }));
      expect(answer.headers['content-type']).toBe('application/octet-stream');
    },
  );

  test('own headers go along, but replace nothing computed', async () => {
    const headers = {
      'Cache-Control': 'max-age=60',
      'content-length': '1',
      ETag: '"x"',
      'X-Content-Type-Options': '',
    };
    const answer = await get(countingContent({ facts: { headers } }));
    expect(answer.headers).toMatchObject({
      'cache-control': 'max-age=60',
      'content-length': String(SIZE),
      etag: '"v1"',
      'x-content-type-options': 'nosniff',
    });
  });

  test('a header that cannot be sent is a 500 with nothing left open', async () => {
    const content = countingContent({ facts: { headers: { 'X-Name': 'a\r\nb' } } });
    expect((await get(content)).status).toBe(500);
    await until(() => content.openStreams.size === 0, 'the stream is destroyed');
  });
});

describe('HEAD', () => {
  test('gives the headers of GET and reads nothing', async () => {
    const content = countingContent();
    const [head, whole] = [await get(content, { method: 'HEAD' }), await get(countingContent())];
    const comparable = ({ headers }: typeof head) => ({ ...headers, date: '', 'x-request-id': '' });
    expect(comparable(head)).toEqual(comparable(whole));
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(content.opened).toEqual([]);
  });

  test('knows no Range', async () => {
    for (const range of ['bytes=0-4', 'bytes=9999-']) {
      const answer = await get(countingContent(), { method: 'HEAD', headers: { Range: range } });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-length']).toBe(String(SIZE));
      expect(answer.headers['content-range']).toBeUndefined();
    }
  });

  test('knows conditions', async () => {
    const asking = { method: 'HEAD', headers: { 'If-None-Match': '"v1"' } };
    expect((await get(countingContent(), asking)).status).toBe(304);
  });
});

describe('one range', () => {
  test.each([
    ['bytes=0-', 0, SIZE - 1],
    ['bytes=3-7', 3, 7],
    ['bytes=-5', SIZE - 5, SIZE - 1],
    ['bytes=-5000', 0, SIZE - 1],
    ['bytes=30-5000', 30, SIZE - 1],
    ['bytes=0-4,3-9', 0, 9],
  ])('%s', async (range, start, end) => {
    const content = countingContent();
    const answer = await get(content, { headers: { Range: range } });
    expect(answer.status).toBe(206);
    expect(answer.headers).toMatchObject({
      'content-range': `bytes ${start}-${end}/${SIZE}`,
      'content-length': String(end - start + 1),
      'content-type': 'image/jpeg',
      'accept-ranges': 'bytes',
      etag: '"v1"',
      'last-modified': MODIFIED_TEXT,
    });
    expect(answer.body).toEqual(SAMPLE.subarray(start, end + 1));
    expect(content.opened).toEqual([{ start, end }]);
    expect(content.openStreams.size).toBe(0);
  });

  test('reads only that range of a large source', async () => {
    const content = countingContent({ zeros: 1_000_000_000 });
    const answer = await get(content, { headers: { Range: 'bytes=500000000-502999999' } });
    expect(answer.body.length).toBe(3_000_000);
    expect(content.givenBytes).toBe(3_000_000);
  });

  test('behind the end is 416 and opens nothing', async () => {
    const content = countingContent();
    const answer = await get(content, { headers: { Range: `bytes=${SIZE}-` } });
    expect(answer.status).toBe(416);
    expect(answer.headers).toMatchObject({ 'content-range': `bytes */${SIZE}`, 'accept-ranges': 'bytes' });
    expect(answer.headers.etag).toBeUndefined();
    expect(content.opened).toEqual([]);
  });

  test.each(['bytes=a-b', 'bytes=5-4', 'items=0-1', 'bytes'])('%s is ignored', async (range) => {
    const answer = await get(countingContent(), { headers: { Range: range } });
    expect(answer).toMatchObject({ status: 200, body: SAMPLE });
  });
});

describe('several ranges', () => {
  test('are a multipart body to the byte', async () => {
    const content = countingContent();
    const answer = await get(content, { headers: { Range: 'bytes=30-,0-2,10-11' } });
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=([\w-]{1,70})$/.exec(
      String(answer.headers['content-type']),
    )?.[1];
    const expected = [
      `--${boundary}\r\nContent-Type: image/jpeg\r\nContent-Range: bytes 30-35/36\r\n\r\nuvwxyz`,
      `\r\n--${boundary}\r\nContent-Type: image/jpeg\r\nContent-Range: bytes 0-2/36\r\n\r\n012`,
      `\r\n--${boundary}\r\nContent-Type: image/jpeg\r\nContent-Range: bytes 10-11/36\r\n\r\nab`,
      `\r\n--${boundary}--\r\n`,
    ].join('');
    expect(answer.body.toString()).toBe(expected);
    expect(answer.headers['content-length']).toBe(String(expected.length));
    expect(answer.headers['content-range']).toBeUndefined();
    expect(answer.headers.etag).toBe('"v1"');
    expect(content.opened).toEqual([
      { start: 30, end: 35 },
      { start: 0, end: 2 },
      { start: 10, end: 11 },
    ]);
    expect(content.openStreams.size).toBe(0);
  });

  test('are opened one after the other', async () => {
    let most = 0;
    const content = countingContent();
    const { open } = content;
    content.open = (range, signal) => {
      most = Math.max(most, content.openStreams.size + 1);
      return open(range, signal);
    };
    await get(content, { headers: { Range: 'bytes=0-0,2-2,4-4,6-6' } });
    expect(content.opened).toHaveLength(4);
    expect(most).toBe(1);
  });

  test('a hundred of them leave no listener behind', async () => {
    const { port, lines } = await startListener((exchange) =>
      sendContent(exchange, countingContent({ zeros: 1_000 })),
    );
    const warnings: unknown[] = [];
    const keep = (warning: unknown) => warnings.push(warning);
    process.on('warning', keep);
    const set = Array.from({ length: 100 }, (_, i) => `${i * 3}-${i * 3}`).join(',');
    const answer = await ask(port, '/', { headers: { Range: `bytes=${set}` } });
    expect(answer.body.toString().match(/Content-Range/g)).toHaveLength(100);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', keep);
    expect(warnings).toEqual([]);
    expect(lines.some(({ level }) => level !== 'debug')).toBe(false);
  });

  test('an attack gets the whole', async () => {
    const answer = await get(countingContent(), { headers: { Range: 'bytes=0-,0-,0-,0-,0-' } });
    expect(answer).toMatchObject({ status: 200, body: SAMPLE });
  });
});

describe('If-Range', () => {
  test.each([
    ['"v1"', 206],
    ['"v0"', 200],
    ['W/"v1"', 200],
    [MODIFIED_TEXT, 206],
    ['Mon, 06 May 2024 07:08:08 GMT', 200],
    ['Mon, 06 May 2024 07:08:10 GMT', 200],
    ['rubbish', 200],
  ])('%s: %d', async (ifRange, status) => {
    const answer = await get(countingContent(), { headers: { Range: 'bytes=1-2', 'If-Range': ifRange } });
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual(status === 206 ? SAMPLE.subarray(1, 3) : SAMPLE);
  });

  test('a stale one also spares a range behind the end the 416', async () => {
    const headers = { Range: 'bytes=999-', 'If-Range': '"v0"' };
    expect((await get(countingContent(), { headers })).status).toBe(200);
    expect((await get(countingContent(), { headers: { ...headers, 'If-Range': '"v1"' } })).status).toBe(416);
  });
});

describe('conditions', () => {
  test.each([
    { 'If-None-Match': '"v1"' },
    { 'If-None-Match': 'W/"x", "v1"' },
    { 'If-Modified-Since': MODIFIED_TEXT },
    { 'If-None-Match': '"v1"', Range: 'bytes=999-' },
  ])('%j: 304 without a body, and nothing opened', async (headers) => {
    const content = countingContent({ facts: { headers: { 'Cache-Control': 'private', 'X-Other': '1' } } });
    const answer = await get(content, { headers: { ...headers } });
    expect(answer).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect(answer.headers).toMatchObject({
      etag: '"v1"',
      'last-modified': MODIFIED_TEXT,
      'cache-control': 'private',
    });
    for (const name of ['content-type', 'content-length', 'transfer-encoding', 'x-other']) {
      expect(answer.headers[name]).toBeUndefined();
    }
    expect(content.opened).toEqual([]);
  });

  test('a failed one is 412', async () => {
    const content = countingContent();
    expect((await get(content, { headers: { 'If-Match': '"v0"' } })).status).toBe(412);
    expect(content.opened).toEqual([]);
  });
});

describe('changed', () => {
  const changed = () => Promise.reject(new CodedError('changed', 'The file is another one now.'));
  const NEW = Buffer.from('the new content');

  test.each(['changed', 'range'] as const)(
    '%s: refreshes once and answers from the new facts',
    async (code) => {
      const fresh = countingContent({ bytes: NEW, facts: { etag: '"v2"', modifiedMs: MODIFIED_MS + 5_000 } });
      const open = () => Promise.reject(new CodedError(code, 'x'));
      const stale = countingContent({ facts: { open, refresh: async () => fresh } });
      const answer = await get(stale);
      expect(answer).toMatchObject({ status: 200, body: NEW });
      expect(answer.headers).toMatchObject({ etag: '"v2"', 'content-length': String(NEW.length) });
      expect(answer.headers['last-modified']).toBe('Mon, 06 May 2024 07:08:14 GMT');
    },
  );

  test('conditions and ranges are weighed anew', async () => {
    const fresh = countingContent({ bytes: NEW, facts: { etag: '"v2"' } });
    const stale = () => countingContent({ facts: { open: changed, refresh: async () => fresh } });
    const ask304 = await get(stale(), { headers: { 'If-None-Match': '"v2"' } });
    expect(ask304.status).toBe(304);
    const ask416 = await get(stale(), { headers: { Range: 'bytes=20-' } });
    expect(ask416.headers['content-range']).toBe(`bytes */${NEW.length}`);
    const askIfRange = await get(stale(), { headers: { Range: 'bytes=0-1', 'If-Range': '"v1"' } });
    expect(askIfRange).toMatchObject({ status: 200, body: NEW });
    const ask412 = await get(stale(), { headers: { 'If-Match': '"v1"' } });
    expect(ask412.status).toBe(412);
  });

  test('a second time is 503', async () => {
    let refreshes = 0;
    const content = (): Content =>
      countingContent({
        facts: {
          open: changed,
          refresh: async () => {
            refreshes += 1;
            return content();
          },
        },
      });
    const answer = await get(content());
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('30');
    expect(refreshes).toBe(1);
  });

  test('without a way to refresh is 503', async () => {
    expect((await get(countingContent({ facts: { open: changed } }))).status).toBe(503);
  });

  test('and gone on refresh is 404', async () => {
    const refresh = () => Promise.reject(new CodedError('not-found', 'It is gone.'));
    expect((await get(countingContent({ facts: { open: changed, refresh } }))).status).toBe(404);
  });
});
