import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { VERSIONS } from '../fakes/immich/versions.ts';
import { listMembers, listTree, propfind, urlOf } from './dav-listing.ts';
import { digestsBelow, sha1Of } from './disk-listing.ts';
import { LIBRARY_KEY, troublesomeLibrary } from './immich-library.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { Rclone } from './rclone.ts';
import { lookUp } from './tool-lookup.ts';

const needsRclone = lookUp('rclone');
const PATIENCE = { timeout: 60_000 };

interface Served {
  readonly fake: FakeImmich;
  readonly server: MediadavProcess;
  stop(): Promise<void>;
}

async function serve(version: (typeof VERSIONS)[number]): Promise<Served> {
  const fake = await startFakeImmich({ version, library: troublesomeLibrary(version) });
  const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: LIBRARY_KEY, IMMICH_SEARCH: 'true' };
  const server = await startProcess({ env });
  const stop = async () => {
    await server.stop();
    await fake.close();
  };
  return { fake, server, stop };
}

async function namesIn({ server }: Served, path: string): Promise<string[]> {
  const members = await listMembers(urlOf(server.webdavUrl, path));
  return members.map(({ path: own }) => own).sort();
}

function searches({ fake }: Served): string[] {
  return fake.requests.filter(({ path }) => path.includes('/search/smart')).map(({ path }) => path);
}

describe.each(VERSIONS)('searching Immich %s', PATIENCE, (version) => {
  let served: Served;
  beforeAll(async () => {
    served = await serve(version);
  });
  afterAll(async () => {
    await served.stop();
  });

  it('albums are beside the searches, in a folder of their own', async () => {
    expect(await namesIn(served, 'immich')).toEqual(['albums', 'search']);
    expect(await namesIn(served, 'immich/albums')).toContain('Summer 2024');
    expect(await namesIn(served, 'immich/search')).toEqual([]);
  });

  it('without machine learning: by file names and places', async () => {
    expect(await namesIn(served, 'immich/search/beach')).toEqual(['beach.jpg']);
    expect(await namesIn(served, 'immich/search/paris')).toHaveLength(8);
    expect(await namesIn(served, 'immich/search/japan')).toEqual(['beach.jpg']);
    expect(await namesIn(served, 'immich/search/no such thing')).toEqual([]);
    expect(await namesIn(served, 'immich/search')).toEqual(['beach', 'japan', 'no such thing', 'paris']);
  });

  it('with machine learning: by what Immich makes of the words', async () => {
    served.fake.library.smartSearch = (words, { originalFileName }) =>
      words === 'animals' && /fox|IMG_9001|trashed|hidden/.test(originalFileName);
    const found = await namesIn(served, 'immich/search/Animals?');
    // 1.118 does not know that a photo can be hidden.
    expect(found).toEqual([]);
    const animals = await namesIn(served, 'immich/search/animals');
    expect(animals.filter((name) => name !== 'hidden.jpg')).toEqual(['IMG_9001.jpg', 'fox.jpg']);
    served.fake.library.smartSearch = null;
  });

  it('what systems look for, and asking whether something is there, searches nothing', async () => {
    served.fake.requests.length = 0;
    for (const name of ['.DS_Store', '._dog', 'desktop.ini', 'folder.jpg', 'Thumbs.db']) {
      expect((await propfind(served.server.webdavUrl, `immich/search/${name}`)).status).toBe(404);
    }
    for (const typed of ['do', 'dog', 'dog on', 'dog on the be']) {
      const url = urlOf(served.server.webdavUrl, `immich/search/${typed}`);
      expect((await fetch(url, { method: 'PROPFIND', headers: { depth: '0' } })).status).toBe(207);
    }
    expect(searches(served)).toEqual([]);
  });

  it('what is found is read byte for byte, and is the same asset as in its album', async () => {
    const one = await fetch(urlOf(served.server.webdavUrl, 'immich/search/beach/beach.jpg'));
    const other = await fetch(
      urlOf(served.server.webdavUrl, 'immich/albums/Trips／2022 🏖️ Beach： day？/images/beach.jpg'),
    );
    expect([one.status, other.status]).toEqual([200, 200]);
    expect(one.headers.get('etag')).toBe(other.headers.get('etag'));
    const [bytes, same] = await Promise.all([one.arrayBuffer(), other.arrayBuffer()]);
    expect(sha1Of(Buffer.from(bytes))).toBe(sha1Of(Buffer.from(same)));
  });
});

describe('searches', PATIENCE, () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve('3.1.0');
  });
  afterAll(async () => {
    await served.stop();
  });

  it('are opened in a browser', async () => {
    const answer = await fetch(urlOf(served.server.webdavUrl, 'immich/search/fox/'), {
      headers: { accept: 'text/html' },
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('fox.jpg');
  });

  it('are in no feed and no list', async () => {
    const before = await (await fetch(`${served.server.url}/api/v1/changes?since=0`)).text();
    await namesIn(served, 'immich/search/not in any album');
    const after = await (await fetch(`${served.server.url}/api/v1/changes?since=0`)).text();
    expect(after).toBe(before);
    expect(await (await fetch(`${served.server.url}/list`)).text()).not.toContain('not in any album');
  });

  it('are not searched by whoever walks the whole tree', async () => {
    served.fake.requests.length = 0;
    const tree = await listTree(`${served.server.webdavUrl}/immich/albums`);
    expect(tree.size).toBeGreaterThan(40);
    const infinite = await fetch(urlOf(served.server.webdavUrl, 'immich/search'), {
      method: 'PROPFIND',
      headers: { depth: 'infinity' },
    });
    expect(infinite.status).toBe(403);
    expect(searches(served)).toEqual([]);
  });

  it('are refused to whoever wants to follow their changes', async () => {
    const body =
      '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop/></D:sync-collection>';
    const answer = await fetch(urlOf(served.server.webdavUrl, 'immich/search/beach'), {
      method: 'REPORT',
      body,
    });
    expect(answer.status).toBe(403);
    const above = await fetch(urlOf(served.server.webdavUrl, 'immich'), { method: 'REPORT', body });
    expect(above.status).toBe(207);
    expect(await above.text()).not.toContain('search');
  });

  it('cannot be written to', async () => {
    for (const method of ['PUT', 'DELETE', 'MKCOL', 'PROPPATCH', 'LOCK']) {
      const answer = await fetch(urlOf(served.server.webdavUrl, 'immich/search/beach/new'), { method });
      expect([403, 404, 405]).toContain(answer.status);
    }
  });

  it('tell that Immich is away, instead of finding nothing', async () => {
    served.fake.faults.add({ match: '/api/search', kind: 'status', status: 500 });
    const listing = await propfind(served.server.webdavUrl, 'immich/search/summer time');
    served.fake.faults.clear();
    expect(listing.status).toBe(503);
    expect(await namesIn(served, 'immich/search/summer time')).toEqual([]);
  });

  it.skipIf(needsRclone.areMissing)(`are copied by rclone${needsRclone.note}`, async () => {
    const to = await mkdtemp(join(tmpdir(), 'mediadav-search-'));
    const rclone = await Rclone.at(served.server.webdavUrl, {});
    await rclone.copy('immich/search/img_1234', to);
    expect((await digestsBelow(to)).size).toBe(4);
    await rm(to, { recursive: true });
  });
});
