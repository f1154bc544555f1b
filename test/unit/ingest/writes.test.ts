import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalProvider } from '../../../providers/local/provider.ts';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { TreeWriter } from '../../../src/model/write.ts';
import type { Provider, ScanEvent } from '../../../src/provider/provider.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';

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
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const filter = createPathFilter(EVERYTHING);
  const source = new Source({ name: 'test', provider, filter, logger: QUIET_LOGGER });
  const layout = { layouts: ['folders'], splitsByType: false } as const;
  return new SourceIngest({ source, catalog, layout, logger: QUIET_LOGGER });
}

function writer(): TreeWriter {
  const found = ingest.writer;
  if (found === null) throw new Error('not writable');
  return found;
}

async function paths(): Promise<string[]> {
  const found: string[] = [];
  const walk = async (id: number, prefix: string): Promise<void> => {
    for (const node of (await catalog.reader.children(id, { limit: 1000 })).entries) {
      found.push(prefix + node.name);
      if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
    }
  };
  await walk((await ingest.prepare()).rootId, '');
  return found.sort();
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
