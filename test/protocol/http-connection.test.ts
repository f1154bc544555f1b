import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { onlyResponse, propBody } from './dav-multistatus.ts';
import { ask, propfind, requestText, Wire } from './dav-wire.ts';

const BYTES = patterned(200_000);

let running: FolderApp;
let davPort = 0;

beforeAll(async () => {
  running = await startFolderApp({ files: { 'a.jpg': BYTES, 'b.jpg': 'b' } });
  davPort = running.davPort;
});

afterAll(async () => {
  await running.stop();
});

describe('a connection', () => {
  it('serves one request after the other, whatever they were answered', async () => {
    const wire = await Wire.open(davPort);
    for (let round = 0; round < 20; round += 1) {
      expect((await wire.ask('/photos/', { method: 'PROPFIND', headers: { Depth: '1' } })).status).toBe(207);
      expect((await wire.ask('/photos/missing.jpg')).status).toBe(404);
      expect((await wire.ask('/photos/a.jpg', { method: 'HEAD' })).status).toBe(200);
      expect((await wire.ask('/photos/', { method: 'HEAD' })).status).toBe(200);
      expect((await wire.ask('/', { method: 'OPTIONS' })).status).toBe(200);
      expect((await wire.ask('/photos/', { method: 'PROPFIND', headers: { Depth: '7' } })).status).toBe(400);
      expect((await wire.ask('/photos/..%5C..', { method: 'GET' })).status).toBe(404);
      expect(
        (await wire.ask('/photos/', { method: 'PROPFIND', headers: { Depth: '0' }, body: '<' })).status,
      ).toBe(400);
      expect((await wire.ask('/photos/a.jpg', { headers: { Range: 'bytes=5-9' } })).body.length).toBe(5);
      expect((await wire.ask('/photos/a.jpg', { headers: { Range: 'bytes=900000-' } })).status).toBe(416);
      expect((await wire.ask('/photos/new.jpg', { method: 'PUT', body: 'x' })).status).toBe(403);
      expect((await wire.ask('/photos/a.jpg', { method: 'POST', body: 'x' })).status).toBe(405);
      expect((await wire.ask('/photos/a.jpg')).body.equals(BYTES)).toBe(true);
    }
    wire.close();
  });

  it('answers requests that were sent ahead, in their order', async () => {
    const wire = await Wire.open(davPort);
    const body = propBody('getcontentlength');
    const requests = [
      { path: '/photos/a.jpg', method: 'PROPFIND', headers: { Depth: '0' }, body },
      { path: '/photos/a.jpg', method: 'GET', headers: {} },
      { path: '/photos/b.jpg', method: 'PROPFIND', headers: { Depth: '0' }, body },
      { path: '/photos/missing.jpg', method: 'PROPFIND', headers: { Depth: '0' } },
      { path: '/photos/b.jpg', method: 'HEAD', headers: {} },
      { path: '/photos/x.jpg', method: 'PUT', headers: {}, body: 'ignored' },
      { path: '/photos/b.jpg', method: 'GET', headers: {} },
    ];
    wire.send(Buffer.concat(requests.map(({ path, ...request }) => requestText(davPort, path, request))));
    const answers = [];
    for (const { method } of requests) answers.push(await wire.answer(method));
    expect(answers.map(({ status }) => status)).toEqual([207, 200, 207, 404, 200, 403, 200]);
    const [first, second, third] = answers;
    expect(onlyResponse(first?.body ?? BYTES).found.get('getcontentlength')).toBe('200000');
    expect(second?.body.equals(BYTES)).toBe(true);
    expect(onlyResponse(third?.body ?? BYTES).found.get('getcontentlength')).toBe('1');
    expect(answers.at(-1)?.text).toBe('b');
    wire.close();
  });

  it('is closed when the client wants that', async () => {
    const wire = await Wire.open(davPort);
    const listing = { method: 'PROPFIND', headers: { Depth: '1', Connection: 'close' } };
    expect((await wire.ask('/photos/', listing)).headers.connection).toBe('close');
    await wire.ended();
  });

  it('of HTTP/1.0 gets a body that ends with the connection', async () => {
    const wire = await Wire.open(davPort);
    wire.send('PROPFIND /photos/ HTTP/1.0\r\nDepth: 1\r\n\r\n');
    const text = (await wire.ended().then(() => wire.unread)).toString();
    expect(text).toMatch(/^HTTP\/1\.1 207 /);
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text).toMatch(/<\/D:multistatus>$/);
  });

  it('stays with HTTP/1.1 when the client offers more', async () => {
    const headers = {
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA',
    };
    expect((await ask(davPort, '/photos/b.jpg', { headers })).text).toBe('b');
    expect((await propfind(davPort, '/photos/b.jpg', { headers })).status).toBe(207);
    const webSocket = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    expect((await ask(davPort, '/photos/b.jpg', { headers: webSocket })).text).toBe('b');
  });
});

describe('methods', () => {
  it.each(['POST', 'TRACE', 'SEARCH', 'MKCALENDAR', 'ACL', 'BIND', 'PURGE', 'LINK', 'QUERY', 'SUBSCRIBE'])(
    '%s is none of this server',
    async (method) => {
      for (const path of ['/', '/photos/', '/photos/a.jpg', '/photos/missing.jpg']) {
        const headers = { 'X-Secret': 'do not send this back' };
        const answer = await ask(davPort, path, { method, headers });
        expect([path, answer.status, answer.headers.allow]).toEqual([
          path,
          405,
          'OPTIONS, GET, HEAD, PROPFIND, REPORT',
        ]);
        expect(answer.text).not.toContain('do not send');
        const below = await ask(running.port, `/dav${path}`, { method });
        expect([path, below.status]).toEqual([path, 405]);
      }
    },
  );

  it('CONNECT opens no tunnel', async () => {
    const wire = await Wire.open(davPort);
    wire.send(`CONNECT 127.0.0.1:${running.port} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    expect((await wire.ended()).toString()).not.toMatch(/^HTTP\/1\.1 2/);
    expect((await ask(davPort, '/photos/b.jpg')).text).toBe('b');
  });
});

describe('names of the server', () => {
  /** A page may give its own name to this machine's address and read everything with the visitor's browser. */
  const FOREIGN = [
    'evil.example',
    'evil.example:1700',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '0.0.0.0',
    '[::2]',
    '2130706432.x',
  ];
  const OWN = ['127.0.0.1', 'localhost', 'LOCALHOST', 'localhost.', 'photos.localhost', '[::1]', '127.9.8.7'];

  it('that are foreign get nothing, as long as nobody has to log in', async () => {
    for (const host of FOREIGN) {
      for (const [port, prefix] of [
        [davPort, ''],
        [running.port, '/dav'],
      ] as const) {
        const headers = { Host: host, Depth: '1' };
        for (const method of ['GET', 'HEAD', 'PROPFIND', 'OPTIONS', 'PUT']) {
          const answer = await ask(port, `${prefix}/photos/b.jpg`, { method, headers });
          expect([host, method, answer.status]).toEqual([host, method, 403]);
          expect(answer.text).not.toContain('b.jpg');
        }
      }
      expect((await ask(running.port, '/api/health', { headers: { Host: host } })).status).toBe(403);
      const absolute = await ask(davPort, `http://${host}/photos/b.jpg`);
      expect([host, absolute.status]).toEqual([host, 403]);
    }
  });

  it('of this machine get everything, with any port', async () => {
    for (const host of OWN.flatMap((name) => [name, `${name}:${davPort}`, `${name}:1`])) {
      const answer = await ask(davPort, '/photos/b.jpg', { headers: { Host: host } });
      expect([host, answer.status, answer.text]).toEqual([host, 200, 'b']);
    }
  });
});

it('every answer about a resource names the protocol to write by, as Office and old Explorers look for it', async () => {
  for (const method of ['GET', 'HEAD', 'PROPFIND', 'PUT']) {
    const answer = await ask(davPort, '/photos/b.jpg', { method, headers: { Depth: '0' } });
    expect([method, answer.headers['ms-author-via'], answer.headers.dav]).toEqual([method, 'DAV', '1']);
  }
});

describe('headers that must not be there', () => {
  const FORBIDDEN = /^(access-control-.*|server|x-powered-by|www-authenticate|set-cookie|location)$/;

  it('are not, whatever is asked', async () => {
    const origin = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'PROPFIND' };
    const paths = [
      '/',
      '/photos/',
      '/photos/a.jpg',
      '/photos/missing.jpg',
      '/..',
      '/photos/%5c..%5c..',
      '/%zz',
    ];
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'PUT', 'LOCK', 'POST', 'TRACE']) {
      for (const path of paths) {
        for (const [port, prefix] of [
          [davPort, ''],
          [running.port, '/dav'],
        ] as const) {
          const answer = await ask(port, prefix + path, { method, headers: { Depth: '0', ...origin } });
          const names = Object.keys(answer.headers).filter((name) => FORBIDDEN.test(name));
          expect([method, path, answer.status, names]).toEqual([method, path, answer.status, []]);
          // One class, wherever it is told.
          expect([undefined, '1']).toContain(answer.headers.dav);
        }
      }
    }
  });

  it('and no writing that needs a lock is promised by any answer', async () => {
    const answer = await propfind(davPort, '/photos/', { body: propBody('supportedlock', 'lockdiscovery') });
    const { found } = onlyResponse(answer.body);
    expect([...found]).toEqual([
      ['supportedlock', ''],
      ['lockdiscovery', ''],
    ]);
  });
});

describe('a listing that nobody reads to its end', () => {
  it('ends with its client, and the next one is served', async () => {
    for (let round = 0; round < 20; round += 1) {
      const wire = await Wire.open(davPort);
      wire.send(requestText(davPort, '/photos/', { method: 'PROPFIND', headers: { Depth: '1' } }));
      if (round % 2 === 0) wire.socket.resetAndDestroy();
      else wire.close();
      await once(wire.socket, 'close');
    }
    expect((await propfind(davPort, '/photos/')).status).toBe(207);
  });
});
