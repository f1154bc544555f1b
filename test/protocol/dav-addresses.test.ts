import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp } from './dav-app.ts';
import { readMultistatus } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';

const FILES = { 'a.jpg': 'a', 'sub/b.jpg': 'b', 'dav/c.jpg': 'c' };
const DEPTH_1 = { headers: { Depth: '1' } };

function hrefsIn(body: Buffer): string[] {
  return readMultistatus(body).map(({ href }) => href);
}

describe('two ports', () => {
  let running: FolderApp;

  beforeAll(async () => {
    running = await startFolderApp({ files: FILES });
  });

  afterAll(async () => {
    await running.stop();
  });

  it.each(['/', '/photos', '/photos/', '/photos/sub/', '/photos/dav/', '/photos/a.jpg'])(
    'list %s alike, each with hrefs of its own',
    async (path) => {
      const atRoot = await propfind(running.davPort, path, DEPTH_1);
      const below = await propfind(running.port, `/dav${path}`, DEPTH_1);
      expect([atRoot.status, below.status]).toEqual([207, 207]);
      expect(hrefsIn(below.body)).toEqual(hrefsIn(atRoot.body).map((href) => `/dav${href}`));
      // Nothing else differs.
      expect(below.text.replaceAll('<D:href>/dav/', '<D:href>/')).toBe(atRoot.text);
    },
  );

  it('give the same bytes under the same ETag', async () => {
    const atRoot = await ask(running.davPort, '/photos/sub/b.jpg');
    const below = await ask(running.port, '/dav/photos/sub/b.jpg');
    expect([below.text, below.headers.etag]).toEqual([atRoot.text, atRoot.headers.etag]);
  });

  it('/dav without a slash is the mount itself', async () => {
    const answer = await propfind(running.port, '/dav', DEPTH_1);
    expect([answer.status, hrefsIn(answer.body)]).toEqual([207, ['/dav/', '/dav/photos/']]);
    expect((await ask(running.port, '/dav')).status).toBe(200);
    expect((await ask(running.port, '/dav?query')).status).toBe(200);
  });

  it.each(['/davx', '/davx/photos/a.jpg', '/da', '/dav.', '/DAV/', '/photos/a.jpg', '/dav%2Fphotos/a.jpg'])(
    '%s is not the mount',
    async (path) => {
      for (const method of ['GET', 'PROPFIND', 'PUT']) {
        expect([method, (await ask(running.port, path, { method, ...DEPTH_1 })).status]).toEqual([
          method,
          404,
        ]);
      }
    },
  );

  it('the WebDAV port has neither page nor API', async () => {
    for (const path of ['/api/health', '/dav/', '/dav/photos/a.jpg']) {
      expect([path, (await ask(running.davPort, path)).status]).toEqual([path, 404]);
    }
  });

  it('what lies above the mount is a collection that holds nothing else', async () => {
    // GNOME and Explorer ask the parents of an address, and GNOME takes the topmost collection for the mount.
    const answer = await propfind(running.port, '/', { headers: { Depth: '1' } });
    expect(readMultistatus(answer.body).map(({ href }) => href)).toEqual(['/', '/dav/']);
    // Explorer wants WebDAV announced here, and GNOME wants the mount below all the same.
    expect((await ask(running.port, '/', { method: 'OPTIONS' })).headers.dav).toBe('1');
    expect((await ask(running.port, '/')).headers['content-type']).toMatch(/^text\/html/);
  });
});

describe('one source at the root', () => {
  let running: FolderApp;

  afterEach(async () => {
    await running.stop();
  });

  it('is listed without a folder of its own', async () => {
    running = await startFolderApp({
      files: FILES,
      env: { LOCAL_PATHS: '', IMMICH_MOUNT: '/', ...unreachableImmich },
    });
    const answer = await propfind(running.davPort, '/', { headers: { Depth: '0' } });
    expect(hrefsIn(answer.body)).toEqual(['/']);
    // Nothing of it is known, and nothing of it can be: it is not empty.
    const listing = await propfind(running.davPort, '/', DEPTH_1);
    expect([listing.status, Number(listing.headers['retry-after']) > 0]).toEqual([503, true]);
    expect((await ask(running.davPort, '/Album/a.jpg')).status).toBe(503);
  });

  const unreachableImmich = { IMMICH_URL: 'http://127.0.0.1:9', IMMICH_API_KEY: 'key' };

  it('has no other port when that is off', async () => {
    running = await startFolderApp({ files: FILES, env: { WEBDAV_PORT: 'off' } });
    expect(running.app.webdavUrl).toBe(null);
    expect((await propfind(running.port, '/dav/photos/a.jpg')).status).toBe(207);
  });
});
