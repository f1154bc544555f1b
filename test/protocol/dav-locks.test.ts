import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { lock, locked, lockInfo, setting, tokenOf } from './dav-lock-requests.ts';
import { onlyResponse, propBody, readMultistatus } from './dav-multistatus.ts';
import { type Ask, ask, propfind, type WireAnswer } from './dav-wire.ts';

let running: FolderApp;
let port = 0;
let count = 0;
/** A folder of its own for each test, with `a.jpg`, `b.jpg` and `sub/c.jpg`. */
let folder = '';

beforeAll(async () => {
  running = await startFolderApp({ files: { 'a?.jpg': 'odd' }, env: { LOCAL_WRITABLE: 'true' } });
  port = running.davPort;
});
afterAll(() => running.stop());

beforeEach(async () => {
  count += 1;
  folder = `/photos/test${count}`;
  await expectStatus(201, 'MKCOL', folder);
  await expectStatus(201, 'PUT', `${folder}/a.jpg`, { body: 'a' });
  await expectStatus(201, 'PUT', `${folder}/b.jpg`, { body: 'b' });
  await expectStatus(201, 'MKCOL', `${folder}/sub`);
  await expectStatus(201, 'PUT', `${folder}/sub/c.jpg`, { body: 'c' });
});
afterEach(() => {
  vi.useRealTimers();
});

const send = (method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<WireAnswer> =>
  ask(port, path, { method, ...request });

async function expectStatus(
  status: number,
  method: string,
  path: string,
  request: Omit<Ask, 'method'> = {},
): Promise<WireAnswer> {
  const answer = await send(method, path, request);
  expect([method, path, answer.status, answer.text]).toEqual([method, path, status, answer.text]);
  return answer;
}

/** Hrefs of the locks that a 423 names. */
function namedLocks({ status, text, headers }: WireAnswer): string[] {
  expect([status, headers['content-type']]).toEqual([423, 'application/xml; charset=utf-8']);
  const [, hrefs = ''] = /<D:lock-token-submitted>(.*?)<\/D:lock-token-submitted>/.exec(text) ?? [];
  return [...hrefs.matchAll(/<D:href>([^<]*)<\/D:href>/g)].map(([, href = '']) => href);
}

/** Every way to change a file or its name, as a client that holds no lock tries it. */
const CHANGES: readonly [method: string, headers: () => Record<string, string>, body?: string][] = [
  ['PUT', () => ({}), 'stolen'],
  ['DELETE', () => ({})],
  ['MOVE', () => ({ Destination: `${folder}/elsewhere.jpg` })],
  ['PROPPATCH', () => ({}), setting('<x xmlns="urn:x">1</x>')],
  ['LOCK', () => ({}), lockInfo()],
  ['LOCK', () => ({}), lockInfo('shared')],
];

describe('an exclusive lock', () => {
  it('keeps out whoever does not send its token, the same user too', async () => {
    await locked(port, `${folder}/a.jpg`, { Depth: '0' });
    for (const [method, headers, body] of CHANGES) {
      const answer = await send(method, `${folder}/a.jpg`, {
        headers: headers(),
        ...(body === undefined ? {} : { body }),
      });
      expect([method, namedLocks(answer)]).toEqual([method, [`${folder}/a.jpg`]]);
    }
    const onto = { headers: { Destination: `${folder}/a.jpg` } };
    expect(namedLocks(await send('COPY', `${folder}/b.jpg`, onto))).toEqual([`${folder}/a.jpg`]);
    expect(namedLocks(await send('MOVE', `${folder}/b.jpg`, onto))).toEqual([`${folder}/a.jpg`]);
    expect((await ask(port, `${folder}/a.jpg`)).text).toBe('a');
    expect((await ask(port, `${folder}/b.jpg`)).text).toBe('b');
    // Reading is nobody's business to forbid, nor is copying away.
    await expectStatus(201, 'COPY', `${folder}/a.jpg`, { headers: { Destination: `${folder}/copy.jpg` } });
  });

  it('lets in whoever sends the token, in either form of If', async () => {
    const token = await locked(port, `${folder}/a.jpg`, { Depth: '0' });
    await expectStatus(204, 'PUT', `${folder}/a.jpg`, { headers: { If: `(<${token}>)` }, body: '1' });
    const tagged = `<http://127.0.0.1:${port}${folder}/a.jpg> (<${token}>)`;
    await expectStatus(204, 'PUT', `${folder}/a.jpg`, { headers: { If: tagged }, body: '2' });
    await expectStatus(204, 'MOVE', `${folder}/b.jpg`, {
      headers: { Destination: `${folder}/a.jpg`, If: tagged },
    });
    expect((await ask(port, `${folder}/a.jpg`)).text).toBe('b');
  });

  it('fails an If that names a token of nobody, or another version: 412, and nothing changed', async () => {
    const token = await locked(port, `${folder}/a.jpg`, { Depth: '0' });
    const bogus = 'urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7';
    for (const condition of [`(<${bogus}>)`, `(<${token}> ["other"])`, `</photos/nowhere> (<${token}>)`]) {
      await expectStatus(412, 'PUT', `${folder}/a.jpg`, { headers: { If: condition }, body: 'x' });
    }
    // The header holds, but the token was not sent.
    await expectStatus(423, 'PUT', `${folder}/a.jpg`, { headers: { If: '(Not <DAV:no-lock>)' }, body: 'x' });
    for (const condition of ['(', '<x>', '(<a>) </b> (<c>)']) {
      await expectStatus(400, 'PUT', `${folder}/a.jpg`, { headers: { If: condition }, body: 'x' });
    }
    expect((await ask(port, `${folder}/a.jpg`)).text).toBe('a');
  });

  it('is asked for by GET and PROPFIND when they have an If', async () => {
    const bogus = { If: '(<urn:uuid:no>)' };
    await expectStatus(412, 'GET', `${folder}/a.jpg`, { headers: bogus });
    await expectStatus(412, 'PROPFIND', `${folder}/a.jpg`, { headers: { ...bogus, Depth: '0' } });
    const { headers } = await send('HEAD', `${folder}/a.jpg`);
    await expectStatus(200, 'GET', `${folder}/a.jpg`, { headers: { If: `([${headers.etag}])` } });
  });

  it('is on the resource under all of its names', async () => {
    await locked(port, `${folder}/\u00e9.jpg`.replace('\u00e9', '%C3%A9'));
    expect((await send('PUT', `${folder}/e%CC%81.jpg`, { body: 'x' })).status).toBe(423);
    // Windows cannot hold the name it has on the disk, so that it is shown by another.
    await locked(port, `/photos/${encodeURIComponent('a？.jpg')}`, { Depth: '0' });
    expect((await send('PUT', '/photos/a%3F.jpg', { body: 'x' })).status).toBe(423);
    expect(await readFile(join(running.root, 'a?.jpg'), 'utf8')).toBe('odd');
  });

  it('says who holds it, for how long, and by which token', async () => {
    const given = await lock(port, `${folder}/a.jpg`, { Depth: '0', Timeout: 'Second-600' });
    const body = propBody('lockdiscovery', 'supportedlock');
    const { text } = await propfind(port, `${folder}/a.jpg`, { body });
    const active =
      '<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:exclusive/></D:lockscope><D:depth>0</D:depth>' +
      '<D:owner xmlns:D="DAV:"><D:href>ann</D:href></D:owner><D:timeout>Second-600</D:timeout>' +
      `<D:locktoken><D:href>${tokenOf(given)}</D:href></D:locktoken>` +
      `<D:lockroot><D:href>${folder}/a.jpg</D:href></D:lockroot></D:activelock>`;
    expect(given.text).toContain(active);
    expect(text.replace(/Second-\d+/, 'Second-600')).toContain(active);
    expect(text).toContain('<D:lockscope><D:shared/></D:lockscope>');
    const listing = await propfind(port, folder, { headers: { Depth: '1' }, body });
    const withLocks = readMultistatus(listing.body).filter(
      ({ found }) => found.get('lockdiscovery') !== '' && found.has('lockdiscovery'),
    );
    expect(withLocks.map(({ href }) => href)).toEqual([`${folder}/a.jpg`]);
    expect((await propfind(port, `${folder}/a.jpg`)).text).not.toContain('activelock');
  });
});

describe('a lock on a folder', () => {
  it('of depth infinity is on all that is in it, now and later', async () => {
    const token = await locked(port, `${folder}/sub`);
    for (const [method, headers, body] of CHANGES) {
      const answer = await send(method, `${folder}/sub/c.jpg`, {
        headers: headers(),
        ...(body === undefined ? {} : { body }),
      });
      expect([method, namedLocks(answer)]).toEqual([method, [`${folder}/sub`]]);
    }
    await expectStatus(423, 'PUT', `${folder}/sub/new.jpg`, { body: 'x' });
    await expectStatus(423, 'MKCOL', `${folder}/sub/new`);
    await expectStatus(423, 'MOVE', `${folder}/a.jpg`, { headers: { Destination: `${folder}/sub/a.jpg` } });
    await expectStatus(423, 'DELETE', folder);
    await expectStatus(423, 'MOVE', folder, { headers: { Destination: `${folder}-moved` } });
    const If = `<${folder}/sub/> (<${token}>)`;
    await expectStatus(201, 'MOVE', `${folder}/a.jpg`, {
      headers: { Destination: `${folder}/sub/a.jpg`, If },
    });
    await expectStatus(423, 'PUT', `${folder}/sub/a.jpg`, { body: 'x' });
    await expectStatus(204, 'PUT', `${folder}/sub/a.jpg`, { headers: { If: `(<${token}>)` }, body: 'x' });
  });

  it('of depth 0 is on its names, not on what they stand for', async () => {
    const token = await locked(port, folder, { Depth: '0' });
    await expectStatus(204, 'PUT', `${folder}/a.jpg`, { body: 'x' });
    await expectStatus(423, 'PUT', `${folder}/new.jpg`, { body: 'x' });
    await expectStatus(423, 'DELETE', `${folder}/a.jpg`);
    await expectStatus(423, 'MOVE', `${folder}/a.jpg`, { headers: { Destination: `${folder}/sub/a.jpg` } });
    await expectStatus(423, 'LOCK', `${folder}/new.jpg`, { body: lockInfo() });
    const If = `<${folder}> (<${token}>)`;
    await expectStatus(201, 'PUT', `${folder}/new.jpg`, { headers: { If }, body: 'x' });
    await expectStatus(204, 'DELETE', `${folder}/a.jpg`, { headers: { If } });
    await expectStatus(201, 'PUT', `${folder}/sub/new.jpg`, { body: 'x' });
  });

  it('is not given while something in it is locked: 207 says what', async () => {
    await locked(port, `${folder}/sub/c.jpg`);
    const answer = await expectStatus(207, 'LOCK', folder, { body: lockInfo() });
    expect(readMultistatus(answer.body).map(({ href, status }) => [href, status])).toEqual([
      [`${folder}/sub/c.jpg`, 'HTTP/1.1 423 Locked'],
      [folder, 'HTTP/1.1 424 Failed Dependency'],
    ]);
    await expectStatus(204, 'PUT', `${folder}/a.jpg`, { body: 'x' });
    await expectStatus(200, 'LOCK', folder, { headers: { Depth: '0' }, body: lockInfo() });
  });
});

describe('LOCK', () => {
  it('of a name that nothing has makes an empty file: 201', async () => {
    const answer = await expectStatus(201, 'LOCK', `${folder}/new.jpg`, { body: lockInfo() });
    const head = await expectStatus(200, 'HEAD', `${folder}/new.jpg`);
    expect([head.headers['content-length'], head.headers.etag]).toEqual(['0', expect.any(String)]);
    const If = `(<${tokenOf(answer)}>)`;
    await expectStatus(204, 'PUT', `${folder}/new.jpg`, { headers: { If }, body: 'x' });
    await expectStatus(409, 'LOCK', `${folder}/no/where.jpg`, { body: lockInfo() });
    await expectStatus(404, 'HEAD', `${folder}/no/where.jpg`);
  });

  it.each([
    ['new: file?.jpg', 'new： file？.jpg'],
    ['CON.jpg', 'CON_.jpg'],
    ['ends with dot.', 'ends with dot．'],
    ['e\u0301: a.jpg', '\u00e9： a.jpg'],
    ['e\u0301.jpg', '\u00e9.jpg'],
  ])('of a new name that is shown by another is refused, and makes nothing: %s', async (asked, shown) => {
    const path = `${folder}/${encodeURIComponent(asked)}`;
    const refused = await expectStatus(403, 'LOCK', path, { headers: { Depth: '0' }, body: lockInfo() });
    expect(refused.text).toContain(`${folder}/${shown}"`);
    await expectStatus(404, 'HEAD', path);
    // What is there can be locked by each of its names.
    await expectStatus(201, 'PUT', path, { body: asked });
    const given = await expectStatus(200, 'LOCK', path, { headers: { Depth: '0' }, body: lockInfo() });
    const other = `${folder}/${encodeURIComponent(shown)}`;
    await expectStatus(423, 'PUT', other, { body: 'stolen' });
    const If = `<http://127.0.0.1:${port}${path}> (<${tokenOf(given)}>)`;
    await expectStatus(204, 'PUT', path, { headers: { If }, body: 'own' });
    await expectStatus(204, 'UNLOCK', path, { headers: { 'Lock-Token': `<${tokenOf(given)}>` } });
  });

  it('keeps a file from being moved to a name that is shown by another, while it is on it', async () => {
    const token = await locked(port, `${folder}/a.jpg`, { Depth: '0' });
    const headers = { Destination: `${folder}/${encodeURIComponent('what?.jpg')}`, If: `(<${token}>)` };
    await expectStatus(403, 'MOVE', `${folder}/a.jpg`, { headers });
    await expectStatus(200, 'HEAD', `${folder}/a.jpg`);
    await expectStatus(204, 'UNLOCK', `${folder}/a.jpg`, { headers: { 'Lock-Token': `<${token}>` } });
    await expectStatus(201, 'MOVE', `${folder}/a.jpg`, { headers: { Destination: headers.Destination } });
  });

  it.each([
    ['what?', 'what？'],
    ['e\u0301', '\u00e9'],
  ])('of a new name in a folder that is shown by another is refused: %s', async (asked, shown) => {
    const [path, other] = [asked, shown].map((name) => `${folder}/${encodeURIComponent(name)}`);
    await expectStatus(201, 'MKCOL', `${path}`);
    await expectStatus(403, 'LOCK', `${path}/a.jpg`, { body: lockInfo() });
    await expectStatus(404, 'HEAD', `${path}/a.jpg`);
    await expectStatus(201, 'LOCK', `${other}/a.jpg`, { body: lockInfo() });
  });

  it('keeps its folder from being moved to a name that is shown by another', async () => {
    const token = await locked(port, `${folder}/sub/c.jpg`, { Depth: '0' });
    const If = `<http://127.0.0.1:${port}${folder}/sub/c.jpg> (<${token}>)`;
    const moveTo = (name: string) => ({ headers: { Destination: `${folder}/${name}`, If } });
    await expectStatus(403, 'MOVE', `${folder}/sub`, moveTo('what%3F'));
    await expectStatus(403, 'MOVE', `${folder}/sub`, moveTo('e%CC%81'));
    await expectStatus(201, 'MOVE', `${folder}/sub`, moveTo('what'));
  });

  it.each([
    ['0', 200],
    ['infinity', 200],
    ['1', 400],
    ['2', 400],
  ])('with Depth %s: %i', async (Depth, status) => {
    await expectStatus(status, 'LOCK', `${folder}/a.jpg`, { headers: { Depth }, body: lockInfo() });
  });

  it.each(['x', '<D:lockinfo xmlns:D="DAV:"/>', lockInfo().slice(0, -3)])(
    'of which the body is %s: 400',
    async (body) => {
      await expectStatus(400, 'LOCK', `${folder}/a.jpg`, { body });
      await expectStatus(204, 'PUT', `${folder}/a.jpg`, { body: 'x' });
    },
  );

  it('refreshes with an empty body, and needs the token for that', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const token = await locked(port, `${folder}/sub`, { Timeout: 'Second-600' });
    vi.setSystemTime(Date.now() + 500_000);
    await expectStatus(400, 'LOCK', `${folder}/sub`);
    await expectStatus(412, 'LOCK', `${folder}/sub`, { headers: { If: '(<urn:uuid:no>)' } });
    await expectStatus(412, 'LOCK', `${folder}/a.jpg`, { headers: { If: `</photos> (Not <${token}>)` } });
    // Through a resource that is only in it, too.
    const headers = { If: `(<${token}>)`, Timeout: 'Second-900' };
    const answer = await expectStatus(200, 'LOCK', `${folder}/sub/c.jpg`, { headers });
    expect([answer.headers['lock-token'], answer.text]).toEqual([
      undefined,
      expect.stringContaining('<D:timeout>Second-900</D:timeout>'),
    ]);
    vi.setSystemTime(Date.now() + 800_000);
    await expectStatus(423, 'PUT', `${folder}/sub/c.jpg`, { body: 'x' });
  });

  it('ends by itself', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const token = await locked(port, `${folder}/a.jpg`, { Timeout: 'Second-600' });
    vi.setSystemTime(Date.now() + 599_000);
    await expectStatus(423, 'PUT', `${folder}/a.jpg`, { body: 'x' });
    vi.setSystemTime(Date.now() + 1_000);
    await expectStatus(412, 'PUT', `${folder}/a.jpg`, { headers: { If: `(<${token}>)` }, body: 'x' });
    await expectStatus(204, 'PUT', `${folder}/a.jpg`, { body: 'x' });
    await expectStatus(409, 'UNLOCK', `${folder}/a.jpg`, { headers: { 'Lock-Token': `<${token}>` } });
    await expectStatus(200, 'LOCK', `${folder}/a.jpg`, { body: lockInfo() });
  });

  it('can be shared, and then any of the tokens will do', async () => {
    const share = async () => {
      const answer = await expectStatus(200, 'LOCK', `${folder}/a.jpg`, { body: lockInfo('shared') });
      return tokenOf(answer);
    };
    const [first, second] = [await share(), await share()];
    await expectStatus(423, 'LOCK', `${folder}/a.jpg`, { body: lockInfo() });
    await expectStatus(423, 'PUT', `${folder}/a.jpg`, { body: 'x' });
    for (const token of [first, second]) {
      await expectStatus(204, 'PUT', `${folder}/a.jpg`, { headers: { If: `(<${token}>)` }, body: token });
    }
    await expectStatus(204, 'UNLOCK', `${folder}/a.jpg`, { headers: { 'Lock-Token': `<${first}>` } });
    await expectStatus(423, 'PUT', `${folder}/a.jpg`, { body: 'x' });
    await expectStatus(204, 'UNLOCK', `${folder}/a.jpg`, { headers: { 'Lock-Token': `<${second}>` } });
    await expectStatus(204, 'PUT', `${folder}/a.jpg`, { body: 'x' });
  });
});

describe('below /dav of the other port', () => {
  it('locks are the same, and named by the addresses of that port', async () => {
    const other = running.port;
    const given = await lock(other, `/dav${folder}/a.jpg`, { Depth: '0' });
    expect(given.text).toContain(`<D:lockroot><D:href>/dav${folder}/a.jpg</D:href></D:lockroot>`);
    expect((await ask(port, `${folder}/a.jpg`, { method: 'PUT', body: 'x' })).status).toBe(423);
    const refused = await ask(other, `/dav${folder}/a.jpg`, { method: 'DELETE' });
    expect(namedLocks(refused)).toEqual([`/dav${folder}/a.jpg`]);
    const If = `<http://127.0.0.1:${other}/dav${folder}/a.jpg> (<${tokenOf(given)}>)`;
    const put = await ask(other, `/dav${folder}/a.jpg`, { method: 'PUT', headers: { If }, body: 'x' });
    expect(put.status).toBe(204);
    // An address that is none of this port's.
    const foreign = { method: 'PUT', headers: { If: If.replace('/dav', '') }, body: 'y' };
    expect((await ask(other, `/dav${folder}/a.jpg`, foreign)).status).toBe(412);
  });
});

describe('UNLOCK', () => {
  it('needs the token of a lock that is on the resource', async () => {
    const token = await locked(port, `${folder}/a.jpg`);
    const bogus = 'urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7';
    const answer = await expectStatus(409, 'UNLOCK', `${folder}/a.jpg`, {
      headers: { 'Lock-Token': `<${bogus}>` },
    });
    expect(answer.text).toContain('<D:lock-token-matches-request-uri/>');
    await expectStatus(409, 'UNLOCK', `${folder}/b.jpg`, { headers: { 'Lock-Token': `<${token}>` } });
    for (const header of [{}, { 'Lock-Token': token }, { 'Lock-Token': '<>' }]) {
      await expectStatus(400, 'UNLOCK', `${folder}/a.jpg`, { headers: header });
    }
    await expectStatus(423, 'DELETE', `${folder}/a.jpg`);
  });
});

describe('locks', () => {
  it('go with what is deleted, and stay where something was moved from', async () => {
    const token = await locked(port, `${folder}/sub/c.jpg`);
    const If = `<${folder}/sub/c.jpg> (<${token}>)`;
    await expectStatus(204, 'DELETE', `${folder}/sub`, { headers: { If } });
    await expectStatus(201, 'MKCOL', `${folder}/sub`);
    await expectStatus(201, 'PUT', `${folder}/sub/c.jpg`, { body: 'not locked' });
    const second = await locked(port, `${folder}/a.jpg`);
    await expectStatus(201, 'MOVE', `${folder}/a.jpg`, {
      headers: { Destination: `${folder}/moved.jpg`, If: `(<${second}>)` },
    });
    await expectStatus(204, 'PUT', `${folder}/moved.jpg`, { body: 'not locked' });
    await expectStatus(201, 'PUT', `${folder}/a.jpg`, { body: 'not locked' });
  });

  it('stay at a destination that something else is moved to', async () => {
    const token = await locked(port, `${folder}/b.jpg`, { Depth: '0' });
    const If = `<${folder}/b.jpg> (<${token}>)`;
    await expectStatus(204, 'MOVE', `${folder}/a.jpg`, { headers: { Destination: `${folder}/b.jpg`, If } });
    await expectStatus(423, 'PUT', `${folder}/b.jpg`, { body: 'x' });
    await expectStatus(204, 'PUT', `${folder}/b.jpg`, { headers: { If }, body: 'x' });
  });
});

describe('what can be locked', () => {
  it('is announced where it can be', async () => {
    const options = await send('OPTIONS', `${folder}/a.jpg`);
    expect(options.headers.dav).toBe('1, 2');
    for (const method of ['LOCK', 'UNLOCK', 'PROPPATCH', 'PUT'])
      expect(options.headers.allow).toContain(method);
    expect((await propfind(port, folder)).headers.dav).toBe('1, 2');
    const body = propBody('supportedlock');
    expect(onlyResponse((await propfind(port, folder, { body })).body).found.get('supportedlock')).not.toBe(
      '',
    );
  });

  it('is nothing where nothing can be written', async () => {
    const readOnly = await startFolderApp({ files: { 'a.jpg': 'a' } });
    const other = readOnly.davPort;
    expect((await ask(other, '/photos/', { method: 'OPTIONS' })).headers.dav).toBe('1');
    expect((await lock(other, '/photos/a.jpg')).status).toBe(403);
    expect((await lock(other, '/photos/._a.jpg')).status).toBe(403);
    const body = propBody('supportedlock', 'lockdiscovery');
    const { found } = onlyResponse((await propfind(other, '/photos/a.jpg', { body })).body);
    expect([found.get('supportedlock'), found.get('lockdiscovery')]).toEqual(['', '']);
    await readOnly.stop();
  });
});
