import { lstat, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from './client-command.ts';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { chunked, propfind, Wire } from './dav-wire.ts';
import { lookUp } from './tool-lookup.ts';

const needs = lookUp('curl');

const LOCK_INFO =
  '<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';
const UPDATE =
  '<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>';
const TOKEN = '<urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7>';

/** Every method that changes something, as clients send it. */
const WRITES: readonly [method: string, headers: Record<string, string>, body: string | undefined][] = [
  ['PUT', { 'Content-Type': 'image/jpeg' }, 'new content'],
  ['PUT', { 'Content-Range': 'bytes 0-2/10' }, 'new'],
  ['PUT', {}, ''],
  ['DELETE', {}, undefined],
  ['DELETE', { Depth: 'infinity' }, 'a body'],
  ['MKCOL', {}, undefined],
  ['MKCOL', { 'Content-Type': 'application/xml' }, '<a/>'],
  ['COPY', { Destination: '/photos/copy.jpg', Overwrite: 'T' }, undefined],
  ['MOVE', { Destination: '/photos/moved.jpg' }, undefined],
  ['MOVE', { Destination: '/photos/sub/c.jpg', Overwrite: 'F' }, undefined],
  ['PROPPATCH', { 'Content-Type': 'text/xml' }, UPDATE],
  ['LOCK', { Depth: '0', Timeout: 'Second-600' }, LOCK_INFO],
  ['LOCK', { If: `(${TOKEN})` }, undefined],
  ['UNLOCK', { 'Lock-Token': TOKEN }, undefined],
  ['PATCH', { 'X-Update-Range': 'append' }, 'more'],
];
const PATHS = [
  '/',
  '/photos',
  '/photos/',
  '/photos/a.jpg',
  '/photos/sub/',
  '/photos/new.jpg',
  '/photos/no/where.jpg',
];

let running: FolderApp;
let davPort = 0;
let before: readonly unknown[] = [];

beforeAll(async () => {
  running = await startFolderApp({
    files: { 'a.jpg': patterned(1000), 'sub/c.jpg': 'c' },
  });
  davPort = running.davPort;
});

afterAll(async () => {
  await running.stop();
});

beforeEach(async () => {
  before = await everything();
});

afterEach(async () => {
  expect(await everything()).toEqual(before);
});

/** All that is on disk, with contents and times, and all that is listed. */
async function everything(): Promise<readonly unknown[]> {
  const names = (await readdir(running.root, { recursive: true })).sort();
  const onDisk = await Promise.all(
    names.map(async (name) => {
      const path = join(running.root, name);
      const { mtimeMs, ino, mode } = await lstat(path);
      const isFile = (await lstat(path)).isFile();
      return [name, mtimeMs, ino, mode, isFile ? (await readFile(path)).toString('hex') : null];
    }),
  );
  const listings = ['/', '/photos/', '/photos/sub/'].map(async (path) => {
    return readMultistatus((await propfind(davPort, path, { headers: { Depth: '1' } })).body);
  });
  return [onDisk, await Promise.all(listings)];
}

describe.each(PATHS)('writing to %s', (path) => {
  it('is refused, and the connection goes on', async () => {
    const wire = await Wire.open(davPort);
    for (const [method, headers, body] of WRITES) {
      const request = { method, headers, ...(body === undefined ? {} : { body }) };
      const answer = await wire.ask(path, request);
      expect([method, answer.status, answer.headers.connection]).toEqual([method, 403, 'keep-alive']);
      expect(answer.text).toBe('This is read-only: nothing was changed.\n');
    }
    expect((await wire.ask('/photos/a.jpg')).body.length).toBe(1000);
    wire.close();
  });

  it('is refused when the body comes in chunks', async () => {
    const wire = await Wire.open(davPort);
    for (const [method, headers, body = ''] of WRITES) {
      const answer = await wire.ask(path, {
        method,
        headers: { ...headers, 'Transfer-Encoding': 'chunked' },
        body: chunked(body),
      });
      expect([method, answer.status]).toEqual([method, 403]);
    }
    expect((await wire.ask('/photos/a.jpg')).body.length).toBe(1000);
    wire.close();
  });

  it('is refused before a body that waits for leave is sent', async () => {
    for (const method of ['PUT', 'PROPPATCH', 'LOCK', 'MKCOL', 'PATCH']) {
      const wire = await Wire.open(davPort);
      const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${davPort}\r\nExpect: 100-continue\r\n`;
      wire.send(`${head}Content-Length: 1000000000\r\n\r\n`);
      // Not 100: the body would be for nothing.
      expect([method, (await wire.answer()).status]).toEqual([method, 403]);
      wire.close();
    }
  });
});

describe('a large upload', () => {
  const LARGE = 64 * 1024 * 1024;

  it('is answered while it is still being sent', async () => {
    const wire = await Wire.open(davPort);
    wire.send(
      `PUT /photos/large.mp4 HTTP/1.1\r\nHost: 127.0.0.1:${davPort}\r\nContent-Length: ${LARGE}\r\n\r\n`,
    );
    wire.send(Buffer.alloc(1024 * 1024));
    expect((await wire.answer()).status).toBe(403);
    // What is left of it is not waited for without end.
    await wire.ended();
  });

  describe.skipIf(needs.areMissing)(`by curl${needs.note}`, () => {
    it.each([
      ['with its length', []],
      ['in chunks', ['-H', 'Transfer-Encoding: chunked']],
      ['without asking first', ['-H', 'Expect:']],
    ])('%s: a 403 and not a broken connection', async (_how, more) => {
      const source = join(running.root, '..', 'large.bin');
      await writeFile(source, '');
      await truncate(source, LARGE);
      const url = `http://127.0.0.1:${davPort}/photos/large.mp4`;
      const args = ['-sS', '-o', '-', '-w', '%{http_code}', '-T', source, ...more, url];
      const { code, stdout } = await runCommand('curl', args);
      expect([code, stdout]).toEqual([0, 'This is read-only: nothing was changed.\n403']);
    });
  });
});

it('names every writing method nowhere in Allow', async () => {
  const wire = await Wire.open(davPort);
  for (const path of PATHS) {
    const { headers } = await wire.ask(path, { method: 'OPTIONS' });
    expect(headers.allow).toBe('OPTIONS, GET, HEAD, PROPFIND, REPORT');
  }
  wire.close();
});
