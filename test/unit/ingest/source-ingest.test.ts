import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import type { LayoutOptions } from '../../../src/ingest/layout.ts';
import { SourceIngest } from '../../../src/ingest/source-ingest.ts';
import { createPathFilter } from '../../../src/source/path-filter.ts';
import { Source } from '../../../src/source/source.ts';
import { coded, MemoryProvider } from '../../fakes/memory-provider.ts';
import { QUIET_LOGGER } from '../../fakes/quiet-logger.ts';
import { shownPaths } from '../shown-paths.ts';

const FOLDERS: Omit<LayoutOptions, 'traits'> = { layouts: ['folders'], splitsByType: false };

let folder: string;
let catalog: Catalog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediadav-ingest-'));
  catalog = openSqliteCatalog(join(folder, 'catalog.db'), 'windows');
});
afterEach(async () => {
  await catalog.close();
  await rm(folder, { recursive: true, force: true });
});

function ingestOf(
  provider: MemoryProvider,
  layout = FOLDERS,
  excludedExtensions: readonly string[] = [],
): SourceIngest {
  const filter = createPathFilter({ excludedExtensions, excludedGlobs: [], showsAllFiles: true });
  const source = new Source({ name: 'test', provider, filter, logger: QUIET_LOGGER });
  return new SourceIngest({ source, catalog, layout, logger: QUIET_LOGGER });
}

async function pathsOf(ingest: SourceIngest): Promise<string[]> {
  return await shownPaths(catalog.reader, (await ingest.prepare()).rootId);
}

describe('scan', () => {
  it('brings the catalog in line, additions and removals', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addCollection('d1', 'trip');
    provider.addAsset('f1', 'a.jpg', 'x', 'd1');
    provider.addAsset('f2', 'b.jpg', 'x');
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['b.jpg', 'trip', 'trip/a.jpg']);
    provider.events.pop();
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['trip', 'trip/a.jpg']);
    expect(await ingest.status()).toMatchObject({ state: 'ready', assetCount: 1, lastError: null });
  });

  it('removes nothing after a scan that broke off', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addAsset('f1', 'a.jpg', 'x');
    provider.addAsset('f2', 'b.jpg', 'x');
    await ingest.scan();
    provider.events = [coded('unavailable')];
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['a.jpg', 'b.jpg']);
    expect(await ingest.status()).toMatchObject({ state: 'failing', lastError: { code: 'unavailable' } });
    expect(ingest.history.failuresInARow).toBe(1);
  });

  it('takes a source that is suddenly empty for an outage', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addAsset('f1', 'a.jpg', 'x');
    await ingest.scan();
    provider.events = [];
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['a.jpg']);
    expect((await ingest.status()).lastError?.message).toMatch(/suddenly empty/);
  });

  it('does not take a source for empty because nothing of it is to be shown', async () => {
    const provider = new MemoryProvider();
    provider.addAsset('f1', 'a.jpg', 'x');
    await ingestOf(provider).scan();
    const ingest = ingestOf(provider, FOLDERS, ['jpg']);
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual([]);
    expect(await ingest.status()).toMatchObject({ state: 'ready', assetCount: 0, lastError: null });
  });

  it('is fine with a source that was always empty', async () => {
    const ingest = ingestOf(new MemoryProvider());
    await ingest.scan();
    expect(await ingest.status()).toMatchObject({ state: 'ready', assetCount: 0, lastError: null });
  });

  it('keeps what could not be read, and removes beside it', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addCollection('d1', 'locked');
    provider.addAsset('f1', 'a.jpg', 'x', 'd1');
    provider.addAsset('f2', 'b.jpg', 'x');
    await ingest.scan();
    provider.events = [...provider.events.slice(0, 1), { kind: 'kept', collection: 'd1' }];
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['locked', 'locked/a.jpg']);
  });

  it('remembers what was told completely once it has removed what is gone', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addCollection('d1', 'album');
    provider.addAsset('f1', 'a.jpg', 'x', 'd1');
    provider.events.push({ kind: 'complete', collection: 'd1', version: 'one' });
    provider.events.push({ kind: 'complete', collection: null, version: 'all' });
    await ingest.scan();
    const [album] = provider.events;
    if (album === undefined) throw new Error('no album');
    provider.events = [album, { kind: 'unchanged', collection: 'd1' }];
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['album', 'album/a.jpg']);
    // What is found unchanged is still known, what was not told any more is not.
    const { id } = await ingest.prepare();
    expect(await catalog.reader.contentVersion(id, 'd1')).toMatch(/one$/);
    expect(await catalog.reader.contentVersion(id, null)).toBeNull();
  });

  it('takes a source that is as it was for read, with all that was said of it', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addAsset('f1', 'a.jpg', 'x');
    provider.events.push({ kind: 'note', text: 'It is an old one.' });
    await ingest.scan();
    const { completedMs } = await ingest.status();
    provider.events = [{ kind: 'unchanged', collection: null }];
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['a.jpg']);
    const status = await ingest.status();
    expect(status).toMatchObject({
      state: 'ready',
      assetCount: 1,
      notes: ['It is an old one.'],
      lastError: null,
    });
    expect(status.completedMs).toBeGreaterThanOrEqual(completedMs ?? Number.POSITIVE_INFINITY);
  });

  it('remembers nothing of a scan that ended before its time', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addCollection('d1', 'album');
    provider.events.push({ kind: 'complete', collection: 'd1', version: 'one' }, coded('unavailable'));
    await ingest.scan();
    expect(await catalog.reader.contentVersion((await ingest.prepare()).id, 'd1')).toBeNull();
  });

  it('tells a folder that was never read from an empty one', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addCollection('d1', 'album');
    provider.events.push({ kind: 'kept', collection: 'd1', mayHeal: true });
    await ingest.scan();
    const { rootId } = await ingest.prepare();
    expect(await catalog.reader.child(rootId, 'album')).toMatchObject({ isUnread: true });
    expect(ingest.history.failuresInARow).toBe(1);
    provider.events.pop();
    await ingest.scan();
    expect(await catalog.reader.child(rootId, 'album')).toMatchObject({ isUnread: false });
    expect(ingest.history.failuresInARow).toBe(0);
  });

  it('believes what was told before it broke off, and removes nothing', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider);
    provider.addAsset('f1', 'a.jpg', 'x');
    await ingest.scan();
    provider.events = [];
    provider.addAsset('f2', 'b.jpg', 'x');
    provider.events.push(coded('throttled', 60_000));
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['a.jpg', 'b.jpg']);
    expect(ingest.history.retryAfterMs).toBe(60_000);
  });

  it('keeps everything when the layout cannot tell what was in the unread folder', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider, { layouts: ['flat'], splitsByType: false });
    provider.addCollection('d1', 'locked');
    provider.addAsset('f1', 'a.jpg', 'x', 'd1');
    provider.addAsset('f2', 'b.jpg', 'x');
    await ingest.scan();
    provider.events = [...provider.events.slice(0, 1), { kind: 'kept', collection: 'd1' }];
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual(['a.jpg', 'b.jpg']);
  });

  it('keeps what could not be read in every view, and removes beside it', async () => {
    const provider = new MemoryProvider();
    const ingest = ingestOf(provider, { layouts: ['folders', 'type'], splitsByType: false });
    provider.addCollection('d1', 'locked');
    provider.addAsset('f1', 'a.jpg', 'x', 'd1');
    provider.addAsset('f2', 'b.jpg', 'x');
    provider.addAsset('f3', 'c.mp4', 'x');
    await ingest.scan();
    provider.events = [...provider.events.slice(0, 1), { kind: 'kept', collection: 'd1' }];
    await ingest.scan();
    expect(await pathsOf(ingest)).toEqual([
      ...['folders', 'folders/locked', 'folders/locked/a.jpg', 'type', 'type/images', 'type/images/a.jpg'],
    ]);
    expect(await ingest.status()).toMatchObject({ assetCount: 1, collectionCount: 2 });
  });

  it('keeps the views of a source that was always empty', async () => {
    const ingest = ingestOf(new MemoryProvider(), { layouts: ['folders', 'date'], splitsByType: false });
    for (let times = 0; times < 2; times += 1) {
      await ingest.scan();
      expect(await pathsOf(ingest)).toEqual(['date', 'folders']);
      expect(await ingest.status()).toMatchObject({ state: 'ready', collectionCount: 0, lastError: null });
    }
  });

  it('tells a bug as one, without its details', async () => {
    const provider = new MemoryProvider();
    provider.events = [new Error('secret detail')];
    const ingest = ingestOf(provider);
    await ingest.scan();
    expect((await ingest.status()).lastError).toMatchObject({
      code: 'internal',
      message: 'Internal error, see the log.',
    });
  });

  it('runs once, whoever asks meanwhile', async () => {
    const provider = new MemoryProvider();
    provider.addAsset('f1', 'a.jpg', 'x');
    const ingest = ingestOf(provider);
    const scans = [ingest.scan(), ingest.scan()];
    expect((await ingest.status()).state).toBe('scanning');
    await Promise.all(scans);
    expect((await ingest.status()).state).toBe('ready');
  });
});

describe('layouts', () => {
  const fill = (provider: MemoryProvider): void => {
    provider.addCollection('a1', 'Album');
    provider.addAsset('f1', 'x.jpg', 'x', 'a1');
    provider.addAsset('f2', 'X.JPG', 'x', 'a1');
    provider.addAsset('f3', 'v.mp4', 'x', 'a1');
    provider.addAsset('f4', 'r.dng', 'x', 'a1');
  };
  const laidOut = async (layout: Omit<LayoutOptions, 'traits'>): Promise<string[]> => {
    const provider = new MemoryProvider({ membership: 'many', naming: 'free' });
    fill(provider);
    const ingest = ingestOf(provider, layout);
    await ingest.scan();
    return (await pathsOf(ingest)).map((path) => path.replace(/~[0-9a-f]{8}/, '~TAG'));
  };

  it.each([
    [FOLDERS, ['Album', 'Album/X~TAG.JPG', 'Album/r.dng', 'Album/v.mp4', 'Album/x.jpg']],
    [
      { layouts: ['folders'], splitsByType: true },
      [
        ...['Album', 'Album/images', 'Album/images/X~TAG.JPG', 'Album/images/x.jpg'],
        ...['Album/raw', 'Album/raw/r.dng', 'Album/videos', 'Album/videos/v.mp4'],
      ],
    ],
    [{ layouts: ['flat'], splitsByType: false }, ['X~TAG.JPG', 'r.dng', 'v.mp4', 'x.jpg']],
    [
      { layouts: ['type'], splitsByType: false },
      ['images', 'images/X~TAG.JPG', 'images/x.jpg', 'raw', 'raw/r.dng', 'videos', 'videos/v.mp4'],
    ],
    [
      { layouts: ['date'], splitsByType: false },
      [
        '2024',
        '2024/2024-06',
        ...['X~TAG.JPG', 'r.dng', 'v.mp4', 'x.jpg'].map((name) => `2024/2024-06/${name}`),
      ],
    ],
    [
      { layouts: ['type', 'folders'], splitsByType: true },
      [
        ...['folders', 'folders/Album', 'folders/Album/images', 'folders/Album/images/X~TAG.JPG'],
        ...['folders/Album/images/x.jpg', 'folders/Album/raw', 'folders/Album/raw/r.dng'],
        ...[
          'folders/Album/videos',
          'folders/Album/videos/v.mp4',
          'type',
          'type/images',
          'type/images/X~TAG.JPG',
        ],
        ...['type/images/x.jpg', 'type/raw', 'type/raw/r.dng', 'type/videos', 'type/videos/v.mp4'],
      ],
    ],
  ] as const)('%j', async (layout, paths) => {
    expect(await laidOut(layout)).toEqual(paths);
  });

  it('changes from one to another without a trace of the first', async () => {
    const provider = new MemoryProvider({ membership: 'many', naming: 'free' });
    fill(provider);
    await ingestOf(provider, { layouts: ['date'], splitsByType: false }).scan();
    const ingest = ingestOf(provider, FOLDERS);
    await ingest.scan();
    expect((await pathsOf(ingest)).every((path) => path.startsWith('Album'))).toBe(true);
  });
});
