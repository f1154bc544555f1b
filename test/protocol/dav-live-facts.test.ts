import { createHash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FolderApp, patterned, startFolderApp } from './dav-app.ts';
import { onlyResponse, propBody, readMultistatus } from './dav-multistatus.ts';
import { ask, propfind } from './dav-wire.ts';

const CHECKSUMS = '{http://owncloud.org/ns}checksums';
const PHOTO = patterned(5000);
const digest = (algorithm: string, encoding: 'hex' | 'base64') =>
  createHash(algorithm).update(PHOTO).digest(encoding);
const basic = (login: string) => ({ Authorization: `Basic ${Buffer.from(login).toString('base64')}` });

let running: FolderApp;
let port = 0;

beforeAll(async () => {
  running = await startFolderApp({ files: { 'a.jpg': PHOTO, 'sub/b.jpg': 'b', 'sub/c.jpg': 'c' } });
  port = running.davPort;
});

afterAll(async () => {
  await running.stop();
});

describe('oc:checksums (row 36)', () => {
  it('are those of the content, for who asks', async () => {
    const { found } = onlyResponse(
      (await propfind(port, '/photos/a.jpg', { body: propBody(CHECKSUMS) })).body,
    );
    expect(found.get(CHECKSUMS)).toBe(
      `<checksum>SHA1:${digest('sha1', 'hex')} MD5:${digest('md5', 'hex')} SHA256:${digest('sha256', 'hex')}`,
    );
  });

  it('are missing of collections, and from allprop', async () => {
    const folder = onlyResponse((await propfind(port, '/photos/', { body: propBody(CHECKSUMS) })).body);
    expect(folder.missing).toEqual([CHECKSUMS]);
    expect((await propfind(port, '/photos/', { headers: { Depth: '1' } })).text).not.toMatch(/checksum/i);
  });
});

describe('Repr-Digest', () => {
  const sha256 = `sha-256=:${digest('sha256', 'base64')}:`;
  const sha1 = `sha=:${digest('sha1', 'base64')}:`;
  const md5 = `md5=:${digest('md5', 'base64')}:`;

  it.each(['GET', 'HEAD'])('comes with %s, of the whole content', async (method) => {
    expect((await ask(port, '/photos/a.jpg', { method })).headers['repr-digest']).toBe(sha256);
  });

  it('is of the whole content beside a part of it, too', async () => {
    const part = await ask(port, '/photos/a.jpg', { headers: { Range: 'bytes=10-19' } });
    expect([part.status, part.headers['repr-digest']]).toEqual([206, sha256]);
    const none = await ask(port, '/photos/a.jpg', { headers: { Range: 'bytes=9999-' } });
    expect([none.status, none.headers['repr-digest']]).toEqual([416, undefined]);
  });

  it.each([
    ['sha-256=1', sha256],
    ['sha=1', sha1],
    ['md5=10, sha=3', md5],
    ['sha-512=10, sha=1', sha1],
    ['sha-256=0, md5=1', md5],
    ['sha-256=0', undefined],
    ['sha-512=3', undefined],
    ['rubbish;;=', undefined],
  ])('is what "Want-Repr-Digest: %s" prefers among those known', async (want, expected) => {
    const answer = await ask(port, '/photos/a.jpg', {
      method: 'HEAD',
      headers: { 'Want-Repr-Digest': want },
    });
    expect(answer.headers['repr-digest']).toBe(expected);
  });

  it('does not come with pages of collections', async () => {
    expect((await ask(port, '/photos/')).headers['repr-digest']).toBeUndefined();
  });
});

describe('quota (row 34)', () => {
  const PAIR = ['quota-available-bytes', 'quota-used-bytes'] as const;
  const body = propBody(...PAIR);
  const GVFS = { 'User-Agent': 'gvfs/1.50.3' };
  const finder = (darwin: string) => ({ 'User-Agent': `WebDAVFS/3.0.0 (03008000) Darwin/${darwin} (arm64)` });

  it.each(['/', '/photos/', '/photos/sub/'])('tells the space of the disk at %s', async (path) => {
    const { found } = onlyResponse((await propfind(port, path, { headers: GVFS, body })).body);
    const { blocks, bfree, bsize } = await statfs(running.root);
    const [available, used] = PAIR.map((name) => Number(found.get(name)));
    expect(available).toBeGreaterThan(0);
    // Others write to this disk as well.
    expect(Math.abs((used ?? 0) - (blocks - bfree) * bsize)).toBeLessThan(5e9);
  });

  it('tells it of every collection of a listing, and of no file', async () => {
    const answer = await propfind(port, '/photos/', { headers: { Depth: '1', ...GVFS }, body });
    const told = readMultistatus(answer.body).map(({ href, found }) => [href, found.has(PAIR[0])]);
    expect(told).toEqual([
      ['/photos/', true],
      ['/photos/a.jpg', false],
      ['/photos/sub/', true],
    ]);
  });

  it('is in no answer to who does not name it', async () => {
    expect((await propfind(port, '/', { headers: GVFS })).text).not.toContain('quota');
  });

  it('knows nothing of the forms from before the RFC, whose unit nobody tells', async () => {
    const legacy = propBody('quota', 'quotaused');
    expect(onlyResponse((await propfind(port, '/', { body: legacy })).body).missing).toEqual([
      'quota',
      'quotaused',
    ]);
  });

  it.each([
    ['24.4.0', true],
    ['25.0.0', true],
    ['24.3.0', false],
    ['23.6.0', false],
  ])('is hidden from Finder of Darwin %s: %s', async (darwin, isHidden) => {
    const { missing } = onlyResponse((await propfind(port, '/', { headers: finder(darwin), body })).body);
    expect(missing).toEqual(isHidden ? [...PAIR] : []);
  });

  it.each([
    ['on', false],
    ['off', true],
  ])('WEBDAV_QUOTA=%s is the same for all', async (value, isHidden) => {
    const other = await startFolderApp({ files: { 'a.jpg': 'a' }, env: { WEBDAV_QUOTA: value } });
    try {
      for (const headers of [GVFS, finder('25.1.0')]) {
        const { missing } = onlyResponse((await propfind(other.davPort, '/', { headers, body })).body);
        expect(missing).toEqual(isHidden ? [...PAIR] : []);
      }
    } finally {
      await other.stop();
    }
  });
});

describe('collection ETags', () => {
  it('are those of the folder, and differ', async () => {
    const answer = await propfind(port, '/', { headers: { Depth: '1' } });
    const etags = readMultistatus(answer.body).map(({ found }) => found.get('getetag') ?? '');
    expect(etags.every((etag) => /^"[\w-]+"$/.test(etag))).toBe(true);
    expect(new Set(etags).size).toBe(2);
  });
});

describe('what a client would rather not be sent', () => {
  const body = propBody('getetag', 'nothing');
  const headers = (more: Record<string, string>) => ({ Depth: '1', ...more });

  it.each([
    [{ Prefer: 'return=minimal' }, 'return=minimal'],
    [{ Prefer: 'depth-noroot, return=minimal' }, 'return=minimal, depth-noroot'],
    [{ Brief: 't' }, undefined],
  ])('%j is honoured', async (more, applied) => {
    const answer = await propfind(port, '/photos/', { headers: headers(more), body });
    expect(answer.text).not.toContain('404');
    expect(answer.headers['preference-applied']).toBe(applied);
    expect(answer.headers.vary).toContain('Prefer');
    const hasRoot = readMultistatus(answer.body).some(({ href }) => href === '/photos/');
    expect(hasRoot).toBe(applied?.includes('noroot') !== true);
  });

  it('is sent where nobody minds', async () => {
    const answer = await propfind(port, '/photos/', { headers: headers({}), body });
    expect(answer.headers['preference-applied']).toBeUndefined();
    expect(answer.text).toContain('404');
  });
});

describe('current-user-principal', () => {
  const body = propBody('current-user-principal');

  it('says that nobody is logged in', async () => {
    const { found } = onlyResponse((await propfind(port, '/', { body })).body);
    expect(found.get('current-user-principal')).toBe('<unauthenticated>');
  });

  it('leads to a resource that there is, for who is', async () => {
    const guarded = await startFolderApp({
      files: { 'a.jpg': 'a' },
      env: { AUTH_USERNAME: 'ann', AUTH_PASSWORD: 'secret' },
    });
    try {
      const login = basic('ann:secret');
      for (const [on, path] of [
        [guarded.davPort, '/photos/'],
        [guarded.port, '/dav/photos/'],
      ] as const) {
        const { found } = onlyResponse((await propfind(on, path, { headers: login, body })).body);
        const href = found.get('current-user-principal')?.replace('<href>', '') ?? '';
        expect((await propfind(on, href, { headers: login })).status).toBe(207);
        expect((await propfind(on, href)).status).toBe(401);
      }
    } finally {
      await guarded.stop();
    }
  });
});
