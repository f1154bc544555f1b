import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';

const LOGIN = { AUTH_USERNAME: 'family', AUTH_PASSWORD: 'correct horse' };
const PATHS = [
  ...['/', '/list', '/list/date/2020-01-01', `/image/${'a'.repeat(64)}`, `/thumbnail/${'a'.repeat(64)}`],
  ...['/api/health', '/api/openapi.json', '/api/docs', '/api/v1/cursor', '/api/v1/changes', '/api/v1/root'],
  ...[
    '/api/v1/changes/stream',
    '/api/v1/nodes/x',
    '/api/v1/nodes/x/path',
    '/api/v1/nodes/x/children',
    '/nope',
  ],
];

let folder: string;
let server: MediadavProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-auth-'));
  await writeFile(join(folder, 'a.jpg'), 'a');
  server = await startProcess({ args: [folder], env: { ...LOGIN, API_KEYS: 'key-one,key-two' } });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;
const statusOf = async (path: string, headers: Record<string, string>, method = 'GET'): Promise<number> => {
  const controller = new AbortController();
  const answer = await fetch(server.url + path, { headers, method, signal: controller.signal });
  // A stream of changes would not end by itself.
  controller.abort();
  return answer.status;
};

describe('with a login and keys', () => {
  it.each(PATHS)('nothing of %s is told to those without', async (path) => {
    for (const headers of [{}, { Authorization: basic('family:wrong') }, { 'X-API-Key': 'key-three' }]) {
      expect(await statusOf(path, headers as Record<string, string>)).toBe(401);
    }
  });

  it('the refusal is a problem with a challenge', async () => {
    const answer = await fetch(`${server.url}/list`);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      ...{ type: 'about:blank', title: 'Unauthorized', status: 401, code: 'unauthenticated' },
      detail: 'This server needs a login.',
    });
  });

  it.each([
    ['the login', { Authorization: basic('family:correct horse') }],
    ['a key', { 'X-API-Key': 'key-two' }],
    ['a key as bearer', { Authorization: 'Bearer key-one' }],
  ])('%s opens all of it', async (_name, headers) => {
    for (const path of ['/list', '/api/v1/changes', '/api/v1/changes/stream', '/api/docs']) {
      expect(await statusOf(path, headers)).toBe(200);
    }
    expect(await statusOf('/api/refresh', headers, 'POST')).toBe(202);
  });
});

describe('without any', () => {
  it('only who asks for this computer by its name is answered', async () => {
    const open = await startProcess({ args: [folder] });
    try {
      const { request } = await import('node:http');
      const status = await new Promise((resolve, reject) => {
        request(`${open.url}/list`, { headers: { Host: 'evil.example' } }, (answer) => {
          answer.resume();
          resolve([answer.statusCode, answer.headers['content-type']]);
        })
          .on('error', reject)
          .end();
      });
      expect(status).toEqual([403, 'application/problem+json']);
      expect((await fetch(`${open.url}/list`)).status).toBe(200);
    } finally {
      await open.stop();
    }
  });
});
