import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { type Ask, ask, propfind, Wire } from './dav-wire.ts';

/** What the whole server refuses, on the port that the API shares with `/dav/`. */

let app: FolderApp;
beforeAll(async () => {
  app = await startFolderApp({ files: { 'a.jpg': 'a photo' } });
});
afterAll(() => app?.stop());

const PROBLEM = 'application/problem+json';
const PLAIN = 'text/plain; charset=utf-8';

/** Status and code of the problem; throws when the answer is none, or contradicts itself. */
async function problem(path: string, request: Ask = {}): Promise<[number, string]> {
  const answer = await ask(app.port, path, request);
  expect(answer.headers['content-type']).toBe(PROBLEM);
  const told = JSON.parse(answer.text);
  expect(told).toMatchObject({ type: 'about:blank', status: answer.status });
  expect(told.title).not.toBe('');
  expect(told.detail).not.toBe('');
  return [told.status, told.code];
}

const HUGE = 'a'.repeat(20_000);

describe('what the API port refuses before it knows what is asked', () => {
  it.each<[string, string, Ask, [number, string]]>([
    ['a host of somebody else', '/list', { headers: { Host: 'evil.example' } }, [403, 'denied']],
    ['a malformed host', '/list', { headers: { Host: 'a b' } }, [400, 'invalid']],
    ['a fragment', '/list#x', {}, [400, 'invalid']],
    ['an address that is too long', `/${HUGE}`, {}, [414, 'too-large']],
    ['headers that are too large', '/list', { headers: { 'X-A': HUGE.repeat(4) } }, [431, 'too-large']],
    ['a method that HTTP does not have', '/list', { method: 'BREW' }, [400, 'invalid']],
    ['a path that is none', '/list/%zz', {}, [400, 'invalid']],
    [
      'a page of another site',
      '/api/refresh',
      { method: 'POST', headers: { Origin: 'http://evil.example' } },
      [403, 'denied'],
    ],
  ])('%s, as a problem', async (_what, path, request, expected) => {
    expect(await problem(path, request)).toEqual(expected);
  });

  it('what is no HTTP at all, as a problem', async () => {
    const wire = await Wire.open(app.port);
    try {
      wire.socket.write('rubbish\r\n\r\n');
      const answer = await wire.answer();
      expect([answer.status, answer.headers['content-type']]).toEqual([400, PROBLEM]);
      expect(JSON.parse(answer.text)).toMatchObject({ status: 400, code: 'invalid' });
    } finally {
      wire.close();
    }
  });
});

it('WebDAV keeps its plain words, on both ports', async () => {
  const range = { headers: { Range: 'bytes=900-' } };
  const evil = { headers: { Host: 'evil.example' } };
  for (const [port, prefix] of [
    [app.davPort, ''],
    [app.port, '/dav'],
  ] as const) {
    for (const [status, path, request] of [
      [416, '/photos/a.jpg', range],
      [404, '/photos/b.jpg', {}],
      [403, '/photos/a.jpg', evil],
      [400, '/photos/a.jpg', { headers: { Host: 'a b' } }],
      [414, `/${HUGE}`, {}],
    ] as const) {
      const answer = await ask(port, prefix + path, request);
      expect([prefix, answer.status, answer.headers['content-type']]).toEqual([prefix, status, PLAIN]);
    }
  }
  const parent = await propfind(app.port, '/', evil);
  expect([parent.status, parent.headers['content-type']]).toEqual([403, PLAIN]);
  // It cannot be told what was asked for, but only WebDAV is asked for there.
  const large = await ask(app.davPort, '/photos/', { headers: { 'X-A': HUGE.repeat(4) } });
  expect([large.status, large.headers['content-type']]).toEqual([431, PLAIN]);
});
