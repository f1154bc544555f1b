import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { ask, propfind, type WireAnswer } from './dav-wire.ts';

// A colon, and characters whose base64 holds `+` and `/`.
const USERNAME = 'fam\u00edlia';
const PASSWORD = 'a:b~~?\u00ff\u00fe\u00fb>>>:z';
const CHALLENGE = 'Basic realm="mediadav", charset="UTF-8"';

let running: FolderApp;

beforeAll(async () => {
  running = await startFolderApp({
    files: { 'a.jpg': 'content' },
    env: { AUTH_USERNAME: USERNAME, AUTH_PASSWORD: PASSWORD, API_KEYS: 'key-1,key-2' },
  });
});

afterAll(async () => {
  await running.stop();
});

function basic(username: string, password: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** Every way to the content, and every method, on both ports. */
async function answersTo(headers: Readonly<Record<string, string>>): Promise<[string, WireAnswer][]> {
  const asked: [string, number, string][] = [
    ['GET', running.davPort, '/photos/a.jpg'],
    ['GET', running.port, '/dav/photos/a.jpg'],
    ['GET', running.davPort, '/photos/'],
    ['GET', running.davPort, '/photos/missing.jpg'],
    ['HEAD', running.davPort, '/photos/a.jpg'],
    ['PROPFIND', running.davPort, '/'],
    ['PROPFIND', running.port, '/dav/photos/'],
    ['PUT', running.davPort, '/photos/a.jpg'],
    ['LOCK', running.davPort, '/photos/a.jpg'],
    ['POST', running.davPort, '/photos/a.jpg'],
    ['GET', running.port, '/'],
    ['GET', running.port, '/api/health'],
    ['GET', running.port, '/nothing'],
  ];
  return await Promise.all(
    asked.map(async ([method, port, path]): Promise<[string, WireAnswer]> => {
      const answer = await ask(port, path, { method, headers: { Depth: '0', ...headers } });
      return [`${method} ${port === running.port ? 'PORT' : 'WEBDAV_PORT'} ${path}`, answer];
    }),
  );
}

async function expectNoEntry(headers: Readonly<Record<string, string>>): Promise<void> {
  for (const [what, answer] of await answersTo(headers)) {
    expect([what, answer.status, answer.headers['www-authenticate']]).toEqual([what, 401, CHALLENGE]);
    expect(answer.text).not.toMatch(/content|photos|a\.jpg/);
  }
}

const PROTOTYPE_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'];
const ENCODED = Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64');

it('is tested with a password whose base64 holds what others stumble over', () => {
  expect(ENCODED).toMatch(/\+/);
  expect(ENCODED).toMatch(/\//);
});

describe('a login', () => {
  it.each<[string, Record<string, string>]>([
    ['that is right', basic(USERNAME, PASSWORD)],
    ['with the scheme in lower case', { Authorization: `basic ${ENCODED}` }],
    ['with the scheme in upper case', { Authorization: `BASIC  ${ENCODED}` }],
    ['typed in decomposed letters, as on macOS', basic(USERNAME.normalize('NFD'), PASSWORD.normalize('NFD'))],
  ])('%s opens everything', async (_what, headers) => {
    expect((await ask(running.davPort, '/photos/a.jpg', { headers })).text).toBe('content');
    for (const [what, answer] of await answersTo(headers)) {
      expect([what, answer.status]).not.toEqual([what, 401]);
      // A challenge beside a good answer makes some clients ask for the password again.
      expect(answer.headers).not.toHaveProperty('www-authenticate');
    }
  });

  it('that is missing is asked for', async () => {
    await expectNoEntry({});
  });

  it.each<[string, Record<string, string>]>([
    ['with another password', basic(USERNAME, 'wrong')],
    ['with the empty password', basic(USERNAME, '')],
    ['with both empty', basic('', '')],
    ['with the password cut at its second colon', basic(USERNAME, 'a')],
    ['with the password cut at its last colon', basic(USERNAME, PASSWORD.slice(0, -2))],
    ['with more behind the password', basic(USERNAME, `${PASSWORD} `)],
    ['with the name in another case', basic(USERNAME.toUpperCase(), PASSWORD)],
    ['with another name', basic('somebody', PASSWORD)],
    ['with name and password swapped', basic(PASSWORD, USERNAME)],
    [
      'in Latin-1',
      { Authorization: `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`, 'latin1').toString('base64')}` },
    ],
    ['in base64 for URLs', { Authorization: `Basic ${ENCODED.replaceAll('+', '-').replaceAll('/', '_')}` }],
    [
      'not in base64',
      { Authorization: `Basic ${USERNAME.normalize('NFD').replace(/[^a-z]/g, '')}:${PASSWORD.slice(0, 3)}` },
    ],
    ['without a colon', { Authorization: `Basic ${Buffer.from(USERNAME).toString('base64')}` }],
    ['of no content', { Authorization: 'Basic' }],
    ['of the empty content', { Authorization: 'Basic ' }],
    [
      'by Digest',
      { Authorization: `Digest username="x", realm="mediadav", nonce="x", uri="/", response=""` },
    ],
    ['by Negotiate', { Authorization: 'Negotiate TlRMTVNTUAABAAAA' }],
    ['by the password alone', { Authorization: 'Bearer a' }],
    ['sent twice in one', { Authorization: `Basic ${ENCODED}, Basic ${ENCODED}` }],
    ['for a proxy', { 'Proxy-Authorization': `Basic ${ENCODED}` }],
    ['in a cookie', { Cookie: `Authorization=Basic ${ENCODED}` }],
    ['by an unknown key', { 'X-API-Key': 'key-3' }],
  ])('%s opens nothing', async (_what, headers) => {
    await expectNoEntry(headers);
  });

  it.each(PROTOTYPE_NAMES)('as %s, which every object knows, opens nothing', async (name) => {
    for (const password of ['', 'undefined', 'null', name, '[object Object]', PASSWORD]) {
      await expectNoEntry(basic(name, password));
    }
  });

  it('in the URL is none', async () => {
    const url = `http://${encodeURIComponent(USERNAME)}:x@127.0.0.1:${running.davPort}/photos/a.jpg`;
    expect((await ask(running.davPort, url)).status).toBe(400);
  });
});

describe('an API key', () => {
  it.each<[Record<string, string>]>([[{ 'X-API-Key': 'key-1' }], [{ Authorization: 'Bearer key-2' }]])(
    '%o opens the API and not the mount',
    async (headers) => {
      expect((await ask(running.port, '/api/health', { headers })).status).toBe(200);
      for (const [port, path] of [
        [running.davPort, '/photos/a.jpg'],
        [running.port, '/dav/photos/a.jpg'],
      ] as const) {
        expect((await ask(port, path, { headers })).status).toBe(401);
        expect((await propfind(port, path, { headers })).status).toBe(401);
      }
    },
  );
});

describe('OPTIONS', () => {
  const PATHS = [
    '/',
    '/photos',
    '/photos/',
    '/photos/a.jpg',
    '/photos/missing/deeper',
    '/..',
    '/%zz',
    '/a%00',
  ];

  it.each([
    ['no login', {}],
    ['a wrong one', basic('x', 'y')],
    ['the right one', basic(USERNAME, PASSWORD)],
  ])('is answered everywhere with %s', async (_what, headers) => {
    const places: [number, string][] = [
      ...PATHS.map((path): [number, string] => [running.davPort, path]),
      ...PATHS.map((path): [number, string] => [running.port, `/dav${path}`]),
      // What lies above the mount is asked for too, before the mount.
      ...[running.port, running.davPort].map((port): [number, string] => [port, '*']),
      [running.port, '/dav'],
      [running.port, '/'],
    ];
    for (const [port, path] of places) {
      const answer = await ask(port, path, { method: 'OPTIONS', headers });
      expect([path, answer.status, answer.body.length]).toEqual([path, 200, 0]);
      expect(answer.headers).toMatchObject({
        dav: '1',
        allow: 'OPTIONS, GET, HEAD, PROPFIND, REPORT',
        'ms-author-via': 'DAV',
        'content-length': '0',
      });
      expect(answer.headers).not.toHaveProperty('www-authenticate');
    }
  });

  it('tells nobody what is there', async () => {
    const headersOf = async (path: string) => {
      const { headers } = await ask(running.davPort, path, { method: 'OPTIONS' });
      return { ...headers, date: '', 'x-request-id': '' };
    };
    expect(await headersOf('/photos/a.jpg')).toEqual(await headersOf('/photos/missing.jpg'));
  });
});
