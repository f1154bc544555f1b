import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLocalProvider } from '../../../providers/local/provider.ts';
import type { Catalog, ProblemCount } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { Enricher, type EnricherOptions } from '../../../src/enrich/enricher.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../../src/enrich/worker-pool.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import type { AssetFacts } from '../../../src/model/asset.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { coded, MemoryProvider } from '../../fakes/memory-provider.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { withExif } from './exif-block.ts';
import { liveFilm, liveStill } from './live-photo-files.ts';
import { pictureOf } from './look-into.ts';

const BAD_WORKER = new URL('./bad-worker.ts', import.meta.url);
/** Older than a file that may still be being written. */
const LONG_AGO = new Date('2024-06-15T12:00:00Z');
const RETRY = { tries: 1, firstWaitMs: 1, maxWaitMs: 1 };

let home: string;
let photos: string;
let catalog: Catalog;
let closings: (() => Promise<void>)[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mediadav-enrich-'));
  photos = join(home, 'photos');
  await mkdir(photos);
  catalog = openSqliteCatalog(join(home, 'catalog.db'), 'windows');
  closings = [() => catalog.close()];
});
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closings.reverse()) await close();
  await rm(home, { recursive: true, force: true });
});

interface Rig {
  readonly ingest: SourceIngest;
  readonly enricher: Enricher;
  readonly sourceId: number;
  /** Everything of the source by path. */
  facts(): Promise<Map<string, AssetFacts>>;
  /** What is wrong with files, as the catalog knows it. */
  problems(): Promise<readonly ProblemCount[]>;
  /** Scans and reads until nothing is left to do. */
  run(): Promise<void>;
}

interface RigOptions extends Partial<EnricherOptions> {
  readonly pooling?: WorkerPoolOptions;
  readonly layout?: 'folders' | 'date';
}

async function rig(
  provider: Provider,
  { pooling = {}, layout = 'folders', ...more }: RigOptions = {},
): Promise<Rig> {
  const filter = createPathFilter({ excludedExtensions: [], excludedGlobs: [], showsAllFiles: true });
  const retries = { scanRetry: RETRY, clientRetry: RETRY };
  const source = new Source({ name: 'test', provider, filter, logger: QUIET_LOGGER, ...retries });
  const ingest = new SourceIngest({
    ...{ source, catalog, logger: QUIET_LOGGER },
    layout: { layouts: [layout], splitsByType: false },
  });
  const { id: sourceId } = await ingest.prepare();
  const pool = new WorkerPool({ size: 2, ...pooling });
  const enricher = new Enricher({
    ...{ source, sourceId, catalog, pool, logger: QUIET_LOGGER },
    onEnriched: (facts) => ingest.onEnriched(facts),
    ...more,
  });
  closings.push(
    () => ingest.close(),
    () => pool.close(),
    () => enricher.close(),
  );
  const facts = async () => {
    const found = new Map<string, AssetFacts>();
    const walk = async (id: number): Promise<void> => {
      for (const node of (await catalog.reader.children(id, { limit: 10_000 })).entries) {
        if (node.kind === 'collection') await walk(node.id);
        else found.set(node.asset.ref.path, node.asset);
      }
    };
    await walk((await catalog.reader.root(sourceId)).id);
    return found;
  };
  const run = async () => {
    await ingest.scan();
    enricher.wake();
    await enricher.idle();
  };
  const problems = () => catalog.reader.problems(sourceId);
  return { ingest, enricher, sourceId, facts, problems, run };
}

async function put(path: string, content: Buffer | string): Promise<void> {
  await writeFile(join(photos, path), content);
  await utimes(join(photos, path), LONG_AGO, LONG_AGO);
}

const local = () => createLocalProvider({ path: photos });
const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

/** Machines that run all tests at once take their time. */
async function soon(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 25_000, interval: 20 });
}

describe('what is found', () => {
  it('is stored with the asset, and a second run reads nothing', async () => {
    const jpeg = withExif(await pictureOf('jpeg'), {
      ifd0: { 271: 'Apple', 272: 'iPhone 7' },
      exif: { 36867: '2021:04:11 15:47:53', 36881: '+02:00' },
    });
    await put('a.heic', jpeg);
    const { run, facts, enricher, sourceId } = await rig(local());
    await run();
    expect((await facts()).get('a.heic')).toMatchObject({
      ...{ contentType: 'image/jpeg', width: 40, height: 30, camera: 'Apple iPhone 7' },
      digests: {
        sha256: sha256(jpeg),
        sha1: createHash('sha1').update(jpeg).digest('hex'),
        md5: createHash('md5').update(jpeg).digest('hex'),
      },
      taken: { localText: '2021-04-11T15:47:53', offsetMinutes: 120 },
    });
    expect(enricher.progress()).toMatchObject({ filesDone: 1, filesTotal: 1, bytesDone: jpeg.length });
    expect(await catalog.reader.pendingCount(sourceId)).toBe(0);
    const head = await catalog.reader.headSeq();
    await run();
    expect(await catalog.reader.headSeq()).toBe(head);
  });

  it('is stored for any number of files, and for any provider', async () => {
    const provider = new MemoryProvider();
    for (let at = 0; at < 450; at++) provider.addAsset(`f${at}`, `${at}.bin`, `content ${at}`);
    const { run, facts, enricher } = await rig(provider);
    await run();
    const found = [...(await facts()).values()];
    expect(found).toHaveLength(450);
    for (const { ref, digests } of found) {
      expect(digests.sha256).toBe(sha256(provider.contents.get(ref.id) ?? ''));
    }
    expect(enricher.progress()).toMatchObject({ filesDone: 450, filesTotal: 450 });
    expect(provider.openStreams).toBe(0);
  });

  it('does not replace what the source tells itself', async () => {
    const provider = new MemoryProvider();
    const event = provider.addAsset('f1', 'a.jpg', 'x');
    if (event.kind !== 'asset') throw new Error('no asset');
    const told = { localText: '2020-01-01T00:00:00', offsetMinutes: 60, instantMs: 5, derivedFrom: 'immich' };
    const sha1 = createHash('sha1').update('x').digest('hex');
    provider.events = [{ ...event, facts: { ...event.facts, taken: told, digests: { sha1 } } }];
    const { run, facts } = await rig(provider);
    await run();
    expect((await facts()).get('a.jpg')).toMatchObject({
      ...{ taken: told, width: null, contentType: 'image/jpeg', digests: { sha1, sha256: sha256('x') } },
    });
  });

  it('follows a file that is written anew', async () => {
    await put('a.txt', 'one');
    const { run, facts } = await rig(local());
    await run();
    await writeFile(join(photos, 'a.txt'), 'two, longer');
    await run();
    expect((await facts()).get('a.txt')?.digests.sha256).toBe(sha256('two, longer'));
  });

  it('waits for files that are still being written', async () => {
    await put('a.txt', 'one');
    let isWhole = false;
    const { run, facts } = await rig(local(), { isStill: () => isWhole });
    await run();
    expect((await facts()).get('a.txt')?.digests).toEqual({});
    isWhole = true;
    await run();
    expect((await facts()).get('a.txt')?.digests.sha256).toBe(sha256('one'));
  });
});

describe('files that change while they are read', () => {
  it('are not stored, neither by descriptor nor by stream', async () => {
    for (const hasFiles of [true, false]) {
      await put('a.txt', 'one');
      const inner = local();
      const path = join(photos, 'a.txt');
      const provider: Provider = {
        traits: inner.traits,
        scan: (call) => inner.scan(call),
        describe: (ref, call) => inner.describe(ref, call),
        close: () => inner.close(),
        open: async (ref, want, call) => {
          const stream = await inner.open(ref, want, call);
          await utimes(path, new Date(), new Date());
          return stream;
        },
        ...(hasFiles && {
          openFile: async (ref, want, call) => {
            const file = await inner.openFile?.(ref, want, call);
            if (file === undefined) throw coded('unsupported');
            await writeFile(path, 'two');
            return file;
          },
        }),
      };
      const { run, facts, problems, sourceId } = await rig(provider);
      await run();
      expect((await facts()).get('a.txt')?.digests).toEqual({});
      expect(await catalog.reader.pendingCount(sourceId)).toBe(1);
      expect(await problems()).toEqual([]);
    }
  });

  it('that are gone or grow are left to the next scan', async () => {
    await put('a.txt', 'one');
    await put('b.txt', 'one');
    const { ingest, enricher, facts, problems } = await rig(local());
    await ingest.scan();
    await rm(join(photos, 'a.txt'));
    await appendFile(join(photos, 'b.txt'), ' more');
    enricher.wake();
    await enricher.idle();
    expect([...(await facts()).values()].map(({ digests }) => digests)).toEqual([{}, {}]);
    expect(await problems()).toEqual([]);
  });
});

describe('what goes wrong', () => {
  it('with one file does not keep the others from being read, and is tried again, but not at once', async () => {
    const provider = new MemoryProvider();
    for (const id of ['a', 'b', 'c']) provider.addAsset(id, `${id}.bin`, id);
    provider.openErrors.push(coded('denied'));
    const { ingest, enricher, facts, problems } = await rig(provider, { pooling: { size: 1 } });
    await ingest.scan();
    enricher.wake();
    await enricher.idle();
    const digests = async () =>
      [...(await facts()).values()].filter(({ digests: { md5 } }) => md5 !== undefined);
    expect(await digests()).toHaveLength(2);
    expect(await problems()).toMatchObject([{ reason: 'a file that could not be read', count: 1 }]);
    const opened = provider.openCalls;
    enricher.wake();
    await enricher.idle();
    expect(provider.openCalls).toBe(opened);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    enricher.wake();
    await enricher.idle();
    expect(await digests()).toHaveLength(3);
  });

  it('with the source ends the run, and the next one goes on', async () => {
    const provider = new MemoryProvider();
    for (let at = 0; at < 20; at++) provider.addAsset(`${at}`, `${at}.bin`, `${at}`);
    for (let at = 0; at < 20; at++) provider.openErrors.push(coded('unavailable'));
    const { ingest, enricher, sourceId } = await rig(provider);
    await ingest.scan();
    enricher.wake();
    await enricher.idle();
    expect(provider.openCalls).toBeLessThan(10);
    expect(await catalog.reader.pendingCount(sourceId)).toBe(20);
    provider.openErrors.length = 0;
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    enricher.wake();
    await enricher.idle();
    expect(await catalog.reader.pendingCount(sourceId)).toBe(0);
  });

  it('with an unmounted disk leaves everything pending', async () => {
    for (let at = 0; at < 20; at++) await put(`${at}.txt`, `${at}`);
    const { ingest, enricher, sourceId } = await rig(local());
    await ingest.scan();
    await rename(photos, join(home, 'away'));
    enricher.wake();
    await enricher.idle();
    expect(await catalog.reader.pendingCount(sourceId)).toBe(20);
    await rename(join(home, 'away'), photos);
  });

  it('with bytes that do not fit the digest of the source is told, and nothing is stored', async () => {
    const provider = new MemoryProvider();
    const event = provider.addAsset('f1', 'a.jpg', 'x');
    if (event.kind !== 'asset') throw new Error('no asset');
    provider.events = [{ ...event, facts: { ...event.facts, digests: { sha1: '0'.repeat(40) } } }];
    const { run, facts, problems } = await rig(provider);
    await run();
    expect((await facts()).get('a.jpg')?.digests).toEqual({ sha1: '0'.repeat(40) });
    expect(await problems()).toHaveLength(1);
  });

  it('with a file that ends its thread: the digests are there all the same', async () => {
    const provider = new MemoryProvider();
    const event = provider.addAsset('f1', 'a.jpg', 'x');
    if (event.kind !== 'asset') throw new Error('no asset');
    // The thread does what the type says: it ends before the digests, or after them.
    for (const contentType of ['exit', 'late exit']) {
      await put('a.jpg', 'x');
      const inner = local();
      const told: Provider = {
        traits: inner.traits,
        async *scan(call) {
          for await (const found of inner.scan(call)) {
            yield found.kind === 'asset' ? { ...found, facts: { ...found.facts, contentType } } : found;
          }
        },
        describe: (ref, call) => inner.describe(ref, call),
        open: (ref, want, call) => inner.open(ref, want, call),
        openFile: async (ref, want, call) => {
          const file = await inner.openFile?.(ref, want, call);
          if (file === undefined) throw coded('unsupported');
          return file;
        },
        close: () => inner.close(),
      };
      const stored = vi.spyOn(catalog.writer, 'enrich').mockResolvedValue(true);
      const { run } = await rig(told, { pooling: { entry: BAD_WORKER } });
      await run();
      expect(stored.mock.calls.map(([, , , { digests }]) => digests)).toContainEqual({ sha256: 'good' });
      expect(stored.mock.calls.map(([, , , { problem }]) => problem)).toContain(
        'a file that stopped its reader',
      );
      stored.mockRestore();
    }
  });

  it('with damaged files is counted, and they are not read again and again', async () => {
    await put('a.jpg', 'no picture');
    await put('b.jpg', '');
    await put('c.png', (await pictureOf('png')).subarray(0, 20));
    const { run, facts, problems, sourceId } = await rig(local());
    await run();
    expect((await problems()).map(({ reason }) => reason).sort()).toEqual([
      ...['a damaged image', 'a file that is no image inside', 'an empty file'],
    ]);
    expect((await facts()).get('b.jpg')?.digests.sha256).toBe(sha256(''));
    expect(await catalog.reader.pendingCount(sourceId)).toBe(0);
    // One is mended, one goes; the third is as it was.
    await put('a.jpg', await pictureOf('jpeg'));
    await rm(join(photos, 'b.jpg'));
    await run();
    expect(await problems()).toEqual([{ reason: 'a damaged image', count: 1, example: 'c.png' }]);
  });

  it('with a full disk of the catalog ends the run', async () => {
    const provider = new MemoryProvider();
    for (let at = 0; at < 50; at++) provider.addAsset(`${at}`, `${at}.bin`, `${at}`);
    const { ingest, enricher } = await rig(provider);
    await ingest.scan();
    const full = vi.spyOn(catalog.writer, 'enrich').mockRejectedValue(coded('no-space'));
    enricher.wake();
    await enricher.idle();
    expect(provider.openCalls).toBeLessThan(10);
    expect(enricher.failure).toMatchObject({ code: 'no-space' });
    full.mockRestore();
    enricher.wake();
    await enricher.idle();
    expect(enricher.failure).toBeNull();
    expect(enricher.progress()).toMatchObject({ filesDone: 50, filesTotal: 50 });
  });
});

describe('stop', () => {
  it('comes at once, and another enricher goes on from there', async () => {
    const provider = new MemoryProvider();
    for (let at = 0; at < 400; at++) provider.addAsset(`${at}`, `${at}.bin`, `${at}`);
    let enriched = 0;
    const closing = Promise.withResolvers<void>();
    const first: Rig = await rig(provider, {
      onEnriched: () => {
        enriched += 1;
        if (enriched === 10) closing.resolve(first.enricher.close());
      },
    });
    await first.ingest.scan();
    first.enricher.wake();
    await closing.promise;
    first.enricher.wake();
    expect(first.enricher.isRunning).toBe(false);
    const left = await catalog.reader.pendingCount(first.sourceId);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(400);
    await soon(() => expect(provider.openStreams).toBe(0));
    const second = await rig(provider);
    second.enricher.wake();
    await second.enricher.idle();
    expect(second.enricher.progress()).toMatchObject({ filesDone: left, filesTotal: left });
    expect(await catalog.reader.pendingCount(first.sourceId)).toBe(0);
  });

  it('comes at once in the middle of a file', async () => {
    await put('a.jpg', 'x');
    const { ingest, enricher, sourceId } = await rig(local(), {
      pooling: { entry: new URL('./deaf-worker.ts', import.meta.url) },
    });
    await ingest.scan();
    enricher.wake();
    await soon(() => expect(enricher.isRunning).toBe(true));
    const startedMs = performance.now();
    await enricher.close();
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(await catalog.reader.pendingCount(sourceId)).toBe(1);
  });

  it('any number of calls while one run goes on are one more run', async () => {
    const provider = new MemoryProvider();
    for (let at = 0; at < 50; at++) provider.addAsset(`${at}`, `${at}.bin`, `${at}`);
    const { ingest, enricher } = await rig(provider);
    await ingest.scan();
    const counts = vi.spyOn(catalog.reader, 'pendingCount');
    for (let at = 0; at < 100; at++) enricher.wake();
    await soon(() => expect(enricher.progress().filesDone).toBeGreaterThan(0));
    for (let at = 0; at < 100; at++) enricher.wake();
    await enricher.idle();
    expect(counts).toHaveBeenCalledTimes(2);
  });
});

describe('the date layout of a folder', () => {
  const pathsOf = async (sourceId: number): Promise<string[]> => {
    const paths: string[] = [];
    const walk = async (id: number, prefix: string): Promise<void> => {
      for (const node of (await catalog.reader.children(id, { limit: 1000 })).entries) {
        if (node.kind === 'asset') paths.push(prefix + node.name);
        else await walk(node.id, `${prefix}${node.name}/`);
      }
    };
    await walk((await catalog.reader.root(sourceId)).id, '');
    return paths;
  };
  const photo = async (date: string) => withExif(await pictureOf('jpeg'), { exif: { 36867: date } });
  const settled = async (sourceId: number, paths: string[]) => {
    await soon(async () => expect(await pathsOf(sourceId)).toEqual(paths));
  };

  it('goes by the time of the file first, then by the camera, and a rescan leaves it so', async () => {
    await mkdir(join(photos, 'deep'));
    await put('deep/a.jpg', await photo('2021:04:11 15:47:53'));
    await put('b.jpg', await pictureOf('jpeg'));
    const { ingest, enricher, sourceId } = await rig(local(), { layout: 'date' });
    await ingest.scan();
    expect(await pathsOf(sourceId)).toEqual(['2024/2024-06/a.jpg', '2024/2024-06/b.jpg']);
    const [, before] = [...(await catalog.reader.changes(0, 100)).changes];
    expect(before).toBeDefined();
    enricher.wake();
    await enricher.idle();
    const paths = ['2021/2021-04/a.jpg', '2024/2024-06/b.jpg'];
    await settled(sourceId, paths);
    const head = await catalog.reader.headSeq();
    await ingest.scan();
    expect(await pathsOf(sourceId)).toEqual(paths);
    expect(await catalog.reader.headSeq()).toBe(head);
  });

  it('follows an edited photo to its new month', async () => {
    await put('a.jpg', await photo('2021:04:11 15:47:53'));
    const { run, sourceId } = await rig(local(), { layout: 'date' });
    await run();
    await settled(sourceId, ['2021/2021-04/a.jpg']);
    await writeFile(join(photos, 'a.jpg'), await photo('2019:12:24 18:00:00'));
    await run();
    await settled(sourceId, ['2019/2019-12/a.jpg']);
  });

  it('holds while scans and reading go on at once', async () => {
    for (let at = 0; at < 60; at++) await put(`${at}.jpg`, await photo(`2021:0${1 + (at % 9)}:11 15:47:53`));
    const { ingest, enricher, sourceId } = await rig(local(), { layout: 'date' });
    await ingest.scan();
    enricher.wake();
    while (enricher.isRunning) await ingest.scan();
    const wanted = Array.from({ length: 60 }, (_, at) => `2021/2021-0${1 + (at % 9)}/${at}.jpg`).sort();
    await soon(async () => expect((await pathsOf(sourceId)).sort()).toEqual(wanted));
    await ingest.scan();
    expect((await pathsOf(sourceId)).sort()).toEqual(wanted);
  });
});

describe('what an older mediadav has read', () => {
  it('is looked into for what it did not look for, without another digest', async () => {
    await put('IMG_1.JPG', liveStill(await pictureOf('jpeg'), 'an-id-of-both'));
    await put('IMG_1.MOV', liveFilm('an-id-of-both'));
    const { run, facts, enricher, sourceId } = await rig(local());
    await run();
    const before = await facts();
    expect(before.get('IMG_1.JPG')?.livePhotoId).toBe('an-id-of-both');
    // Nobody can have read this from the file.
    const digest = 'ab'.repeat(32);
    const older = new DatabaseSync(join(home, 'catalog.db'));
    older.exec(
      `UPDATE asset SET live_id = NULL, live_partner_id = NULL, read_again = 1, sha256 = x'${digest}'`,
    );
    older.close();
    enricher.wake();
    await enricher.idle();
    for (const [path, asset] of await facts()) {
      const { digests, ...rest } = before.get(path) ?? expect.fail();
      expect(asset).toEqual({ ...rest, digests: { ...digests, sha256: digest } });
    }
    expect(await catalog.reader.pendingCount(sourceId)).toBe(0);
  });
});
