import { afterEach, describe, expect, test } from 'vitest';
import { type BodyLimits, readBody } from '../../../src/http/body.ts';
import { codeOf } from '../../../src/model/coded-error.ts';
import { ask, closeAll, openSocket, sendRaw, startListener, until } from './running-listener.ts';

afterEach(closeAll);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers with the body it read, and keeps the codes of what went wrong. */
async function startEcho(limits: BodyLimits) {
  const codes: string[] = [];
  const running = await startListener(async (exchange) => {
    try {
      exchange.res.end(await readBody(exchange, limits));
    } catch (error) {
      codes.push(codeOf(error));
      throw error;
    }
  });
  return { ...running, codes };
}

describe('reads', () => {
  test.each([
    ['nothing', ''],
    ['one byte', 'x'],
    ['exactly the limit', 'x'.repeat(1000)],
  ])('%s', async (_, body) => {
    const { port } = await startEcho({ limitBytes: 1000 });
    expect(await ask(port, '/', { method: 'PUT', body })).toMatchObject({
      status: 200,
      body: Buffer.from(body),
    });
  });

  test('a chunked body', async () => {
    const { port } = await startEcho({ limitBytes: 10 });
    const head = 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await sendRaw(port, `${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`)).toMatch(
      / 200 OK[\s\S]*\r\n\r\nabcde$/,
    );
  });

  test('a GET without body', async () => {
    const { port } = await startEcho({ limitBytes: 10 });
    expect((await ask(port, '/')).status).toBe(200);
  });

  test('one after the other on one connection', async () => {
    const { port } = await startEcho({ limitBytes: 10 });
    const put = (body: string) =>
      `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const answers = await sendRaw(port, put('first') + put('second') + put(''));
    expect(answers.match(/200 OK/g)).toHaveLength(3);
    expect(answers.indexOf('first')).toBeLessThan(answers.indexOf('second'));
  });
});

describe('refuses', () => {
  test('a Content-Length beyond the limit, before reading', async () => {
    const { port, codes } = await startEcho({ limitBytes: 10 });
    // Not one byte of the body is sent.
    const answer = await sendRaw(
      port,
      'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000000000\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(codes).toEqual(['too-large']);
  });

  test('a chunked body as soon as it is beyond the limit', async () => {
    const { port, codes } = await startEcho({ limitBytes: 10 });
    const head = 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await sendRaw(port, `${head}b\r\n0123456789a\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(codes).toEqual(['too-large']);
  });

  test('so that a client which sends everything first still reads the answer', async () => {
    const { port } = await startEcho({ limitBytes: 10 });
    const body = Buffer.alloc(8 * 1024 * 1024);
    expect((await ask(port, '/', { method: 'PUT', body })).status).toBe(413);
  });

  test('and keeps the connection for the next request, once the rest has come', async () => {
    const { port } = await startEcho({ limitBytes: 10 });
    const long = `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`;
    const short = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok';
    const answers = await sendRaw(port, long + short);
    expect(answers).toMatch(/^HTTP\/1\.1 413 [\s\S]*HTTP\/1\.1 200 OK[\s\S]*ok$/);
  });

  test('a body that takes too long', async () => {
    const { port, codes } = await startEcho({ limitBytes: 10, deadlineMs: 50 });
    expect(await sendRaw(port, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc')).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(codes).toEqual(['invalid']);
  });

  test('a body that is no chunked coding', async () => {
    const { port, codes } = await startEcho({ limitBytes: 10 });
    const head = 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await sendRaw(port, `${head}zz\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    const socket = await openSocket(port);
    const answer = new Promise((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.write(`${head}3\r\nabc\r\n`);
    await pause(30);
    socket.write('zz\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(codes).toEqual(['cancelled']);
    socket.destroy();
  });
});

test('a client that leaves midway cancels', async () => {
  const { port, codes, lines } = await startEcho({ limitBytes: 10 });
  for (const leave of ['end', 'destroy'] as const) {
    const socket = await openSocket(port);
    socket.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc');
    await pause(30);
    socket[leave]();
    await until(() => codes.length > 0, 'the reader hears of it');
    expect(codes.splice(0)).toEqual(['cancelled']);
    socket.destroy();
  }
  expect(lines.every(({ level }) => level === 'debug')).toBe(true);
});

describe('Expect: 100-continue', () => {
  const head = 'PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n';

  test('is told to go on once somebody reads', async () => {
    const { port } = await startEcho({ limitBytes: 10 });
    const socket = await openSocket(port);
    let received = '';
    socket.on('data', (chunk) => {
      received += String(chunk);
    });
    socket.write(head);
    await until(() => received.includes('100 Continue'), 'the go-ahead');
    socket.write('abcde');
    await until(() => received.endsWith('abcde'), 'the echo');
    expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    socket.destroy();
  });

  test('is not asked for a body nobody will read', async () => {
    const { port } = await startEcho({ limitBytes: 4 });
    expect(await sendRaw(port, head)).toMatch(/^HTTP\/1\.1 413 /);
  });
});
