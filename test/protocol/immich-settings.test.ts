import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SEED_KEYS, seedId } from '../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { listMembers, listTree, propfind } from './dav-listing.ts';
import { LIBRARY_KEY, shownAlbums, troublesomeLibrary, withoutTags } from './immich-library.ts';
import { type MediadavProcess, type SourceHealth, startProcess } from './mediadav-process.ts';

let fake: FakeImmich;

beforeAll(async () => {
  fake = await startFakeImmich({ version: '3.1.0', library: troublesomeLibrary('3.1.0') });
});

afterAll(async () => {
  await fake.close();
});

/** Runs `look` while a server with these settings runs. */
async function serving<T>(
  settings: Readonly<Record<string, string>>,
  look: (server: MediadavProcess) => Promise<T>,
): Promise<T> {
  const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: LIBRARY_KEY, ...settings };
  const server = await startProcess({ env });
  try {
    return await look(server);
  } finally {
    await server.stop();
  }
}

async function pathsServed(settings: Readonly<Record<string, string>>): Promise<string[]> {
  return await serving(settings, async ({ webdavUrl }) => [...(await listTree(webdavUrl)).keys()].sort());
}

describe('settings of Immich', () => {
  it('EXCLUDED_FILE_TYPES leaves those files out, in any case, and nothing else', async () => {
    const all = await pathsServed({});
    const some = await pathsServed({ EXCLUDED_FILE_TYPES: 'PNG, .mp4' });
    const left = all.filter((path) => !some.includes(path));
    expect(left).toEqual([
      'immich/Trips／2022 🏖️ Beach： day？/images/shot.png',
      'immich/Trips／2022 🏖️ Beach： day？/videos',
      'immich/Trips／2022 🏖️ Beach： day？/videos/clip.mp4',
    ]);
    expect(some.filter((path) => !all.includes(path))).toEqual([]);
    const upper = await pathsServed({ EXCLUDED_FILE_TYPES: 'jpg' });
    expect(upper.filter((path) => /\.jpg$/i.test(path))).toEqual([]);
    expect(upper.length).toBeGreaterThan(10);
  });

  it('ALBUM_IDS shows those albums alone, and names an unknown one', async () => {
    const unknown = '11111111-2222-4333-8444-555555555555';
    const wanted = [seedId('album trips'), unknown, seedId('album shared').toUpperCase()];
    await serving({ ALBUM_IDS: wanted.join(', ') }, async (server) => {
      const albums = await listMembers(`${server.webdavUrl}/immich`);
      expect(albums.map(({ path }) => path)).toEqual(['Bobs shared album', 'Trips／2022 🏖️ Beach： day？']);
      const { state, warnings, lastError } = await server.health('immich');
      expect({ state, lastError }).toEqual({ state: 'ready', lastError: null });
      expect(warnings.map(({ reason }) => reason)).toEqual([`album id unknown to the server: ${unknown}`]);
    });
  });

  it('IMMICH_MOUNT=/ shows the albums at the top, on both ports', async () => {
    await serving({ IMMICH_MOUNT: '/' }, async ({ webdavUrl, url }) => {
      const albums = shownAlbums(fake.library).sort();
      for (const address of [webdavUrl, `${url}/dav`]) {
        const top = await listMembers(address);
        expect(top.map(({ path }) => withoutTags(path)).sort()).toEqual(albums);
      }
      const photo = await fetch(`${webdavUrl}/Summer%202024/images/IMG_0001.jpg`);
      expect(photo.status).toBe(200);
    });
  });

  it('IMMICH_MOUNT chooses the name, also one that needs escaping', async () => {
    const paths = await pathsServed({ IMMICH_MOUNT: '/Fotos & Videos #1/' });
    expect(paths[0]).toBe('Fotos & Videos #1');
    expect(paths).toContain('Fotos & Videos #1/Summer 2024/images/IMG_0001.jpg');
  });
});

describe('what is wrong with Immich is one clear sentence on /api/health', () => {
  /** Nothing was ever read of this source, so its folder is "not now" instead of empty. */
  async function healthAndListing(
    settings: Readonly<Record<string, string>>,
  ): Promise<SourceHealth & { readonly listing: number }> {
    return await serving(settings, async (server) => {
      const { status } = await propfind(server.webdavUrl, 'immich');
      return { ...(await server.health('immich')), listing: status };
    });
  }

  it('a wrong key', async () => {
    const { state, lastError, listing } = await healthAndListing({ IMMICH_API_KEY: 'not-a-key' });
    expect(state).toBe('failing');
    expect(lastError).toMatchObject({ code: 'denied', message: 'The Immich server refused the API key.' });
    expect(listing).toBe(503);
  });

  it('a key that may not list assets', async () => {
    const { lastError, listing } = await healthAndListing({ IMMICH_API_KEY: SEED_KEYS.withoutAssetRead });
    expect(lastError?.message).toBe(
      'The Immich API key lacks the permission "asset.read", which is needed to list the photos and videos of albums.',
    );
    expect(listing).toBe(503);
  });

  const DOWNLOAD_SENTENCE =
    'The Immich API key lacks the permission "asset.download", which is needed to read photos and videos.';

  /** With a key that may list but not download: what a client gets for a photo, and what the status then says. */
  async function withoutDownload(
    version: Version,
  ): Promise<{ status: number; text: string; health: string }> {
    const other = await startFakeImmich({ version, library: troublesomeLibrary(version) });
    const env = { IMMICH_URL: other.url, IMMICH_API_KEY: SEED_KEYS.withoutDownload };
    try {
      return await serving(env, async (server) => {
        const answer = await fetch(`${server.webdavUrl}/immich/Summer%202024/images/IMG_0001.jpg`);
        const text = await answer.text();
        return { status: answer.status, text, health: JSON.stringify(await server.health('immich')) };
      });
    } finally {
      await other.close();
    }
  }

  it.each<Version>(['1.144.1', '2.7.5', '3.1.0'])(
    'a key that may not download: whoever opens a photo is told, %s',
    async (version) => {
      const { status, text } = await withoutDownload(version);
      expect(status).toBe(503);
      expect(text).toBe(`${DOWNLOAD_SENTENCE}\n`);
    },
  );

  it('a key that may not download needs no permission on 1.118', async () => {
    expect((await withoutDownload('1.118.0')).status).toBe(200);
  });

  // Open: the source stays "ready" without an error. Once the status tells it, this becomes a plain `it`.
  it('a key that may not download: the status tells it, too', async () => {
    expect((await withoutDownload('3.1.0')).health).toContain('asset.download');
  });

  it('an address where nothing listens', async () => {
    const { lastError, listing } = await healthAndListing({ IMMICH_URL: 'http://127.0.0.1:9' });
    expect(lastError).toMatchObject({
      code: 'unavailable',
      message: 'The Immich server cannot be reached: it refuses connections.',
    });
    expect(listing).toBe(503);
  });

  it.each([
    ['another web site', 200, 'text/html', '<!doctype html><title>My router</title>'],
    ['another API', 404, 'application/json', '{"message":"Not Found"}'],
  ])('the address of %s', async (_name, status, contentType, body) => {
    const site = createServer((_req, res) =>
      res.writeHead(status, { 'Content-Type': contentType }).end(body),
    );
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
      const { lastError, listing } = await healthAndListing({ IMMICH_URL: url });
      expect(lastError?.message).toBe(
        'The URL does not lead to an Immich server: it must be the address that opens Immich in a browser.',
      );
      expect(listing).toBe(503);
    } finally {
      site.close();
    }
  });

  it('no album of ALBUM_IDS is there', async () => {
    const { lastError } = await healthAndListing({ ALBUM_IDS: '11111111-2222-4333-8444-555555555555' });
    expect(lastError).toMatchObject({
      code: 'invalid',
      message: 'The Immich server has none of the configured albums.',
    });
  });

  it('never holds the key or the address of the server', async () => {
    const keys = ['not-a-key-but-a-secret', SEED_KEYS.withoutAssetRead, SEED_KEYS.withoutDownload];
    for (const key of keys) {
      await serving({ IMMICH_API_KEY: key, LOG_LEVEL: 'debug' }, async (server) => {
        const texts = [
          JSON.stringify(await server.health('immich')),
          JSON.stringify(server.log),
          await (await fetch(server.url)).text(),
          await (await fetch(`${server.webdavUrl}/immich/Summer%202024/images/IMG_0001.jpg`)).text(),
        ];
        for (const text of texts) expect(text).not.toContain(key);
        for (const text of [texts[0], texts[2], texts[3]]) expect(text).not.toContain(fake.url);
      });
    }
  });
});
