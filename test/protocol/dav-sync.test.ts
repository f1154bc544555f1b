import { mkdir, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, startFolderApp, writeFiles } from './dav-app.ts';
import { locked, setting } from './dav-lock-requests.ts';
import { onlyResponse, propBody, readSyncAnswer } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';
import { comparable, SyncFollower, sync, treeBelow } from './sync-follower.ts';

const INVALID_TOKEN = '<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>';

const FILES = {
  'a.jpg': 'a',
  'b.jpg': 'b',
  'one/c.jpg': 'c',
  'one/two/d.jpg': 'd',
  'one/two/e & f.jpg': 'e',
  'other/g.jpg': 'g',
};

describe('sync-collection', () => {
  let running: FolderApp;
  let port = 0;

  beforeAll(async () => {
    running = await startFolderApp({ files: FILES });
    port = running.davPort;
  });
  afterAll(async () => {
    await running.stop();
  });

  const hrefsOf = (body: Buffer) => readSyncAnswer(body).responses.map(({ href }) => href);
  const tokenOf = (body: Buffer) => readSyncAnswer(body).token;

  it('is told of in supported-report-set, in OPTIONS, and by a token, each for collections', async () => {
    const body = propBody('supported-report-set', 'sync-token');
    const folder = onlyResponse((await propfind(port, '/photos/', { body })).body);
    expect(folder.found.get('supported-report-set')).toContain('<sync-collection>');
    const token = folder.found.get('sync-token') ?? '';
    expect(URL.canParse(token)).toBe(true);
    expect(onlyResponse((await propfind(port, '/photos/a.jpg', { body })).body).missing).toEqual([
      'sync-token',
    ]);
    expect((await ask(port, '/photos/', { method: 'OPTIONS' })).headers.allow).toContain('REPORT');
    // Whoever has listed can go on from it, and there is nothing new.
    const answer = await sync(port, '/photos/', { token, level: 'infinite' });
    expect(answer.status).toBe(207);
    expect(hrefsOf(answer.body)).toEqual([]);
  });

  it('gives the members the first time, one level or all', async () => {
    const one = await sync(port, '/photos/', { level: '1' });
    expect(one.statusLine).toBe('HTTP/1.1 207 Multi-Status');
    expect(hrefsOf(one.body)).toEqual(['/photos/a.jpg', '/photos/b.jpg', '/photos/one/', '/photos/other/']);
    const all = await sync(port, '/photos/', { level: 'infinite' });
    expect(hrefsOf(all.body)).toEqual([
      ...['/photos/a.jpg', '/photos/b.jpg', '/photos/one/', '/photos/one/c.jpg', '/photos/one/two/'],
      ...[
        '/photos/one/two/d.jpg',
        '/photos/one/two/e%20%26%20f.jpg',
        '/photos/other/',
        '/photos/other/g.jpg',
      ],
    ]);
    expect(readSyncAnswer(all.body).responses[0]?.found.get('getetag')).toMatch(/^".+"$/);
  });

  it('begins above the sources, too', async () => {
    const all = await sync(port, '/', { level: 'infinite' });
    expect(hrefsOf(all.body).slice(0, 2)).toEqual(['/photos/', '/photos/a.jpg']);
    expect(hrefsOf((await sync(port, '/', { level: '1' })).body)).toEqual(['/photos/']);
    expect(hrefsOf((await sync(port, '/', { level: '1', token: tokenOf(all.body) })).body)).toEqual([]);
  });

  it('has hrefs under /dav/ on the other port', async () => {
    const all = await sync(running.port, '/dav/photos/one/', { level: '1' });
    expect(hrefsOf(all.body)).toEqual(['/dav/photos/one/c.jpg', '/dav/photos/one/two/']);
  });

  it('cuts at the limit, says so, and goes on from there to the end', async () => {
    const everything = hrefsOf((await sync(port, '/photos/', { level: 'infinite' })).body);
    for (const limit of [1, 2, 4, 8]) {
      const seen: string[] = [];
      for (let token = '', isCut = true; isCut; ) {
        const answer = await sync(port, '/photos/', { level: 'infinite', limit, token });
        const { responses, token: next } = readSyncAnswer(answer.body);
        isCut = responses.some(({ href, status }) => href === '/photos/' && status?.includes(' 507 '));
        if (isCut) expect(answer.text).toContain('<D:number-of-matches-within-limits/>');
        const told = responses.filter(({ status }) => status === null).map(({ href }) => href);
        expect(told.length).toBeLessThanOrEqual(limit);
        seen.push(...told);
        token = next;
      }
      expect(seen).toEqual(everything);
    }
    // What fits exactly is not cut.
    const exact = await sync(port, '/photos/', { level: 'infinite', limit: everything.length });
    expect(hrefsOf(exact.body)).toEqual(everything);
  });

  it('tells what was added, changed, renamed and removed, and no more', async () => {
    const start = tokenOf((await sync(port, '/photos/', { level: 'infinite' })).body);
    await writeFile(join(running.root, 'a.jpg'), 'a, but longer');
    await rename(join(running.root, 'b.jpg'), join(running.root, 'one', 'b.jpg'));
    await rm(join(running.root, 'other'), { recursive: true });
    await running.rescan();
    const answer = await sync(port, '/photos/', { level: 'infinite', token: start });
    const told = readSyncAnswer(answer.body).responses.map(({ href, status }) => [href, status]);
    expect(told.filter(([href]) => !['/photos/one/'].includes(href ?? '')).sort()).toEqual([
      ['/photos/a.jpg', null],
      ['/photos/b.jpg', 'HTTP/1.1 404 Not Found'],
      ['/photos/one/b.jpg', null],
      ['/photos/other/', 'HTTP/1.1 404 Not Found'],
    ]);
    // One level sees the same without what lies deeper.
    const flat = await sync(port, '/photos/', { level: '1', token: start });
    expect(hrefsOf(flat.body)).not.toContain('/photos/one/b.jpg');
    expect(hrefsOf(flat.body)).toEqual(
      expect.arrayContaining(['/photos/a.jpg', '/photos/b.jpg', '/photos/other/']),
    );
    // Of another collection nothing of this is told.
    const elsewhere = onlyResponse(
      (await propfind(port, '/photos/one/two/', { body: propBody('sync-token') })).body,
    );
    const two = await sync(port, '/photos/one/two/', {
      level: 'infinite',
      token: elsewhere.found.get('sync-token') ?? '',
    });
    expect(hrefsOf(two.body)).toEqual([]);
  });

  it('refuses a token that is malformed, of another collection, another catalog, or not yet given', async () => {
    const token = tokenOf((await sync(port, '/photos/', { level: '1' })).body);
    const [scheme, epoch, id, cursor] = token.split(':');
    const wrong = [
      ...['x', 'http://example.com/1', `${token}x`, `${scheme}:${epoch}:${id}:999999999`],
      ...[`${scheme}:${'0'.repeat(12)}:${id}:${cursor}`, `${scheme}:${epoch}:${Number(id) + 1}:${cursor}`],
      `${scheme}:${epoch}:${id}:0`.repeat(2),
    ];
    for (const each of wrong) {
      const answer = await sync(port, '/photos/', { level: '1', token: each });
      expect([each, answer.status]).toEqual([each, 403]);
      expect(answer.text).toContain(INVALID_TOKEN);
    }
  });

  it('refuses what is no sync-collection of a collection', async () => {
    const supported = '<D:error xmlns:D="DAV:"><D:supported-report/></D:error>';
    const file = await sync(port, '/photos/a.jpg', { level: '1' });
    expect([file.status, file.text.includes(supported)]).toEqual([403, true]);
    const body = '<D:version-tree xmlns:D="DAV:"/>';
    const other = await ask(port, '/photos/', { method: 'REPORT', body });
    expect([other.status, other.text.includes(supported)]).toEqual([403, true]);
    expect((await sync(port, '/photos/missing/', { level: '1' })).status).toBe(404);
  });

  it.each([
    ['no body', ''],
    ['no XML', 'x'],
    [
      'no token',
      '<D:sync-collection xmlns:D="DAV:"><D:sync-level>1</D:sync-level><D:prop/></D:sync-collection>',
    ],
    [
      'no prop',
      '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level></D:sync-collection>',
    ],
    [
      'another level',
      '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>2</D:sync-level><D:prop/></D:sync-collection>',
    ],
    ['no level at all', '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:prop/></D:sync-collection>'],
    [
      'a limit of 0',
      '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:limit><D:nresults>0</D:nresults></D:limit><D:prop/></D:sync-collection>',
    ],
  ])('answers 400 to %s', async (_what, body) => {
    expect((await ask(port, '/photos/', { method: 'REPORT', body })).status).toBe(400);
  });

  it('takes Depth for the level from clients older than the RFC, and from no others', async () => {
    const old = await sync(port, '/photos/one/', { headers: { Depth: '1' } });
    expect(hrefsOf(old.body)).toContain('/photos/one/c.jpg');
    expect((await sync(port, '/photos/', { level: '1', headers: { Depth: '1' } })).status).toBe(400);
    expect((await sync(port, '/photos/', { level: '1', headers: { Depth: '0' } })).status).toBe(207);
  });

  it('begins anew after a folder made room for another one of its name', async () => {
    await writeFiles(running.root, { 'swap/old.jpg': 'old' });
    await running.rescan();
    const deep = tokenOf((await sync(port, '/photos/', { level: 'infinite' })).body);
    const aside = tokenOf((await sync(port, '/photos/one/', { level: 'infinite' })).body);
    await rename(join(running.root, 'swap'), join(running.root, 'swapped'));
    await writeFiles(running.root, { 'swap/new.jpg': 'new' });
    await running.rescan();
    expect((await sync(port, '/photos/', { level: 'infinite', token: deep })).text).toContain(INVALID_TOKEN);
    // One level knows nothing of what is in it, and others are not concerned.
    expect((await sync(port, '/photos/', { level: '1', token: deep })).status).toBe(207);
    expect((await sync(port, '/photos/one/', { level: 'infinite', token: aside })).status).toBe(207);
  });
});

it('a REPORT tells dead properties and locks of whatever it names, as PROPFIND does', async () => {
  const running = await startFolderApp({ files: FILES, env: { LOCAL_WRITABLE: 'true' } });
  try {
    const port = running.davPort;
    const paths = ['/photos/a.jpg', '/photos/one/', '/photos/one/two/d.jpg'];
    for (const path of paths) {
      await ask(port, path, { method: 'PROPPATCH', body: setting(`<p xmlns="urn:x">${path}</p>`) });
    }
    const deep = await locked(port, '/photos/one/two/', { Depth: 'infinity' });
    const flat = await locked(port, '/photos/one/', { Depth: '0' });
    const prop = '<p xmlns="urn:x"/><D:lockdiscovery/><D:supportedlock/>';
    const told = async (path: string, token?: string) => {
      const options = { level: 'infinite', prop, ...(token === undefined ? {} : { token }) } as const;
      const { responses } = readSyncAnswer((await sync(port, path, options)).body);
      expect(responses.every(({ found }) => found.get('supportedlock')?.includes('exclusive'))).toBe(true);
      return responses.map(({ href, found }) => {
        const locks = found.get('lockdiscovery') ?? '';
        const held = [deep, flat]
          .filter((each) => locks.includes(each))
          .map((each) => (each === deep ? 'deep' : 'flat'));
        return [href, found.get('{urn:x}p') ?? null, ...held];
      });
    };
    const below = [
      ['/photos/one/c.jpg', null],
      ['/photos/one/two/', null, 'deep'],
      ['/photos/one/two/d.jpg', '/photos/one/two/d.jpg', 'deep'],
      ['/photos/one/two/e%20%26%20f.jpg', null, 'deep'],
    ];
    expect(await told('/photos/one/')).toEqual(below);
    expect(await told('/photos/')).toEqual([
      ['/photos/a.jpg', '/photos/a.jpg'],
      ['/photos/b.jpg', null],
      ['/photos/one/', '/photos/one/', 'flat'],
      ...below,
      ['/photos/other/', null],
      ['/photos/other/g.jpg', null],
    ]);
    // Of changes as of a first listing.
    const { token } = readSyncAnswer((await sync(port, '/photos/', { level: 'infinite' })).body);
    const headers = { If: `</photos/one/two/> (<${deep}>)` };
    await ask(port, '/photos/one/two/d.jpg', { method: 'PUT', headers, body: 'newer' });
    const [changed] = (await told('/photos/', token)).filter(([href]) => href?.endsWith('.jpg'));
    expect(changed).toEqual(['/photos/one/two/d.jpg', '/photos/one/two/d.jpg', 'deep']);
  } finally {
    await running.stop();
  }
});

describe('a follower that knows only REPORTs', () => {
  /** The same numbers in every run. */
  const numbers = (seed: number) => {
    let state = seed;
    return (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  };

  it.each([1, 2, 3])('keeps in step with a folder in which everything happens, seed %d', async (seed) => {
    const random = numbers(seed);
    const running = await startFolderApp({ files: FILES });
    try {
      const { root, davPort: port } = running;
      const followers = [
        new SyncFollower(port, '/photos/', { level: 'infinite' }),
        new SyncFollower(port, '/photos/', { level: 'infinite', limit: 3 }),
        new SyncFollower(port, '/', { level: 'infinite', limit: 50 }),
      ];
      const flat = new SyncFollower(port, '/photos/', { level: '1', limit: 2 });
      let etagsBefore = new Map<string, string>();
      for (let round = 0; round < 25; round += 1) {
        for (let change = 0; change < 1 + random(6); change += 1) await changeSomething(root, random, round);
        await running.rescan();
        const etags = await treeBelow(port, '/photos/');
        expectTellingEtags(etagsBefore, etags);
        etagsBefore = etags;
        const tree = comparable(etags);
        for (const follower of followers) {
          await follower.follow();
          const kept = follower.tree();
          kept.delete('/photos/');
          expect([round, kept]).toEqual([round, tree]);
        }
        await flat.follow();
        const top = [...tree].filter(([href]) => /^\/photos\/[^/]+\/?$/.test(href));
        expect([round, flat.tree()]).toEqual([round, new Map(top)]);
      }
      // It would be in step as well if it began anew each time.
      expect(flat.restarts).toBe(0);
      expect(followers[0]?.restarts).toBeLessThan(12);
    } finally {
      await running.stop();
    }
  });

  /** A collection of which anything below has changed has another ETag. */
  function expectTellingEtags(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
    const below = (tree: ReadonlyMap<string, string>, collection: string) =>
      [...comparable(tree)].filter(([href]) => href.startsWith(collection)).join('\n');
    for (const [href, etag] of after) {
      if (!href.endsWith('/') || !before.has(href) || below(before, href) === below(after, href)) continue;
      expect([href, etag]).not.toEqual([href, before.get(href)]);
    }
  }

  async function changeSomething(root: string, random: (below: number) => number, round: number) {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const paths = entries.map(({ parentPath, name }) => join(parentPath, name));
    const folders = [root, ...paths.filter((_, at) => entries[at]?.isDirectory())];
    const files = paths.filter((_, at) => entries[at]?.isFile());
    const pick = (from: readonly string[]) => from[random(from.length)] ?? root;
    // Few names, so that one thing often takes the place of another.
    const fresh = () => join(pick(folders), `n${random(4)}`);
    switch (random(7)) {
      case 0:
      case 1: {
        const file = `${fresh()}.jpg`;
        await writeFile(file, `photo ${round}`);
        return;
      }
      case 2: {
        const file = pick(files);
        if (file === root) return;
        await writeFile(file, `changed in ${round}`);
        await utimes(file, 1_600_000_000 + round, 1_600_000_000 + round);
        return;
      }
      case 3:
        await mkdir(fresh(), { recursive: true });
        return;
      case 4: {
        const file = pick(files);
        if (file !== root) await rename(file, `${fresh()}.jpg`);
        return;
      }
      case 5: {
        const folder = pick(folders);
        const target = fresh();
        const isNested = `${target}/`.startsWith(`${folder}/`) || `${folder}/`.startsWith(`${target}/`);
        if (folder !== root && !isNested) {
          await rm(target, { recursive: true, force: true });
          await rename(folder, target);
        }
        return;
      }
      default: {
        const path = pick(paths);
        // The last file stays: an empty source keeps what it last held.
        if (path !== root && files.some((file) => file !== path && !file.startsWith(`${path}/`))) {
          await rm(path, { recursive: true });
        }
      }
    }
  }
});
