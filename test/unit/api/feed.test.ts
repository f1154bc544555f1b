import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiUnderTest, digestOf, NOON_MS } from './api-under-test.ts';

const SUPER_ROOT = '00000000-0000-0000-0000-000000000000';
const NOON = '2026-03-04T12:00:00+00:00';

interface FeedNode {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly [more: string]: unknown;
}
type Change = { removed: false; node: FeedNode } | { removed: true; node_id: string };
interface Changes {
  readonly cursor: number;
  readonly changes: readonly Change[];
  readonly has_more?: boolean;
}

let api: ApiUnderTest;
beforeEach(async () => {
  api = await ApiUnderTest.start({ sources: { media: '/mnt/media', immich: null } });
});
afterEach(() => api.stop());

const cursorNow = async () => (await api.json<{ cursor: number }>('/api/v1/cursor')).cursor;
const since = (cursor: number, more = '') => api.json<Changes>(`/api/v1/changes?cursor=${cursor}${more}`);
/** Without roots of sources, whose time is that of their last change. */
const textOf = ({ changes }: Changes): string[] =>
  changes
    .filter((change) => change.removed || change.node.parent_id !== SUPER_ROOT)
    .map((change) => (change.removed ? `-${change.node_id}` : `+${change.node.name}`));

describe('/api/v1/cursor and /api/v1/changes', () => {
  it('counts changes', async () => {
    const before = await cursorNow();
    await api.addFile('a.jpg', {}, 'media');
    expect(await cursorNow()).toBeGreaterThan(before);
  });

  it('tells everything without a cursor, and nothing at the latest', async () => {
    await api.addFolder('d1', 'photos', null, 'media');
    await api.addFile('photos/image.jpg', { collection: 'd1' }, 'media');
    const all = await api.json<Changes>('/api/v1/changes');
    expect(all).toEqual(await since(0));
    expect(all.cursor).toBe(await cursorNow());
    expect(Object.keys(all)).toEqual(['cursor', 'changes']);
    expect(textOf(all)).toEqual(['+photos', '+image.jpg']);
    expect(await since(all.cursor)).toEqual({ cursor: all.cursor, changes: [] });
  });

  it('tells a node in two phases, in the shape of the reference', async () => {
    await api.addFolder('d1', 'photos', null, 'media');
    const content = Buffer.alloc(204_800, 'x');
    const file = { collection: 'd1', content, facts: { statusChangedMs: NOON_MS } };
    const before = await cursorNow();
    await api.addFile('photos/image.jpg', { ...file, media: null }, 'media');
    const first = await since(before);
    const shape = {
      id: await api.idOf('photos/image.jpg', 'media'),
      parent_id: await api.idOf('photos', 'media'),
      name: 'image.jpg',
      is_directory: false,
      ctime: NOON,
      mtime: NOON,
      mime_type: 'image/jpeg',
      hash: '',
      size: 204_800,
      is_image: true,
      is_video: false,
      width: 0,
      height: 0,
      ms_duration: 0,
      source: 'media',
      sha256: '',
      sha1: '',
      taken: null,
      live_photo_video: null,
      live_photo_still: null,
    };
    expect(first.changes).toEqual([{ removed: false, node: shape }]);
    const [change] = first.changes;
    expect(Object.keys(change?.removed === false ? change.node : {})).toEqual(Object.keys(shape));

    await api.addFile('photos/image.jpg', { ...file, media: { width: 1920, height: 1080 } }, 'media');
    const digests = {
      hash: digestOf('md5', content),
      sha256: digestOf('sha256', content),
      sha1: digestOf('sha1', content),
    };
    const second = await since(first.cursor);
    expect(second.changes).toEqual([
      { removed: false, node: { ...shape, ...digests, width: 1920, height: 1080 } },
    ]);
    // Whoever asks only now gets the final state alone.
    expect(textOf(await since(before))).toEqual(['+image.jpg']);
  });

  it('names the other half of a live photo, and tells when it has one no more', async () => {
    const media = { livePhotoId: 'an-id-of-both' };
    await api.addFile('IMG_1.HEIC', { media }, 'media');
    await api.addFile('IMG_1.MOV', { media }, 'media');
    const [still, film] = [await api.idOf('IMG_1.HEIC', 'media'), await api.idOf('IMG_1.MOV', 'media')];
    const nodeOf = (id: string) => api.json(`/api/v1/nodes/${id}`);
    expect(await nodeOf(still)).toMatchObject({ live_photo_video: film, live_photo_still: null });
    expect(await nodeOf(film)).toMatchObject({ live_photo_video: null, live_photo_still: still });
    const before = await cursorNow();
    await api.catalog.writer.removeAt(api.source('media').id, ['IMG_1.MOV']);
    const { changes } = await since(before);
    const told = changes.find((change) => !change.removed && change.node.id === still);
    expect(told).toMatchObject({ node: { live_photo_video: null } });
    expect(changes).toContainEqual({ removed: true, node_id: film });
  });

  it('tells directories and videos', async () => {
    await api.addFolder('d1', 'clips', null, 'media');
    const taken = { localText: '2008-10-22T16:28:39', offsetMinutes: -90, instantMs: 1, derivedFrom: 'x' };
    await api.addFile('clips/clip.mp4', { collection: 'd1', media: { durationMs: 1234.6, taken } }, 'media');
    const nodes = (await since(0)).changes.flatMap((change) => (change.removed ? [] : [change.node]));
    const [clips, clip] = ['clips', 'clip.mp4'].map((name) => nodes.find((node) => node.name === name));
    expect(clips).toMatchObject({
      ...{ parent_id: await api.idOf('', 'media'), is_directory: true, mime_type: '', hash: '', size: 0 },
      ...{ is_image: false, is_video: false, ctime: NOON, mtime: NOON },
    });
    expect(clip).toMatchObject({
      ...{ is_image: false, is_video: true, mime_type: 'video/mp4', ms_duration: 1235 },
      taken: '2008-10-22T16:28:39-01:30',
    });
  });

  it('tells roots of sources as directories below the super-root, by the name of their mount', async () => {
    const { changes } = await since(0);
    const nodes = changes.flatMap((change) => (change.removed ? [] : [change.node]));
    expect(
      nodes.map(({ id, parent_id, name, is_directory }) => ({ id, parent_id, name, is_directory })),
    ).toEqual([
      { id: await api.idOf('', 'media'), parent_id: SUPER_ROOT, name: 'media', is_directory: true },
      { id: await api.idOf('', 'immich'), parent_id: SUPER_ROOT, name: 'immich', is_directory: true },
    ]);
  });

  it('merges: updates are one, what came and went is none, what is gone is told', async () => {
    await api.addFile('a.jpg', {}, 'media');
    await api.addFile('b.jpg', {}, 'media');
    const before = await cursorNow();
    const gone = await api.idOf('b.jpg', 'media');
    const { id } = api.source('media');
    await api.addFile('a.jpg', { content: 'once' }, 'media');
    await api.addFile('a.jpg', { content: 'twice' }, 'media');
    await api.addFile('c.jpg', {}, 'media');
    await api.catalog.writer.removeAt(id, ['c.jpg']);
    await api.catalog.writer.removeAt(id, ['b.jpg']);
    const changes = await since(before);
    expect(textOf(changes)).toEqual(['+a.jpg', `-${gone}`]);
    expect(changes.changes).toContainEqual({ removed: true, node_id: gone });
    expect(changes.changes[0]).toMatchObject({ node: { hash: digestOf('md5', 'twice') } });
  });

  it('tells a moved folder and all that is below it', async () => {
    await api.addFolder('d1', 'a', null, 'media');
    await api.addFolder('d2', 'b', 'd1', 'media');
    await api.addFile('a/b/x.jpg', { collection: 'd2' }, 'media');
    const before = await cursorNow();
    await api.addFolder('d1', 'moved', null, 'media');
    expect(textOf(await since(before)).sort()).toEqual(['+b', '+moved', '+x.jpg']);
  });

  it.each([1, 2, 3, 50])('pages by %i without losing anything', async (size) => {
    for (let at = 0; at < 10; at++) await api.addFile(`${at}.jpg`, {}, 'media');
    await api.catalog.writer.removeAt(api.source('media').id, ['4.jpg']);
    const all: Change[] = [];
    let page = await since(0, `&max_size=${size}`);
    for (;;) {
      expect(Object.keys(page)).toEqual(['cursor', 'changes', 'has_more']);
      expect(page.changes.length).toBeLessThanOrEqual(size);
      all.push(...page.changes);
      if (page.has_more !== true) break;
      page = await since(page.cursor, `&max_size=${size}`);
    }
    expect(all.filter(({ removed }) => !removed)).toEqual((await since(0)).changes);
    expect(page.cursor).toBe(await cursorNow());
  });

  it('streams more than a page whole, and compressed', async () => {
    const names = Array.from({ length: 2_345 }, (_, at) => `${at}.jpg`);
    for (const name of names) await api.addFile(name, { media: null }, 'media');
    expect(textOf(await since(0)).sort()).toEqual(names.map((name) => `+${name}`).sort());
    const packed = await api.ask('/api/v1/changes', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(packed.headers['content-encoding']).toBe('gzip');
  });

  it('tells another digest in "hash" when asked to', async () => {
    await api.addFile('a.jpg', { content: 'x' }, 'media');
    const hashOf = async (more: string) =>
      (await since(0, more)).changes
        .flatMap((change) => (change.removed ? [] : change.node.hash))
        .find(Boolean);
    expect(await hashOf('')).toBe(digestOf('md5', 'x'));
    expect(await hashOf('&hash=sha256')).toBe(digestOf('sha256', 'x'));
    expect(await hashOf('&hash=sha1&max_size=100')).toBe(digestOf('sha1', 'x'));
    expect((await api.problem('/api/v1/changes?hash=sha512')).status).toBe(400);
  });

  it.each([
    'abc',
    '-1',
    '1.5',
    '',
    '1e3',
    '0x10',
    '9007199254740992',
    '99999999999999999999',
    '%00',
    '1&cursor=2',
  ])('refuses the cursor "%s"', async (cursor) => {
    for (const path of ['/api/v1/changes', '/api/v1/changes/stream']) {
      const problem = await api.problem(`${path}?cursor=${cursor}`);
      expect(problem).toMatchObject({
        status: 400,
        code: 'invalid',
        detail: expect.stringContaining('"cursor"'),
      });
    }
  });

  it.each(['0', '-1', '10001', 'all', ''])('refuses max_size=%s', async (size) => {
    expect((await api.problem(`/api/v1/changes?max_size=${size}`)).status).toBe(400);
  });

  it('tells whose cursor is too old, or of another catalog, to list anew', async () => {
    await api.addFile('a.jpg', {}, 'media');
    await api.addFile('b.jpg', {}, 'media');
    const old = await cursorNow();
    await api.catalog.writer.removeAt(api.source('media').id, ['a.jpg']);
    await api.catalog.writer.pruneTombstones(Date.now() + 1000, 100);
    const foreign = (await cursorNow()) + 1;
    for (const path of ['/api/v1/changes?', '/api/v1/changes?max_size=1&', '/api/v1/changes/stream?']) {
      for (const cursor of [old, foreign]) {
        expect(await api.problem(`${path}cursor=${cursor}`)).toMatchObject({
          ...{ status: 410, title: 'Gone', code: 'cursor-expired', type: 'about:blank' },
          detail: expect.stringMatching(/list anew/),
        });
      }
    }
    expect(textOf(await since(0))).toEqual(['+b.jpg']);
  });

  it('tells nothing of a source that is not configured any more', async () => {
    const hidden = await api.catalog.writer.ensureSource('hidden');
    expect((await since(0)).changes).toHaveLength(2);
    const id = api.catalog.reader.publicId(hidden.rootId);
    for (const path of ['', '/path', '/children']) {
      expect((await api.problem(`/api/v1/nodes/${id}${path}`)).status).toBe(404);
    }
  });
});

describe('/api/v1/root and /api/v1/nodes', () => {
  it('tells the super-root as the reference does', async () => {
    const root = await api.json('/api/v1/root');
    expect(root).toEqual({
      ...{ id: SUPER_ROOT, parent_id: null, name: '', is_directory: true, mime_type: '', hash: '', size: 0 },
      ...{ is_image: false, is_video: false, width: 0, height: 0, ms_duration: 0 },
      ctime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/),
      mtime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/),
    });
    expect(Object.keys(root)).toEqual([
      ...['id', 'parent_id', 'name', 'is_directory', 'ctime', 'mtime', 'mime_type', 'hash', 'size'],
      ...['is_image', 'is_video', 'width', 'height', 'ms_duration'],
    ]);
    expect(await api.json(`/api/v1/nodes/${SUPER_ROOT}`)).toEqual(root);
  });

  it('tells one node as the changes do', async () => {
    await api.addFile('a.jpg', { media: { width: 4 } }, 'media');
    const id = await api.idOf('a.jpg', 'media');
    const { changes } = await since(0);
    const told = changes.find((change) => !change.removed && change.node.id === id);
    expect({ removed: false, node: await api.json(`/api/v1/nodes/${id}`) }).toEqual(told);
    expect(await api.json(`/api/v1/nodes/${id.toUpperCase()}`)).toMatchObject({ id });
  });

  it('tells members page by page', async () => {
    const members = async (path: string) =>
      await api.json<{ children: FeedNode[]; next: string | null }>(`/api/v1/nodes/${path}`);
    const sources = async (query: string) => {
      const { children, next } = await members(`${SUPER_ROOT}/children${query}`);
      return [children.map(({ name }) => name), next];
    };
    expect(await sources('')).toEqual([['immich', 'media'], null]);
    expect(await sources('?limit=1')).toEqual([['immich'], 'immich']);
    expect(await sources('?limit=5&after=immich')).toEqual([['media'], null]);
    for (let at = 0; at < 5; at++) await api.addFile(`${at} ü.jpg`, {}, 'media');
    const id = await api.idOf('', 'media');
    const first = await members(`${id}/children?limit=3`);
    expect(first.children.map(({ name }) => name)).toEqual(['0 ü.jpg', '1 ü.jpg', '2 ü.jpg']);
    const rest = await members(`${id}/children?limit=3&after=${encodeURIComponent(first.next ?? '')}`);
    expect(rest).toMatchObject({ children: [{ name: '3 ü.jpg' }, { name: '4 ü.jpg' }], next: null });
    const file = await api.idOf('0 ü.jpg', 'media');
    expect((await api.problem(`/api/v1/nodes/${file}/children`)).status).toBe(400);
    expect((await api.problem(`/api/v1/nodes/${id}/children?limit=0`)).status).toBe(400);
    expect((await api.problem(`/api/v1/nodes/${id}/children?limit=1001`)).status).toBe(400);
  });

  it('tells the path of what is on a disk: as the disk has it', async () => {
    await api.addFolder('d1', 'a?b', null, 'media');
    await api.addFile('a?b/image.jpg', { collection: 'd1' }, 'media');
    const pathOf = async (path: string) =>
      (await api.json<{ path: string }>(`/api/v1/nodes/${await api.idOf(path, 'media')}/path`)).path;
    expect(await pathOf('a？b/image.jpg')).toBe('/mnt/media/a?b/image.jpg');
    expect(await pathOf('a？b')).toBe('/mnt/media/a?b');
    expect(await pathOf('')).toBe('/mnt/media');
  });

  it('tells the path in the mounted tree of what is on no disk', async () => {
    const times = { modifiedMs: NOON_MS, createdMs: null };
    await api.apply(
      [
        {
          kind: 'collection',
          ref: 'x',
          name: '2026',
          parent: null,
          naming: 'free',
          isVirtual: true,
          ...times,
        },
      ],
      'media',
    );
    await api.addFolder('al', 'Album', null, 'immich');
    await api.addFile('x.jpg', { collection: 'al' }, 'immich');
    const pathOf = async (path: string, source: string) =>
      (await api.json<{ path: string }>(`/api/v1/nodes/${await api.idOf(path, source)}/path`)).path;
    expect(await pathOf('Album/x.jpg', 'immich')).toBe('/immich/Album/x.jpg');
    expect(await pathOf('Album', 'immich')).toBe('/immich/Album');
    expect(await pathOf('', 'immich')).toBe('/immich');
    // A folder that a layout made up.
    expect(await pathOf('2026', 'media')).toBe('/media/2026');
  });

  it('knows no path of the super-root', async () => {
    expect(await api.problem(`/api/v1/nodes/${SUPER_ROOT}/path`)).toMatchObject({ status: 400 });
  });

  it.each([
    'x',
    '00000000-0000-0000-0000-000000000001',
    '%20',
    'a'.repeat(200),
    '..%2f..',
    "';%20DROP%20TABLE%20node;",
  ])('does not know the node %s', async (id) => {
    for (const path of ['', '/path', '/children']) {
      expect(await api.problem(`/api/v1/nodes/${id}${path}`)).toMatchObject({
        status: 404,
        code: 'not-found',
      });
    }
  });

  it('does not know what was removed', async () => {
    await api.addFile('a.jpg', {}, 'media');
    const id = await api.idOf('a.jpg', 'media');
    await api.catalog.writer.removeAt(api.source('media').id, ['a.jpg']);
    expect((await api.problem(`/api/v1/nodes/${id}`)).status).toBe(404);
  });
});

describe('a source at the top of the tree', () => {
  it('has its members there, and a name all the same', async () => {
    const top = await ApiUnderTest.start({ sources: { immich: null }, mountsAtRoot: true });
    try {
      await top.addFile('x.jpg', {}, 'immich');
      const [id, root] = [await top.idOf('x.jpg', 'immich'), await top.idOf('', 'immich')];
      expect(await top.json(`/api/v1/nodes/${id}/path`)).toEqual({ path: '/x.jpg' });
      expect(await top.json(`/api/v1/nodes/${root}/path`)).toEqual({ path: '/' });
      expect(await top.json(`/api/v1/nodes/${root}`)).toMatchObject({
        name: 'immich',
        parent_id: SUPER_ROOT,
      });
    } finally {
      await top.stop();
    }
  });
});
