import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { onlyResponse, propBody, readMultistatus } from './dav-multistatus.ts';
import { Wire, type WireAnswer } from './dav-wire.ts';

// What clients of a read-only mount send, as traced or read in their sources, and what each then looks for.
const BYTES = patterned(400_000);
const MODIFIED = 'Thu, 02 Jan 2020 12:00:00 GMT';
const APPLE_DOUBLE = '{http://www.apple.com/webdav_fs/props/}appledoubleheader';
const EXECUTABLE = '{http://apache.org/dav/props/}executable';
const READ_ONLY = { allow: 'OPTIONS, GET, HEAD, PROPFIND, REPORT', dav: '1', 'ms-author-via': 'DAV' };

let running: FolderApp;
let wire: Wire;

beforeAll(async () => {
  running = await startFolderApp({ files: { 'IMG 1.jpg': BYTES, 'film.mp4': BYTES, 'sub/b.jpg': 'b' } });
  wire = await Wire.open(running.davPort);
});

afterAll(async () => {
  wire.close();
  await running.stop();
});

/** One client's requests come over one connection and share its headers. */
function speakAs(common: Readonly<Record<string, string>>) {
  const send = (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ) => {
    return wire.ask(path, {
      method,
      headers: { ...common, ...headers },
      ...(body === undefined ? {} : { body }),
    });
  };
  return {
    send,
    list: async (path: string, headers: Readonly<Record<string, string>>, body?: string) => {
      const answer = await send('PROPFIND', path, headers, body);
      expect(answer.statusLine).toBe('HTTP/1.1 207 Multi-Status');
      const isPacked = answer.headers['content-encoding'] === 'gzip';
      return readMultistatus(isPacked ? gunzipSync(answer.body) : answer.body);
    },
  };
}

function expectPart(answer: WireAnswer, start: number, end: number): void {
  expect([answer.status, answer.headers['content-range']]).toEqual([
    206,
    `bytes ${start}-${end}/${BYTES.length}`,
  ]);
  expect(answer.headers['content-length']).toBe(String(end - start + 1));
  expect(answer.body.equals(BYTES.subarray(start, end + 1))).toBe(true);
}

it('Finder mounts read-only, lists, reads on where it stopped, and is refused when it writes', async () => {
  const { send, list } = speakAs({
    'User-Agent': 'WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)',
    Accept: '*/*',
  });
  // Class 2 would make it mount for writing, and fail at the first save.
  expect((await send('OPTIONS', '/')).headers).toMatchObject(READ_ONLY);
  const body = propBody('getlastmodified', 'getcontentlength', 'creationdate', 'resourcetype');
  const [root] = await list('/', { Depth: '0', 'Content-Type': 'text/xml' }, body);
  expect(root?.found.get('resourcetype')).toBe('<collection>');
  expect(Date.parse(root?.found.get('getlastmodified') ?? '')).toBeGreaterThan(Date.UTC(1971, 0));

  // Numbers here make it wait for a minute and a half.
  const quota = ['quota-available-bytes', 'quota-used-bytes', 'quota', 'quotaused'];
  const [told] = await list('/', { Depth: '0' }, propBody(...quota));
  expect([...(told?.missing ?? [])].sort()).toEqual(quota.sort());

  const wanted = ['getlastmodified', 'getcontentlength', 'creationdate', 'resourcetype', APPLE_DOUBLE];
  const members = await list('/photos/', { Depth: '1' }, propBody(...wanted));
  for (const { href } of members.slice(1)) {
    expect(href.length).toBeGreaterThan('/photos/'.length);
    expect(Buffer.byteLength(decodeURIComponent(href.split('/').at(-1) ?? ''))).toBeLessThanOrEqual(255);
  }
  expect(
    (await send('PROPFIND', '/photos/._film.mp4', { Depth: '0' }, propBody('resourcetype'))).status,
  ).toBe(404);

  expectPart(
    await send('GET', '/photos/film.mp4', { Range: 'bytes=100000-', 'If-Range': MODIFIED }),
    100_000,
    399_999,
  );
  expect((await send('GET', '/photos/film.mp4', { 'If-Modified-Since': MODIFIED })).status).toBe(304);
  // EACCES: "you do not have permission".
  for (const method of ['PUT', 'LOCK', 'MKCOL', 'DELETE', 'MOVE']) {
    expect([method, (await send(method, '/photos/new', { Destination: '/photos/x' })).status]).toEqual([
      method,
      403,
    ]);
  }
});

it('Explorer asks without slash and without body, and finds folders, sizes and dates', async () => {
  const { send, list } = speakAs({ 'User-Agent': 'Microsoft-WebDAV-MiniRedir/10.0.19045', translate: 'f' });
  for (const path of ['/', '/photos']) {
    const options = await send('OPTIONS', path);
    expect([options.status, options.headers]).toEqual([200, expect.objectContaining(READ_ONLY)]);
    expect(options.headers['content-length']).toBe('0');
  }
  const [folder] = await list('/photos', { Depth: '0', 'Content-Length': '0' });
  expect([folder?.href, folder?.found.get('resourcetype')]).toEqual(['/photos/', '<collection>']);
  const members = await list('/photos', { Depth: '1', 'Content-Length': '0' });
  const facts = members.map(({ href, found, missing }) => [
    href,
    found.get('getcontentlength') ?? null,
    missing,
  ]);
  expect(facts).toEqual([
    ['/photos/', null, []],
    ['/photos/IMG%201.jpg', '400000', []],
    ['/photos/film.mp4', '400000', []],
    ['/photos/sub/', null, []],
  ]);
  // It takes both dates from here, and reads no fractions of a second.
  expect(members[1]?.found.get('creationdate')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(members[2]?.found.get('getlastmodified')).toBe(MODIFIED);
  for (const probe of ['desktop.ini', 'Thumbs.db', 'folder.jpg', 'AutoRun.inf']) {
    const answer = await send('PROPFIND', `/photos/${probe}`, { Depth: '0', 'Content-Length': '0' });
    // It remembers that something is missing, for longer than is good.
    expect([answer.status, answer.headers['cache-control']]).toEqual([404, 'no-store']);
  }
  expect((await send('GET', '/photos/IMG%201.jpg')).body.equals(BYTES)).toBe(true);
  expect((await send('LOCK', '/photos/IMG%201.jpg', { Timeout: 'Second-3600' })).status).toBe(403);
  expect((await send('PROPPATCH', '/photos/IMG%201.jpg')).status).toBe(403);
});

it('GNOME looks at the parents, asks for types in a header, and reads the names', async () => {
  const common = {
    'User-Agent': 'gvfs/1.50.3',
    'Accept-Encoding': 'gzip, deflate',
    'Apply-To-Redirect-Ref': 'T',
  };
  const { send, list } = speakAs(common);
  expect((await send('OPTIONS', '/photos')).headers.dav).toBe('1');
  for (const path of ['/photos', '/']) {
    const [self] = await list(path, { Depth: '1' }, propBody('resourcetype', 'getcontentlength'));
    expect(self?.found.get('resourcetype')).toBe('<collection>');
  }
  const wanted = [
    'creationdate',
    'displayname',
    'getcontentlength',
    'getcontenttype',
    'getetag',
    'getlastmodified',
    'resourcetype',
  ];
  const members = await list('/', { Depth: '1' }, propBody(...wanted));
  expect(members.every(({ found }) => (found.get('displayname') ?? '') !== '')).toBe(true);
  const quota = await list('/photos/', { Depth: '0' }, propBody('quota-available-bytes', 'quota-used-bytes'));
  expect(Number(quota[0]?.found.get('quota-available-bytes'))).toBeGreaterThan(0);
});

it('KDE asks for thirteen properties of every member, and keeps what it has', async () => {
  const { send, list } = speakAs({
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) KIO/5.103',
    Accept: 'text/html, */*;q=0.5',
  });
  const wanted = [
    'creationdate',
    'getcontentlength',
    'displayname',
    'source',
    'getcontentlanguage',
    'getcontenttype',
  ];
  wanted.push('getlastmodified', 'getetag', 'supportedlock', 'lockdiscovery', 'resourcetype');
  wanted.push('quota-available-bytes', 'quota-used-bytes');
  const members = await list('/photos/', { Depth: '1' }, propBody(...wanted));
  expect([...(members[1]?.missing ?? [])].sort()).toEqual([
    'getcontentlanguage',
    'quota-available-bytes',
    'quota-used-bytes',
    'source',
  ]);
  const etag = members[1]?.found.get('getetag') ?? '';
  const held = { 'If-None-Match': etag, 'If-Modified-Since': 'Wed, 01 Jan 2020 12:00:00 GMT' };
  expect((await send('GET', '/photos/IMG%201.jpg', held)).status).toBe(304);
});

it('davfs2 asks whether files are programs, and reads them whole', async () => {
  const { send, list } = speakAs({ 'User-Agent': 'davfs2/1.6.1 neon/0.32.5' });
  const body = propBody('resourcetype', 'getcontentlength', 'getetag', 'getlastmodified', EXECUTABLE);
  const members = await list('/photos/', { Depth: '1' }, body);
  expect(members[1]?.missing).toEqual([EXECUTABLE]);
  expect((await send('GET', '/photos/IMG%201.jpg')).headers.etag).toBe(members[1]?.found.get('getetag'));
});

it('rclone lists with and without a body, and wants its range and nothing else', async () => {
  const { send, list } = speakAs({
    'User-Agent': 'rclone/v1.60.1',
    Referer: `http://127.0.0.1/`,
    'Accept-Encoding': 'gzip',
  });
  const [self, ...members] = await list('/photos/', { Depth: '1' });
  expect(self?.href).toBe('/photos/');
  expect(members.map(({ found }) => found.get('getcontentlength'))).toEqual(['400000', '400000', undefined]);
  const four = propBody('displayname', 'getlastmodified', 'getcontentlength', 'resourcetype');
  expect((await list('/photos/', { Depth: '1' }, four)).length).toBe(4);
  expectPart(await send('GET', '/photos/film.mp4', { Range: 'bytes=1000-1999' }), 1000, 1999);
  expect((await send('PROPFIND', '/photos/missing', { Depth: '1' })).status).toBe(404);
});

it('Kodi compares the status text by letter, and seeks', async () => {
  const { send } = speakAs({ 'User-Agent': 'Kodi/21.0 (Linux; Android 13)', Depth: '1' });
  const body = propBody('resourcetype', 'getcontentlength', 'getlastmodified', 'creationdate', 'displayname');
  const answer = await send('PROPFIND', '/photos/', { 'Content-Type': 'text/xml; charset=utf-8' }, body);
  const statuses = readMultistatus(answer.body).map(({ propstats }) => [...propstats.keys()][0]);
  expect(new Set(statuses)).toEqual(new Set(['HTTP/1.1 200 OK']));
  const whole = await send('GET', '/photos/film.mp4', { Range: 'bytes=0-' });
  expectPart(whole, 0, BYTES.length - 1);
  expect(whole.headers).not.toHaveProperty('transfer-encoding');
  expectPart(await send('GET', '/photos/film.mp4', { Range: 'bytes=399990-399999' }), 399_990, 399_999);
});

it('players find the length, the type and the right to seek', async () => {
  const { send } = speakAs({ 'User-Agent': 'libmpv', Accept: '*/*', 'Icy-MetaData': '1' });
  const head = await send('HEAD', '/photos/film.mp4');
  expect(head.headers).toMatchObject({
    'content-length': '400000',
    'content-type': 'video/mp4',
    'accept-ranges': 'bytes',
  });
  expectPart(await send('GET', '/photos/film.mp4', { Range: 'bytes=0-' }), 0, BYTES.length - 1);
  expectPart(await send('GET', '/photos/film.mp4', { Range: 'bytes=-100' }), 399_900, 399_999);
});

it('Infuse tells folders from files', async () => {
  const { list } = speakAs({ 'User-Agent': 'Infuse-Direct/8.0' });
  const members = await list(
    '/photos/',
    { Depth: '1' },
    propBody('resourcetype', 'iscollection', 'getcontentlength'),
  );
  const facts = members.map(({ found }) => [found.get('resourcetype'), found.get('iscollection')]);
  expect(facts).toEqual([
    ['<collection>', '1'],
    ['', '0'],
    ['', '0'],
    ['<collection>', '1'],
  ]);
});

it('Cyberduck gets unknown namespaces back unharmed', async () => {
  const { send } = speakAs({ 'User-Agent': 'Cyberduck/8.7.0', 'Content-Type': 'text/xml; charset=utf-8' });
  const wanted = ['{SAR:}lastmodified_server', '{SAR:}lastmodified'];
  const answer = await send(
    'PROPFIND',
    '/photos/film.mp4',
    { Depth: '0' },
    propBody('getlastmodified', ...wanted),
  );
  expect(onlyResponse(answer.body).missing).toEqual(wanted);
});

it("Apple's libraries want nothing about what is not there", async () => {
  const { list } = speakAs({ 'User-Agent': 'DataAccess/1.0', Brief: 't', Prefer: 'return=minimal' });
  const wanted = [
    'resourcetype',
    'getcontentlength',
    'quota-used-bytes',
    '{http://calendarserver.org/ns/}getctag',
  ];
  const members = await list('/photos/', { Depth: '1' }, propBody(...wanted));
  expect(members.flatMap(({ missing }) => missing)).toEqual([]);
  expect(members.map(({ found }) => found.has('getcontentlength'))).toEqual([false, true, true, false]);
});

it("Microsoft's libraries list members without their folder", async () => {
  const { list } = speakAs({
    'User-Agent': 'Microsoft Data Access Internet Publishing Provider DAV',
    Translate: 'f',
  });
  const members = await list('/photos/', { Depth: '1,noroot' });
  expect(members.map(({ href }) => href)).toEqual([
    '/photos/IMG%201.jpg',
    '/photos/film.mp4',
    '/photos/sub/',
  ]);
});
