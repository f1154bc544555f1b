import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createImmichProvider } from '../../../../providers/immich/provider.ts';
import { compareVersions, parseServerVersion } from '../../../../providers/immich/server-version.ts';
import type { CodedError } from '../../../../src/model/coded-error.ts';
import type { Provider } from '../../../../src/provider/provider.ts';
import { SEED_KEYS } from '../../../fakes/immich/seed.ts';
import { startFakeImmich } from '../../../fakes/immich/server.ts';
import { makeCall, SHORT_LIMITS, scanAll } from './scan-all.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

async function listen(answer: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function providerAt(url: string): Provider {
  const provider = createImmichProvider({ url, apiKey: SEED_KEYS.minimal, albumIds: [] }, SHORT_LIMITS);
  cleanups.push(() => provider.close());
  return provider;
}

async function failureAt(url: string): Promise<CodedError> {
  const error = await scanAll(providerAt(url)).then(
    () => null,
    (reason: CodedError) => reason,
  );
  if (error === null) throw new Error('the scan did not fail');
  expect(error.message).not.toMatch(/https?:\/\/|127\.0\.0\.1/);
  return error;
}

const NOT_IMMICH =
  'The URL does not lead to an Immich server: it must be the address that opens Immich in a browser.';

describe('a URL that is not one of Immich', () => {
  it.each([
    ['a web page', 200, 'text/html', '<!doctype html><title>Hi</title>'],
    ['nothing there', 404, 'text/html', '<html>Not Found</html>'],
    ['another API', 200, 'application/json', '{"version":"3.1.0"}'],
    ['another API without that path', 404, 'application/json', '{"message":"Not Found"}'],
    ['a text', 200, 'text/plain', 'ok'],
  ])('%s', async (_what, status, type, body) => {
    const { url } = await listen((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    const error = await failureAt(url);
    expect(error.code).toBe('invalid');
    expect(error.message).toBe(NOT_IMMICH);
    const provider = providerAt(url);
    const ref = { id: 'a', path: 'a.jpg' };
    await expect(provider.open(ref, { version: 'v', sizeBytes: 1 }, makeCall())).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(provider.describe(ref, makeCall())).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a proxy whose server is down is no wrong URL', async () => {
    const { url } = await listen((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway</html>');
    });
    expect((await failureAt(url)).code).toBe('unavailable');
  });

  it('a login in front is told as such', async () => {
    const { url } = await listen((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
    });
    const error = await failureAt(url);
    expect(error.code).toBe('denied');
    expect(error.message).toBe('Something in front of the Immich server asks for a login.');
  });

  it('redirects in a circle', async () => {
    const { url } = await listen((request, response) => {
      response.writeHead(302, { location: request.url ?? '' }).end();
    });
    expect((await failureAt(url)).code).toBe('invalid');
  });

  it('a port that refuses, a name that does not exist, no URL at all', async () => {
    const { url, server } = await listen(() => undefined);
    server.close();
    expect((await failureAt(url)).message).toMatch(/it refuses connections/);
    expect((await failureAt('http://no-such-host.invalid')).code).toBe('unavailable');
    expect((await failureAt('immich.example.com')).code).toBe('invalid');
    expect((await failureAt('ftp://127.0.0.1')).code).toBe('invalid');
  });

  it('https to a port that speaks http, and a port that speaks neither', async () => {
    const { url } = await listen((_request, response) => response.end());
    expect((await failureAt(url.replace('http:', 'https:'))).code).toBe('unavailable');
    const silent = createTcpServer((socket) => socket.end('hello\r\n'));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => silent.close());
    expect((await failureAt(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)).code).toBe(
      'unavailable',
    );
  });
});

it('gives up a connection that does not come about', async () => {
  const mute = createTcpServer((socket) => cleanups.push(() => socket.destroy()));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => mute.close());
  const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
  const limits = { ...SHORT_LIMITS, connectMs: 100, firstByteMs: 10_000 };
  const provider = createImmichProvider({ url, apiKey: 'k', albumIds: [] }, limits);
  cleanups.push(() => provider.close());
  await expect(scanAll(provider)).rejects.toMatchObject({
    code: 'unavailable',
    message: 'The Immich server cannot be reached: it did not answer in time.',
  });
});

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])(
    '%i is followed once, then requests go straight to the server',
    async (status) => {
      const fake = await startFakeImmich({ version: '3.1.0' });
      cleanups.push(() => fake.close());
      const seen: string[] = [];
      const { url } = await listen((request, response) => {
        seen.push(`${request.method} ${request.url} ${request.headers['x-api-key'] ?? 'no key'}`);
        response.writeHead(status, { location: `${fake.url}${request.url}` }).end();
      });
      const told = await scanAll(providerAt(url));
      expect(told.collections).toHaveLength(11);
      expect(seen).toEqual(['GET /api/server/version no key']);
      expect(fake.requests.some((request) => request.method === 'POST')).toBe(true);
    },
  );

  it('that begin later are found out, and the new place asked', async () => {
    const fake = await startFakeImmich({ version: '3.1.0' });
    cleanups.push(() => fake.close());
    let isMoved = false;
    const { url } = await listen((request, response) => {
      if (isMoved || request.url !== '/api/server/version') {
        isMoved = true;
        response.writeHead(301, { location: `${fake.url}${request.url}` }).end();
      } else response.end('{"major":3,"minor":1,"patch":0}');
    });
    expect((await scanAll(providerAt(url))).collections).toHaveLength(11);
  });

  it('never lead from https to http', async () => {
    const { ServerAddress } = await import('../../../../providers/immich/server-address.ts');
    const address = new ServerAddress('https://photos.example', async () => ({
      status: 302,
      headers: { location: 'http://photos.example/api/server/version' },
      body: '',
    }));
    await expect(address.locate(AbortSignal.timeout(1000))).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('the configured URL', () => {
  it.each(['', '/', '/api', '/api/'])('may end in "%s"', async (ending) => {
    const fake = await startFakeImmich({ version: '2.7.5' });
    cleanups.push(() => fake.close());
    expect((await scanAll(providerAt(`${fake.url}${ending}`))).collections).toHaveLength(11);
  });

  it('may have a path in front of the API', async () => {
    const fake = await startFakeImmich({ version: '2.7.5' });
    cleanups.push(() => fake.close());
    const { url } = await listen(async (request, response) => {
      const path = /^\/photos(\/.*)/.exec(request.url ?? '')?.[1];
      if (path === undefined) return response.writeHead(404).end();
      const headers = { 'x-api-key': String(request.headers['x-api-key'] ?? '') };
      const answer = await fetch(`${fake.url}${path}`, { method: request.method ?? 'GET', headers });
      const length = answer.headers.get('content-length');
      response.writeHead(answer.status, length === null ? {} : { 'content-length': length });
      return response.end(Buffer.from(await answer.arrayBuffer()));
    });
    expect((await scanAll(providerAt(`${url}/photos`))).collections).toHaveLength(11);
    expect((await failureAt(url)).code).toBe('invalid');
  });
});

it('takes another answer at a place that was Immich before for an outage', async () => {
  let isImmich = true;
  const { url } = await listen((request, response) => {
    if (!isImmich) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Maintenance</html>');
    else if (request.url === '/api/server/version') response.end('{"major":3,"minor":1,"patch":0}');
    else response.end('[]');
  });
  const provider = providerAt(url);
  expect((await scanAll(provider)).collections).toEqual([]);
  isImmich = false;
  await expect(scanAll(provider)).rejects.toMatchObject({ code: 'unavailable' });
});

it('sends JSON headers with every question', async () => {
  const seen: (string | undefined)[] = [];
  const { url } = await listen((request, response) => {
    if (request.url === '/api/server/version') response.end('{"major":3,"minor":1,"patch":0}');
    else {
      seen.push(request.headers['content-type']);
      const album = { id: 'a', albumName: 'A', assetCount: 0, createdAt: null, updatedAt: null };
      const page = { assets: { items: [], nextPage: null } };
      response.end(JSON.stringify(request.method === 'POST' ? page : [album]));
    }
  });
  await scanAll(providerAt(url));
  expect(seen.length).toBeGreaterThan(2);
  expect(new Set(seen)).toEqual(new Set(['application/json']));
});

describe('versions', () => {
  it('are three numbers and nothing else', () => {
    expect(parseServerVersion({ major: 3, minor: 1, patch: 0, prerelease: null })).toEqual({
      major: 3,
      minor: 1,
      patch: 0,
    });
    for (const body of [
      null,
      undefined,
      'x',
      [],
      {},
      { major: '3', minor: 1, patch: 0 },
      { major: 3.5, minor: 1, patch: 0 },
    ]) {
      expect(parseServerVersion(body)).toBeNull();
    }
  });

  it('compare by number', () => {
    const version = (major: number, minor: number, patch: number) => ({ major, minor, patch });
    expect(compareVersions(version(1, 118, 0), version(1, 99, 9))).toBeGreaterThan(0);
    expect(compareVersions(version(2, 7, 5), version(3, 0, 0))).toBeLessThan(0);
    expect(compareVersions(version(3, 1, 0), version(3, 1, 0))).toBe(0);
  });
});
