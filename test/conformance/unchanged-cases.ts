import { expect, it } from 'vitest';
import type { ContentVersionMap, Entry } from '../../src/catalog/catalog.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

/** What a catalog must do for sources that tell only what has changed. */
export function unchangedCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create);

  /** @returns how many nodes went. */
  const scanOf = async (entries: Entry[], versions?: ContentVersionMap): Promise<number> => {
    const scan = on.catalog.writer.beginScan(on.sourceId);
    await on.catalog.writer.apply(on.sourceId, entries, scan);
    const removed = await on.catalog.writer.sweep(scan);
    await on.catalog.writer.completeScan(on.sourceId, 1, versions);
    return removed;
  };
  const versionOf = (collection: string | null) => on.catalog.reader.contentVersion(on.sourceId, collection);
  const deep: Entry[] = [
    folder('d1', 'a'),
    folder('d2', 'b', 'd1'),
    asset('f1', 'x.jpg', 'd2'),
    asset('f2', 'y.jpg', 'd1'),
  ];

  it('keeps everything below what is unchanged, however deep, and nothing else', async () => {
    await scanOf([...deep, folder('d3', 'other'), asset('f3', 'z.jpg', 'd3')]);
    const seq = await on.catalog.reader.headSeq();
    expect(
      await scanOf([folder('d1', 'a'), { kind: 'unchanged', collection: 'd1' }, folder('d3', 'other')]),
    ).toBe(1);
    expect(await on.catalog.reader.source('photos')).toMatchObject({ assetCount: 2, collectionCount: 3 });
    expect((await on.catalog.reader.changes(seq, 10)).changes).toMatchObject([{ kind: 'removed' }]);
  });

  it('removes an unchanged collection with all in it when it is not told any more', async () => {
    await scanOf(deep);
    expect(await scanOf([folder('d9', 'new'), { kind: 'unchanged', collection: 'd9' }])).toBe(4);
    expect(await on.catalog.reader.source('photos')).toMatchObject({ assetCount: 0, collectionCount: 1 });
  });

  it('remembers versions of the last scan that told any, and no others', async () => {
    expect(await versionOf('d1')).toBeNull();
    await scanOf(
      deep,
      new Map([
        ['d1', 'one'],
        ['d2', 'two'],
        [null, 'all'],
      ]),
    );
    expect([await versionOf('d1'), await versionOf('d2'), await versionOf(null)]).toEqual([
      'one',
      'two',
      'all',
    ]);
    await on.catalog.writer.completeScan(on.sourceId, 2);
    expect(await versionOf('d2')).toBe('two');
    await scanOf(deep, new Map([['d1', 'newer']]));
    expect([await versionOf('d1'), await versionOf('d2'), await versionOf(null)]).toEqual([
      'newer',
      null,
      null,
    ]);
  });

  it('tells the versions of one source from those of another, also after it was closed', async () => {
    const other = await on.catalog.writer.ensureSource('more');
    await on.catalog.writer.completeScan(on.sourceId, 1, new Map([['d1', 'mine']]));
    await on.catalog.writer.completeScan(other.id, 1, new Map([['d1', 'theirs']]));
    await on.catalog.close();
    await on.reopen();
    expect(await versionOf('d1')).toBe('mine');
    expect(await on.catalog.reader.contentVersion(other.id, 'd1')).toBe('theirs');
  });
}
