import { link, mkdir, mkdtemp, rename, rm, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeJpeg } from '../fakes/immich/made-media.ts';
import { type FakeImmich, startFakeImmich } from '../fakes/immich/server.ts';
import { listTree, urlOf } from './dav-listing.ts';
import { SMALL_KEY, type SmallLibrary, smallLibrary } from './immich-small-library.ts';
import { startProcess } from './mediadav-process.ts';
import { faultsOf, leftoversOf, readCatalog, type Snapshot } from './restart-snapshot.ts';

let work = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-restart-'));
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

/** One whole run of the server: it starts, reads everything and is stopped. */
async function runOnce(
  dataDir: string,
  env: Readonly<Record<string, string>>,
  source: string,
): Promise<Snapshot> {
  const server = await startProcess({ dataDir, env });
  expect(await server.health(source)).toMatchObject({ state: 'ready', lastError: null });
  const listed = await listTree(`${server.webdavUrl}/${source}`);
  expect(await server.stop()).toBe(0);
  const snapshot = await readCatalog(dataDir, source);
  // Those of collections tell of all that is in them, and are not the catalog's.
  const ofAssets = (path: string, etag: string | null) => (snapshot.get(path)?.etag === null ? null : etag);
  const shown = [...listed.values()].map(({ path, etag }) => [path, ofAssets(path, etag)] as const).sort();
  const held = [...snapshot].map(([path, { etag }]) => [path, etag] as const).sort();
  expect(shown).toEqual(held);
  expect(new Set([...snapshot.values()].map(({ publicId }) => publicId)).size).toBe(snapshot.size);
  expect(await faultsOf(dataDir)).toEqual([]);
  expect(await leftoversOf(dataDir)).toBe(0);
  return snapshot;
}

function idIn(snapshot: Snapshot, path: string): string {
  const place = snapshot.get(path);
  if (place === undefined) throw new Error(`not there: ${path}`);
  return place.publicId;
}

function etagIn(snapshot: Snapshot, path: string): string | null {
  idIn(snapshot, path);
  return snapshot.get(path)?.etag ?? null;
}

describe('a folder that changes while the server is down', () => {
  let root = '';
  let before: Snapshot;
  let after: Snapshot;

  const put = async (path: string, text = `first bytes of ${path}`) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const move = (from: string, to: string) => rename(join(root, from), join(root, to));
  const swap = async (one: string, other: string) => {
    await move(one, `${one}.swap`);
    await move(other, one);
    await move(`${one}.swap`, other);
  };

  const FILES = [
    'same/a.jpg',
    'rename/old.jpg',
    'move/from/x.jpg',
    'move/to/y.jpg',
    'folders/old name/1.jpg',
    'folders/old name/deep/2.jpg',
    'folders/moved/3.jpg',
    'folders/target/4.jpg',
    'swap/a.jpg',
    'swap/b.jpg',
    'swapped folders/a/in a.jpg',
    'swapped folders/b/in b.jpg',
    'swapped folders/a/same.jpg',
    'swapped folders/b/same.jpg',
    'chain/1.jpg',
    'chain/2.jpg',
    'chain/3.jpg',
    'case/photo.jpg',
    'twin/plain.jpg',
    'replaced/atomically.jpg',
    'replaced/in place.jpg',
    'replaced/deleted and made anew.jpg',
    'replaced/touched.jpg',
    'kind/was a file.jpg',
    'kind/was a folder.jpg/inner.jpg',
    'links/one.jpg',
    'gone/deleted.jpg',
    'gone/folder/deleted too.jpg',
    'gone/stays.jpg',
  ];

  const change = async () => {
    await move('rename/old.jpg', 'rename/new.jpg');
    await move('move/from/x.jpg', 'move/to/x.jpg');
    await move('folders/old name', 'folders/new name');
    await move('folders/moved', 'folders/target/moved');
    await swap('swap/a.jpg', 'swap/b.jpg');
    await swap('swapped folders/a', 'swapped folders/b');
    await move('chain/3.jpg', 'chain/4.jpg');
    await move('chain/2.jpg', 'chain/3.jpg');
    await move('chain/1.jpg', 'chain/2.jpg');
    await move('case/photo.jpg', 'case/PHOTO.jpg');
    await move('twin/plain.jpg', 'twin/why?.jpg');
    await put('replaced/new.tmp', 'other bytes');
    await move('replaced/new.tmp', 'replaced/atomically.jpg');
    await put('replaced/in place.jpg', 'other bytes, in place');
    await unlink(join(root, 'replaced/deleted and made anew.jpg'));
    await put('replaced/deleted and made anew.jpg', 'other bytes, anew');
    await utimes(join(root, 'replaced/touched.jpg'), 1_600_000_000, 1_600_000_000);
    await unlink(join(root, 'kind/was a file.jpg'));
    await put('kind/was a file.jpg/inside.jpg');
    await rm(join(root, 'kind/was a folder.jpg'), { recursive: true });
    await put('kind/was a folder.jpg');
    await link(join(root, 'links/one.jpg'), join(root, 'links/two.jpg'));
    await unlink(join(root, 'gone/deleted.jpg'));
    await rm(join(root, 'gone/folder'), { recursive: true });
    await put('new/new.jpg');
  };

  beforeAll(async () => {
    root = await mkdtemp(join(work, 'disk-'));
    const dataDir = await mkdtemp(join(work, 'data-'));
    for (const path of FILES) await put(path);
    const env = { LOCAL_PATHS: `media=${root}` };
    before = await runOnce(dataDir, env, 'media');
    // A restart alone changes nothing.
    expect(await runOnce(dataDir, env, 'media')).toEqual(before);
    await change();
    after = await runOnce(dataDir, env, 'media');
    expect(await runOnce(dataDir, env, 'media')).toEqual(after);
  });

  it('keeps id and ETag of what stayed', () => {
    for (const path of ['same', 'same/a.jpg', 'gone/stays.jpg', 'move/to/y.jpg', 'folders/target/4.jpg']) {
      expect(after.get(path), path).toEqual(before.get(path));
    }
  });

  it.each([
    ['a file under a new name', 'rename/old.jpg', 'rename/new.jpg'],
    ['a file in another folder', 'move/from/x.jpg', 'move/to/x.jpg'],
    ['a folder under a new name', 'folders/old name', 'folders/new name'],
    ['what is in it', 'folders/old name/1.jpg', 'folders/new name/1.jpg'],
    ['a folder in it', 'folders/old name/deep', 'folders/new name/deep'],
    ['what is deep in it', 'folders/old name/deep/2.jpg', 'folders/new name/deep/2.jpg'],
    ['a folder in another folder', 'folders/moved', 'folders/target/moved'],
    ['what is in that', 'folders/moved/3.jpg', 'folders/target/moved/3.jpg'],
    ['the first of two that swapped names', 'swap/a.jpg', 'swap/b.jpg'],
    ['the second of them', 'swap/b.jpg', 'swap/a.jpg'],
    ['the first of two swapped folders', 'swapped folders/a', 'swapped folders/b'],
    ['the second of them', 'swapped folders/b', 'swapped folders/a'],
    ['a file of the first', 'swapped folders/a/in a.jpg', 'swapped folders/b/in a.jpg'],
    ['one of equal name in the second', 'swapped folders/b/same.jpg', 'swapped folders/a/same.jpg'],
    ['the start of a chain of names', 'chain/1.jpg', 'chain/2.jpg'],
    ['its middle', 'chain/2.jpg', 'chain/3.jpg'],
    ['its end', 'chain/3.jpg', 'chain/4.jpg'],
    ['a name in another case', 'case/photo.jpg', 'case/PHOTO.jpg'],
    ['a name that clients are shown by its twin', 'twin/plain.jpg', 'twin/why？.jpg'],
    ['a file that got a second hard link', 'links/one.jpg', 'links/one.jpg'],
  ])('keeps the id of %s', (_what, from, to) => {
    expect(idIn(after, to)).toBe(idIn(before, from));
    if (from !== to && !isSwapped(from)) expect(after.has(from)).toBe(false);
  });

  function isSwapped(path: string): boolean {
    return path.startsWith('swap') || path.startsWith('chain');
  }

  it('keeps the ETag of what only moved', () => {
    expect(etagIn(after, 'rename/new.jpg')).toBe(etagIn(before, 'rename/old.jpg'));
    expect(etagIn(after, 'folders/new name/deep/2.jpg')).toBe(etagIn(before, 'folders/old name/deep/2.jpg'));
    expect(etagIn(after, 'swap/a.jpg')).toBe(etagIn(before, 'swap/b.jpg'));
  });

  it.each([
    'replaced/atomically.jpg',
    'replaced/in place.jpg',
    'replaced/deleted and made anew.jpg',
    'replaced/touched.jpg',
  ])('keeps the id and changes the ETag of %s', (path) => {
    expect(idIn(after, path)).toBe(idIn(before, path));
    expect(etagIn(after, path)).not.toBe(etagIn(before, path));
  });

  it('has new ids for what is new, and nothing of what is gone', () => {
    const known = new Set([...before.values()].map(({ publicId }) => publicId));
    const fresh = ['new', 'new/new.jpg', 'links/two.jpg', 'kind/was a file.jpg', 'kind/was a folder.jpg'];
    for (const path of fresh) expect(known.has(idIn(after, path)), path).toBe(false);
    for (const path of [
      'gone/deleted.jpg',
      'gone/folder',
      'gone/folder/deleted too.jpg',
      'move/from/x.jpg',
    ]) {
      expect(after.has(path), path).toBe(false);
    }
  });
});

describe('Immich that changes while the server is down', () => {
  interface Scene extends SmallLibrary {
    readonly fake: FakeImmich;
    readonly dataDir: string;
    run(flat?: boolean): Promise<Snapshot>;
  }

  async function setScene(): Promise<Scene> {
    const small = smallLibrary(3, 3);
    const fake = await startFakeImmich({ version: '3.1.0', library: small.library });
    const dataDir = await mkdtemp(join(work, 'data-'));
    const run = (flat = true) => {
      const immich = { IMMICH_URL: fake.url, IMMICH_API_KEY: SMALL_KEY };
      return runOnce(dataDir, { ...immich, FLATTEN_ASSET_STRUCTURE: String(flat) }, 'immich');
    };
    return { ...small, fake, dataDir, run };
  }

  it('keeps ids of a renamed album and of what is in it, and follows what came and went', async () => {
    const { library, albums, addPhoto, fake, run } = await setScene();
    const [renamed, changed = renamed, deleted = renamed] = albums;
    const before = await run();
    expect(await run()).toEqual(before);
    library.renameAlbum(renamed, 'Album 1, renamed');
    const [gone, replaced] = library.assetsOf(changed);
    if (gone === undefined || replaced === undefined) throw new Error('an album without photos');
    library.removeFromAlbum(changed, gone);
    library.addToAlbum(changed, addPhoto('new.jpg'));
    const other = makeJpeg(50, 40, [1, 2, 3], 'other bytes');
    library.updateAsset(replaced, {
      content: library.addAsset({ owner: replaced.ownerId, name: 'x.jpg', content: other }).content,
    });
    library.updateExif(replaced, { fileSizeInByte: other.length });
    library.deleteAlbum(deleted);

    const after = await run();
    expect(idIn(after, 'Album 1, renamed')).toBe(idIn(before, 'Album 1'));
    for (const photo of ['photo 1-1.jpg', 'photo 1-2.jpg', 'photo 1-3.jpg']) {
      expect(after.get(`Album 1, renamed/${photo}`)).toEqual(before.get(`Album 1/${photo}`));
    }
    expect(idIn(after, 'Album 2/photo 2-2.jpg')).toBe(idIn(before, 'Album 2/photo 2-2.jpg'));
    expect(etagIn(after, 'Album 2/photo 2-2.jpg')).not.toBe(etagIn(before, 'Album 2/photo 2-2.jpg'));
    expect(after.get('Album 2/photo 2-3.jpg')).toEqual(before.get('Album 2/photo 2-3.jpg'));
    expect([...after.keys()].sort()).toEqual([
      'Album 1, renamed',
      'Album 1, renamed/photo 1-1.jpg',
      'Album 1, renamed/photo 1-2.jpg',
      'Album 1, renamed/photo 1-3.jpg',
      'Album 2',
      'Album 2/new.jpg',
      'Album 2/photo 2-2.jpg',
      'Album 2/photo 2-3.jpg',
    ]);
    await fake.close();
  });

  it('never moves the name of a twin when the other twin goes', async () => {
    const { library, albums, fake, run } = await setScene();
    for (const album of albums) library.renameAlbum(album, 'Twins');
    const before = await run();
    const names = [...before.keys()].filter((path) => !path.includes('/')).sort();
    expect(names).toHaveLength(3);
    expect(names[0]).toBe('Twins');
    library.deleteAlbum(albums[0]);
    const after = await run();
    expect([...after.keys()].filter((path) => !path.includes('/')).sort()).toEqual(names.slice(1));
    for (const [path, place] of after) expect(place).toEqual(before.get(path));
    await fake.close();
  });

  it('keeps the id of a photo when the layout of its album changes', async () => {
    const { fake, run } = await setScene();
    const flat = await run(true);
    const split = await run(false);
    expect([...split.keys()].filter((path) => path.startsWith('Album 1')).sort()).toEqual([
      'Album 1',
      'Album 1/images',
      'Album 1/images/photo 1-1.jpg',
      'Album 1/images/photo 1-2.jpg',
      'Album 1/images/photo 1-3.jpg',
    ]);
    expect(split.get('Album 1/images/photo 1-2.jpg')).toEqual(flat.get('Album 1/photo 1-2.jpg'));
    expect(await run(true)).toEqual(flat);
    await fake.close();
  });
});

describe('a URL that was given out', () => {
  it('leads to the same bytes after a restart', async () => {
    const root = await mkdtemp(join(work, 'disk-'));
    await writeFile(join(root, 'photo #1?.jpg'), 'bytes');
    const dataDir = await mkdtemp(join(work, 'data-'));
    const answers: (string | null)[][] = [];
    for (let start = 0; start < 2; start += 1) {
      const server = await startProcess({ dataDir, env: { LOCAL_PATHS: `media=${root}` } });
      const answer = await fetch(urlOf(server.webdavUrl, 'media/photo #1？.jpg'));
      answers.push([await answer.text(), answer.headers.get('etag'), answer.headers.get('last-modified')]);
      await server.stop();
    }
    expect(answers[0]?.[0]).toBe('bytes');
    expect(answers[1]).toEqual(answers[0]);
  });
});
