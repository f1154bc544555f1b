import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { writeFiles } from './dav-app.ts';
import { onlyResponse } from './dav-multistatus.ts';
import { ask, chunked, propfind, requestText, Wire } from './dav-wire.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';

// A process of its own, because what these requests did to other servers was to end it.
let work = '';
let server: MediadavProcess;
let port = 0;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-malformed-test-'));
  const root = join(work, 'photos');
  await mkdir(root);
  await writeFiles(root, { 'a.jpg': 'content' });
  server = await startProcess({ args: [root] });
  port = Number(new URL(server.webdavUrl).port);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await rm(work, { recursive: true, force: true });
});

/** Whatever came before: the same process answers the next request, and found no bug in itself. */
afterEach(async () => {
  process.kill(server.pid, 0);
  expect((await ask(port, '/photos/a.jpg')).text).toBe('content');
  expect(server.log.filter(({ level }) => level === 'error')).toEqual([]);
});

/** Sends bytes as they are. Resolves with the status of the answer. */
async function statusOf(bytes: string | Buffer): Promise<number> {
  const wire = await Wire.open(port);
  try {
    wire.send(bytes);
    return (await wire.answer()).status;
  } finally {
    wire.close();
  }
}

describe('request targets', () => {
  it.each([
    ['/%', 400],
    ['/photos/%zz', 400],
    ['/photos/%E0%A4%A', 400],
    ['/photos/%ff.jpg', 400],
    ['/photos/%C0%AF', 400],
    ['/photos/%ED%A0%80', 400],
    ['/photos/a%00.jpg', 400],
    ['/photos/%2F', 400],
    ['/photos/..', 400],
    ['/..%5Cphotos', 404],
    ['/%2e%2e%5c%2e%2e%5cetc', 404],
    ['http://[', 400],
    ['http://[/photos/', 400],
    ['http:///photos/', 400],
    ['http://user@127.0.0.1/photos/', 400],
    ['ftp://127.0.0.1/photos/', 400],
    ['photos', 400],
    ['*', 400],
    ['?', 400],
    ['/photos/#a', 400],
    [`/${'x'.repeat(300)}`, 404],
    [`/${'x'.repeat(17_000)}`, 414],
    [`/${'x'.repeat(60_000)}`, 431],
    ['/x'.repeat(300), 400],
    ['/'.repeat(10_000), 405],
    ['/./.././', 400],
  ])('%.40s', async (target, status) => {
    for (const method of ['GET', 'PROPFIND', 'PUT', 'POST']) {
      const answered = await statusOf(requestText(port, target, { method, headers: { Depth: '0' } }));
      // The long row of slashes is the root: there to read, and not to write.
      const expected = status === 405 ? { GET: 200, PROPFIND: 207, PUT: 403, POST: 405 }[method] : undefined;
      const refused = status === 404 ? { PUT: 403, POST: 405 }[method] : undefined;
      expect([method, answered]).toEqual([method, expected ?? refused ?? status]);
    }
  });
});

describe('requests that are no HTTP', () => {
  const head = `Host: 127.0.0.1\r\n`;
  it.each([
    ['an unknown method', `FOO /photos/ HTTP/1.1\r\n${head}\r\n`, 400],
    ['a method in lower case', `get /photos/ HTTP/1.1\r\n${head}\r\n`, 400],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['another version', `GET /photos/ HTTP/9.9\r\n${head}\r\n`, 400],
    ['a TLS greeting', Buffer.from('16030100a5010000a10303', 'hex'), 400],
    ['zero bytes', Buffer.alloc(64), 400],
    ['a header without a colon', `GET /photos/ HTTP/1.1\r\n${head}nonsense\r\n\r\n`, 400],
    ['a NUL in a header', `GET /photos/ HTTP/1.1\r\n${head}X: a\0b\r\n\r\n`, 400],
    ['a space before the colon', `GET /photos/ HTTP/1.1\r\n${head}X : a\r\n\r\n`, 400],
    ['no Host', 'GET /photos/ HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', `GET /photos/ HTTP/1.1\r\n${head}${head}\r\n`, 400],
    ['a malformed Host', 'GET /photos/ HTTP/1.1\r\nHost: [::1\r\n\r\n', 400],
    ['a length that is no number', `PROPFIND /photos/ HTTP/1.1\r\n${head}Content-Length: 9e15\r\n\r\n`, 400],
    ['a negative length', `PROPFIND /photos/ HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\n`, 400],
    ['two lengths', `PROPFIND / HTTP/1.1\r\n${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
    [
      'a length and chunks at once',
      `PROPFIND / HTTP/1.1\r\n${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'a chunk of no length',
      `PROPFIND / HTTP/1.1\r\n${head}Depth: 0\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
    ],
    ['headers without end', `GET / HTTP/1.1\r\n${head}${'X: y\r\n'.repeat(10_000)}`, 431],
  ])('%s', async (_what, bytes, status) => {
    expect(await statusOf(bytes)).toBe(status);
  });
});

describe('headers', () => {
  const HUGE = '9000000000000000';
  it.each<[Record<string, string>, number, number]>([
    [{ If: '(<x>)' }, 412, 412],
    [{ If: '(<urn:uuid:1>' }, 400, 400],
    [{ If: '<http://[> (<x>)' }, 412, 412],
    [{ If: '(["' }, 400, 400],
    [{ Destination: 'http://%zz' }, 200, 207],
    [{ Destination: '/%' }, 200, 207],
    [{ 'Lock-Token': 'x' }, 200, 207],
    [{ Timeout: 'Second-x' }, 200, 207],
    [{ Overwrite: 'X' }, 200, 207],
    [{ Authorization: 'Basic' }, 200, 207],
    [{ Authorization: 'Basic ====' }, 200, 207],
    [{ Authorization: 'Digest username="__proto__"' }, 200, 207],
    [{ Range: 'bytes=9e15-' }, 200, 207],
    [{ Range: `bytes=${HUGE}${HUGE}-` }, 416, 207],
    [{ 'If-Modified-Since': 'yesterday' }, 200, 207],
    [{ 'If-None-Match': '"' }, 200, 207],
    [{ 'If-Match': 'x' }, 412, 207],
    [{ Expect: 'wonders' }, 417, 417],
    [{ 'Content-Length': HUGE }, 200, 413],
    [{ 'Accept-Encoding': '*;q=nonsense' }, 200, 207],
    [{ Prefer: ';;,=' }, 200, 207],
    [{ Brief: '' }, 200, 207],
  ])('%o', async (headers, whenRead, whenListed) => {
    expect(await statusOf(requestText(port, '/photos/a.jpg', { headers }))).toBe(whenRead);
    const listing = { method: 'PROPFIND', headers: { Depth: '0', ...headers } };
    expect(await statusOf(requestText(port, '/photos/a.jpg', listing))).toBe(whenListed);
    // No header makes a write any less forbidden.
    for (const method of ['PUT', 'COPY', 'LOCK', 'PROPPATCH']) {
      const expected = headers.Expect === undefined ? 403 : 417;
      expect(await statusOf(requestText(port, '/photos/a.jpg', { method, headers }))).toBe(expected);
    }
  });
});

describe('PROPFIND bodies', () => {
  const propfindOf = (content: string) => `<D:propfind xmlns:D="DAV:">${content}</D:propfind>`;
  const nested = (levels: number) => `${'<D:x>'.repeat(levels)}${'</D:x>'.repeat(levels)}`;
  const named = (count: number) => Array.from({ length: count }, (_, index) => `<D:p${index}/>`).join('');
  const bomb =
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><D:propfind xmlns:D="DAV:">&b;</D:propfind>';

  it.each<[string, string | Buffer, number]>([
    ['truncated', '<D:propfind xmlns:D="DAV:"><D:pro', 400],
    ['not closed', '<D:propfind xmlns:D="DAV:"><D:prop>', 400],
    ['closed by another name', '<D:propfind xmlns:D="DAV:"><D:prop></D:propfind></D:prop>', 400],
    ['with an undeclared prefix', '<D:propfind xmlns:D="DAV:"><D:prop><x:a/></D:prop></D:propfind>', 400],
    ['with a prefix for no namespace', propfindOf('<D:prop><x:a xmlns:x=""/></D:prop>'), 400],
    ['with an undeclared entity', propfindOf('<D:prop>&a;</D:prop>'), 400],
    ['with a document type', `<!DOCTYPE propfind>${propfindOf('<D:allprop/>')}`, 400],
    ['with entities of entities', bomb, 400],
    ['with a control character', propfindOf('<D:prop>\u0001</D:prop>'), 400],
    ['with two roots', propfindOf('<D:allprop/>') + propfindOf('<D:allprop/>'), 400],
    ['of text', 'give me everything', 400],
    ['of JSON', '{"propfind": {}}', 400],
    ['of another element', '<D:propertyupdate xmlns:D="DAV:"/>', 400],
    ['without namespace', '<propfind><allprop/></propfind>', 400],
    ['that asks for nothing', propfindOf(''), 400],
    ['that asks for something unknown', propfindOf('<D:everything/>'), 400],
    ['that asks for two things', propfindOf('<D:allprop/><D:propname/>'), 400],
    ['that includes without allprop', propfindOf('<D:propname/><D:include><D:a/></D:include>'), 400],
    ['that is no UTF-8', Buffer.concat([Buffer.from('<a>'), Buffer.from([0xff, 0xc0])]), 400],
    ['that is half a UTF-16', Buffer.from([0xff, 0xfe, 0x3c]), 400],
    ['that nests 33 levels deep', propfindOf(`<D:prop>${nested(31)}</D:prop>`), 413],
    ['that names 257 properties', propfindOf(`<D:prop>${named(257)}</D:prop>`), 413],
    ['of more than 64 KiB', propfindOf(`<D:allprop/>${' '.repeat(64 * 1024)}`), 413],
  ])('%s', async (_what, body, status) => {
    const answer = await propfind(port, '/photos/', { body });
    expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(/^[A-Z].*\.\n$/)]);
    const inChunks = { headers: { 'Transfer-Encoding': 'chunked' }, body: chunkedBytes(body) };
    expect((await propfind(port, '/photos/', inChunks)).status).toBe(status);
  });

  it.each<[string, string]>([
    ['of white space', ' \r\n\t'],
    ['that nests 32 levels deep', propfindOf(`<D:prop>${nested(30)}</D:prop>`)],
    ['that names 256 properties', propfindOf(`<D:prop>${named(256)}</D:prop>`)],
    ['with elements nobody knows', propfindOf('<x:y xmlns:x="urn:x">text</x:y><D:allprop/>')],
    [
      'with comments and instructions',
      `<?xml version="1.0"?><!-- a --><?b c?>${propfindOf('<!-- d --><D:allprop/>')}`,
    ],
    ['with CDATA', propfindOf('<D:prop><D:getetag><![CDATA[<]]></D:getetag></D:prop>')],
  ])('%s is fine', async (_what, body) => {
    const answer = await propfind(port, '/photos/', { body });
    expect(answer.status).toBe(207);
    expect(onlyResponse(answer.body).href).toBe('/photos/');
  });

  it('does not let a long namespace make the answer long', async () => {
    const body = `<D:propfind xmlns:D="DAV:" xmlns:x="urn:${'x'.repeat(50_000)}"><D:prop>${named(200).replaceAll('D:p', 'x:p')}</D:prop></D:propfind>`;
    const answer = await propfind(port, '/photos/', { headers: { Depth: '1' }, body });
    expect(answer.status).toBe(207);
    expect(answer.body.length).toBeLessThan(2 * body.length);
  });

  it('that ends too early is no request', async () => {
    const wire = await Wire.open(port);
    wire.send(
      'PROPFIND /photos/ HTTP/1.1\r\nHost: 127.0.0.1\r\nDepth: 0\r\nContent-Length: 100\r\n\r\n<D:prop',
    );
    wire.socket.end();
    expect((await wire.answer()).status).toBe(400);
    await wire.ended();
  });
});

describe('bodies of methods that write', () => {
  it.each([
    ['PROPPATCH', '<D:propertyupdate xmlns:D="DAV:"><D:set/><D:set/><D:set/></D:propertyupdate>'],
    ['PROPPATCH', '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:a>'],
    ['LOCK', '<D:lockinfo'],
    ['LOCK', ''],
    ['MKCOL', '<nonsense/>'],
    ['PATCH', 'not XML'],
  ])('%s %s', async (method, body) => {
    expect(await statusOf(requestText(port, '/photos/', { method, body }))).toBe(403);
    const headers = { 'Transfer-Encoding': 'chunked' };
    expect(await statusOf(requestText(port, '/photos/', { method, headers, body: chunked(body) }))).toBe(403);
  });
});

function chunkedBytes(body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n0\r\n\r\n'),
  ]);
}
