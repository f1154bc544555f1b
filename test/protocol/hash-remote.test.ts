import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Content } from '../fakes/immich/content.ts';
import type { Asset } from '../fakes/immich/model.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { urlOf } from './dav-listing.ts';
import { SMALL_KEY, type SmallLibrary, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

const PATIENCE = { timeout: 60_000 };
const PHOTO = 'immich/Album 1/images/photo 1-1.jpg';

/** What the tests look at in an entry of `/list`. */
interface Entry {
  readonly filename: string;
  readonly sha1: string;
  readonly md5?: string | null;
  readonly sha256?: string | null;
}

let fake: FakeImmich;
let server: MediadavProcess;

afterEach(async () => {
  await server?.stop();
  await fake?.close();
});

async function start(small: SmallLibrary, env: Record<string, string>): Promise<void> {
  fake = await startFakeImmich({ version: '2.7.5', library: small.library });
  const immich = { IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY };
  server = await startProcess({ env: { ...immich, ...env } });
}

function digestOf(algorithm: string, { content }: Asset): string {
  return createHash(algorithm).update(content.bytes()).digest('hex');
}

async function list(query = ''): Promise<Map<string, Entry>> {
  const answer = await fetch(`${server.url}/list${query}`);
  expect(answer.status).toBe(200);
  return new Map(Object.entries((await answer.json()) as Record<string, Entry>));
}

function photoIn({ library }: SmallLibrary, name: string): Asset {
  const found = [...library.assets.values()].find(({ originalFileName }) => originalFileName === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

function expectAll(entries: Map<string, Entry>, algorithm: string, { library }: SmallLibrary): void {
  const photos = [...library.assets.values()];
  expect([...entries.keys()].sort()).toEqual(photos.map((photo) => digestOf(algorithm, photo)).sort());
  for (const photo of photos) {
    const entry = entries.get(digestOf(algorithm, photo));
    expect(entry).toMatchObject({ filename: photo.originalFileName, sha1: digestOf('sha1', photo) });
  }
}

describe('with HASH_REMOTE=true', PATIENCE, () => {
  it('every photo of Immich gets its SHA-256 and MD5 although nobody asks for it', async () => {
    const small = smallLibrary(3, 5);
    await start(small, { HASH_REMOTE: 'true' });
    const entries = await list();
    expectAll(entries, 'sha256', small);
    for (const photo of small.library.assets.values()) {
      expect(entries.get(digestOf('sha256', photo))?.md5).toBe(digestOf('md5', photo));
    }
    expectAll(await list('?hash=md5'), 'md5', small);
    const image = await fetch(`${server.url}/image/${digestOf('sha256', photoIn(small, 'photo 2-3.jpg'))}`);
    expect(Buffer.from(await image.arrayBuffer())).toEqual(photoIn(small, 'photo 2-3.jpg').content.bytes());
  });

  it('each is downloaded once, also over a restart', async () => {
    const small = smallLibrary(2, 4);
    const total = [...small.library.assets.values()].reduce((sum, { content }) => sum + content.size, 0);
    await start(small, { HASH_REMOTE: 'true' });
    expect(fake.bytesSent).toBe(total);
    const { dataDir } = server;
    await server.kill();
    const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY, HASH_REMOTE: 'true' };
    server = await startProcess({ env, dataDir });
    expect(fake.bytesSent).toBe(total);
    expectAll(await list(), 'sha256', small);
  });
});

describe('without HASH_REMOTE', PATIENCE, () => {
  it('all are listed by SHA-1 at once, and nothing is downloaded', async () => {
    const small = smallLibrary(3, 5);
    await start(small, {});
    expectAll(await list('?hash=sha1'), 'sha1', small);
    expect((await list()).size).toBe(0);
    expect(fake.bytesSent).toBe(0);
  });

  it('what a client reads whole through the mount is known by all digests from then on', async () => {
    const small = smallLibrary(1, 3);
    await start(small, {});
    const photo = photoIn(small, 'photo 1-1.jpg');
    const cursor = ((await (await fetch(`${server.url}/api/v1/cursor`)).json()) as { cursor: number }).cursor;
    const got = await fetch(urlOf(server.webdavUrl, PHOTO));
    expect(Buffer.from(await got.arrayBuffer())).toEqual(photo.content.bytes());
    await until(async () => (await list()).size === 1);
    const entry = (await list()).get(digestOf('sha256', photo));
    expect(entry).toMatchObject({
      ...{ filename: 'photo 1-1.jpg', sha1: digestOf('sha1', photo), md5: digestOf('md5', photo) },
    });
    const feed = await (await fetch(`${server.url}/api/v1/changes?cursor=${cursor}`)).text();
    expect(feed).toContain(digestOf('sha256', photo));

    // It is the same photo for everybody who knows it already, and is not noted again.
    const again = await fetch(urlOf(server.webdavUrl, PHOTO), {
      headers: { 'If-None-Match': got.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
    const head = await (await fetch(`${server.url}/api/v1/cursor`)).text();
    await (await fetch(urlOf(server.webdavUrl, PHOTO))).arrayBuffer();
    expect(await (await fetch(`${server.url}/api/v1/cursor`)).text()).toBe(head);
  });

  it('a part of a film, or bytes that are not those of its SHA-1, make nothing known', async () => {
    const small = smallLibrary(1, 2);
    const film = small.library.addAsset({
      ...{ owner: small.albums[0].ownerId, name: 'film.mp4' },
      content: { size: 3 * 1024 * 1024, seed: 5 },
    });
    small.library.addToAlbum(small.albums[0], film);
    await start(small, {});
    const url = urlOf(server.webdavUrl, 'immich/Album 1/videos/film.mp4');
    const part = await fetch(url, { headers: { Range: 'bytes=0-9' } });
    expect(part.status).toBe(206);
    await part.arrayBuffer();
    // Rot on the disk of the Immich server: as many bytes, but others.
    const photo = photoIn(small, 'photo 1-2.jpg');
    const others = Content.from(Buffer.from(photo.content.bytes()).fill(0, 20, 30));
    small.library.updateAsset(photo.id, { content: others });
    const rotten = await fetch(urlOf(server.webdavUrl, 'immich/Album 1/images/photo 1-2.jpg'));
    expect(rotten.status).toBe(502);
    expect(await rotten.text()).toContain('damaged');
    await until(() =>
      server.log.some(({ message }) => String(message).includes('other bytes than its sha1')),
    );
    expect((await list()).size).toBe(0);
  });
});
