import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MediadavProcess, startProcess, until } from './mediadav-process.ts';

/*
 * The two documents that the API follows, replayed: every address they name is asked for, in the words they use, of
 * the real program, started in the way they start theirs.
 */

const SUPER_ROOT = '00000000-0000-0000-0000-000000000000';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/;
const TAKEN = '2008-10-22T16:28:39';
/** The zone of the server, and what its clock with that time is. */
const ZONE = { TZ: 'America/New_York' };
const TAKEN_SECONDS = Date.UTC(2008, 9, 22, 20, 28, 39) / 1000;
const LOCAL_PORTS = { HOST: '127.0.0.1', PORT: '0' };

const digestOf = (algorithm: string, bytes: Buffer): string =>
  createHash(algorithm).update(bytes).digest('hex');

/** A folder with a photo that knows when it was taken, and a "video". */
async function preparedFolder(): Promise<{ work: string; storage: string; dataDir: string }> {
  const work = await mkdtemp(join(tmpdir(), 'mediadav-reference-'));
  const [storage, dataDir] = [join(work, 'media'), join(work, 'data')];
  await mkdir(join(storage, 'subdir'), { recursive: true });
  await mkdir(dataDir);
  const picture = { create: { width: 192, height: 108, channels: 3 as const, background: '#3060a0' } };
  const exif = { IFD2: { DateTimeOriginal: TAKEN.replaceAll('-', ':').replace('T', ' ') } };
  await writeFile(join(storage, 'image.jpg'), await sharp(picture).withExif(exif).jpeg().toBuffer());
  await writeFile(join(storage, 'subdir', 'video.mp4'), 'dummy bytes');
  await utimes(join(storage, 'image.jpg'), 1_678_886_400, 1_678_886_400);
  return { work, storage, dataDir };
}

describe('photobackup.md', () => {
  let folder: Awaited<ReturnType<typeof preparedFolder>>;
  let server: MediadavProcess;
  const get = (path: string, init?: RequestInit) => fetch(server.url + path, init);
  const list = async (path = '/list') =>
    (await (await get(path)).json()) as Record<string, Record<string, unknown>>;

  beforeAll(async () => {
    folder = await preparedFolder();
    server = await startProcess({
      args: ['--storage_dir', folder.storage, '--port', '0', '--rescan_interval', '300'],
      dataDir: folder.dataDir,
      env: ZONE,
    });
    // Hashes follow once the files were read.
    await until(async () => Object.keys(await list()).length === 2);
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder.work, { recursive: true, force: true });
  });

  it('"Returns a JSON object mapping the SHA256 hash of each media file to its details"', async () => {
    const [image, video] = [join(folder.storage, 'image.jpg'), join(folder.storage, 'subdir', 'video.mp4')];
    const answer = await get('/list');
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const entries = (await answer.json()) as Record<string, unknown>;
    const { mtimeMs, ctimeMs } = await stat(video);
    expect(entries).toEqual({
      [digestOf('sha256', await readFile(image))]: expect.objectContaining({
        filename: 'image.jpg',
        last_modified: 1678886400.0,
        file_path: image,
        // "extracted from the EXIF 'DateTimeOriginal' tag if available"
        original_creation_date: TAKEN_SECONDS,
      }),
      [digestOf('sha256', await readFile(video))]: expect.objectContaining({
        filename: 'video.mp4',
        last_modified: expect.closeTo(mtimeMs / 1000, 3),
        file_path: video,
        // "defaults to the file's creation time on the filesystem (ctime)"
        original_creation_date: expect.closeTo(ctimeMs / 1000, 3),
      }),
    });
  });

  it('keeps the order of the fields', async () => {
    const [entry = {}] = Object.values(await list());
    expect(Object.keys(entry).slice(0, 4)).toEqual([
      ...['filename', 'last_modified', 'file_path', 'original_creation_date'],
    ]);
  });

  it('answers every other address with "Error 404: Not Found"', async () => {
    for (const path of ['/other', '/list/other', '/images']) {
      const answer = await get(path);
      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(await answer.text()).toMatch(/^Error 404: Not Found/);
    }
  });

  it('lists by date', async () => {
    const day = TAKEN.slice(0, 10);
    const names = async (path: string) => Object.values(await list(path)).map(({ filename }) => filename);
    expect(await names(`/list/date/${day}`)).toEqual(['image.jpg']);
    expect(await names(`/list/daterange/2008-10-01/${day}`)).toEqual(['image.jpg']);
    expect(await names('/list/date/2008-10-23')).toEqual([]);
    for (const path of ['/list/date/2008-02-30', '/list/daterange/2009-01-01/2008-01-01', '/list/date/x']) {
      expect((await get(path)).status).toBe(400);
    }
  });

  it('gives images and thumbnails by their hash, 400 for none and 404 for an unknown one', async () => {
    const image = await readFile(join(folder.storage, 'image.jpg'));
    const sha256 = digestOf('sha256', image);
    expect(Buffer.from(await (await get(`/image/${sha256}`)).arrayBuffer())).toEqual(image);
    const thumbnail = await sharp(await (await get(`/thumbnail/${sha256}`)).arrayBuffer()).metadata();
    expect(thumbnail).toMatchObject({ format: 'png', width: 256, height: 256 });
    const video = digestOf('sha256', Buffer.from('dummy bytes'));
    for (const [path, status] of [
      [`/thumbnail/${video}`, 404],
      [`/image/${video}`, 200],
      [`/image/${'0'.repeat(64)}`, 404],
      [`/thumbnail/${'0'.repeat(64)}`, 404],
      ['/image/abc', 400],
      ['/thumbnail/abc', 400],
    ] as const) {
      const answer = await get(path);
      await answer.arrayBuffer();
      expect([path, answer.status]).toEqual([path, status]);
    }
  });

  it('is {} for an empty folder', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'mediadav-empty-'));
    const other = await startProcess({ args: ['--storage_dir', empty] });
    try {
      expect(await (await fetch(`${other.url}/list`)).json()).toEqual({});
    } finally {
      await other.stop();
      await rm(empty, { recursive: true, force: true });
    }
  });
});

describe('drive-feed.md', () => {
  interface Change {
    readonly removed: boolean;
    readonly node?: {
      readonly id: string;
      readonly name: string;
      readonly hash: string;
      readonly is_directory: boolean;
    };
    readonly node_id?: string;
  }
  interface Changes {
    readonly cursor: number;
    readonly changes: readonly Change[];
  }

  let folder: Awaited<ReturnType<typeof preparedFolder>>;
  let server: MediadavProcess;
  let config: string;
  const get = (path: string) => fetch(server.url + path);
  const json = async <T>(path: string): Promise<T> => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    return (await answer.json()) as T;
  };
  const start = async () => {
    const env = { ...LOCAL_PORTS, RESCAN_INTERVAL: '1' };
    server = await startProcess({ args: [`--config=${config}`], dataDir: folder.dataDir, env });
  };

  beforeAll(async () => {
    folder = await preparedFolder();
    config = join(folder.work, 'server.yaml');
    await mkdir(join(folder.work, 'photos'));
    await writeFile(
      config,
      `host: "0.0.0.0"
port: 8080
database_url: "${join(folder.dataDir, 'catalog.db')}"
watches:
  media: ${folder.storage}
  photos: ${join(folder.work, 'photos')}
`,
    );
    await start();
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder.work, { recursive: true, force: true });
  });

  it('GET /api/v1/cursor: "the latest change ID"', async () => {
    expect(await json('/api/v1/cursor')).toEqual({ cursor: expect.any(Number) });
  });

  it('GET /api/v1/root: "the virtual super-root node"', async () => {
    expect(await json('/api/v1/root')).toEqual({
      id: SUPER_ROOT,
      parent_id: null,
      name: '',
      is_directory: true,
      ctime: expect.stringMatching(ISO),
      mtime: expect.stringMatching(ISO),
      mime_type: '',
      hash: '',
      size: 0,
      is_image: false,
      is_video: false,
      width: 0,
      height: 0,
      ms_duration: 0,
    });
  });

  it('GET /api/v1/changes: "Missing cursor defaults to 0. Invalid cursor returns HTTP 400"', async () => {
    const all = await json<Changes>('/api/v1/changes');
    expect(await json('/api/v1/changes?cursor=0')).toEqual(all);
    const names = all.changes.map(({ node }) => node?.name).sort();
    expect(names).toEqual(['image.jpg', 'media', 'photos', 'subdir', 'video.mp4']);
    for (const cursor of ['abc', '-1', '1.5', '', 'null']) {
      expect((await get(`/api/v1/changes?cursor=${cursor}`)).status).toBe(400);
    }
    expect((await get('/api/v1/changes?cursor=123456789')).status).toBe(410);
  });

  it('"Nodes appear in two phases: first with hash: "" immediately after detection"', async () => {
    const find = async () =>
      (await json<Changes>('/api/v1/changes')).changes.find(({ node }) => node?.name === 'image.jpg');
    // The first phase may be over before anybody can ask; until the second, the hash is empty and nothing else.
    await until(async () => {
      const { hash } = (await find())?.node ?? { hash: null };
      expect(hash).toMatch(/^([0-9a-f]{32})?$/);
      return hash !== '';
    });
    const image = await find();
    const bytes = await readFile(join(folder.storage, 'image.jpg'));
    expect(image).toEqual({
      removed: false,
      node: {
        id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        parent_id: expect.any(String),
        name: 'image.jpg',
        is_directory: false,
        ctime: expect.stringMatching(ISO),
        mtime: '2023-03-15T13:20:00+00:00',
        mime_type: 'image/jpeg',
        hash: digestOf('md5', bytes),
        size: bytes.length,
        is_image: true,
        is_video: false,
        width: 192,
        height: 108,
        ms_duration: 0,
        source: 'media',
        sha256: digestOf('sha256', bytes),
        sha1: digestOf('sha1', bytes),
        taken: TAKEN,
        live_photo_video: null,
        live_photo_still: null,
      },
    });
  });

  it('GET /api/v1/nodes/{id}/path: "the absolute filesystem path for a node"', async () => {
    const { changes } = await json<Changes>('/api/v1/changes');
    const idOf = (name: string) => changes.find(({ node }) => node?.name === name)?.node?.id;
    for (const [name, path] of [
      ['image.jpg', join(folder.storage, 'image.jpg')],
      ['video.mp4', join(folder.storage, 'subdir', 'video.mp4')],
      ['subdir', join(folder.storage, 'subdir')],
      ['media', folder.storage],
    ] as const) {
      expect(await json(`/api/v1/nodes/${idOf(name)}/path`)).toEqual({ path });
    }
    // "HTTP 404 if the node does not exist, HTTP 400 if the node is the super-root."
    expect((await get(`/api/v1/nodes/${SUPER_ROOT}/path`)).status).toBe(400);
    expect((await get(`/api/v1/nodes/${SUPER_ROOT.replace(/0$/, '1')}/path`)).status).toBe(404);
    expect((await get('/api/v1/nodes/nothing/path')).status).toBe(404);
  });

  it('"Merges intermediate events (e.g. multiple modifies → single update; create+delete → skip)"', async () => {
    const isRead = ({ node }: Change) => node === undefined || node.is_directory || node.hash !== '';
    await until(async () => (await json<Changes>('/api/v1/changes')).changes.every(isRead));
    const { cursor } = await json<Changes>('/api/v1/cursor');
    const [file, passing] = [
      join(folder.work, 'photos', 'new.jpg'),
      join(folder.work, 'photos', 'passing.jpg'),
    ];
    await writeFile(file, 'one');
    await writeFile(passing, 'gone soon');
    await server.rescanned('photos');
    await writeFile(file, 'another one');
    await rm(passing);
    await server.rescanned('photos');
    const text = ({ removed, node, node_id }: Change) => (removed ? `-${node_id}` : `+${node?.name}`);
    const since = await json<Changes>(`/api/v1/changes?cursor=${cursor}`);
    expect(since.changes.map(text).filter((line) => line !== '+photos')).toEqual(['+new.jpg']);
    const id = since.changes.find(({ node }) => node?.name === 'new.jpg')?.node?.id;
    await rm(file);
    // An emptied root is an outage, so something stays in it.
    await writeFile(join(folder.work, 'photos', 'stays.jpg'), 'x');
    await server.rescanned('photos');
    const after = await json<Changes>(`/api/v1/changes?cursor=${since.cursor}`);
    expect(after.changes).toContainEqual({ removed: true, node_id: id });
  });
});
