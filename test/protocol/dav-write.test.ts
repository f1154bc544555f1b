import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { type Ask, ask, chunked, propfind, Wire, type WireAnswer } from './dav-wire.ts';
import { until } from './mediadav-process.ts';

let running: FolderApp;
let port = 0;
let count = 0;
/** A folder of its own for each test, there and in the mount. */
let folder = '';
let disk = '';

beforeAll(async () => {
  running = await startFolderApp({ files: { 'a.jpg': 'a' }, env: { LOCAL_WRITABLE: 'true' } });
  port = running.davPort;
});
afterAll(() => running.stop());

beforeEach(async () => {
  count += 1;
  folder = `/photos/test${count}`;
  disk = join(running.root, `test${count}`);
  expect((await send('MKCOL', folder)).status).toBe(201);
});

function send(method: string, path: string, request: Omit<Ask, 'method'> = {}): Promise<WireAnswer> {
  return ask(port, path, { method, ...request });
}

async function put(
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await send('PUT', path, { body, headers })).status;
}

async function onDisk(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await readdir(disk, { recursive: true })) {
    const isFile = (await stat(join(disk, name))).isFile();
    found[name] = isFile ? await readFile(join(disk, name), 'utf8') : '/';
  }
  return found;
}

/** Names in the folder as a client lists it. */
async function listed(path = folder): Promise<string[]> {
  const responses = readMultistatus((await propfind(port, `${path}/`, { headers: { Depth: '1' } })).body);
  return responses.map(({ href }) => decodeURIComponent(href.slice(path.length + 1))).filter(Boolean);
}

describe('PUT', () => {
  it('of a new file: 201, with the validators of the next HEAD', async () => {
    const bytes = patterned(200_000);
    const answer = await send('PUT', `${folder}/new.jpg`, { body: bytes });
    expect(answer.status).toBe(201);
    const head = await send('HEAD', `${folder}/new.jpg`);
    expect(answer.headers.etag).toMatch(/^"[\w-]+"$/);
    expect([head.headers.etag, head.headers['last-modified']]).toEqual([
      answer.headers.etag,
      answer.headers['last-modified'],
    ]);
    expect((await send('GET', `${folder}/new.jpg`)).body.equals(bytes)).toBe(true);
    expect((await readFile(join(disk, 'new.jpg'))).equals(bytes)).toBe(true);
    expect(await listed()).toEqual(['new.jpg']);
  });

  it('over a file: 204, under the same id and with the same permissions', async () => {
    await writeFile(join(disk, 'old.jpg'), 'old', { mode: 0o640 });
    await running.rescan();
    expect(await put(`${folder}/old.jpg`, 'first')).toBe(204);
    const before = await nodeIdOf('old.jpg');
    const answer = await send('PUT', `${folder}/old.jpg`, { body: 'second' });
    expect([answer.status, answer.body.length]).toEqual([204, 0]);
    expect((await send('HEAD', `${folder}/old.jpg`)).headers.etag).toBe(answer.headers.etag);
    expect(await onDisk()).toEqual({ 'old.jpg': 'second' });
    expect((await stat(join(disk, 'old.jpg'))).mode & 0o777).toBe(0o640);
    expect(await nodeIdOf('old.jpg')).toBe(before);
  });

  it('is in the change feed when the answer has come', async () => {
    for (let round = 0; round < 20; round += 1) {
      const cursor = await head();
      await put(`${folder}/feed${round}.jpg`, 'x'.repeat(round));
      expect(await changedNames(cursor)).toContain(`feed${round}.jpg`);
    }
  });

  it('has its digests before long', async () => {
    await put(`${folder}/hashed.jpg`, 'hello');
    const sha256 = createHash('sha256').update('hello').digest('hex');
    for (let waited = 0; ; waited += 1) {
      const { sha256: told } = (await feed(0)).find(({ node }) => node?.name === 'hashed.jpg')?.node ?? {};
      if (told === sha256) break;
      expect(waited).toBeLessThan(100);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('in chunks with X-Expected-Entity-Length, as Finder does', async () => {
    const headers = { 'Transfer-Encoding': 'chunked', 'X-Expected-Entity-Length': '5' };
    const answer = await send('PUT', `${folder}/chunks.jpg`, { headers, body: chunked('hello') });
    expect([answer.status, await onDisk()]).toEqual([201, { 'chunks.jpg': 'hello' }]);
    const short = { ...headers, 'X-Expected-Entity-Length': '6' };
    const wrong = await send('PUT', `${folder}/chunks.jpg`, { headers: short, body: chunked('other') });
    expect([wrong.status, await onDisk()]).toEqual([400, { 'chunks.jpg': 'hello' }]);
  });

  it.each([
    ['with its length', 'Content-Length: 1000000', patterned(300_000)],
    ['in chunks', 'Transfer-Encoding: chunked', inChunk(patterned(300_000))],
  ])('that breaks off %s leaves the old content and nothing else', async (_how, header, part) => {
    await put(`${folder}/kept.jpg`, 'old');
    for (const name of ['kept.jpg', 'new.jpg']) {
      const wire = await Wire.open(port);
      wire.send(`PUT ${folder}/${name} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${header}\r\n\r\n`);
      wire.send(part);
      await until(
        async () => (await readdir(disk)).some((each) => each.startsWith('.mediadav-upload-')),
        10_000,
      );
      expect(await listed()).toEqual(['kept.jpg']);
      wire.close();
      await until(async () => (await readdir(disk)).length === 1, 10_000);
      expect(await onDisk()).toEqual({ 'kept.jpg': 'old' });
    }
  });

  it('obeys If-Match and If-None-Match', async () => {
    const etag = (await send('PUT', `${folder}/c.jpg`, { body: 'one' })).headers.etag ?? '';
    expect(await put(`${folder}/c.jpg`, 'two', { 'If-None-Match': '*' })).toBe(412);
    expect(await put(`${folder}/c.jpg`, 'two', { 'If-Match': '"stale"' })).toBe(412);
    expect(await put(`${folder}/none.jpg`, 'two', { 'If-Match': '*' })).toBe(412);
    expect(await onDisk()).toEqual({ 'c.jpg': 'one' });
    expect(await put(`${folder}/c.jpg`, 'two', { 'If-Match': etag })).toBe(204);
    expect(await put(`${folder}/c.jpg`, 'three', { 'If-Match': etag })).toBe(412);
    expect(await put(`${folder}/d.jpg`, 'new', { 'If-None-Match': '*' })).toBe(201);
    expect(await onDisk()).toEqual({ 'c.jpg': 'two', 'd.jpg': 'new' });
  });

  it('with If-Match fails when the file changes while it is being sent', async () => {
    const etag = (await send('PUT', `${folder}/race.jpg`, { body: 'one' })).headers.etag ?? '';
    const wire = await Wire.open(port);
    const host = `Host: 127.0.0.1:${port}\r\nIf-Match: ${etag}\r\nContent-Length: 300003\r\n`;
    wire.send(`PUT ${folder}/race.jpg HTTP/1.1\r\n${host}\r\n`);
    wire.send(patterned(300_000));
    await until(async () => (await readdir(disk)).length === 2, 10_000);
    expect(await put(`${folder}/race.jpg`, 'other')).toBe(204);
    wire.send('e!!');
    expect((await wire.answer('PUT')).status).toBe(412);
    wire.close();
    expect(await onDisk()).toEqual({ 'race.jpg': 'other' });
  });

  it('sets the time that X-OC-Mtime tells', async () => {
    const headers = { 'X-OC-Mtime': '1500000000' };
    const answer = await send('PUT', `${folder}/timed.jpg`, { body: 'x', headers });
    expect([answer.status, answer.headers['x-oc-mtime']]).toEqual([201, 'accepted']);
    expect(answer.headers['last-modified']).toBe('Fri, 14 Jul 2017 02:40:00 GMT');
    expect((await stat(join(disk, 'timed.jpg'))).mtimeMs).toBe(1_500_000_000_000);
    expect(await put(`${folder}/timed2.jpg`, 'x', { 'X-OC-Mtime': 'yesterday' })).toBe(400);
    expect(await listed()).toEqual(['timed.jpg']);
  });

  it.each(['sha1', 'md5', 'sha256'])('verifies an OC-Checksum by %s', async (algorithm) => {
    const digest = createHash(algorithm).update('content').digest('hex');
    const right = { 'OC-Checksum': `${algorithm.toUpperCase()}:${digest}` };
    expect(await put(`${folder}/s.jpg`, 'content', right)).toBe(201);
    expect(await put(`${folder}/s.jpg`, 'c0ntent', right)).toBe(400);
    expect(await put(`${folder}/t.jpg`, 'c0ntent', right)).toBe(400);
    expect(await onDisk()).toEqual({ 's.jpg': 'content' });
  });

  it('refuses a part of a file, a folder in the way, and a missing parent', async () => {
    await put(`${folder}/whole.jpg`, 'whole');
    expect(await put(`${folder}/whole.jpg`, 'par', { 'Content-Range': 'bytes 0-2/5' })).toBe(400);
    await send('MKCOL', `${folder}/sub`);
    const inTheWay = await send('PUT', `${folder}/sub`, { body: 'x' });
    expect([inTheWay.status, inTheWay.headers.allow]).toEqual([405, expect.stringContaining('DELETE')]);
    expect(await put(`${folder}/no/where.jpg`, 'x')).toBe(409);
    expect(await put(`${folder}/whole.jpg/below.jpg`, 'x')).toBe(409);
    expect(await onDisk()).toEqual({ 'whole.jpg': 'whole', sub: '/' });
  });

  it('is refused before a body that waits for leave is sent', async () => {
    const refusals: [string, string, number][] = [
      [`${folder}/no/where.jpg`, '', 409],
      [`${folder}/x.jpg`, 'If-Match: "other"\r\n', 412],
      ['/elsewhere.jpg', '', 403],
      [`${folder}/.secret`, '', 403],
    ];
    for (const [path, header, status] of refusals) {
      const wire = await Wire.open(port);
      const head = `PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${header}Expect: 100-continue\r\n`;
      wire.send(`${head}Content-Length: 1000\r\n\r\n`);
      expect([path, (await wire.answer()).status]).toEqual([path, status]);
      wire.close();
    }
    const wire = await Wire.open(port);
    const head = `PUT ${folder}/huge.mp4 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nExpect: 100-continue\r\n`;
    wire.send(`${head}Content-Length: 900000000000000\r\n\r\n`);
    expect((await wire.answer()).status).toBe(507);
    wire.close();
    expect(await onDisk()).toEqual({});
  });

  it('never writes through a link, nor over what is not shown', async () => {
    const outside = join(running.root, '..', `outside${count}`);
    await mkdir(outside);
    await writeFile(join(outside, 'secret.jpg'), 'secret');
    await symlink(outside, join(disk, 'out'));
    await symlink(join(outside, 'secret.jpg'), join(disk, 'link.jpg'));
    expect(await put(`${folder}/out/new.jpg`, 'x')).toBe(409);
    expect(await put(`${folder}/link.jpg`, 'x')).toBe(403);
    expect((await send('DELETE', `${folder}/link.jpg`)).status).toBe(404);
    expect((await send('MKCOL', `${folder}/out/sub`)).status).toBe(409);
    expect(await readdir(outside)).toEqual(['secret.jpg']);
    expect(await readFile(join(disk, 'link.jpg'), 'utf8')).toBe('secret');
  });

  it('keeps the name, and what was put can be read back under it', async () => {
    const names = ['a:b?.jpg', 'CON.jpg', 'e\u0301.jpg', 'ends with dot.', '100% #1 & <2>.jpg', 'ü😀.jpg'];
    for (const name of names) {
      const path = `${folder}/${encodeURIComponent(name)}`;
      expect([name, await put(path, name)]).toEqual([name, 201]);
      expect((await send('GET', path)).text).toBe(name);
      expect([name, await put(path, `${name}!`)]).toEqual([name, 204]);
    }
    const stored = names.map((name) => name.normalize('NFC')).sort();
    expect((await readdir(disk)).sort()).toEqual(stored);
    for (const shown of await listed()) {
      expect((await send('DELETE', `${folder}/${encodeURIComponent(shown)}`)).status).toBe(204);
    }
    expect(await onDisk()).toEqual({});
  });
});

describe('MKCOL', () => {
  it('makes a folder, once, where there is one to hold it', async () => {
    expect((await send('MKCOL', `${folder}/sub/`)).status).toBe(201);
    const again = await send('MKCOL', `${folder}/sub/`);
    expect([again.status, again.headers.allow]).toEqual([405, expect.stringContaining('PUT')]);
    expect((await send('MKCOL', `${folder}/no/where`)).status).toBe(409);
    const body = { body: '<x/>', headers: { 'Content-Type': 'application/xml' } };
    expect((await send('MKCOL', `${folder}/other`, body)).status).toBe(415);
    expect(await onDisk()).toEqual({ sub: '/' });
    for (const top of ['/', '/photos', '/photos/']) expect((await send('MKCOL', top)).status).toBe(405);
    expect((await send('MKCOL', '/elsewhere')).status).toBe(403);
  });
});

describe('DELETE', () => {
  it('of a file and of a folder: gone, also from the feed', async () => {
    await put(`${folder}/x.jpg`, 'x');
    await send('MKCOL', `${folder}/sub`);
    await put(`${folder}/sub/y.jpg`, 'y');
    const cursor = await head();
    expect((await send('DELETE', `${folder}/x.jpg`)).status).toBe(204);
    expect((await send('DELETE', `${folder}/sub/`, { headers: { Depth: 'infinity' } })).status).toBe(204);
    expect((await feed(cursor)).filter(({ removed }) => removed)).toHaveLength(3);
    expect((await send('DELETE', `${folder}/x.jpg`)).status).toBe(404);
    expect([await onDisk(), await listed()]).toEqual([{}, []]);
  });

  it('takes the litter of systems along, and nothing else that is not shown', async () => {
    await mkdir(join(disk, 'sub/deep'), { recursive: true });
    const litter = ['sub/.DS_Store', 'sub/._x.jpg', 'sub/Thumbs.db', 'sub/deep/desktop.ini'];
    for (const name of [...litter, 'sub/x.jpg']) await writeFile(join(disk, name), '');
    await running.rescan();
    expect((await send('DELETE', `${folder}/sub`)).status).toBe(204);
    expect(await onDisk()).toEqual({});

    await mkdir(join(disk, 'sub/deep'), { recursive: true });
    for (const name of ['sub/deep/.git', 'sub/x.jpg']) await writeFile(join(disk, name), 'mine');
    await running.rescan();
    const answer = await send('DELETE', `${folder}/sub`);
    expect(answer.status).toBe(207);
    expect(answer.text).toContain(`<D:href>${folder}/sub/deep/.git</D:href><D:status>HTTP/1.1 403 Forbidden`);
    expect(await onDisk()).toEqual({ sub: '/', 'sub/deep': '/', 'sub/deep/.git': 'mine' });
    expect(await listed()).toEqual(['sub/']);
    expect(await listed(`${folder}/sub`)).toEqual(['deep/']);
  });

  it('of the last file of a source shows at once, and the source can be written to again', async () => {
    const other = await startFolderApp({ files: { 'only.jpg': 'x' }, env: { LOCAL_WRITABLE: 'true' } });
    try {
      const deleted = await ask(other.davPort, '/photos/only.jpg', { method: 'DELETE' });
      expect(deleted.status).toBe(204);
      expect((await ask(other.davPort, '/photos/only.jpg')).status).toBe(404);
      await other.rescan();
      const again = await ask(other.davPort, '/photos/only.jpg', { method: 'PUT', body: 'y' });
      expect([again.status, again.text]).toEqual([201, '']);
    } finally {
      await other.stop();
    }
  });

  it('never removes what the settings have put there', async () => {
    for (const path of ['/', '/photos', '/photos/']) {
      expect([path, (await send('DELETE', path)).status]).toEqual([path, 403]);
      const headers = { Destination: `${folder}/moved` };
      expect([path, (await send('MOVE', path, { headers })).status]).toEqual([path, 403]);
    }
    expect(await listed()).toEqual([]);
  });
});

describe.each(['COPY', 'MOVE'])('%s', (method) => {
  const isMove = method === 'MOVE';
  const to = (destination: string, more: Record<string, string> = {}) => ({
    headers: { Destination: destination, ...more },
  });

  it('of a file: 201, and 204 over another one, which Overwrite: F forbids', async () => {
    await put(`${folder}/a.jpg`, 'a');
    await put(`${folder}/b.jpg`, 'b');
    const id = await nodeIdOf('a.jpg');
    expect((await send(method, `${folder}/a.jpg`, to(`${folder}/c.jpg`))).status).toBe(201);
    expect((await nodeIdOf('c.jpg')) === id).toBe(isMove);
    expect((await send(method, `${folder}/c.jpg`, to(`${folder}/b.jpg`, { Overwrite: 'F' }))).status).toBe(
      412,
    );
    const absolute = `http://127.0.0.1:${port}${folder}/b.jpg`;
    expect((await send(method, `${folder}/c.jpg`, to(absolute))).status).toBe(204);
    const copies = { 'a.jpg': 'a', 'b.jpg': 'a', 'c.jpg': 'a' };
    expect(await onDisk()).toEqual(isMove ? { 'b.jpg': 'a' } : copies);
    expect(await listed()).toEqual(Object.keys(await onDisk()).sort());
  });

  it('of a folder, also over a folder and over a file', async () => {
    for (const name of ['from', 'from/deep', 'over']) await send('MKCOL', `${folder}/${name}`);
    for (const name of ['from/x.jpg', 'from/deep/y.jpg', 'over/old.jpg', 'file.jpg']) {
      await put(`${folder}/${name}`, name);
    }
    expect((await send(method, `${folder}/from`, to(`${folder}/over/`))).status).toBe(204);
    expect((await send('GET', `${folder}/over/deep/y.jpg`)).text).toBe('from/deep/y.jpg');
    expect((await send('GET', `${folder}/over/old.jpg`)).status).toBe(404);
    expect((await send(method, `${folder}/over`, to(`${folder}/file.jpg`))).status).toBe(204);
    const names = Object.keys(await onDisk()).sort();
    const below = ['file.jpg', 'file.jpg/deep', 'file.jpg/deep/y.jpg', 'file.jpg/x.jpg'];
    expect(names.filter((name) => name.startsWith('file.jpg'))).toEqual(below);
    expect(names.some((name) => name.startsWith('over'))).toBe(!isMove);
    expect((await send(method, `${folder}/file.jpg/x.jpg`, to(`${folder}/file.jpg/deep`))).status).toBe(204);
  });

  it('answers what cannot be as RFC 4918 says, and changes nothing', async () => {
    for (const name of ['dir', 'dir/in']) await send('MKCOL', `${folder}/${name}`);
    await put(`${folder}/dir/x.jpg`, 'x');
    const before = await onDisk();
    const cases: [string, string | null, number][] = [
      ['dir/x.jpg', 'http://elsewhere.example/photos/x.jpg', 502],
      ['dir/x.jpg', 'ftp://127.0.0.1/photos/x.jpg', 400],
      ['dir/x.jpg', `${folder}/%zz`, 400],
      ['dir/x.jpg', `${folder}/..%2f..%2fx.jpg`, 400],
      ['dir/x.jpg', null, 400],
      ['dir/x.jpg', `${folder}/no/where.jpg`, 409],
      ['dir/x.jpg', `${folder}/dir/x.jpg`, 403],
      ['dir', `${folder}/dir/in/dir`, 403],
      ['dir/in', `${folder}/dir`, 403],
      ['dir/x.jpg', '/photos', 403],
      ['dir/x.jpg', '/elsewhere.jpg', 403],
      ['dir/x.jpg', `${folder}/.hidden.jpg`, 403],
      ['missing.jpg', `${folder}/new.jpg`, 404],
    ];
    for (const [from, destination, status] of cases) {
      const request = destination === null ? {} : to(destination);
      const answer = await send(method, `${folder}/${from}`, request);
      expect([from, destination, answer.status]).toEqual([from, destination, status]);
    }
    expect(await onDisk()).toEqual(before);
  });
});

it('below /dav of the other port the destination is below /dav, too', async () => {
  await put(`${folder}/a.jpg`, 'a');
  const copy = (Destination: string) =>
    ask(running.port, `/dav${folder}/a.jpg`, { method: 'COPY', headers: { Destination } });
  expect((await copy(`/dav${folder}/b.jpg`)).status).toBe(201);
  expect((await copy(`http://127.0.0.1:${running.port}/dav${folder}/c.jpg`)).status).toBe(201);
  expect((await copy(`${folder}/d.jpg`)).status).toBe(502);
  expect(await listed()).toEqual(['a.jpg', 'b.jpg', 'c.jpg']);
});

it('what the settings leave out is neither written nor lost', async () => {
  const env = { LOCAL_WRITABLE: 'true', LOCAL_ALL_FILES: 'false', EXCLUDED_FILE_TYPES: 'gif' };
  const files = { 'sub/a.jpg': 'a', 'sub/notes.txt': 'mine' };
  const other = await startFolderApp({ files, env });
  try {
    const request = (method: string, path: string, more: Omit<Ask, 'method'> = {}) =>
      ask(other.davPort, `/photos/${path}`, { method, ...more });
    for (const name of ['b.txt', 'b.gif', '.b.jpg']) {
      expect([name, (await request('PUT', name, { body: 'b' })).status]).toEqual([name, 403]);
      const headers = { Destination: `/photos/${name}` };
      expect([name, (await request('COPY', 'sub/a.jpg', { headers })).status]).toEqual([name, 403]);
      expect([name, (await request('MOVE', 'sub/a.jpg', { headers })).status]).toEqual([name, 403]);
    }
    expect((await request('DELETE', 'sub')).status).toBe(207);
    expect(await readdir(other.root, { recursive: true })).toEqual(['sub', 'sub/notes.txt']);
    expect((await request('COPY', 'sub', { headers: { Destination: '/photos/copied' } })).status).toBe(201);
    expect(await readdir(join(other.root, 'copied'))).toEqual([]);
  } finally {
    await other.stop();
  }
});

it('COPY with Depth 0 makes an empty folder; MOVE with it is no request', async () => {
  await send('MKCOL', `${folder}/dir`);
  await put(`${folder}/dir/x.jpg`, 'x');
  const headers = { Destination: `${folder}/shallow`, Depth: '0' };
  expect((await send('MOVE', `${folder}/dir`, { headers })).status).toBe(400);
  expect((await send('COPY', `${folder}/dir`, { headers })).status).toBe(201);
  expect(await listed(`${folder}/shallow`)).toEqual([]);
});

it('a page of another site cannot write', async () => {
  const foreign: Record<string, string>[] = [
    { Origin: 'https://elsewhere.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
  ];
  for (const headers of foreign) {
    expect(await put(`${folder}/x.jpg`, 'x', headers)).toBe(403);
    expect((await send('DELETE', '/photos/a.jpg', { headers })).status).toBe(403);
  }
  expect(await put(`${folder}/x.jpg`, 'x', { Origin: `http://127.0.0.1:${port}` })).toBe(201);
});

it('Allow lists the writing methods below a writable source', async () => {
  for (const path of [folder, `${folder}/new.jpg`, '/photos/']) {
    const { headers } = await send('OPTIONS', path);
    expect(headers.allow).toBe(
      'OPTIONS, GET, HEAD, PROPFIND, REPORT, PUT, DELETE, MKCOL, COPY, MOVE, PROPPATCH, LOCK, UNLOCK',
    );
    expect(headers.dav).toBe('1, 2');
  }
});

it('a layout that has no place for new files is read-only, and says so', async () => {
  const env = { LOCAL_WRITABLE: 'true', LOCAL_LAYOUT: 'date' };
  const other = await startFolderApp({ files: { 'a.jpg': 'a' }, env });
  try {
    const answer = await ask(other.davPort, '/photos/new.jpg', { method: 'PUT', body: 'x' });
    expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('only the layout "folders"')]);
    expect(await readdir(other.root)).toEqual(['a.jpg']);
  } finally {
    await other.stop();
  }
});

it('a source whose disk is gone is not written to', async () => {
  const other = await startFolderApp({ files: { 'a.jpg': 'a' }, env: { LOCAL_WRITABLE: 'true' } });
  try {
    await rename(other.root, `${other.root}-unmounted`);
    await mkdir(other.root);
    const answer = await ask(other.davPort, '/photos/new.jpg', { method: 'PUT', body: 'x' });
    expect(answer.status).toBe(503);
    expect(await readdir(other.root)).toEqual([]);
  } finally {
    await other.stop();
  }
});

interface FedChange {
  readonly removed: boolean;
  readonly node?: { readonly id: string; readonly name: string; readonly sha256: string };
}

async function head(): Promise<number> {
  return ((await api('/cursor')) as { cursor: number }).cursor;
}

async function feed(cursor: number): Promise<readonly FedChange[]> {
  return ((await api(`/changes?cursor=${cursor}&max_size=1000`)) as { changes: FedChange[] }).changes;
}

async function changedNames(cursor: number): Promise<(string | undefined)[]> {
  return (await feed(cursor)).map(({ node }) => node?.name);
}

/** Of the one that was changed last among those of the name. */
async function nodeIdOf(name: string): Promise<string | undefined> {
  return (await feed(0)).findLast(({ node }) => node?.name === name)?.node?.id;
}

async function api(path: string): Promise<unknown> {
  return JSON.parse((await ask(running.port, `/api/v1${path}`)).text);
}

/** One chunk of a body, with more to come (RFC 9112 section 7.1). */
function inChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
