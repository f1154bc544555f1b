import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand, succeed } from './client-command.ts';
import { mountDavfs } from './davfs-mount.ts';
import { digestsBelow, filesBelow, sha1Of, sha1OfFile } from './disk-listing.ts';
import { LONGEST_NAME, oddTree, writeTree } from './media-tree.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { isMounted, type Mounted } from './rclone.ts';
import { FUSE, lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const needsDavfs = lookUp('mount.davfs', FUSE, MOUNT_RIGHTS);
const needsCadaver = lookUp('cadaver');
const needsCurl = lookUp('curl');

const TREE = oddTree();
let work = '';
let root = '';
let server: MediadavProcess;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-clients-'));
  root = join(work, 'disk');
  await writeTree(root, TREE);
  server = await startProcess({ env: { LOCAL_PATHS: `media=${root}`, LOCAL_ALL_FILES: 'true' } });
});

afterAll(async () => {
  await server.stop();
  await rm(work, { recursive: true });
});

describe.skipIf(needsDavfs.areMissing)(`davfs2${needsDavfs.note}`, () => {
  it('lets go of the mount point when the server has died', async () => {
    const doomed = await startProcess({ env: { LOCAL_PATHS: `media=${root}` } });
    const mounted = await mountDavfs(doomed.webdavUrl);
    await doomed.kill();
    await mounted.unmount();
    expect(await isMounted(mounted.path)).toBe(false);
  });
});

describe.skipIf(needsDavfs.areMissing).each([['WEBDAV_PORT at /'], ['PORT at /dav/']])(
  `davfs2 on %s${needsDavfs.note}`,
  (port) => {
    let mounted: Mounted;

    beforeAll(async () => {
      mounted = await mountDavfs(port === 'PORT at /dav/' ? `${server.url}/dav` : server.webdavUrl);
    });

    afterAll(async () => {
      await mounted.unmount();
      expect(await isMounted(mounted.path)).toBe(false);
    });

    it('shows every folder and file of the disk, with sizes and times', async () => {
      const disk = await filesBelow(root);
      const wanted = new Map(TREE.map(({ storedPath, shownPath }) => [shownPath, disk.get(storedPath)]));
      expect(await filesBelow(join(mounted.path, 'media'))).toEqual(wanted);
    });

    it('reads every file byte for byte', async () => {
      // davfs2 keeps a copy of each file it opens under a longer name than the file's own, which then no disk can hold.
      const openable = TREE.filter(({ shownPath }) => !shownPath.endsWith(LONGEST_NAME));
      expect(openable).toHaveLength(TREE.length - 1);
      for (const { shownPath, bytes } of openable) {
        expect(await sha1OfFile(join(mounted.path, 'media', shownPath)), shownPath).toBe(sha1Of(bytes));
      }
    });

    it('cannot be written to', async () => {
      const before = await digestsBelow(root);
      await expect(writeFile(join(mounted.path, 'media', 'new.jpg'), 'new')).rejects.toMatchObject({
        code: 'EROFS',
      });
      expect(await digestsBelow(root)).toEqual(before);
    });
  },
);

describe.skipIf(needsCadaver.areMissing)(`cadaver${needsCadaver.note}`, () => {
  it('lists and gets', async () => {
    const folder = await mkdtemp(join(work, 'cadaver-'));
    const names = ['IMG_0001.jpg', 'a#b.jpg', '100%.jpg', '🏖️ beach 👨‍👩‍👧.jpg', 'a？b.jpg', 'empty.jpg'];
    const gets = names.map((name, index) => `get "${name}" ${index}`);
    const input = ['ls', 'cd names', 'ls', ...gets, 'quit', ''].join('\n');
    const output = await succeed('cadaver', [`${server.webdavUrl}/media/`], { input, cwd: folder });
    expect(output).toMatch(/Coll: +2024 /);
    expect(output).toMatch(/ clip\.mov +\d+ +\w+ +\d+ +2019/);
    expect(output).toMatch(/ 写真 漢字\.jpg /);
    const got = await Promise.all(names.map((_, index) => sha1OfFile(join(folder, `${index}`))));
    const wanted = names.map((name) => TREE.find(({ shownPath }) => shownPath === `names/${name}`)?.bytes);
    expect(got).toEqual(wanted.map((bytes) => sha1Of(bytes ?? Buffer.from('no such file in the tree'))));
  });

  it('is told that it may not change anything', async () => {
    const input = ['delete clip.mov', 'mkcol new', 'quit', ''].join('\n');
    const { stdout } = await runCommand('cadaver', [`${server.webdavUrl}/media/`], { input, cwd: work });
    expect(stdout.match(/403 Forbidden/g)).toHaveLength(2);
    expect(await readdir(root)).toContain('clip.mov');
  });
});

describe.skipIf(needsCurl.areMissing)(`curl${needsCurl.note}`, () => {
  const BIG = '/media/videos/holiday.mp4';
  const PHOTO = '/media/names/IMG_0001.jpg';

  interface CurlAnswer {
    readonly status: number;
    /** Names in lower case. */
    readonly headers: ReadonlyMap<string, string>;
    readonly body: Buffer;
  }

  async function curl(path: string, ...args: string[]): Promise<CurlAnswer> {
    const folder = await mkdtemp(join(work, 'curl-'));
    const files = { head: join(folder, 'head'), body: join(folder, 'body') };
    await writeFile(files.body, '');
    const output = ['-sS', '--dump-header', files.head, '--output', files.body];
    await succeed('curl', [...output, ...args, server.webdavUrl + path]);
    const [statusLine = '', ...lines] = (await readFile(files.head, 'utf8')).trim().split('\r\n');
    const headers = lines.map((line) => /^([^:]+): *(.*)$/.exec(line)?.slice(1) ?? []);
    return {
      status: Number(statusLine.split(' ')[1]),
      headers: new Map(headers.map(([name = '', value = '']) => [name.toLowerCase(), value])),
      body: await readFile(files.body),
    };
  }

  function bytesOf(path: string): Buffer {
    const file = TREE.find(({ shownPath }) => `/media/${shownPath}` === path);
    if (file === undefined) throw new Error(`not in the tree: ${path}`);
    return file.bytes;
  }

  it('gets a file whole, with all that a player or a cache wants to know', async () => {
    const { status, headers, body } = await curl(PHOTO);
    expect(status).toBe(200);
    expect(body.equals(bytesOf(PHOTO))).toBe(true);
    expect(headers.get('content-length')).toBe(String(body.length));
    expect(headers.get('content-type')).toBe('image/jpeg');
    expect(headers.get('accept-ranges')).toBe('bytes');
    expect(headers.get('last-modified')).toBe('Sun, 03 Feb 2019 04:05:06 GMT');
    expect(headers.get('etag')).toMatch(/^"[\w.-]+"$/);
  });

  it('is told the same by HEAD, without a body', async () => {
    const whole = await curl(BIG);
    const head = await curl(BIG, '--head');
    expect(head.status).toBe(200);
    expect(head.body.length).toBeLessThan(1000);
    for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges']) {
      expect(head.headers.get(name), name).toBe(whole.headers.get(name));
    }
    expect(whole.headers.get('content-length')).toBe(String(bytesOf(BIG).length));
  });

  it.each([
    ['in the middle', '20000000-20999999', 20_000_000, 20_999_999],
    ['one byte', '0-0', 0, 0],
    ['open', '41900000-', 41_900_000, 41_943_039],
    ['the last ones', '-4097', 41_938_943, 41_943_039],
    ['reaching over the end', '41943000-99999999', 41_943_000, 41_943_039],
  ])('gets a range: %s', async (_name, range, start, end) => {
    const { status, headers, body } = await curl(BIG, '--range', range);
    expect(status).toBe(206);
    expect(headers.get('content-range')).toBe(`bytes ${start}-${end}/41943040`);
    expect(headers.get('content-length')).toBe(String(end - start + 1));
    expect(body.equals(bytesOf(BIG).subarray(start, end + 1))).toBe(true);
  });

  it('gets several ranges in one answer', async () => {
    const { status, headers, body } = await curl(BIG, '--range', '0-9,8192-8201,-10');
    expect(status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(headers.get('content-type') ?? '')?.[1];
    const parts = body.toString('latin1').split(`--${boundary}`).slice(1, -1);
    const contents = parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
    const big = bytesOf(BIG);
    const wanted = [big.subarray(0, 10), big.subarray(8192, 8202), big.subarray(-10)];
    expect(contents).toEqual(wanted.map((bytes) => bytes.toString('latin1')));
  });

  it('gets 416 for a range behind the end', async () => {
    const { status, headers } = await curl(BIG, '--range', '41943040-41943050');
    expect(status).toBe(416);
    expect(headers.get('content-range')).toBe('bytes */41943040');
  });

  it('goes on with a download that was cut', async () => {
    const part = join(work, 'part.mp4');
    await writeFile(part, bytesOf(BIG).subarray(0, 30_000_001));
    await succeed('curl', ['-sS', '--continue-at', '-', '--output', part, server.webdavUrl + BIG]);
    expect(await sha1OfFile(part)).toBe(sha1Of(bytesOf(BIG)));
  });

  it('gets 304 for what it has, and the file for what it does not have', async () => {
    const { headers } = await curl(PHOTO);
    const etag = headers.get('etag') ?? '';
    const modified = headers.get('last-modified') ?? '';
    for (const condition of [
      `If-None-Match: ${etag}`,
      `If-None-Match: W/${etag}`,
      `If-Modified-Since: ${modified}`,
    ]) {
      const answer = await curl(PHOTO, '-H', condition);
      expect(answer.status, condition).toBe(304);
      expect(answer.body.length, condition).toBe(0);
      expect(answer.headers.get('etag'), condition).toBe(etag);
    }
    const outdated = ['If-None-Match: "another"', 'If-Modified-Since: Sun, 03 Feb 2019 04:05:05 GMT'];
    for (const condition of outdated) {
      const answer = await curl(PHOTO, '-H', condition);
      expect(answer.status, condition).toBe(200);
      expect(answer.body.equals(bytesOf(PHOTO)), condition).toBe(true);
    }
  });

  it('gets a part only of the version it has a part of', async () => {
    const { headers } = await curl(BIG, '--head');
    const etag = headers.get('etag') ?? '';
    const range = ['--range', '100-199'];
    expect((await curl(BIG, ...range, '-H', `If-Range: ${etag}`)).status).toBe(206);
    expect((await curl(BIG, ...range, '-H', `If-Range: ${headers.get('last-modified')}`)).status).toBe(206);
    const other = await curl(BIG, ...range, '-H', 'If-Range: "another"');
    expect(other.status).toBe(200);
    expect(other.body.length).toBe(bytesOf(BIG).length);
    expect((await curl(BIG, '-H', 'If-Match: "another"')).status).toBe(412);
    expect((await curl(BIG, '-H', `If-Match: ${etag}`)).status).toBe(200);
  });

  it('gets 404 for what is not there, and a page for a folder', async () => {
    expect((await curl('/media/names/no.jpg')).status).toBe(404);
    expect((await curl('/nothing/names/no.jpg')).status).toBe(404);
    const page = await curl('/media/names/');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body.toString()).toContain('href="/media/names/a%23b.jpg"');
  });
});
