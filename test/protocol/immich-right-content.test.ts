import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINY_JPEG } from '../fakes/immich/made-media.ts';
import { SEED_KEYS, seedId, seedLibrary } from '../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { VERSIONS, type Version } from '../fakes/immich/versions.ts';
import { type DavResource, listTree, urlOf } from './dav-listing.ts';
import { sha1Of } from './disk-listing.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';

/** What of an Immich server somebody finds in the mount, and what never, on each version. */

const NEW_YEAR = 'summer/IMG_0004.jpg';
const EDITED = 'summer/IMG_0005.jpg';
const OFFLINE = 'summer/IMG_0006.jpg';
const EDITED_BYTES = Buffer.concat([Buffer.from(TINY_JPEG), Buffer.from('edited')]);

/** A server with one of each thing, and mediadav in front of it. */
class Scene {
  readonly fake: FakeImmich;
  readonly server: MediadavProcess;
  readonly tree: ReadonlyMap<string, DavResource>;

  private constructor(fake: FakeImmich, server: MediadavProcess, tree: ReadonlyMap<string, DavResource>) {
    this.fake = fake;
    this.server = server;
    this.tree = tree;
  }

  static async set(version: Version, settings: Readonly<Record<string, string>>): Promise<Scene> {
    const library = seedLibrary(version);
    const [newYear, edited, offline] = [NEW_YEAR, EDITED, OFFLINE].map((name) => seedId(name));
    // Half an hour after midnight in Berlin, when it is still the old year in Greenwich; copied in March.
    library.updateAsset(newYear ?? '', {
      fileCreatedAt: Date.parse('2023-12-31T23:30:00Z'),
      localDateTime: Date.parse('2024-01-01T00:30:00Z'),
      fileModifiedAt: Date.parse('2024-03-05T06:07:08Z'),
    });
    library.editAsset(edited ?? '', EDITED_BYTES, { width: 80, height: 60 });
    const fake = await startFakeImmich({ version, library });
    const env = { IMMICH_URL: fake.url, IMMICH_API_KEY: SEED_KEYS.admin, FLATTEN_ASSET_STRUCTURE: 'true' };
    const server = await startProcess({ env: { ...env, ...settings } });
    // Its disk goes away after it was listed.
    library.updateAsset(offline ?? '', { isOffline: true });
    return new Scene(fake, server, await listTree(`${server.webdavUrl}/immich`));
  }

  async end(): Promise<void> {
    await this.server.stop();
    await this.fake.close();
  }

  /** Names in a folder. */
  names(folder: string): string[] {
    const paths = [...this.tree.keys()].filter((path) => path.startsWith(`${folder}/`));
    return paths.map((path) => path.slice(folder.length + 1));
  }

  get(path: string, method = 'GET'): Promise<Response> {
    return fetch(urlOf(this.server.webdavUrl, `immich/${path}`), { method });
  }

  async sha1(path: string): Promise<string> {
    return sha1Of(Buffer.from(await (await this.get(path)).arrayBuffer()));
  }

  original(name: string): string {
    return this.fake.library.asset(seedId(name)).content.sha1().toString('hex');
  }
}

describe.each(VERSIONS)('Immich %s, as it is,', (version) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.set(version, {});
  });
  afterAll(() => scene.end());

  it('shows no video part of a live or motion photo, nothing locked, nothing from the trash', () => {
    const all = [...scene.tree.keys()].join('\n');
    expect(scene.names('Special')).toEqual(expect.arrayContaining(['IMG_9001.jpg', 'PXL_0001.MP.jpg']));
    expect(all).not.toMatch(/IMG_9001\.mov|PXL_0001\.MP\.mp4|trashed\.jpg/);
    // 1.118 knows neither state: there these are ordinary photos.
    if (version !== '1.118.0') expect(all).not.toMatch(/hidden\.jpg|locked\.jpg/);
  });

  it('shows archived photos, and every photo of a stack', () => {
    expect(scene.names('Special')).toEqual(
      expect.arrayContaining(['archived.jpg', 'BURST_001.jpg', 'BURST_002.jpg', 'BURST_003.jpg']),
    );
  });

  it('lists a photo whose file is away, and says "not now" to whoever opens it', async () => {
    expect(scene.names('Summer 2024')).toContain('IMG_0006.jpg');
    const answer = await scene.get('Summer 2024/IMG_0006.jpg');
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('lists photos without exif row or size with their true size, found by one small request', async () => {
    for (const name of ['no exif row.jpg', 'size unknown.jpg']) {
      const { content, id } = scene.fake.library.asset(seedId(`odd/${name}`));
      expect(scene.tree.get(`Odd files/${name}`)?.sizeBytes).toBe(content.size);
      expect(await scene.sha1(`Odd files/${name}`)).toBe(scene.original(`odd/${name}`));
      const heads = scene.fake.requests.filter(({ method, path }) => method === 'HEAD' && path.includes(id));
      expect(heads.length).toBeLessThanOrEqual(version === '1.118.0' ? 2 : 1);
    }
  });

  it('names no checksum of a file of an external library before it was read', async () => {
    const external = scene.fake.library.asset(seedId('odd/external.jpg'));
    const listed = async () =>
      Object.keys((await (await fetch(`${scene.server.url}/list?hash=sha1`)).json()) as object);
    const told = Buffer.from(scene.fake.library.checksumOf(external), 'base64').toString('hex');
    expect(await listed()).not.toContain(told);
    expect(await scene.sha1('Odd files/external.jpg')).toBe(scene.original('odd/external.jpg'));
    expect(await listed()).not.toContain(told);
  });

  it('gives files the time that the file has, not the one when it was taken', () => {
    const { lastModified } = scene.tree.get('Summer 2024/IMG_0004.jpg') ?? {};
    expect(lastModified).toBe('Tue, 05 Mar 2024 06:07:08 GMT');
  });

  it('gives the original of an edited photo, and of each other', async () => {
    for (const name of ['IMG_0005.jpg', 'IMG_0001.jpg'])
      expect(await scene.sha1(`Summer 2024/${name}`)).toBe(scene.original(`summer/${name}`));
  });
});

describe.each(VERSIONS)('Immich %s, by settings,', (version) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.set(version, {
      ...{ IMMICH_ARCHIVED: 'false', IMMICH_LIVE_VIDEOS: 'true', IMMICH_STACKS: 'primary' },
      ...{ IMMICH_RENDITION: 'edited', IMMICH_VIEWS: 'albums,timeline' },
    });
  });
  afterAll(() => scene.end());

  it('shows no archived photos', () => {
    expect([...scene.tree.keys()].join('\n')).not.toContain('archived.jpg');
  });

  it('shows the video of a live photo beside it, whose bytes are right', async () => {
    expect(scene.names('albums/Special')).toEqual(
      expect.arrayContaining(['IMG_9001.jpg', 'IMG_9001.mov', 'PXL_0001.MP.jpg', 'PXL_0001.MP.mp4']),
    );
    expect(await scene.sha1('albums/Special/IMG_9001.mov')).toBe(scene.original('live/IMG_9001.mov'));
  });

  it('shows the first photo of a stack only', () => {
    const burst = scene.names('albums/Special').filter((name) => name.startsWith('BURST'));
    expect(burst).toEqual(['BURST_001.jpg']);
  });

  it('still shows nothing locked, and nothing from the trash', () => {
    const all = [...scene.tree.keys()].join('\n');
    expect(all).not.toContain('trashed.jpg');
    if (version !== '1.118.0') expect(all).not.toMatch(/hidden\.jpg|locked\.jpg/);
  });

  it('gives the edited photo where the server has edits, with its own size', async () => {
    const hasEdits = version === '2.7.5' || version === '3.1.0';
    const path = 'albums/Summer 2024/IMG_0005.jpg';
    const { content } = scene.fake.library.asset(seedId(EDITED));
    expect(scene.tree.get(path)?.sizeBytes).toBe(hasEdits ? EDITED_BYTES.length : content.size);
    expect(await scene.sha1(path)).toBe(hasEdits ? sha1Of(EDITED_BYTES) : scene.original(EDITED));
  });

  it('has photos in the month in which they were taken by the clock on the wall', () => {
    expect(scene.names('timeline/2024/2024-01')).toContain('IMG_0004.jpg');
    expect(scene.names('timeline').join('\n')).not.toMatch(/2023-12.*IMG_0004/);
  });
});

it.each(VERSIONS)(
  'Immich %s with previews: photos are small JPEG files, videos what they are',
  async (version) => {
    const scene = await Scene.set(version, { IMMICH_RENDITION: 'preview' });
    try {
      const trips = [...scene.tree.keys()].find((path) => path.endsWith('/shot.jpg')) ?? '';
      expect(scene.tree.get(trips)).toMatchObject({ sizeBytes: TINY_JPEG.length, contentType: 'image/jpeg' });
      expect(await scene.sha1(trips)).toBe(sha1Of(Buffer.from(TINY_JPEG)));
      const clip = trips.replace('shot.jpg', 'clip.mp4');
      const { content } = scene.fake.library.asset(seedId('trips/clip.mp4'));
      expect(await scene.sha1(clip)).toBe(content.sha1().toString('hex'));
    } finally {
      await scene.end();
    }
  },
);
