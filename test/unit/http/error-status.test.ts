import { afterEach, describe, expect, test } from 'vitest';
import { answerOf, type StatusChoices, sendError } from '../../../src/http/error-status.ts';
import { CodedError, type ErrorCode } from '../../../src/model/coded-error.ts';
import { ask, closeAll, startListener } from './running-listener.ts';

afterEach(closeAll);

const statusOf = (code: ErrorCode, choices?: StatusChoices) =>
  answerOf(new CodedError(code, 'A sentence.'), 'id', choices)?.status;

describe('code to status', () => {
  test.each<[ErrorCode, number]>([
    ['not-found', 404],
    ['exists', 405],
    ['parent-missing', 409],
    ['invalid', 400],
    ['too-large', 413],
    ['range', 416],
    ['unauthenticated', 401],
    ['denied', 403],
    ['locked', 423],
    ['precondition', 412],
    ['unsupported', 403],
    ['changed', 503],
    ['throttled', 503],
    ['unavailable', 503],
    ['no-space', 507],
    ['corrupt', 502],
    ['cursor-expired', 410],
    ['internal', 500],
  ])('%s: %d', (code, status) => {
    expect(statusOf(code)).toBe(status);
  });

  test('the two with a choice', () => {
    expect(statusOf('exists', { exists: 412 })).toBe(412);
    expect(statusOf('unsupported', { unsupported: 405 })).toBe(405);
    expect(answerOf(new CodedError('exists', 'x'), 'id', { allow: 'GET, PUT' })?.headers).toEqual({
      Allow: 'GET, PUT',
    });
    expect(answerOf(new CodedError('not-found', 'x'), 'id', { allow: 'GET' })?.headers).toEqual({});
  });

  test('cancelled is not answered', () => {
    expect(answerOf(new CodedError('cancelled', 'x'), 'id')).toBeNull();
  });

  test.each([
    [undefined, '30'],
    [1, '1'],
    [0, '1'],
    [1000, '1'],
    [1001, '2'],
    [119_500, '120'],
    [Number.NaN, '30'],
    [Number.POSITIVE_INFINITY, '30'],
  ])('Retry-After of %s ms is %s s', (retryAfterMs, seconds) => {
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    for (const code of ['throttled', 'unavailable', 'changed'] as const) {
      expect(answerOf(new CodedError(code, 'x', options), 'id')?.headers['Retry-After']).toBe(seconds);
    }
  });

  test('a client reads the message of ours, and nothing of a bug or a damaged source', () => {
    const secret = 'ENOENT /home/anna/photos';
    expect(answerOf(new CodedError('not-found', 'No such photo.'), 'id7')?.body).toBe('No such photo.');
    for (const error of [new Error(secret), new TypeError(secret), secret, null, { secret }]) {
      const answer = answerOf(error, 'id7');
      expect(answer?.status).toBe(500);
      expect(answer?.body).toContain('id7');
      expect(JSON.stringify(answer)).not.toContain('anna');
    }
    for (const code of ['internal', 'corrupt', 'no-space'] as const) {
      expect(JSON.stringify(answerOf(new CodedError(code, secret), 'id7'))).not.toContain('anna');
    }
    const caused = new CodedError('unavailable', 'The source is away.', { cause: new Error(secret) });
    expect(JSON.stringify(answerOf(caused, 'id7'))).not.toContain('anna');
  });
});

describe('on the wire', () => {
  test('a short text, nothing to cache, and the challenge', async () => {
    const { port } = await startListener(async () => {
      throw new CodedError('unauthenticated', 'This server needs a login.');
    });
    const answer = await ask(port, '/');
    expect(answer.status).toBe(401);
    expect(answer.headers).toMatchObject({
      'www-authenticate': 'Basic realm="mediadav", charset="UTF-8"',
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '27',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.body.toString()).toBe('This server needs a login.\n');
  });

  test('headers of the content that never came are taken back, others stay', async () => {
    const { port } = await startListener(async ({ res }) => {
      res.setHeader('DAV', '1');
      res.setHeader('Content-Length', '5');
      res.setHeader('Content-Type', 'image/jpeg');
      res.setHeader('Content-Encoding', 'gzip');
      res.setHeader('ETag', '"v1"');
      throw new CodedError('not-found', 'Gone.');
    });
    const answer = await ask(port, '/');
    expect(answer.headers).toMatchObject({ dav: '1', 'content-type': 'text/plain; charset=utf-8' });
    expect(answer.headers.etag).toBeUndefined();
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.body.toString()).toBe('Gone.\n');
  });

  test('HEAD gets the headers alone', async () => {
    const { port } = await startListener(async () => {
      throw new CodedError('not-found', 'Gone.');
    });
    const answer = await ask(port, '/', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 404, body: Buffer.alloc(0) });
    expect(answer.headers['content-length']).toBe('6');
  });

  test('a bug is a 500 with the request id, and stands in the log', async () => {
    const { port, lines } = await startListener(async () => {
      throw new Error('what nobody may read');
    });
    const answer = await ask(port, '/');
    const id = String(answer.headers['x-request-id']);
    expect(answer.status).toBe(500);
    expect(id).toMatch(/^[\da-f]{12}$/);
    expect(answer.body.toString()).toBe(`Something went wrong here. Request ${id}\n`);
    const line = lines.find(({ level }) => level === 'error');
    expect(line?.fields).toMatchObject({ request: id, error: 'what nobody may read' });
  });

  test('an answer that has begun is cut', async () => {
    const { port, lines } = await startListener(async ({ res }) => {
      res.writeHead(200, { 'Content-Length': '10' });
      res.write('12345');
      throw new CodedError('unavailable', 'The source is away.');
    });
    await expect(ask(port, '/')).rejects.toThrow();
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', message: 'an answer was cut' }));
  });

  test('a chunked answer that has begun is not ended as if whole', async () => {
    const { port } = await startListener(async ({ res }) => {
      res.write('<multistatus>');
      throw new Error('x');
    });
    await expect(ask(port, '/')).rejects.toThrow();
  });

  test('an answer that has ended stays whole', async () => {
    const { port, lines } = await startListener(async (exchange) => {
      exchange.res.end('whole');
      sendError(exchange, new Error('afterwards'));
      throw new Error('and again');
    });
    expect((await ask(port, '/')).body.toString()).toBe('whole');
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test('an edge may answer with its own choices', async () => {
    const { port } = await startListener(async (exchange) => {
      sendError(exchange, new CodedError('unsupported', 'Read only.'), { unsupported: 405, allow: 'GET' });
    });
    const answer = await ask(port, '/', { method: 'PUT', body: 'x' });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET');
  });

  test('cancelled: nothing is sent', async () => {
    const { port, lines } = await startListener(async () => {
      throw new CodedError('cancelled', 'x');
    });
    await expect(ask(port, '/')).rejects.toThrow(/hang up|ECONNRESET/);
    expect(lines.every(({ level }) => level === 'debug')).toBe(true);
  });
});
