import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { patterned, startFolderApp } from './dav-app.ts';
import { type Ask, ask, chunked, Wire } from './dav-wire.ts';
import { until } from './mediadav-process.ts';
import { WritableFolder } from './writable-folder.ts';

const here = new WritableFolder();

describe('PUT', () => {
  it('of a new file: 201, with the validators of the next HEAD', async () => {
    const bytes = patterned(200_000);
    const answer = await here.send('PUT', `${here.folder}/new.jpg`, { body: bytes });
    expect(answer.status).toBe(201);
    const head = await here.send('HEAD', `${here.folder}/new.jpg`);
    expect(answer.headers.etag).toMatch(/^"[\w-]+"$/);
    expect([head.headers.etag, head.headers['last-modified']]).toEqual([
      answer.headers.etag,
      answer.headers['last-modified'],
    ]);
    expect((await here.send('GET', `${here.folder}/new.jpg`)).body.equals(bytes)).toBe(true);
    expect((await readFile(join(here.disk, 'new.jpg'))).equals(bytes)).toBe(true);
    expect(await here.listed()).toEqual(['new.jpg']);
  });

  it('over a file: 204, under the same id and with the same permissions', async () => {
    await writeFile(join(here.disk, 'old.jpg'), 'old', { mode: 0o640 });
    await here.app.rescan();
    expect(await here.put(`${here.folder}/old.jpg`, 'first')).toBe(204);
    const before = await here.nodeIdOf('old.jpg');
    const answer = await here.send('PUT', `${here.folder}/old.jpg`, { body: 'second' });
    expect([answer.status, answer.body.length]).toEqual([204, 0]);
    expect((await here.send('HEAD', `${here.folder}/old.jpg`)).headers.etag).toBe(answer.headers.etag);
    expect(await here.onDisk()).toEqual({ 'old.jpg': 'second' });
    expect((await stat(join(here.disk, 'old.jpg'))).mode & 0o777).toBe(0o640);
    expect(await here.nodeIdOf('old.jpg')).toBe(before);
  });

  it('of two at one name at once: each answer has the validators of its own content', async () => {
    const path = `${here.folder}/contended.jpg`;
    for (let round = 0; round < 20; round += 1) {
      const bodies = ['one', 'the other'].map((text) => `${text} ${round}`);
      const answers = await Promise.all(bodies.map((body) => here.send('PUT', path, { body })));
      const [one, other] = answers.map(({ headers }) => headers.etag);
      expect(one).not.toBe(other);
      const got = await here.send('GET', path);
      const last = answers.findIndex(({ headers }) => headers.etag === got.headers.etag);
      expect(got.text).toBe(bodies[last]);
    }
  });

  it('is in the change feed when the answer has come', async () => {
    for (let round = 0; round < 20; round += 1) {
      const cursor = await here.head();
      await here.put(`${here.folder}/feed${round}.jpg`, 'x'.repeat(round));
      expect(await changedNames(cursor)).toContain(`feed${round}.jpg`);
    }
  });

  it('has its digests before long', async () => {
    await here.put(`${here.folder}/hashed.jpg`, 'hello');
    const sha256 = createHash('sha256').update('hello').digest('hex');
    for (let waited = 0; ; waited += 1) {
      const { sha256: told } =
        (await here.feed(0)).find(({ node }) => node?.name === 'hashed.jpg')?.node ?? {};
      if (told === sha256) break;
      expect(waited).toBeLessThan(100);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('in chunks with X-Expected-Entity-Length, as Finder does', async () => {
    const headers = { 'Transfer-Encoding': 'chunked', 'X-Expected-Entity-Length': '5' };
    const answer = await here.send('PUT', `${here.folder}/chunks.jpg`, { headers, body: chunked('hello') });
    expect([answer.status, await here.onDisk()]).toEqual([201, { 'chunks.jpg': 'hello' }]);
    const short = { ...headers, 'X-Expected-Entity-Length': '6' };
    const wrong = await here.send('PUT', `${here.folder}/chunks.jpg`, {
      headers: short,
      body: chunked('other'),
    });
    expect([wrong.status, await here.onDisk()]).toEqual([400, { 'chunks.jpg': 'hello' }]);
  });

  it.each([
    ['with its length', 'Content-Length: 1000000', patterned(300_000)],
    ['in chunks', 'Transfer-Encoding: chunked', inChunk(patterned(300_000))],
  ])('that breaks off %s leaves the old content and nothing else', async (_how, header, part) => {
    await here.put(`${here.folder}/kept.jpg`, 'old');
    for (const name of ['kept.jpg', 'new.jpg']) {
      const wire = await Wire.open(here.port);
      wire.send(`PUT ${here.folder}/${name} HTTP/1.1\r\nHost: 127.0.0.1:${here.port}\r\n${header}\r\n\r\n`);
      wire.send(part);
      await until(
        async () => (await readdir(here.disk)).some((each) => each.startsWith('.mediadav-upload-')),
        10_000,
      );
      expect(await here.listed()).toEqual(['kept.jpg']);
      wire.close();
      await until(async () => (await readdir(here.disk)).length === 1, 10_000);
      expect(await here.onDisk()).toEqual({ 'kept.jpg': 'old' });
    }
  });

  it('obeys If-Match and If-None-Match', async () => {
    const etag = (await here.send('PUT', `${here.folder}/c.jpg`, { body: 'one' })).headers.etag ?? '';
    expect(await here.put(`${here.folder}/c.jpg`, 'two', { 'If-None-Match': '*' })).toBe(412);
    expect(await here.put(`${here.folder}/c.jpg`, 'two', { 'If-Match': '"stale"' })).toBe(412);
    expect(await here.put(`${here.folder}/none.jpg`, 'two', { 'If-Match': '*' })).toBe(412);
    expect(await here.onDisk()).toEqual({ 'c.jpg': 'one' });
    expect(await here.put(`${here.folder}/c.jpg`, 'two', { 'If-Match': etag })).toBe(204);
    expect(await here.put(`${here.folder}/c.jpg`, 'three', { 'If-Match': etag })).toBe(412);
    expect(await here.put(`${here.folder}/d.jpg`, 'new', { 'If-None-Match': '*' })).toBe(201);
    expect(await here.onDisk()).toEqual({ 'c.jpg': 'two', 'd.jpg': 'new' });
  });

  it('with If-Match fails when the file changes while it is being sent', async () => {
    const etag = (await here.send('PUT', `${here.folder}/race.jpg`, { body: 'one' })).headers.etag ?? '';
    const wire = await Wire.open(here.port);
    const host = `Host: 127.0.0.1:${here.port}\r\nIf-Match: ${etag}\r\nContent-Length: 300003\r\n`;
    wire.send(`PUT ${here.folder}/race.jpg HTTP/1.1\r\n${host}\r\n`);
    wire.send(patterned(300_000));
    await until(async () => (await readdir(here.disk)).length === 2, 10_000);
    expect(await here.put(`${here.folder}/race.jpg`, 'other')).toBe(204);
    wire.send('e!!');
    expect((await wire.answer('PUT')).status).toBe(412);
    wire.close();
    expect(await here.onDisk()).toEqual({ 'race.jpg': 'other' });
  });

  it('sets the time that X-OC-Mtime tells', async () => {
    const headers = { 'X-OC-Mtime': '1500000000' };
    const answer = await here.send('PUT', `${here.folder}/timed.jpg`, { body: 'x', headers });
    expect([answer.status, answer.headers['x-oc-mtime']]).toEqual([201, 'accepted']);
    expect(answer.headers['last-modified']).toBe('Fri, 14 Jul 2017 02:40:00 GMT');
    expect((await stat(join(here.disk, 'timed.jpg'))).mtimeMs).toBe(1_500_000_000_000);
    expect(await here.put(`${here.folder}/timed2.jpg`, 'x', { 'X-OC-Mtime': 'yesterday' })).toBe(400);
    expect(await here.listed()).toEqual(['timed.jpg']);
  });

  it.each(['sha1', 'md5', 'sha256'])('verifies an OC-Checksum by %s', async (algorithm) => {
    const digest = createHash(algorithm).update('content').digest('hex');
    const right = { 'OC-Checksum': `${algorithm.toUpperCase()}:${digest}` };
    expect(await here.put(`${here.folder}/s.jpg`, 'content', right)).toBe(201);
    expect(await here.put(`${here.folder}/s.jpg`, 'c0ntent', right)).toBe(400);
    expect(await here.put(`${here.folder}/t.jpg`, 'c0ntent', right)).toBe(400);
    expect(await here.onDisk()).toEqual({ 's.jpg': 'content' });
  });

  it('refuses a part of a file, a folder in the way, and a missing parent', async () => {
    await here.put(`${here.folder}/whole.jpg`, 'whole');
    expect(await here.put(`${here.folder}/whole.jpg`, 'par', { 'Content-Range': 'bytes 0-2/5' })).toBe(400);
    await here.send('MKCOL', `${here.folder}/sub`);
    const inTheWay = await here.send('PUT', `${here.folder}/sub`, { body: 'x' });
    expect([inTheWay.status, inTheWay.headers.allow]).toEqual([405, expect.stringContaining('DELETE')]);
    expect(await here.put(`${here.folder}/no/where.jpg`, 'x')).toBe(409);
    expect(await here.put(`${here.folder}/whole.jpg/below.jpg`, 'x')).toBe(409);
    expect(await here.onDisk()).toEqual({ 'whole.jpg': 'whole', sub: '/' });
  });

  it('is refused before a body that waits for leave is sent', async () => {
    const refusals: [string, string, number][] = [
      [`${here.folder}/no/where.jpg`, '', 409],
      [`${here.folder}/x.jpg`, 'If-Match: "other"\r\n', 412],
      ['/elsewhere.jpg', '', 403],
      [`${here.folder}/.secret`, '', 403],
    ];
    for (const [path, header, status] of refusals) {
      const wire = await Wire.open(here.port);
      const head = `PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1:${here.port}\r\n${header}Expect: 100-continue\r\n`;
      wire.send(`${head}Content-Length: 1000\r\n\r\n`);
      expect([path, (await wire.answer()).status]).toEqual([path, status]);
      wire.close();
    }
    const wire = await Wire.open(here.port);
    const head = `PUT ${here.folder}/huge.mp4 HTTP/1.1\r\nHost: 127.0.0.1:${here.port}\r\nExpect: 100-continue\r\n`;
    wire.send(`${head}Content-Length: 900000000000000\r\n\r\n`);
    expect((await wire.answer()).status).toBe(507);
    wire.close();
    expect(await here.onDisk()).toEqual({});
  });

  it('never writes through a link, nor over what is not shown', async () => {
    const outside = join(here.app.root, '..', 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret.jpg'), 'secret');
    await symlink(outside, join(here.disk, 'out'));
    await symlink(join(outside, 'secret.jpg'), join(here.disk, 'link.jpg'));
    expect(await here.put(`${here.folder}/out/new.jpg`, 'x')).toBe(409);
    expect(await here.put(`${here.folder}/link.jpg`, 'x')).toBe(403);
    expect((await here.send('DELETE', `${here.folder}/link.jpg`)).status).toBe(404);
    expect((await here.send('MKCOL', `${here.folder}/out/sub`)).status).toBe(409);
    expect(await readdir(outside)).toEqual(['secret.jpg']);
    expect(await readFile(join(here.disk, 'link.jpg'), 'utf8')).toBe('secret');
  });

  it('keeps the name, and what was put can be read back under it', async () => {
    const names = ['a:b?.jpg', 'CON.jpg', 'e\u0301.jpg', 'ends with dot.', '100% #1 & <2>.jpg', 'ü😀.jpg'];
    for (const name of names) {
      const path = `${here.folder}/${encodeURIComponent(name)}`;
      expect([name, await here.put(path, name)]).toEqual([name, 201]);
      expect((await here.send('GET', path)).text).toBe(name);
      expect([name, await here.put(path, `${name}!`)]).toEqual([name, 204]);
    }
    const stored = names.map((name) => name.normalize('NFC')).sort();
    expect((await readdir(here.disk)).sort()).toEqual(stored);
    for (const shown of await here.listed()) {
      expect((await here.send('DELETE', `${here.folder}/${encodeURIComponent(shown)}`)).status).toBe(204);
    }
    expect(await here.onDisk()).toEqual({});
  });
});

describe('MKCOL', () => {
  it('makes a folder, once, where there is one to hold it', async () => {
    expect((await here.send('MKCOL', `${here.folder}/sub/`)).status).toBe(201);
    const again = await here.send('MKCOL', `${here.folder}/sub/`);
    expect([again.status, again.headers.allow]).toEqual([405, expect.stringContaining('PUT')]);
    expect((await here.send('MKCOL', `${here.folder}/no/where`)).status).toBe(409);
    const body = { body: '<x/>', headers: { 'Content-Type': 'application/xml' } };
    expect((await here.send('MKCOL', `${here.folder}/other`, body)).status).toBe(415);
    expect(await here.onDisk()).toEqual({ sub: '/' });
    for (const top of ['/', '/photos', '/photos/']) expect((await here.send('MKCOL', top)).status).toBe(405);
    expect((await here.send('MKCOL', '/elsewhere')).status).toBe(403);
  });
});

describe('DELETE', () => {
  it('of a file and of a folder: gone, also from the feed', async () => {
    await here.put(`${here.folder}/x.jpg`, 'x');
    await here.send('MKCOL', `${here.folder}/sub`);
    await here.put(`${here.folder}/sub/y.jpg`, 'y');
    const cursor = await here.head();
    expect((await here.send('DELETE', `${here.folder}/x.jpg`)).status).toBe(204);
    expect(
      (await here.send('DELETE', `${here.folder}/sub/`, { headers: { Depth: 'infinity' } })).status,
    ).toBe(204);
    expect((await here.feed(cursor)).filter(({ removed }) => removed)).toHaveLength(3);
    expect((await here.send('DELETE', `${here.folder}/x.jpg`)).status).toBe(404);
    expect([await here.onDisk(), await here.listed()]).toEqual([{}, []]);
  });

  it('takes the litter of systems along, and nothing else that is not shown', async () => {
    await mkdir(join(here.disk, 'sub/deep'), { recursive: true });
    const litter = ['sub/.DS_Store', 'sub/._x.jpg', 'sub/Thumbs.db', 'sub/deep/desktop.ini'];
    for (const name of [...litter, 'sub/x.jpg']) await writeFile(join(here.disk, name), '');
    await here.app.rescan();
    expect((await here.send('DELETE', `${here.folder}/sub`)).status).toBe(204);
    expect(await here.onDisk()).toEqual({});

    await mkdir(join(here.disk, 'sub/deep'), { recursive: true });
    for (const name of ['sub/deep/.git', 'sub/x.jpg']) await writeFile(join(here.disk, name), 'mine');
    await here.app.rescan();
    const answer = await here.send('DELETE', `${here.folder}/sub`);
    expect(answer.status).toBe(207);
    expect(answer.text).toContain(
      `<D:href>${here.folder}/sub/deep/.git</D:href><D:status>HTTP/1.1 403 Forbidden`,
    );
    expect(await here.onDisk()).toEqual({ sub: '/', 'sub/deep': '/', 'sub/deep/.git': 'mine' });
    expect(await here.listed()).toEqual(['sub/']);
    expect(await here.listed(`${here.folder}/sub`)).toEqual(['deep/']);
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
      expect([path, (await here.send('DELETE', path)).status]).toEqual([path, 403]);
      const headers = { Destination: `${here.folder}/moved` };
      expect([path, (await here.send('MOVE', path, { headers })).status]).toEqual([path, 403]);
    }
    expect(await here.listed()).toEqual([]);
  });
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

it('a page of another site cannot write', async () => {
  const foreign: Record<string, string>[] = [
    { Origin: 'https://elsewhere.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
  ];
  for (const headers of foreign) {
    expect(await here.put(`${here.folder}/x.jpg`, 'x', headers)).toBe(403);
    expect((await here.send('DELETE', '/photos/a.jpg', { headers })).status).toBe(403);
  }
  expect(await here.put(`${here.folder}/x.jpg`, 'x', { Origin: `http://127.0.0.1:${here.port}` })).toBe(201);
});

it('Allow lists the writing methods below a writable source', async () => {
  for (const path of [here.folder, `${here.folder}/new.jpg`, '/photos/']) {
    const { headers } = await here.send('OPTIONS', path);
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

async function changedNames(cursor: number): Promise<(string | undefined)[]> {
  return (await here.feed(cursor)).map(({ node }) => node?.name);
}

/** One chunk of a body, with more to come (RFC 9112 section 7.1). */
function inChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
