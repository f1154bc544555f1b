import { afterAll, describe, expect, it } from 'vitest';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { listTree, urlOf } from './dav-listing.ts';
import { SMALL_KEY, type SmallLibrary, smallLibrary } from './immich-small-library.ts';
import { type MediadavProcess, type SourceHealth, startProcess, until } from './mediadav-process.ts';

const PATIENCE = { timeout: 120_000 };
/** Failed readings are tried again after 5 s, 10 s and so on. */
const HEALED_MS = 60_000;
const NEW_PHOTO = 'photo that came meanwhile.jpg';
const VERSION = '/api/server/version';
const VERSION_BODY = '{"major":4,"minor":2,"patch":0,"prerelease":null}';
const SEARCH = 'POST /api/search/metadata';
const LIST = /^GET \/api\/albums(\?|$)/;
const VERSION_NOTE =
  'Immich 4.2.0 is newer than the versions that mediadav was tried with (1.118 to 3.1). It is read like the newest of ' +
  'them; an album that does not come out with as many photos as Immich counts keeps what it had.';
const COUNT_REASON = 'the changes of an album that does not come with as many photos as Immich counts';
const unknownForm = (what: string) => `Immich answered ${what} in a form that mediadav does not know.`;
const unreadable = (what: string) => `an album that could not be read: ${unknownForm(what)}`;

interface Scene {
  readonly small: SmallLibrary;
  readonly fake: FakeImmich;
  readonly server: MediadavProcess;
  end(): Promise<void>;
}

const scenes = new Set<Scene>();
// Of tests that failed; the others have ended theirs.
afterAll(async () => {
  for (const scene of scenes) await scene.end();
});

async function setScene(prepare?: (fake: FakeImmich) => void): Promise<Scene> {
  const small = smallLibrary(3, 4);
  const fake = await startFakeImmich({ version: '3.1.0', library: small.library });
  prepare?.(fake);
  const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY, REFRESH_RATE_HOURS: '0.0003' };
  const server = await startProcess({ env });
  const scene: Scene = {
    ...{ small, fake, server },
    async end() {
      scenes.delete(scene);
      await server.stop();
      await fake.close();
    },
  };
  scenes.add(scene);
  return scene;
}

function answer(fake: FakeImmich, match: string | RegExp, body: string): void {
  fake.faults.add({ match, kind: 'status', status: 200, body });
}

/** What the server answers now, to be told in another way. */
async function told(fake: FakeImmich, path: string, body?: object): Promise<unknown> {
  const headers = { 'x-api-key': SMALL_KEY, 'content-type': 'application/json' };
  const how = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return await (await fetch(`${fake.url}/api${path}`, { headers, ...how })).json();
}

const paths = async ({ server }: Scene) => [...(await listTree(`${server.webdavUrl}/immich`)).keys()].sort();

/** Albums that were read since, whatever came of it. */
const lists = ({ fake }: Scene) => fake.requests.filter(({ method, path }) => LIST.test(`${method} ${path}`));

interface Strangeness {
  readonly name: string;
  /** Makes the server answer so from now on. */
  readonly begin: (fake: FakeImmich) => Promise<void>;
  /** What `/api/health` says, and the log in these words. */
  readonly said: (health: SourceHealth) => readonly string[];
  readonly logged: string;
}

const saidOfAlbums = ({ warnings }: SourceHealth) => warnings.map(({ reason }) => reason);
const saidOfAll = ({ lastError }: SourceHealth) => (lastError === null ? [] : [lastError.message]);

const STRANGE: readonly Strangeness[] = [
  {
    name: 'whose listing of an album has no assets',
    begin: async (fake) => answer(fake, SEARCH, '{"assets":{"items":[],"nextPage":null}}'),
    ...{ said: saidOfAlbums, logged: COUNT_REASON },
  },
  {
    name: 'whose listing of an album is the whole library, for it does not know the field',
    begin: async (fake) => answer(fake, SEARCH, JSON.stringify(await told(fake, '/search/metadata', {}))),
    ...{ said: saidOfAlbums, logged: COUNT_REASON },
  },
  {
    name: 'whose listing of an album has another form',
    begin: async (fake) => answer(fake, SEARCH, '{"results":[{"id":"a"}],"nextCursor":null}'),
    ...{ said: saidOfAlbums, logged: unreadable('a search (nextPage)') },
  },
  {
    name: 'whose assets have another form',
    begin: async (fake) =>
      answer(fake, SEARCH, '{"assets":{"items":[{"uuid":"a","file":{"name":"b"}}],"nextPage":null}}'),
    ...{ said: saidOfAlbums, logged: unreadable('an asset (originalFileName)') },
  },
  {
    name: 'whose assetCount is not what its listing has',
    begin: async (fake) => {
      const albums = (await told(fake, '/albums')) as { id: string; assetCount: number }[];
      const more = albums.map((album) => ({ ...album, assetCount: album.assetCount + 1 }));
      answer(fake, LIST, JSON.stringify(more));
      for (const album of more) answer(fake, `GET /api/albums/${album.id}`, JSON.stringify(album));
    },
    ...{ said: saidOfAlbums, logged: COUNT_REASON },
  },
  {
    name: 'that answers another album than the one it was asked for',
    begin: async (fake) => {
      const [album] = (await told(fake, '/albums')) as { id: string }[];
      answer(fake, SEARCH, '{"assets":{"items":[],"nextPage":null}}');
      answer(fake, 'GET /api/albums/', JSON.stringify({ ...album, id: `${album?.id.slice(0, -1)}x` }));
    },
    ...{ said: saidOfAlbums, logged: 'an album that could not be read: Immich answered another album.' },
  },
  {
    name: 'whose list of albums has another form',
    begin: async (fake) =>
      answer(fake, LIST, JSON.stringify({ albums: await told(fake, '/albums'), nextCursor: null })),
    ...{ said: saidOfAll, logged: unknownForm('the album list') },
  },
  {
    name: 'whose albums have no assetCount',
    begin: async (fake) => {
      const albums = (await told(fake, '/albums')) as { id: string; albumName: string }[];
      answer(fake, LIST, JSON.stringify(albums.map(({ id, albumName }) => ({ id, albumName }))));
    },
    ...{ said: saidOfAll, logged: unknownForm('an album (assetCount)') },
  },
];

describe.concurrent('an upgrade to a version that nobody knows', PATIENCE, () => {
  it.each(STRANGE)('$name: everything stays, it is said once, and heals by itself', async (strange) => {
    const scene = await setScene();
    const { fake, server, small } = scene;
    const before = await paths(scene);
    small.library.addToAlbum(small.albums[0], small.addPhoto(NEW_PHOTO));
    answer(fake, VERSION, VERSION_BODY);
    await strange.begin(fake);
    await until(async () => strange.said(await server.health('immich')).includes(strange.logged), HEALED_MS);
    const readings = lists(scene).length;
    await until(() => lists(scene).length >= readings + 2, HEALED_MS);

    expect(await paths(scene)).toEqual(before);
    const photo = await fetch(urlOf(server.webdavUrl, 'immich/Album 1/images/photo 1-1.jpg'));
    expect(photo.status).toBe(200);
    await photo.arrayBuffer();
    const health = await server.health('immich');
    expect(strange.said(health)).toEqual([strange.logged]);
    // Only a list that can be read tells that there is something to read by another version.
    if (health.lastError === null) expect(health.notes).toEqual([VERSION_NOTE]);
    const lines = server.log.filter(({ message }) => String(message).includes(strange.logged));
    expect(lines).toMatchObject([{ level: 'warn' }]);

    fake.faults.clear();
    answer(fake, VERSION, VERSION_BODY);
    await until(async () => (await paths(scene)).some((path) => path.endsWith(NEW_PHOTO)), HEALED_MS);
    expect(await server.health('immich')).toMatchObject({ lastError: null, warnings: [] });
    expect(await paths(scene)).toHaveLength(before.length + 1);
    await scene.end();
  });

  it('that answers as the newest one known is read, and said to be unknown', async () => {
    const scene = await setScene((fake) => answer(fake, VERSION, VERSION_BODY));
    expect(await paths(scene)).toContain('Album 3/images/photo 3-4.jpg');
    expect(await scene.server.health('immich')).toMatchObject({
      ...{ state: 'ready', lastError: null, warnings: [], notes: [VERSION_NOTE] },
    });
    const lines = scene.server.log.filter(({ message }) => String(message).includes('4.2.0'));
    expect(lines).toMatchObject([{ level: 'warn' }]);
    await scene.end();
  });
});
