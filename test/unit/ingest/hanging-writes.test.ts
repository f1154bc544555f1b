import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WRITE_PATIENCE_MS } from '../../../providers/local/pool-share.ts';
import { createLocalProvider } from '../../../providers/local/provider.ts';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import type { TreeWriter } from '../../../src/model/write.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { shownPaths } from '../shown-paths.ts';

/** A call of this name waits, as one to a network share whose server is away, and is done when it is let go on. */
const hanging = vi.hoisted(() => ({
  call: '',
  /** So many calls of that name go through first. */
  after: 0,
  reached: Promise.withResolvers<void>(),
  goOn: Promise.withResolvers<void>(),
}));

/** How many calls to `rename` go through before others fail, and how many of those do. */
const failing = vi.hoisted(() => ({ after: 0, count: 0 }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs/promises')>();
  const hangingAt = <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      if (hanging.call === name && hanging.after-- === 0) {
        hanging.call = '';
        hanging.reached.resolve();
        await hanging.goOn.promise;
      }
      return await call(...args);
    };
  };
  return {
    ...fs,
    lstat: hangingAt('lstat', fs.lstat as (...args: unknown[]) => Promise<unknown>),
    mkdir: hangingAt('mkdir', fs.mkdir as (...args: unknown[]) => Promise<unknown>),
    rename: hangingAt('rename', async (from: string, to: string) => {
      if (failing.count > 0 && failing.after-- <= 0) {
        failing.count -= 1;
        throw Object.assign(new Error('EIO: i/o error, rename'), { code: 'EIO' });
      }
      await fs.rename(from, to);
    }),
    unlink: hangingAt('unlink', fs.unlink),
  };
});

const EVERYTHING = { excludedExtensions: [], excludedGlobs: [], showsAllFiles: true };
const NEW = { claims: { sizeBytes: null, digests: {}, modifiedMs: null }, over: 'anything' } as const;
const { signal } = new AbortController();

let work: string;
let root: string;
let catalog: Catalog;
let ingest: SourceIngest;
/** A scan has told all that there is, and ends when it is let go on. */
let scanEnd: { readonly reached: () => void; readonly goOn: Promise<void> } | null;

beforeEach(async () => {
  hanging.reached = Promise.withResolvers();
  hanging.goOn = Promise.withResolvers();
  work = await mkdtemp(join(tmpdir(), 'mediadav-hanging-'));
  root = join(work, 'root');
  for (const name of ['a', 'b']) {
    await mkdir(join(root, name), { recursive: true });
    for (const file of ['1.jpg', '2.jpg', '3.jpg']) await writeFile(join(root, name, file), name + file);
  }
  catalog = openSqliteCatalog(join(work, 'catalog.db'), 'windows');
  scanEnd = null;
  const provider = createLocalProvider({ path: root, writer: 'abc' });
  const scan = provider.scan.bind(provider);
  provider.scan = async function* (call) {
    yield* scan(call);
    const end = scanEnd;
    scanEnd = null;
    end?.reached();
    await end?.goOn;
  };
  const filter = createPathFilter(EVERYTHING);
  const source = new Source({ name: 'test', provider, filter, logger: QUIET_LOGGER });
  const layout = { layouts: ['folders'], splitsByType: false } as const;
  ingest = new SourceIngest({ source, catalog, layout, logger: QUIET_LOGGER });
  await ingest.scan();
});
afterEach(async () => {
  vi.useRealTimers();
  hanging.call = '';
  hanging.goOn.resolve();
  failing.count = 0;
  await ingest.close();
  await catalog.close();
  await rm(work, { recursive: true, force: true });
});

function writer(): TreeWriter {
  const found = ingest.writer;
  if (found === null) throw new Error('not writable');
  return found;
}

async function paths(): Promise<string[]> {
  return (await shownPaths(catalog.reader, (await ingest.prepare()).rootId)).sort();
}

async function onDisk(): Promise<string[]> {
  return (await readdir(root, { recursive: true })).sort();
}

/** The write stands still in this call of the system until it is given up, and is told to be "not now". */
async function giveUp(call: string, write: () => Promise<unknown>, after = 0): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  hanging.call = call;
  hanging.after = after;
  const refused = expect(write()).rejects.toMatchObject({ code: 'unavailable' });
  await hanging.reached.promise;
  await vi.advanceTimersByTimeAsync(WRITE_PATIENCE_MS);
  await refused;
  vi.useRealTimers();
}

/** The source takes other writes again, sooner or later. */
async function expectOthersAreTaken(): Promise<void> {
  const makeOther = () => writer().makeCollection('b/other', signal);
  await expect.poll(() => makeOther().catch(() => 'refused')).toBeUndefined();
}

const WRITES: readonly [string, string, () => Promise<unknown>][] = [
  ['a new folder', 'mkdir', () => writer().makeCollection('a/new', signal)],
  ['a move', 'rename', () => writer().move('a/1.jpg', 'b/moved.jpg', { over: 'nothing' }, signal)],
  ['a move of a folder', 'rename', () => writer().move('a', 'b/a', { over: 'nothing' }, signal)],
  ['a removal', 'unlink', () => writer().remove('a/1.jpg', signal)],
  ['a time', 'lstat', () => writer().setModifiedTime('a/1.jpg', 86_400_000, signal)],
];

describe.each(WRITES)('%s in which the disk hangs', (_what, call, write) => {
  it('is given up, so that others have their turn', async () => {
    await giveUp(call, write);
    await writer().put('b/new.jpg', Readable.from(['new']), NEW, signal);
    expect(await paths()).toContain('b/new.jpg');
    await ingest.scan();
    expect((await ingest.status()).lastError).toBeNull();
    // It would take the next turn, and a thread of the pool, for as long.
    await expect(writer().makeCollection('b/other', signal)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(write()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('shows as what became of it when the disk answers', async () => {
    const before = await onDisk();
    await giveUp(call, write);
    expect(await paths()).toEqual(before);
    hanging.goOn.resolve();
    if (call !== 'lstat') await expect.poll(onDisk).not.toEqual(before);
    await expect.poll(paths).toEqual(await onDisk());
    await expectOthersAreTaken();
  });
});

it('what becomes of it while a scan is under way shows, too', async () => {
  await giveUp('unlink', () => writer().remove('a/1.jpg', signal));
  const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  scanEnd = { reached: reached.resolve, goOn: goOn.promise };
  const scanning = ingest.scan();
  await reached.promise;
  // The scan has seen it.
  hanging.goOn.resolve();
  await expect.poll(onDisk).not.toContain('a/1.jpg');
  goOn.resolve();
  await scanning;
  await expect.poll(paths).toEqual(await onDisk());
});

it('of a folder that is being removed, nothing more goes after that was given up', async () => {
  await giveUp('unlink', () => writer().remove('a', signal));
  await writer().put('b/new.jpg', Readable.from(['new']), NEW, signal);
  hanging.goOn.resolve();
  await expect
    .poll(paths)
    .toEqual(['a', 'a/2.jpg', 'a/3.jpg', 'b', 'b/1.jpg', 'b/2.jpg', 'b/3.jpg', 'b/new.jpg']);
  await expect.poll(onDisk).toEqual(await paths());
});

it.each([
  ['a removal', 'unlink', 'a/1.jpg', () => writer().remove('a/1.jpg', signal)],
  ['a removal of its folder', 'unlink', 'a/1.jpg', () => writer().remove('a', signal)],
  [
    'a move to it',
    'rename',
    'b/1.jpg',
    () => writer().move('a/1.jpg', 'b/1.jpg', { over: 'anything' }, signal),
  ],
])(
  '%s that comes late takes no upload away that its client was told is stored',
  async (_what, call, path, write) => {
    await giveUp(call, write);
    const put = () => writer().put(path, Readable.from(['uploaded']), NEW, signal);
    await expect(put()).rejects.toMatchObject({ code: 'unavailable' });
    hanging.goOn.resolve();
    await expect.poll(() => put().catch(() => 'refused')).toBeUndefined();
    expect(await readFile(join(root, path), 'utf8')).toBe('uploaded');
  },
);

it('an upload that was under way when such a write was given up is refused, too', async () => {
  const content = new PassThrough();
  const refused = expect(writer().put('a/1.jpg', content, NEW, signal)).rejects.toMatchObject({
    code: 'unavailable',
  });
  await giveUp('unlink', () => writer().remove('a/1.jpg', signal));
  content.end('uploaded');
  await refused;
  expect(await onDisk()).not.toContainEqual(expect.stringContaining('mediadav-upload'));
});

it('a time that nobody waits for any more is not set', async () => {
  const before = await stat(join(root, 'a/1.jpg'));
  await giveUp('lstat', () => writer().setModifiedTime('a/1.jpg', 86_400_000, signal));
  hanging.goOn.resolve();
  await expectOthersAreTaken();
  expect((await stat(join(root, 'a/1.jpg'))).mtimeMs).toBe(before.mtimeMs);
});

describe('a move over a folder', () => {
  const move = () => writer().move('a', 'b', { over: 'anything' }, signal);

  it('that hangs while that makes room: all is as it was when the disk answers', async () => {
    const before = await onDisk();
    await giveUp('rename', move);
    hanging.goOn.resolve();
    await expect.poll(onDisk).toEqual(before);
    await expect.poll(paths).toEqual(before);
    expect(await readFile(join(root, 'b/1.jpg'), 'utf8')).toBe('b1.jpg');
  });

  it('that hangs when that has made room: what comes late takes nothing away that came back', async () => {
    // The first rename makes room, the second one is the move.
    await giveUp('rename', move, 1);
    // Somebody else may need the name meanwhile; nothing of ours is put there.
    expect((await readdir(root)).filter((name) => !name.startsWith('.'))).toEqual(['a']);
    hanging.goOn.resolve();
    await expect.poll(onDisk).toEqual(['b', 'b/1.jpg', 'b/2.jpg', 'b/3.jpg']);
    await expect.poll(paths).toEqual(await onDisk());
    expect(await readFile(join(root, 'b/1.jpg'), 'utf8')).toBe('a1.jpg');
  });

  it('for which nothing can be moved, not even what made room: a scan brings that back at once', async () => {
    const before = await onDisk();
    Object.assign(failing, { after: 1, count: 2 });
    await expect(move()).rejects.toThrow();
    await expect.poll(onDisk).toEqual(before);
    await expect.poll(paths).toEqual(before);
  });
});
