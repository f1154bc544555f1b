import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLocalProvider } from '../../../providers/local/provider.ts';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { ContentClaims, Permit, TreeWriter } from '../../../src/model/write.ts';
import type { Provider, ScanEvent } from '../../../src/provider/provider.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { shownPaths } from '../shown-paths.ts';

const EVERYTHING = { excludedExtensions: [], excludedGlobs: [], showsAllFiles: true };
const NEW = { claims: { sizeBytes: null, digests: {}, modifiedMs: null }, over: 'anything' } as const;
const { signal } = new AbortController();

let work: string;
let root: string;
let catalog: Catalog;
let ingest: SourceIngest;
/** The scan waits before it hands out what it has seen at this path. */
let gate: { readonly path: string; readonly arrived: () => void; readonly opened: Promise<void> } | null;
/** Nothing can be renamed, only copied. */
let isOnTwoDisks: boolean;
/** Called when a move is asked for, and nothing is in its way any more. */
let onMove: (() => Promise<void>) | null;
/** Called when a copy was placed, and is to be brought to the disk. */
let onPersist: (() => Promise<void>) | null;
/** Called in place of letting go of an upload. */
let onDiscard: (() => Promise<void>) | null;
let warnings: string[];

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'mediadav-writes-'));
  root = join(work, 'root');
  for (const name of ['a', 'b', 'c']) {
    await mkdir(join(root, name), { recursive: true });
    for (const file of ['1.jpg', '2.jpg']) await writeFile(join(root, name, file), name + file);
  }
  catalog = openSqliteCatalog(join(work, 'catalog.db'), 'windows');
  gate = null;
  isOnTwoDisks = false;
  onMove = null;
  onPersist = null;
  onDiscard = null;
  warnings = [];
  ingest = makeIngest();
});
afterEach(async () => {
  await ingest.close();
  await catalog.close();
  await rm(work, { recursive: true, force: true });
});

/** A real folder whose scans can be held between seeing something and telling of it. Nothing is watched. */
function makeIngest(): SourceIngest {
  const local = createLocalProvider({ path: root, writer: 'abc' });
  const scan = async function* (call: Parameters<Provider['scan']>[0]): AsyncGenerator<ScanEvent> {
    for await (const event of local.scan(call)) {
      const path =
        event.kind === 'asset' ? event.facts.ref.path : event.kind === 'collection' ? event.name : '';
      if (gate?.path === path) {
        gate.arrived();
        await gate.opened;
      }
      yield event;
    }
  };
  const provider = new Proxy(local, {
    get: (target, key) => {
      if (key === 'scan') return scan;
      if (key === 'move' && isOnTwoDisks) return async () => false;
      if (key === 'move') {
        return async (...move: Parameters<NonNullable<Provider['move']>>) => {
          if (!(await onDisk()).includes(move[1])) await onMove?.();
          return await local.move?.(...move);
        };
      }
      if (key === 'receive') {
        return async (...upload: Parameters<NonNullable<Provider['receive']>>) => {
          const staged = await local.receive?.(...upload);
          const discard = staged?.discard.bind(staged);
          return Object.assign(staged ?? {}, { discard: async () => await (onDiscard ?? discard)?.() });
        };
      }
      if (key === 'copy') {
        return async (...copy: Parameters<NonNullable<Provider['copy']>>) => {
          const staged = await local.copy?.(...copy);
          const persist = staged?.persist.bind(staged);
          return Object.assign(staged ?? {}, {
            persist: async () => {
              await onPersist?.();
              await persist?.();
            },
          });
        };
      }
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const filter = createPathFilter(EVERYTHING);
  const logger = { ...QUIET_LOGGER, warn: (message: string) => void warnings.push(message) };
  const source = new Source({ name: 'test', provider, filter, logger });
  const layout = { layouts: ['folders'], splitsByType: false } as const;
  return new SourceIngest({ source, catalog, layout, logger });
}

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

/** Runs `work` while a scan stands still just before telling what it saw at `path`, and lets the scan end then. */
async function duringScan(path: string, writes: () => Promise<void>): Promise<void> {
  let open: () => void = () => undefined;
  let arrived: () => void = () => undefined;
  const hasArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  gate = { path, arrived, opened };
  const scanning = ingest.scan();
  await hasArrived;
  try {
    // The scan cannot get on meanwhile: whatever needs its end would never come.
    await writes();
    expect(await paths()).toEqual(await onDisk());
  } finally {
    open();
    await scanning;
  }
  expect((await ingest.status()).lastError).toBeNull();
  expect(await paths()).toEqual(await onDisk());
}

describe.each(['the first scan', 'a later scan'])('while %s stands still', (which) => {
  const isFirst = which === 'the first scan';
  /** What the first scan has not told yet is not in the catalog, so only what it has told can be compared. */
  const at = (path: string) => (isFirst ? 'c' : path);

  beforeEach(async () => {
    if (!isFirst) await ingest.scan();
    else await rm(join(root, 'c'), { recursive: true }).then(() => mkdir(join(root, 'c')));
  });

  it.each(['b/1.jpg', 'c'])('before %s, a new file shows at once and stays', async (path) => {
    await duringScan(at(path), async () => {
      await writer().put('a/new.jpg', Readable.from(['new']), NEW, signal);
      await writer().put('c/new.jpg', Readable.from(['new']), NEW, signal);
    });
  });

  it.each(['b/1.jpg', 'c'])('before %s, what is removed does not come back', async (path) => {
    await duringScan(at(path), async () => {
      for (const gone of ['a/1.jpg', 'b/1.jpg', 'b/2.jpg', 'c']) {
        expect(await writer().remove(gone, signal)).toEqual([]);
      }
    });
  });

  it.each(['b/1.jpg', 'c'])('before %s, what is moved stays where it went, with its id', async (path) => {
    const id = await catalog.reader.refAt((await ingest.prepare()).id, ['b', '1.jpg']);
    await duringScan(at(path), async () => {
      await writer().move('b', 'a/moved', { over: 'nothing' }, signal);
      await writer().move('c', 'b', { over: 'nothing' }, signal);
      await writer().move('a/1.jpg', 'z.jpg', { over: 'nothing' }, signal);
    });
    if (isFirst) return;
    expect(await catalog.reader.refAt((await ingest.prepare()).id, ['a', 'moved', '1.jpg'])).toBe(id);
  });

  it('replacing a folder and making new ones is no trouble either', async () => {
    await duringScan(at('b/1.jpg'), async () => {
      await writer().put('c/new.jpg', Readable.from(['new']), NEW, signal);
      await writer().move('a', 'b', { over: 'anything' }, signal);
      await writer().makeCollection('a', signal);
      await writer().copy('b', 'a/copy', { over: 'nothing', isDeep: true }, signal);
    });
  });
});

it('what was uploaded may be read at once; what somebody else writes has to hold still first', async () => {
  await ingest.scan();
  const id = (await ingest.prepare()).id;
  const factsAt = async (path: string) => {
    const ref = await catalog.reader.refAt(id, path.split('/'));
    const facts = ref === null ? null : await catalog.reader.asset(id, ref);
    if (facts === null) throw new Error(`nothing at ${path}`);
    return facts;
  };
  await writer().put('a/new.jpg', Readable.from(['new']), NEW, signal);
  expect(ingest.isStill(await factsAt('a/new.jpg'))).toBe(true);
  await ingest.scan();
  expect(ingest.isStill(await factsAt('a/new.jpg'))).toBe(true);
  await writeFile(join(root, 'a/new.jpg'), 'half of something');
  await ingest.scan();
  expect(ingest.isStill(await factsAt('a/new.jpg'))).toBe(false);
});

it('an upload that is still coming in holds up neither a scan nor another write', async () => {
  const content = new Readable({ read: () => undefined });
  content.push('first half, ');
  const uploading = writer().put('a/slow.jpg', content, NEW, signal);
  await ingest.scan();
  await writer().put('a/fast.jpg', Readable.from(['x']), NEW, signal);
  expect(await paths()).not.toContain('a/slow.jpg');
  content.push('second half');
  content.push(null);
  await uploading;
  expect(await paths()).toContain('a/slow.jpg');
});

describe('a permit that is taken back when everything has come in', () => {
  const permit = async () => {
    if (!(await onDisk()).some((path) => path.includes('.mediadav-upload'))) return;
    throw new CodedError('locked', 'Somebody has locked it meanwhile.');
  };

  it.each<[string, () => Promise<unknown>]>([
    ['an upload', () => writer().put('a/1.jpg', Readable.from(['new']), { ...NEW, permit }, signal)],
    ['a copy', () => writer().copy('a', 'b', { over: 'anything', isDeep: true, permit }, signal)],
    ['a move to another disk', () => writer().move('a', 'b', { over: 'anything', permit }, signal)],
  ])('ends %s, and all is as it was', async (_what, write) => {
    isOnTwoDisks = true;
    await ingest.scan();
    const before = await onDisk();
    await expect(write()).rejects.toMatchObject({ code: 'locked' });
    expect(await onDisk()).toEqual(before);
    expect(await paths()).toEqual(before);
    expect(await readFile(join(root, 'a/1.jpg'), 'utf8')).toBe('a1.jpg');
  });
});

it.each<[string, (permit: () => Promise<void>) => Promise<unknown>]>([
  ['a removal', (permit) => writer().remove('a', signal, permit)],
  ['a move', (permit) => writer().move('a', 'c', { over: 'nothing', permit }, signal)],
  ['a new folder', (permit) => writer().makeCollection('a/new', signal, permit)],
  ['a time', (permit) => writer().setModifiedTime('a/1.jpg', 0, signal, permit)],
])('%s that is not permitted any more when its turn comes changes nothing', async (_what, write) => {
  await ingest.scan();
  const before = await onDisk();
  const { mtimeMs } = await stat(join(root, 'a/1.jpg'));
  const permit = async () => {
    throw new CodedError('locked', 'Somebody has locked it meanwhile.');
  };
  await expect(write(permit)).rejects.toMatchObject({ code: 'locked' });
  expect(await onDisk()).toEqual(before);
  expect(await paths()).toEqual(before);
  expect((await stat(join(root, 'a/1.jpg'))).mtimeMs).toBe(mtimeMs);
});

it('a move to another disk lets others take over what they keep while all is at both places', async () => {
  isOnTwoDisks = true;
  await ingest.scan();
  let both: string[] = [];
  const onCopied = async () => {
    both = await paths();
  };
  await writer().move('a', 'z', { over: 'nothing', onCopied }, signal);
  expect(both).toEqual(expect.arrayContaining(['a', 'a/1.jpg', 'a/2.jpg', 'z', 'z/1.jpg', 'z/2.jpg']));
  expect(await paths()).toEqual(await onDisk());
  expect(await onDisk()).not.toContain('a');
});

describe('an upload that cannot be let go of', () => {
  const put = (claims: Partial<ContentClaims>, permit: Permit = async () => undefined) =>
    writer().put(
      'a/new.jpg',
      Readable.from('photo'),
      { ...NEW, claims: { ...NEW.claims, ...claims }, permit },
      signal,
    );
  const WARNING = 'what was staged for a write could not be let go of';

  beforeEach(async () => {
    await ingest.scan();
    onDiscard = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  });

  it('is refused for what it failed of first', async () => {
    const locked = async () => {
      throw new CodedError('locked', 'Somebody has locked it.');
    };
    await expect(put({}, locked)).rejects.toMatchObject({ code: 'locked' });
    expect(warnings).toEqual([WARNING]);
    await expect(put({ sizeBytes: 7 })).rejects.toMatchObject({ code: 'invalid' });
    expect(warnings.slice(1)).toEqual(['an upload that did not come as a whole could not be let go of']);
  });

  it('is stored when it was', async () => {
    await put({});
    expect(await readFile(join(root, 'a/new.jpg'), 'utf8')).toBe('photo');
    expect(warnings).toEqual([WARNING]);
  });
});

describe('what somebody else does to the original while it is carried to another disk', () => {
  beforeEach(async () => {
    isOnTwoDisks = true;
    await ingest.scan();
  });

  it('is not lost with a file: it stays, and what it was before is at the new place', async () => {
    // As long as before and as old: only the disk's own account of changes tells.
    const { atime, mtime } = await stat(join(root, 'a/1.jpg'));
    const onCopied = async () => {
      await writeFile(join(root, 'a/1.jpg'), 'newer!');
      await utimes(join(root, 'a/1.jpg'), atime, mtime);
    };
    const move = writer().move('a/1.jpg', 'z.jpg', { over: 'nothing', onCopied }, signal);
    await expect(move).rejects.toMatchObject({ code: 'changed' });
    expect(await readFile(join(root, 'a/1.jpg'), 'utf8')).toBe('newer!');
    expect(await readFile(join(root, 'z.jpg'), 'utf8')).toBe('a1.jpg');
    expect(await paths()).toEqual(await onDisk());
  });

  it('is not lost with a folder: what was changed or came stays, is named, and all else is moved', async () => {
    const onCopied = async () => {
      await writeFile(join(root, 'a/1.jpg'), 'another content');
      await writeFile(join(root, 'a/3.jpg'), 'came later');
      await mkdir(join(root, 'a/empty'));
    };
    const stays = await writer().move('a', 'z', { over: 'nothing', onCopied }, signal);
    const changed = ['a/1.jpg', 'a/3.jpg', 'a/empty'].map((path) => ({ path, code: 'changed' }));
    expect([...stays].sort((one, other) => (one.path < other.path ? -1 : 1))).toMatchObject(changed);
    const found = (await onDisk()).filter((path) => /^[az]/.test(path));
    expect(found).toEqual(['a', 'a/1.jpg', 'a/3.jpg', 'a/empty', 'z', 'z/1.jpg', 'z/2.jpg']);
    expect(await readFile(join(root, 'a/1.jpg'), 'utf8')).toBe('another content');
    expect(await readFile(join(root, 'z/1.jpg'), 'utf8')).toBe('a1.jpg');
    expect(await paths()).toEqual(await onDisk());
  });

  it.each(['a/1.jpg', 'a'])('is no failure when it was to remove %s', async (path) => {
    const onCopied = () => rm(join(root, path), { recursive: true });
    expect(await writer().move(path, 'z.jpg', { over: 'nothing', onCopied }, signal)).toEqual([]);
    expect(await onDisk()).not.toContain(path);
    expect(await paths()).toEqual(await onDisk());
  });

  it('may be to lock it: then it stays', async () => {
    const mayRemove = async () => {
      throw new CodedError('locked', 'Somebody has locked it meanwhile.');
    };
    const move = writer().move('a', 'z', { over: 'nothing', mayRemove }, signal);
    await expect(move).rejects.toMatchObject({ code: 'locked' });
    expect(await onDisk()).toEqual(expect.arrayContaining(['a/1.jpg', 'a/2.jpg', 'z/1.jpg', 'z/2.jpg']));
    expect(await paths()).toEqual(await onDisk());
  });
});

it('what an upload leaves behind when its process ends is removed by the next scan, and nothing else', async () => {
  const name = (writerName: string, process: string) => `.mediadav-upload-${writerName}-${process}-1`;
  const [ours, others] = [name('abc', '01234567'), name('def', '01234567')];
  for (const each of [ours, others, '.mediadav-upload-mine', '.hidden'])
    await writeFile(join(root, 'b', each), '');
  await mkdir(join(root, 'b', name('abc', '89abcdef'), 'copied'), { recursive: true });
  await ingest.scan();
  const left = (await readdir(join(root, 'b'))).filter((each) => each.startsWith('.')).sort();
  expect(left).toEqual(['.hidden', '.mediadav-upload-mine', others].sort());
  expect((await ingest.status()).warnings).toMatchObject([{ reason: 'a hidden name', count: 2 }]);
});

it('what was written and moved away through us, and is moved back by somebody else, is there', async () => {
  await writer().put('a/new.jpg', Readable.from(['new']), NEW, signal);
  await writer().move('a/new.jpg', 'b/new.jpg', { over: 'nothing' }, signal);
  ingest.watch();
  await ingest.scan();
  await rename(join(root, 'b/new.jpg'), join(root, 'a/new.jpg'));
  await vi.waitFor(async () => expect(await paths()).toEqual(await onDisk()), { timeout: 10_000 });
});

it('what a copy takes the place of goes after the copy has come to stay', async () => {
  await ingest.scan();
  let kept: string[] = [];
  onPersist = async () => {
    kept = (await onDisk()).filter((path) => path.includes('aside') && path.endsWith('.jpg'));
  };
  expect(await writer().copy('a', 'b', { over: 'anything', isDeep: true }, signal)).toEqual([]);
  expect(kept).toHaveLength(2);
  expect((await onDisk()).filter((path) => path.startsWith('.'))).toEqual([]);

  onPersist = async () => {
    throw new CodedError('unavailable', 'The disk is gone for a moment.');
  };
  await expect(writer().copy('c', 'b', { over: 'anything', isDeep: true }, signal)).rejects.toThrow();
  await ingest.scan();
  expect(await onDisk()).not.toContainEqual(expect.stringMatching(/aside/));
  expect(await readFile(join(root, 'b/1.jpg'), 'utf8')).toBe('c1.jpg');
  expect(await paths()).toEqual(await onDisk());
});

describe('a folder in the way of a move', () => {
  const overIt = () => writer().move('a', 'b', { over: 'anything' }, signal);

  it('goes when the other one is there', async () => {
    await ingest.scan();
    expect(await overIt()).toEqual([]);
    expect(await onDisk()).toEqual(['b', 'b/1.jpg', 'b/2.jpg', 'c', 'c/1.jpg', 'c/2.jpg']);
    expect(await readFile(join(root, 'b/1.jpg'), 'utf8')).toBe('a1.jpg');
    expect(await paths()).toEqual(await onDisk());
  });

  it('is back when the move fails after it has made room, and keeps its ids', async () => {
    await ingest.scan();
    const before = await onDisk();
    const { id: sourceId } = await ingest.prepare();
    const ref = await catalog.reader.refAt(sourceId, ['b', '1.jpg']);
    onMove = async () => {
      // Nobody is shown what has made room, and nothing of it is gone.
      expect((await onDisk()).filter((path) => path.endsWith('/b/1.jpg'))).toHaveLength(1);
      throw new CodedError('unavailable', 'The disk is gone for a moment.');
    };
    await expect(overIt()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await onDisk()).toEqual(before);
    expect(await paths()).toEqual(before);
    expect(await catalog.reader.refAt(sourceId, ['b', '1.jpg'])).toBe(ref);
  });

  it('is beside what somebody else has put there meanwhile, after the next scan', async () => {
    await ingest.scan();
    onMove = async () => {
      await mkdir(join(root, 'b'));
      await writeFile(join(root, 'b', 'new.jpg'), 'new');
    };
    await expect(overIt()).rejects.toMatchObject({ code: 'exists' });
    await ingest.scan();
    const found = (await onDisk()).filter((path) => !/^[ac](\/|$)/.test(path));
    const back = ['(set aside) b', '(set aside) b/1.jpg', '(set aside) b/2.jpg'];
    expect(found).toEqual([...back, 'b', 'b/new.jpg']);
    expect(await paths()).toEqual(await onDisk());
  });

  it('is back after the next scan when it could not be put back at once', async () => {
    await ingest.scan();
    const before = await onDisk();
    const away = join(work, 'away');
    let asideName = '';
    onMove = async () => {
      asideName = (await readdir(root)).find((name) => name.startsWith('.mediadav-aside-')) ?? '';
      await rename(join(root, asideName), away);
      throw new CodedError('unavailable', 'The disk is gone for a moment.');
    };
    // What failed first is what is told.
    await expect(overIt()).rejects.toMatchObject({ message: 'The disk is gone for a moment.' });
    expect(warnings).toEqual(['what was to be written over is hidden until a scan puts it back']);
    await rename(away, join(root, asideName));
    await ingest.scan();
    expect(await onDisk()).toEqual(before);
    expect(await paths()).toEqual(before);
  });

  it('stays where it is with what is not shown, and nothing is moved', async () => {
    await writeFile(join(root, 'b', '.hidden'), 'mine');
    await ingest.scan();
    const before = await onDisk();
    expect(await overIt()).toMatchObject([{ path: 'b/.hidden', code: 'denied' }]);
    expect(await onDisk()).toEqual(before);
  });

  it.each([
    ['comes back where nothing is', 'nothing', ['b', 'b/1.jpg']],
    ['goes when what it made room for is there', 'itself', ['b', 'b/new.jpg']],
    [
      'comes back beside what somebody else has put there',
      'another',
      ['(set aside) b', '(set aside) b/1.jpg', 'b', 'b/new.jpg'],
    ],
  ])('%s, after the process was killed in between', async (_what, there, expected) => {
    await ingest.scan();
    await rm(join(root, 'b', '2.jpg'));
    await mkdir(join(root, 'next'));
    await writeFile(join(root, 'next', 'new.jpg'), 'new');
    const { ino } = await stat(join(root, there === 'another' ? 'c' : 'next'));
    const aside = join(root, `.mediadav-aside-abc-01234567-1-${ino.toString(16)}`);
    await mkdir(aside);
    await rename(join(root, 'b'), join(aside, 'b'));
    if (there === 'nothing') await rm(join(root, 'next'), { recursive: true });
    else await rename(join(root, 'next'), join(root, 'b'));
    await ingest.scan();
    const found = (await onDisk()).filter((path) => !/^[ac](\/|$)/.test(path));
    expect(found).toEqual(expected);
    expect(await paths()).toEqual(await onDisk());
  });
});

it('what was set aside under a catalog that is no more is told of, and comes back after a day', async () => {
  const aside = join(root, '.mediadav-aside-def-01234567-1-1');
  await mkdir(aside);
  await rename(join(root, 'b'), join(aside, 'b'));
  await ingest.scan();
  expect(await paths()).not.toContain('b');
  const { warnings } = await ingest.status();
  expect(warnings).toMatchObject([{ reason: 'set aside by a write that was cut short', count: 1 }]);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 });
  try {
    await ingest.scan();
  } finally {
    vi.useRealTimers();
  }
  expect(await onDisk()).toEqual(expect.arrayContaining(['b', 'b/1.jpg', 'b/2.jpg']));
  expect(await paths()).toEqual(await onDisk());
  expect((await ingest.status()).warnings).toEqual([]);
});

describe('a content that comes in many pieces', () => {
  const pieces = Array.from({ length: 40 }, (_, at) => Buffer.alloc(60_000 + at, at));

  it('is stored as it came, with its time', async () => {
    await ingest.scan();
    const claims = { sizeBytes: Buffer.concat(pieces).length, digests: {}, modifiedMs: 1_500_000_000_000 };
    await writer().put('a/long.jpg', Readable.from(pieces), { claims, over: 'nothing' }, signal);
    expect((await readFile(join(root, 'a/long.jpg'))).equals(Buffer.concat(pieces))).toBe(true);
    expect((await stat(join(root, 'a/long.jpg'))).mtimeMs).toBe(1_500_000_000_000);
    expect(await paths()).toEqual(await onDisk());
  });

  it.each([
    ['the sender of which leaves', new CodedError('cancelled', 'The client left.')],
    ['with another digest than was told', new CodedError('invalid', 'It has another digest.')],
  ])('%s leaves nothing', async (_what, error) => {
    await ingest.scan();
    const before = await onDisk();
    const content = async function* () {
      yield* pieces;
      throw error;
    };
    const put = writer().put('a/1.jpg', Readable.from(content(), { objectMode: false }), NEW, signal);
    await expect(put).rejects.toMatchObject({ code: error.code });
    expect(await onDisk()).toEqual(before);
    expect(await readFile(join(root, 'a/1.jpg'), 'utf8')).toBe('a1.jpg');
  });
});
