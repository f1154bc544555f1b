import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Library } from '../fakes/immich/library.ts';
import { seedId } from '../fakes/immich/seed.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import type { Version } from '../fakes/immich/versions.ts';
import { type DavResource, listTree } from './dav-listing.ts';
import { mountDavfs } from './davfs-mount.ts';
import { digestsBelow, filesBelow } from './disk-listing.ts';
import {
  LIBRARY_KEY,
  LONG_NAME,
  type ShownAsset,
  shownAlbums,
  shownAssets,
  troublesomeLibrary,
  withoutTags,
} from './immich-library.ts';
import { type MediadavProcess, startProcess } from './mediadav-process.ts';
import { Rclone, undoRcloneNames } from './rclone.ts';
import { FUSE, lookUp, MOUNT_RIGHTS } from './tool-lookup.ts';

const VERSIONS: readonly Version[] = ['1.118.0', '1.144.1', '2.7.5', '3.1.0'];
const LAYOUTS = ['album/type/file', 'album/file'] as const;
const MATRIX = VERSIONS.flatMap((version) => LAYOUTS.map((layout) => ({ version, layout })));

const needsRclone = lookUp('rclone');
const needsRcloneMount = lookUp('rclone', 'fusermount3', FUSE);
const needsDavfs = lookUp('mount.davfs', FUSE, MOUNT_RIGHTS);

/** Shown paths of each run: they depend on nothing but the library. */
const pathsByRun = new Map<string, string[]>();

let work = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-immich-'));
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

interface Served {
  readonly fake: FakeImmich;
  readonly server: MediadavProcess;
  stop(): Promise<void>;
}

async function serve(
  version: Version,
  layout: (typeof LAYOUTS)[number],
  library: Library = troublesomeLibrary(version),
): Promise<Served> {
  const fake = await startFakeImmich({ version, library });
  const flat = { FLATTEN_ASSET_STRUCTURE: String(layout === 'album/file') };
  const server = await startProcess({ env: { IMMICH_URL: fake.url, IMMICH_API_KEY: LIBRARY_KEY, ...flat } });
  const stop = async () => {
    await server.stop();
    await fake.close();
  };
  return { fake, server, stop };
}

/** What a client finds, in the form of what it should find. */
function shownIn(tree: ReadonlyMap<string, DavResource>, digests: ReadonlyMap<string, string>): ShownAsset[] {
  return [...tree.values()]
    .filter(({ isCollection }) => !isCollection)
    .map(({ path, sizeBytes, lastModified, contentType }) => ({
      path: withoutTags(path),
      sha1: digests.get(path) ?? 'not copied',
      sizeBytes: sizeBytes ?? -1,
      lastModified,
      contentType: contentType ?? 'none',
    }));
}

/** What rclone made, under the names that the server shows. */
function undone<T>(files: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...files].map(([path, value]) => [undoRcloneNames(path), value]));
}

function sorted<T>(values: Iterable<T>): T[] {
  return [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

describe.each(MATRIX)(`Immich $version, $layout${needsRclone.note}`, ({ version, layout }) => {
  let served: Served;
  let tree: Map<string, DavResource>;

  beforeAll(async () => {
    served = await serve(version, layout);
    tree = await listTree(`${served.server.webdavUrl}/immich`);
    pathsByRun.set(`${version} ${layout}`, sorted(tree.keys()));
  });

  afterAll(async () => {
    await served.stop();
  });

  it('downloads nothing to scan and to list', () => {
    expect(served.fake.bytesSent).toBe(0);
    expect(served.fake.requests.some(({ path }) => path.includes('/album'))).toBe(true);
    const downloads = served.fake.requests.filter(
      ({ method, path }) => method === 'GET' && /\/(original|thumbnail|playback)/.test(path),
    );
    expect(downloads).toEqual([]);
  });

  it('shows every album the key may see, and no other', () => {
    const top = [...tree.values()].filter(({ path }) => !path.includes('/'));
    expect(top.every(({ isCollection }) => isCollection)).toBe(true);
    expect(sorted(top.map(({ path }) => withoutTags(path)))).toEqual(
      sorted(shownAlbums(served.fake.library)),
    );
  });

  it('gives everything in an album a name of its own that every client can store', () => {
    const folded = [...tree.keys()].map((path) => path.normalize('NFC').toLowerCase());
    expect(sorted(new Set(folded))).toEqual(sorted(folded));
    for (const path of tree.keys()) {
      for (const segment of path.split('/')) {
        expect(segment).not.toMatch(/[\u0000-\u001f\u007f<>:"\\|?*]|[. ]$|^(con|nul)(\.|$)/i);
        expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(255);
      }
    }
    for (const path of tree.keys()) {
      const slash = path.lastIndexOf('/') + 1;
      const plain = path.slice(0, slash) + withoutTags(path.slice(slash));
      expect(folded, 'one of the twins has the plain name').toContain(plain.normalize('NFC').toLowerCase());
    }
  });

  it.skipIf(needsRclone.areMissing)('shows every asset with its size, time, type and bytes', async () => {
    const to = await mkdtemp(join(work, 'copy-'));
    const rclone = await Rclone.at(served.server.webdavUrl, { flags: ['--no-unicode-normalization'] });
    await rclone.copy('immich', to);
    const digests = undone(await digestsBelow(to));
    const shown = shownIn(tree, digests);
    expect(digests.size).toBe(shown.length);
    expect(sorted(shown)).toEqual(sorted(shownAssets(served.fake.library, layout)));
    const copied = undone(await filesBelow(to));
    for (const { path, lastModified, isCollection } of tree.values()) {
      if (isCollection) continue;
      expect(copied.get(path)?.modifiedSeconds, path).toBe(Date.parse(lastModified) / 1000);
    }
  });

  it('never shows what is hidden, locked or in the trash', () => {
    const names = [...tree.keys()].join('\n');
    expect(names).toContain('IMG_9001.jpg');
    expect(names).toContain('archived.jpg');
    expect(names).not.toContain('IMG_9001.mov');
    expect(names).not.toContain('trashed.jpg');
    expect(names).not.toContain('private.jpg');
    expect(names).not.toContain('Private to Bob');
    // 1.118 does not know these two states yet.
    if (version !== '1.118.0') expect(names).not.toMatch(/hidden\.jpg|locked\.jpg/);
  });

  it('reads the albums by what this version really answers', () => {
    const searches = served.fake.requests.filter(({ path }) => path.endsWith('/search/metadata'));
    expect(searches.length > 0).toBe(version === '3.1.0');
  });
});

describe('all versions', () => {
  it.each(LAYOUTS)('show the same library under the same names, %s', (layout) => {
    const paths = VERSIONS.map((version) => pathsByRun.get(`${version} ${layout}`) ?? []);
    // In 1.118 the two photos that later versions hide and lock are ordinary ones.
    const known = paths.map((all) => all.filter((path) => !/\/(hidden|locked)\.jpg$/.test(path)));
    expect(known[0]?.length).toBeGreaterThan(40);
    for (const other of known.slice(1)) expect(other).toEqual(known[0]);
  });
});

describe('an Immich album mounted', () => {
  const layout = 'album/type/file';
  let served: Served;

  beforeAll(async () => {
    const library = troublesomeLibrary('3.1.0');
    // davfs2 keeps a file for each folder, under a longer name than the folder's own, which then no disk can hold.
    library.deleteAlbum(seedId(`more album ${LONG_NAME}`));
    served = await serve('3.1.0', layout, library);
  });

  afterAll(async () => {
    await served.stop();
  });

  async function expectAllBytes(digests: ReadonlyMap<string, string>): Promise<void> {
    const wanted = shownAssets(served.fake.library, layout);
    const found = [...digests].map(([path, sha1]) => ({ path: withoutTags(path), sha1 }));
    expect(sorted(found)).toEqual(sorted(wanted.map(({ path, sha1 }) => ({ path, sha1 }))));
    const tree = await listTree(`${served.server.webdavUrl}/immich`);
    const files = [...tree.values()].filter(({ isCollection }) => !isCollection);
    expect(sorted(digests.keys())).toEqual(sorted(files.map(({ path }) => path)));
  }

  it.skipIf(needsRcloneMount.areMissing)(
    `by rclone reads every file byte for byte${needsRcloneMount.note}`,
    async () => {
      const flags = ['--no-unicode-normalization'];
      const mounted = await (await Rclone.at(served.server.webdavUrl, { flags })).mount();
      try {
        await expectAllBytes(undone(await digestsBelow(join(mounted.path, 'immich'))));
      } finally {
        await mounted.unmount();
      }
    },
  );

  it.skipIf(needsDavfs.areMissing)(`by davfs2 reads every file byte for byte${needsDavfs.note}`, async () => {
    const mounted = await mountDavfs(served.server.webdavUrl);
    try {
      await expectAllBytes(await digestsBelow(join(mounted.path, 'immich')));
    } finally {
      await mounted.unmount();
    }
  });
});
