import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { onlyResponse, readMultistatus } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';

const FINDER = { 'User-Agent': 'WebDAVFS/3.0.0 (03008000) Darwin/24.6.0 (arm64)' };
const EXPLORER = { 'User-Agent': 'Microsoft-WebDAV-MiniRedir/10.0.19045' };
const PROBED = [
  ...[
    '._a.jpg',
    '.DS_Store',
    '.Spotlight-V100',
    '.localized',
    '.hidden',
    'mach_kernel',
    '._.',
    'DESKTOP.INI',
  ],
  ...['desktop.ini', 'Thumbs.db', 'ehthumbs.db', '.metadata_never_index_unless_rootfs', '.directory'],
];
const HINTS = ['/.metadata_never_index', '/.ql_disablethumbnails'];

let running: FolderApp;
let port = 0;

beforeAll(async () => {
  running = await startFolderApp({
    // Some of it really lies there, where everything is to be shown.
    files: { 'a.jpg': 'a', 'Thumbs.db': 'litter', 'sub/desktop.ini': 'litter', 'sub/folder.jpg': 'a photo' },
    env: { LOCAL_ALL_FILES: 'true' },
  });
  port = running.davPort;
});

afterAll(async () => {
  await running.stop();
});

describe('what systems look for in every folder (row 38)', () => {
  it.each(PROBED)('%s is not there, whoever asks and however', async (name) => {
    for (const path of [`/${name}`, `/photos/${name}`, `/photos/sub/${encodeURIComponent(name)}`]) {
      for (const headers of [FINDER, EXPLORER]) {
        const answers = [
          await propfind(port, path, { headers }),
          await ask(port, path, { headers }),
          await ask(port, path, { method: 'HEAD', headers }),
        ];
        expect([path, ...answers.map(({ status }) => status)]).toEqual([path, 404, 404, 404]);
        // Explorer would remember it, in whatever case.
        for (const answer of answers) expect(answer.headers['cache-control']).toBe('no-store');
      }
    }
  });

  it('is answered without the catalog and the source, which would say otherwise of a folder that is away', async () => {
    const away = await startFolderApp({ isMissing: true });
    try {
      expect((await propfind(away.davPort, '/photos/a.jpg')).status).toBe(503);
      expect((await propfind(away.davPort, '/photos/._a.jpg')).status).toBe(404);
      expect((await propfind(away.davPort, '/photos/.DS_Store/deeper')).status).toBe(404);
    } finally {
      await away.stop();
    }
  });

  it('is listed nowhere, though it may lie there', async () => {
    const names = async (path: string) =>
      readMultistatus((await propfind(port, path, { headers: { Depth: '1' } })).body).map(({ href }) => href);
    expect(await names('/photos/')).toEqual(['/photos/', '/photos/a.jpg', '/photos/sub/']);
    // A picture that Explorer asks for as well is one all the same.
    expect(await names('/photos/sub/')).toEqual(['/photos/sub/', '/photos/sub/folder.jpg']);
    expect((await ask(port, '/photos/sub/folder.jpg')).text).toBe('a photo');
  });

  it('keeps files whose names only look like it', async () => {
    await mkdir(join(running.root, 'names'));
    for (const name of ['thumbs.db.jpg', 'x._y.jpg', 'my desktop.ini']) {
      await writeFile(join(running.root, 'names', name), name);
    }
    await running.rescan();
    for (const name of ['thumbs.db.jpg', 'x._y.jpg', 'my desktop.ini']) {
      expect((await ask(port, `/photos/names/${encodeURIComponent(name)}`)).text).toBe(name);
    }
  });

  it.each(HINTS)('%s tells macOS not to read every photo', async (path) => {
    const { href, found } = onlyResponse((await propfind(port, path, { headers: FINDER })).body);
    expect([href, found.get('getcontentlength'), found.get('resourcetype')]).toEqual([path, '0', '']);
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(port, path, { method, headers: FINDER });
      expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '0', 0]);
    }
    const below = await propfind(running.port, `/dav${path}`, { headers: FINDER });
    expect(onlyResponse(below.body).href).toBe(`/dav${path}`);
    // To others there is none, nor in folders, nor in a listing.
    expect((await propfind(port, path, { headers: EXPLORER })).status).toBe(404);
    expect((await propfind(port, `/photos${path}`, { headers: FINDER })).status).toBe(404);
    const listing = await propfind(port, '/', { headers: { Depth: '1', ...FINDER } });
    expect(listing.text).not.toContain(path);
  });

  it('is nothing to those without a login', async () => {
    const guarded = await startFolderApp({ env: { AUTH_USERNAME: 'ann', AUTH_PASSWORD: 'secret' } });
    try {
      for (const path of ['/.DS_Store', ...HINTS]) {
        expect((await propfind(guarded.davPort, path, { headers: FINDER })).status).toBe(401);
      }
    } finally {
      await guarded.stop();
    }
  });
});

describe('the parent of /dav/ (rows 15 and 16)', () => {
  it('is a collection with the tree in it', async () => {
    const itself = onlyResponse((await propfind(running.port, '/')).body);
    expect(itself.href).toBe('/');
    expect(itself.found.get('resourcetype')).toBe('<collection>');
    expect(Date.parse(itself.found.get('getlastmodified') ?? '')).toBeGreaterThan(Date.UTC(1971, 0));
    const members = readMultistatus((await propfind(running.port, '/', { headers: { Depth: '1' } })).body);
    expect(members.map(({ href }) => href)).toEqual(['/', '/dav/']);
    expect(members[1]?.found.get('displayname')).toBe('dav');
    expect((await propfind(running.port, members[1]?.href ?? '')).status).toBe(207);
  });

  it('refuses what every collection refuses', async () => {
    const endless = await propfind(running.port, '/', { headers: { Depth: 'infinity' } });
    expect([endless.status, endless.text.includes('propfind-finite-depth')]).toEqual([403, true]);
    expect((await propfind(running.port, '/', { body: '<x' })).status).toBe(400);
  });

  it('answers OPTIONS, and is still the front page for browsers', async () => {
    const options = await ask(running.port, '/', { method: 'OPTIONS' });
    expect([options.status, options.headers.dav]).toEqual([200, '1']);
    const page = await ask(running.port, '/', { headers: { Accept: 'text/html' } });
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  });

  it('asks for the login, as the tree does', async () => {
    const guarded = await startFolderApp({ env: { AUTH_USERNAME: 'ann', AUTH_PASSWORD: 'secret' } });
    try {
      expect((await propfind(guarded.port, '/')).status).toBe(401);
      const headers = { Authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` };
      expect((await propfind(guarded.port, '/', { headers })).status).toBe(207);
    } finally {
      await guarded.stop();
    }
  });
});
