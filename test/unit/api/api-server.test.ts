import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await ApiUnderTest.start();
});
afterEach(() => api.stop());

describe('what is not there', () => {
  it('is told as the reference does', async () => {
    for (const path of ['/nope', '/favicon.ico', '/list2', '/index.html?x=1', '/apix']) {
      const answer = await api.ask(path);
      expect(answer).toMatchObject({ status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' } });
      expect(answer.body.toString()).toMatch(/^Error 404: Not Found\nThere is no GET \//);
    }
  });

  it('is a problem for those who want JSON, and everywhere below /api/', async () => {
    const headers = { Accept: 'application/json' };
    expect(await api.problem('/nope', { headers })).toMatchObject({
      status: 404,
      detail: 'There is no GET /nope here.',
    });
    for (const path of ['/api', '/api/', '/api/v1', '/api/v1/node', '/api/v2/changes']) {
      expect(await api.problem(path)).toMatchObject({
        type: 'about:blank',
        title: 'Not Found',
        code: 'not-found',
      });
    }
  });

  it('answers HEAD without a body', async () => {
    const answer = await api.ask('/nope', { method: 'HEAD' });
    expect(answer.status).toBe(404);
    expect(answer.body).toHaveLength(0);
  });
});

describe('requests that are wrong', () => {
  it.each([
    ...['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE'],
    ...['PROPFIND', 'MKCOL', 'LOCK', 'SEARCH', 'M-SEARCH'],
  ])('%s is no method of what can only be read', async (method) => {
    for (const path of ['/list', '/api/v1/changes', `/image/${'a'.repeat(64)}`, '/api/v1/changes/stream']) {
      for (const asking of [{ body: 'x' }, { body: '{', headers: { 'Content-Type': 'application/json' } }]) {
        expect(await api.problem(path, { ...asking, method })).toMatchObject({ status: 405 });
        const { headers } = await api.ask(path, { ...asking, method });
        expect(headers.allow).toBe('GET, HEAD, OPTIONS');
      }
    }
  });

  it('tells which methods there are', async () => {
    for (const [path, allow] of [
      ['/list', 'GET, HEAD, OPTIONS'],
      ['/api/refresh', 'POST, OPTIONS'],
    ] as const) {
      expect(await api.ask(path, { method: 'OPTIONS' })).toMatchObject({ status: 204, headers: { allow } });
    }
    expect((await api.problem('/api/refresh')).status).toBe(405);
    expect((await api.problem('/api/nope', { method: 'OPTIONS' })).status).toBe(404);
  });

  it('takes no notice of a body that nobody asked for', async () => {
    for (const type of ['application/json', 'rubbish', '', 'multipart/form-data']) {
      const asking = { method: 'POST', body: '{"a', headers: { 'Content-Type': type } };
      expect((await api.ask('/api/refresh', asking)).status).toBe(202);
    }
  });

  it.each(['/list/%zz', '/image/%ff', '/api/v1/nodes/%c3'])('%s is malformed', async (path) => {
    expect(await api.problem(path)).toMatchObject({ status: 400, code: 'invalid' });
  });

  it('ignores parameters it does not know', async () => {
    expect((await api.ask('/list?_=1&hash=sha256')).status).toBe(200);
  });

  it('takes a slash at the end', async () => {
    expect((await api.ask('/list/')).status).toBe(200);
    expect((await api.ask('/api/v1/root/')).status).toBe(200);
  });

  it('keeps bugs to the log and tells the request only', async () => {
    const { reader } = api.catalog;
    reader.headSeq = async () => {
      throw new Error('a secret of the house');
    };
    const answer = await api.ask('/api/v1/cursor');
    const problem = JSON.parse(answer.body.toString());
    expect(problem).toMatchObject({ status: 500, code: 'internal' });
    expect(problem.detail).toContain(String(answer.headers['x-request-id']));
    expect(answer.body.toString()).not.toContain('secret');
    expect(api.log.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { error: 'a secret of the house' } },
    ]);
  });

  it('cuts an answer that fails on the way', async () => {
    const { reader } = api.catalog;
    for (let at = 0; at < 600; at++) await api.addFile(`${at}.jpg`);
    const list = reader.listByDigest.bind(reader);
    reader.listByDigest = async (hash, page) => {
      if (page.after !== undefined) throw new Error('in the middle');
      return await list(hash, page);
    };
    await expect(api.ask('/list')).rejects.toThrow();
    await expect(api.ask('/list', { headers: { 'Accept-Encoding': 'gzip' } })).rejects.toThrow();
    expect(api.log.some(({ message }) => message === 'an answer was cut')).toBe(true);
  });

  it('lets go of a client that leaves in the middle', async () => {
    for (let at = 0; at < 3_000; at++) await api.addFile(`${at}.jpg`, { media: null });
    const { reader } = api.catalog;
    const changes = reader.changes.bind(reader);
    let pages = 0;
    reader.changes = async (cursor, limit) => {
      pages += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return await changes(cursor, limit);
    };
    const socket = connect(api.port, '127.0.0.1');
    socket.write('GET /api/v1/changes HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(pages).toBeLessThan(3);
    expect(api.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });
});

describe('POST /api/refresh', () => {
  it('has all sources read, or one', async () => {
    const answer = await api.ask('/api/refresh', { method: 'POST' });
    expect(answer.status).toBe(202);
    expect(JSON.parse(answer.body.toString())).toEqual({ scanning: ['photos'] });
    await api.ask('/api/refresh?source=photos', {
      method: 'POST',
      body: '{}',
      headers: { 'Content-Type': 'text/x' },
    });
    expect(api.scanned).toEqual(['photos', 'photos']);
    expect(await api.problem('/api/refresh?source=other', { method: 'POST' })).toMatchObject({ status: 404 });
  });

  it('is nothing that a page of another site may ask for', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'Sec-Fetch-Site': site };
      expect(await api.problem('/api/refresh', { method: 'POST', headers })).toMatchObject({ status: 403 });
    }
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${api.port + 1}`]) {
      const headers = { Origin: origin };
      expect(await api.problem('/api/refresh', { method: 'POST', headers })).toMatchObject({ status: 403 });
    }
    const headers = { 'Sec-Fetch-Site': 'same-origin', Origin: `http://127.0.0.1:${api.port}` };
    expect((await api.ask('/api/refresh', { method: 'POST', headers })).status).toBe(202);
    expect(await api.problem('/api/refresh')).toMatchObject({ status: 405 });
  });
});

describe('the documentation', () => {
  interface Operation {
    readonly operationId?: string;
    readonly summary?: string;
    readonly parameters?: readonly { readonly name: string }[];
    readonly responses: Record<string, unknown>;
  }

  interface Document {
    readonly openapi: string;
    readonly paths: Record<string, Record<string, Operation>>;
    readonly components: { readonly schemas: Record<string, unknown> };
  }

  it('lists every address, and every reference in it leads somewhere', async () => {
    const document = await api.json<Document>('/api/openapi.json');
    expect(document.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.paths).sort()).toEqual([
      ...['/', '/api/docs', '/api/health', '/api/openapi.json', '/api/refresh', '/api/v1/changes'],
      ...[
        '/api/v1/changes/stream',
        '/api/v1/cursor',
        '/api/v1/nodes/{id}',
        '/api/v1/nodes/{id}/children',
        '/api/v1/nodes/{id}/path',
      ],
      ...['/api/v1/root', '/image/{digest}', '/list', '/list/date/{date}'],
      ...['/list/daterange/{from}/{to}', '/thumbnail/{digest}'],
    ]);
    for (const methods of Object.values(document.paths)) {
      for (const { summary, responses, parameters = [] } of Object.values(methods)) {
        expect(summary).toBeTruthy();
        expect(Object.keys(responses)).toContain('401');
        if (parameters.length > 0) expect(Object.keys(responses)).toContain('400');
      }
    }
    const names = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['getFrontPage', 'getNodesPath', 'postRefresh']));
    const stream = document.paths['/api/v1/changes/stream']?.get?.parameters;
    expect(stream?.map(({ name }) => name)).toContain('Last-Event-ID');
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(10);
    expect(JSON.stringify(document).match(/"\$ref"/g)).toHaveLength(references.length);
    for (const [, name = ''] of references) expect(document.components.schemas).toHaveProperty(name);
  });

  it('tells limits and defaults of parameters', async () => {
    const document = JSON.stringify(await api.json('/api/openapi.json'));
    expect(document).toContain('"name":"max_size"');
    expect(document).toContain('"maximum":10000');
    expect(document).toContain('"enum":["sha256","sha1","md5"]');
  });

  it('is a page that needs nothing from outside', async () => {
    const answer = await api.ask('/api/docs');
    const page = answer.body.toString();
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers['content-security-policy']).toMatch(/^default-src 'none'/);
    expect(page).not.toMatch(/<script|<link|<img|https?:\/\//);
    for (const path of ['/list', '/api/v1/changes', '/api/v1/nodes/{id}/path']) expect(page).toContain(path);
    expect((await api.ask('/')).body.toString()).toContain('href="/api/docs"');
  });
});

it('answers requests of one connection one after the other', async () => {
  await api.addFile('a.jpg');
  const socket = connect(api.port, '127.0.0.1');
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n`;
  socket.end(
    `${head('/list')}\r\n${head('/api/v1/cursor')}\r\n${head('/nope')}\r\n${head('/list')}Connection: close\r\n\r\n`,
  );
  const answers = await text(socket);
  expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
    '200',
    '200',
    '404',
    '200',
  ]);
});
