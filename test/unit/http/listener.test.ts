import { get as getTls } from 'node:https';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Exchange } from '../../../src/http/exchange.ts';
import { createListener } from '../../../src/http/listener.ts';
import { CodedError, codeOf } from '../../../src/model/coded-error.ts';
import { LOOPBACK_CERTIFICATE } from './loopback-certificate.ts';
import {
  ask,
  closeAll,
  keepingLogger,
  openSocket,
  sendRaw,
  startListener,
  until,
} from './running-listener.ts';

afterEach(closeAll);

const hello = async ({ res }: Exchange) => void res.end('hello');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('listen', () => {
  test('tells the real port', async () => {
    const { port, url } = await startListener(hello);
    expect(port).toBeGreaterThan(0);
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(await (await fetch(url)).text()).toBe('hello');
  });

  test('a taken port is a sentence that names it and the setting', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await until(() => blocker.listening, 'the other server listens');
    const address = blocker.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const listener = createListener({ handle: hello, log: keepingLogger() });
    const failure = listener.listen({ host: '127.0.0.1', port, portSetting: 'WEBDAV_PORT' });
    await expect(failure).rejects.toMatchObject({
      code: 'unavailable',
      message: `Port ${port} on 127.0.0.1 is already in use; set WEBDAV_PORT to another one.`,
    });
    await listener.close();
    blocker.close();
  });

  test('a host that is not this machine names HOST', async () => {
    const listener = createListener({ handle: hello, log: keepingLogger() });
    await expect(listener.listen({ host: '192.0.2.1', port: 0 })).rejects.toThrow(/set HOST/);
  });

  test('HTTPS', async () => {
    const { port, url } = await startListener(hello, { tls: LOOPBACK_CERTIFICATE });
    expect(url).toBe(`https://127.0.0.1:${port}`);
    const body = await new Promise<string>((resolve, reject) => {
      const options = {
        port,
        host: 'localhost',
        ca: LOOPBACK_CERTIFICATE.cert,
        family: 4,
        agent: false,
      } as const;
      getTls(options, (res) => res.setEncoding('utf8').on('data', resolve)).on('error', reject);
    });
    expect(body).toBe('hello');
  });

  test('HTTPS outlives a client that speaks plain HTTP', async () => {
    const { port, listener } = await startListener(hello, { tls: LOOPBACK_CERTIFICATE });
    expect(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).not.toContain('hello');
    const half = await openSocket(port);
    await listener.close();
    half.destroy();
  });

  test('HTTPS with rubbish names its settings', () => {
    const tls = { cert: 'x', key: 'y' };
    expect(() => createListener({ handle: hello, log: keepingLogger(), tls })).toThrow(/TLS_CERT_FILE/);
  });
});

describe('the exchange', () => {
  test('holds target, id, signal and no user yet', async () => {
    let seen: Exchange | undefined;
    const { port } = await startListener(async (exchange) => {
      seen = exchange;
      exchange.res.end();
    });
    const answer = await ask(port, '/a%20b?c=d');
    expect(seen?.target).toEqual({ path: '/a%20b', query: 'c=d', authority: `127.0.0.1:${port}` });
    expect(seen).toMatchObject({ user: null, id: answer.headers['x-request-id'] });
    expect(seen?.signal.aborted).toBe(false);
  });

  test('req.url is always the origin form', async () => {
    const { port } = await startListener(async ({ req, res }) => void res.end(req.url));
    expect(await sendRaw(port, 'GET http://other:1/a?b HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(
      /\r\n\r\n\/a\?b$/,
    );
    expect(await sendRaw(port, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(/\r\n\r\n\*$/);
  });

  test('a handler that answers nothing is a 500', async () => {
    const { port, lines } = await startListener(async () => undefined);
    expect((await ask(port, '/')).status).toBe(500);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error' }));
  });

  test('a handler that stops midway is cut', async () => {
    const { port } = await startListener(async ({ res }) => void res.write('half'));
    await expect(ask(port, '/')).rejects.toThrow();
  });

  test('a handler may throw at once', async () => {
    const { port } = await startListener(() => {
      throw new CodedError('denied', 'No.');
    });
    expect((await ask(port, '/')).status).toBe(403);
  });

  test('writing after the end is no crash', async () => {
    const { port } = await startListener(async ({ res }) => {
      res.end('x');
      res.write('y');
    });
    expect((await ask(port, '/')).body.toString()).toBe('x');
    expect((await ask(port, '/')).status).toBe(200);
  });
});

describe('hang-ups', () => {
  test.each(['end', 'destroy', 'resetAndDestroy'] as const)('%s aborts the signal', async (leave) => {
    const signals: AbortSignal[] = [];
    const { port } = await startListener(async ({ signal }) => {
      signals.push(signal);
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const socket = await openSocket(port);
    socket.on('error', () => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => signals.length === 1, 'the request arrives');
    socket[leave]();
    await until(() => signals[0]?.aborted === true, 'the signal is aborted', 1_000);
    expect(codeOf(signals[0]?.reason)).toBe('cancelled');
    socket.destroy();
  });

  test('a finished response aborts nothing', async () => {
    const signals: AbortSignal[] = [];
    const { port } = await startListener(async ({ signal, res }) => {
      signals.push(signal);
      res.end('x');
    });
    await ask(port, '/');
    await pause(30);
    expect(signals[0]?.aborted).toBe(false);
  });

  test('also a request still waiting for its turn is dropped', async () => {
    const paths: string[] = [];
    const { port } = await startListener(async ({ signal, target }) => {
      paths.push(target.path);
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const socket = await openSocket(port);
    socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => paths.length === 1, 'the first one runs');
    socket.destroy();
    await pause(50);
    expect(paths).toEqual(['/1']);
  });
});

describe('one connection', () => {
  test('answers pipelined requests in order, one after the other', async () => {
    let running = 0;
    const { port } = await startListener(async ({ res, target }) => {
      running += 1;
      const most = running;
      await pause(target.path === '/1' ? 40 : 5);
      running -= 1;
      res.end(`${target.path}:${most} `);
    });
    const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const answers = await sendRaw(port, one('/1') + one('/2') + one('/3'));
    expect(answers.match(/\/\d:\d/g)).toEqual(['/1:1', '/2:1', '/3:1']);
  });

  test('is closed when it sends far too much ahead', async () => {
    let handled = 0;
    const { port } = await startListener(async ({ signal }) => {
      handled += 1;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const startMs = performance.now();
    await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(500), 5_000);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(handled).toBe(1);
  });

  test('a good request before rubbish is still answered', async () => {
    const { port } = await startListener(async ({ res }) => {
      await pause(150);
      res.end('good');
    });
    const socket = await openSocket(port);
    let answers = '';
    socket.on('data', (chunk) => {
      answers += String(chunk);
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nRUBBISH\r\n\r\n');
    for (let i = 0; i < 10; i += 1) {
      await pause(5);
      socket.write('MORE\r\n');
    }
    await closed;
    expect(answers).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\ngood$/);
  });

  test('a body nobody reads is given up after a while', async () => {
    const { port } = await startListener(async ({ res }) => void res.end('no'));
    const startMs = performance.now();
    const answer = await sendRaw(port, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx', 10_000);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(performance.now() - startMs).toBeLessThan(4_000);
  });
});

describe('limits', () => {
  const limits = { headerBytes: 4_000, headerCount: 20, urlLength: 300, headersTimeoutMs: 200 };

  test.each([
    ['too long a header', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(5_000)}\r\n\r\n`, 431],
    ['too many headers', `GET / HTTP/1.1\r\nHost: a\r\n${'X: 1\r\n'.repeat(21)}\r\n`, 431],
    ['just enough headers', `GET / HTTP/1.1\r\nHost: a\r\n${'X: 1\r\n'.repeat(18)}\r\n`, 200],
    ['too long a target', `GET /${'x'.repeat(300)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ['headers that do not end', 'GET / HTTP/1.1\r\nHost: a\r\n', 408],
    ['nothing at all', '', 408],
  ])('%s', async (_, text, status) => {
    const { port } = await startListener(hello, { limits });
    expect(await sendRaw(port, text, 1_000)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  test('an idle connection is closed', async () => {
    const { port } = await startListener(
      async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      { limits: { idleTimeoutMs: 100 } },
    );
    expect(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 5_000)).toBe('');
  });
});

describe('malformed requests', () => {
  const head = ' HTTP/1.1\r\nHost: a\r\n';
  test.each([
    `GET http://[${head}\r\n`,
    `GET http://a:b/${head}\r\n`,
    `GET *${head}\r\n`,
    `GET x${head}\r\n`,
    `GET /#x${head}\r\n`,
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
    'GET / HTTP/9.9\r\nHost: a\r\n\r\n',
    `GET /\u0000${head}\r\n`,
    `GET /ü${head}\r\n`,
    `GET / /${head}\r\n`,
    `NONSENSE /${head}\r\n`,
    `PROPFIND /${head}Content-Length: 9e15\r\n\r\n`,
    `PROPFIND /${head}Content-Length: 99999999999999999999999\r\n\r\n`,
    `PUT /${head}Content-Length: -1\r\n\r\n`,
    `PUT /${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `PUT /${head}Transfer-Encoding: rubbish\r\n\r\n`,
    `GET /${head}Bad Header: 1\r\n\r\n`,
    `GET /${head}X: \u0001\u0000\r\n\r\n`,
    '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
    'rubbish\r\n\r\n',
  ])('%j gets 400, and the next request is served', async (text) => {
    const { port } = await startListener(hello);
    expect(await sendRaw(port, text)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await ask(port, '/')).status).toBe(200);
  });

  test('a CONNECT and an upgrade do no harm', async () => {
    const { port } = await startListener(hello);
    await sendRaw(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
    const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect(await sendRaw(port, upgrade)).toMatch(/^HTTP\/1\.1 200 /);
    expect((await ask(port, '/')).status).toBe(200);
  });

  test('Expect of something unknown is 417', async () => {
    const { port } = await startListener(hello);
    expect(await sendRaw(port, 'PUT / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 417 /);
  });
});

describe('close', () => {
  test('lets a running request end, and takes no new one', async () => {
    const { port, listener } = await startListener(async ({ res }) => {
      await pause(100);
      res.end('done');
    });
    const running = ask(port, '/');
    await pause(30);
    const closing = listener.close(5_000);
    await expect(ask(port, '/')).rejects.toThrow(/ECONNREFUSED/);
    const answer = await running;
    expect(answer.body.toString()).toBe('done');
    expect(answer.headers.connection).toBe('close');
    const startMs = performance.now();
    await closing;
    expect(performance.now() - startMs).toBeLessThan(500);
  });

  test('closes kept connections at once, also one whose answer had begun', async () => {
    const { port, listener } = await startListener(async ({ res, target }) => {
      if (target.path === '/idle') return void res.end('x');
      res.writeHead(200, { 'Content-Length': '2' });
      res.write('a');
      await pause(100);
      res.end('b');
    });
    const idle = sendRaw(port, 'GET /idle HTTP/1.1\r\nHost: a\r\n\r\n', 5_000);
    const begun = sendRaw(port, 'GET /begun HTTP/1.1\r\nHost: a\r\n\r\n', 5_000);
    await pause(50);
    const startMs = performance.now();
    await listener.close(5_000);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(await idle).toMatch(/\r\n\r\nx$/);
    expect(await begun).toMatch(/\r\n\r\nab$/);
  });

  test('after the grace time destroys what is left and waits for its handlers', async () => {
    let isHandlerDone = false;
    const { port, listener } = await startListener(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await pause(20);
      isHandlerDone = true;
    });
    const running = ask(port, '/');
    running.catch(() => undefined);
    await pause(30);
    const startMs = performance.now();
    await listener.close(50);
    expect(performance.now() - startMs).toBeLessThan(500);
    expect(isHandlerDone).toBe(true);
    await expect(running).rejects.toThrow();
  });

  test('may be called twice, and before listen', async () => {
    const { listener } = await startListener(hello);
    await Promise.all([listener.close(), listener.close(100)]);
    await createListener({ handle: hello, log: keepingLogger() }).close(1_000);
  });
});
