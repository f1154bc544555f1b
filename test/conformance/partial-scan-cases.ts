import { beforeEach, describe, expect, it } from 'vitest';
import type { Entry, Scan } from '../../src/catalog/catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

/** What a catalog must do for those who look at parts of a source: most of it was got wrong once. */
export function partialScanCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create);

  const begin = (outer?: Scan) => on.catalog.writer.beginScan(on.sourceId, outer);
  const apply = (entries: Entry[], scan?: Scan) => on.catalog.writer.apply(on.sourceId, entries, scan);
  const counts = () => on.catalog.reader.source('photos');
  const tree = async (): Promise<Record<string, number>> => {
    const ids: Record<string, number> = {};
    const walk = async (id: number, prefix: string): Promise<void> => {
      for (const node of (await on.catalog.reader.children(id, { limit: 1000 })).entries) {
        ids[prefix + node.name] = node.id;
        if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
      }
    };
    await walk((await on.catalog.reader.root(on.sourceId)).id, '');
    return ids;
  };
  /** Ids of all that a follower of the changes holds, from the start on. */
  const followed = async (): Promise<number[]> => {
    const page = await on.catalog.reader.changes(0, 1000);
    return page.changes.flatMap((change) => (change.kind === 'updated' ? [change.node.id] : [])).sort();
  };

  it('keeps the counts when something is removed at a path, or replaced without a scan', async () => {
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg')]);
    await on.catalog.writer.removeAt(on.sourceId, ['a']);
    expect(await counts()).toMatchObject({ assetCount: 1, collectionCount: 0, sizeBytes: 10 });
    await apply([asset('f3', 'y.jpg')]);
    expect(await counts()).toMatchObject({ assetCount: 1, sizeBytes: 10 });
  });

  it('tells what moved away and was replaced from what was only replaced, within a batch', async () => {
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg')]);
    const before = await tree();
    await apply([
      ...[folder('d2', 'a'), asset('f3', 'y.jpg'), folder('d1', 'b'), asset('f2', 'z.jpg')],
      asset('f1', 'x.jpg', 'd1'),
    ]);
    const after = await tree();
    expect([after.b, after['b/x.jpg'], after['z.jpg']]).toEqual([
      ...[before.a, before['a/x.jpg'], before['y.jpg']],
    ]);
    expect(Object.keys(after)).toEqual(['a', 'b', 'b/x.jpg', 'y.jpg', 'z.jpg']);
  });

  it('knows the members that were not seen, each in its collection', async () => {
    await apply([
      folder('d1', 'a'),
      asset('f1', 'x.jpg', 'd1'),
      asset('f2', 'w?.jpg', 'd1'),
      folder('d2', 'b'),
    ]);
    const scan = begin();
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1')], scan);
    expect(await on.catalog.writer.unseenMembers(scan, 'd1')).toEqual(['w?.jpg']);
    expect(await on.catalog.writer.unseenMembers(scan, null)).toEqual(['b']);
    expect(await on.catalog.writer.unseenMembers(scan, 'unknown')).toEqual([]);
  });

  it('does not take for seen what was seen before a second look began, in the same scan', async () => {
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1')]);
    const scan = begin();
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1')], scan);
    const look = begin(scan);
    await apply([folder('d1', 'b')], look);
    expect(await on.catalog.writer.unseenMembers(look, 'd1')).toEqual(['x.jpg']);
    expect(await on.catalog.writer.unseenMembers(scan, 'd1')).toEqual([]);
  });

  it('knows where it has met an asset that is told elsewhere afterwards, also by what looks within it', async () => {
    const at = (path: string): Entry => {
      const entry = asset('f1', 'x.jpg', path);
      return { ...entry, facts: { ...entry.facts, ref: { id: 'f1', path: `${path}/x.jpg` } } };
    };
    const folders = ['a', 'b', 'c'].map((name) => folder(name, name));
    await apply([...folders, at('a')]);
    const scan = begin();
    await apply([...folders, at('b')], scan);
    expect([...scan.leftPaths]).toEqual([]);
    await apply([at('c')], begin(scan));
    expect([...scan.leftPaths]).toEqual(['b/x.jpg']);
  });

  it('lets what lost its name wait for the end, over any number of batches', async () => {
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), folder('d2', 'b')]);
    const before = await tree();
    const scan = begin();
    expect(scan.displacements).toBe(0);
    await apply([folder('d2', 'a')], scan);
    expect(scan.displacements).toBe(1);
    await apply([folder('d1', 'c'), asset('f1', 'x.jpg', 'd1')], scan);
    expect(await on.catalog.writer.settle(scan)).toBe(0);
    expect(await tree()).toEqual({ a: before.b, c: before.a, 'c/x.jpg': before['a/x.jpg'] });
  });

  it.each(['settle', 'sweep'] as const)(
    'removes it by %s otherwise, with what is in it, although the same scan had seen it',
    async (end) => {
      await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg')]);
      const scan = begin();
      await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg')], scan);
      await apply([asset('f3', 'a')], begin(scan));
      expect(await on.catalog.writer[end](scan)).toBe(2);
      expect(Object.keys(await tree())).toEqual(['a', 'y.jpg']);
      const ids = Object.values(await tree());
      expect(await followed()).toEqual([on.rootId, ...ids].sort());
      expect(await counts()).toMatchObject({ assetCount: 2, collectionCount: 0, sizeBytes: 20 });
    },
  );

  it.each(['settle', 'sweep'] as const)(
    'removes by %s what lost its name in a scan that came to no end, before a restart too',
    async (end) => {
      await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), folder('d2', 'b')]);
      await apply([folder('d2', 'a')], begin());
      await on.catalog.close();
      await on.reopen();
      const scan = begin();
      await apply([folder('d2', 'a')], scan);
      expect(await on.catalog.writer[end](scan)).toBe(2);
      expect(Object.keys(await tree())).toEqual(['a']);
      expect(await followed()).toHaveLength(2);
    },
  );

  describe("a layout's own collection", () => {
    const virtual = (ref: string, parent: string | null = null): Entry => ({
      ...folder(ref, ref, parent, 'free'),
      ...{ isVirtual: true, modifiedMs: 0 },
    });
    const photo = (id: string, collection: string) => asset(id, `${id}.jpg`, collection, 'free');

    beforeEach(async () => {
      await apply([virtual('2025'), virtual('2025-11', '2025'), photo('f1', '2025-11')]);
    });

    it('goes with its last member, and so does the one above', async () => {
      await apply([virtual('2026'), virtual('2026-01', '2026'), photo('f1', '2026-01')]);
      expect(Object.keys(await tree())).toEqual(['2026', '2026/2026-01', '2026/2026-01/f1.jpg']);
      expect(await followed()).toHaveLength(4);
      expect(await counts()).toMatchObject({ assetCount: 1, collectionCount: 2 });
    });

    it.each(['settle', 'sweep'] as const)(
      'stays while a scan goes on, which may have more for it, and goes by %s',
      async (end) => {
        const scan = begin();
        await apply([virtual('2025'), virtual('2025-11', '2025'), photo('f1', '2025-11')], scan);
        await apply([virtual('2026'), photo('f1', '2026')], scan);
        expect(Object.keys(await tree())).toContain('2025/2025-11');
        await apply([photo('f2', '2025-11')], scan);
        await apply([photo('f2', '2026')], scan);
        expect(await on.catalog.writer[end](scan)).toBe(2);
        expect(Object.keys(await tree())).toEqual(['2026', '2026/f1.jpg', '2026/f2.jpg']);
        expect(await counts()).toMatchObject({ assetCount: 2, collectionCount: 1 });
      },
    );

    it('goes when a sweep takes its members', async () => {
      const scan = begin();
      await apply([virtual('2025'), virtual('2025-11', '2025')], scan);
      expect(await on.catalog.writer.sweep(scan)).toBe(3);
      expect(await tree()).toEqual({});
    });
  });

  describe('views', () => {
    const view = (name: string): Entry => ({
      ...folder(`~${name}`, name),
      ...{ isVirtual: true, isView: true, modifiedMs: 0 },
    });
    const VIEWS = [view('folders'), view('flat')];
    /** A file at its place, and in the flat view. */
    const file = (id: string, path: string, collection = '~folders'): Entry[] => {
      const own = asset(id, path.slice(path.lastIndexOf('/') + 1), collection);
      const facts = { ...own.facts, ref: { id, path } };
      const flat = { collection: '~flat', anchor: '~flat', naming: 'free', holdsPath: true } as const;
      return [
        { ...own, facts },
        { ...own, facts, ...flat },
      ];
    };
    const fill = async () => {
      const d1 = folder('d1', 'a', '~folders');
      await apply([...VIEWS, d1, ...file('f1', 'a/x.jpg', 'd1'), ...file('f2', 'y.jpg')]);
      return await tree();
    };
    const flat = async () => Object.keys(await tree()).filter((path) => path.startsWith('flat/'));

    it('lose what is removed at a path, stay when they are empty, and are not counted', async () => {
      await fill();
      expect(await counts()).toMatchObject({ assetCount: 2, collectionCount: 1, sizeBytes: 20 });
      expect(await on.catalog.writer.removeAt(on.sourceId, ['folders', 'a'])).toBe(3);
      expect(Object.keys(await tree())).toEqual(['flat', 'flat/y.jpg', 'folders', 'folders/y.jpg']);
      await on.catalog.writer.removeAt(on.sourceId, ['folders', 'y.jpg']);
      expect(Object.keys(await tree())).toEqual(['flat', 'folders']);
      expect(await followed()).toHaveLength(3);
      expect(await counts()).toMatchObject({ assetCount: 0, collectionCount: 0, sizeBytes: 0 });
    });

    it.each([
      ['with', true],
      ['without', false],
    ])('hand the places of a file to the one that replaces it, %s a scan', async (_with, hasScan) => {
      const ids = await fill();
      const scan = hasScan ? begin() : undefined;
      await apply(file('f3', 'y.jpg'), scan);
      if (scan !== undefined) await on.catalog.writer.settle(scan);
      expect(await tree()).toEqual(ids);
      expect(await on.catalog.reader.asset(on.sourceId, 'f2')).toBeNull();
      expect(await counts()).toMatchObject({ assetCount: 2, sizeBytes: 20 });
    });

    it('keep the ids and names of two files that swap their names, in one batch or two', async () => {
      const ids = await fill();
      const swapped = [...file('f2', 'a/x.jpg', 'd1'), ...file('f1', 'y.jpg')];
      await apply(swapped, begin());
      expect(await tree()).toEqual({
        ...{ ...ids, 'folders/a/x.jpg': ids['folders/y.jpg'], 'folders/y.jpg': ids['folders/a/x.jpg'] },
        ...{ 'flat/x.jpg': ids['flat/y.jpg'], 'flat/y.jpg': ids['flat/x.jpg'] },
      });
      const scan = begin();
      await apply(file('f1', 'a/x.jpg', 'd1'), scan);
      expect(await flat()).toEqual(['flat/x.jpg']);
      await apply(file('f2', 'y.jpg'), scan);
      expect(await on.catalog.writer.settle(scan)).toBe(0);
      expect(await tree()).toEqual(ids);
    });

    it('lose a file whose name another one takes, unless it is seen elsewhere', async () => {
      await fill();
      const scan = begin();
      await apply(file('f1', 'y.jpg'), scan);
      expect(await on.catalog.writer.settle(scan)).toBe(2);
      expect(await flat()).toEqual(['flat/y.jpg']);
      expect(await counts()).toMatchObject({ assetCount: 1, sizeBytes: 10 });
    });

    it('tell that a file has changed at each of its places', async () => {
      const ids = await fill();
      const head = await on.catalog.reader.headSeq();
      const [own, ...others] = file('f2', 'y.jpg');
      if (own?.kind !== 'asset') throw new Error('no file');
      const changed = { ...own.facts, version: 'v2' };
      await apply([own, ...others].map((entry) => ({ ...entry, facts: changed }) as Entry));
      const { changes } = await on.catalog.reader.changes(head, 100);
      const told = changes.map((change) => (change.kind === 'updated' ? change.node.id : 0));
      expect(told.sort()).toEqual([ids['folders/y.jpg'], ids['flat/y.jpg']].sort());
    });

    it('make way, and are made way for, when the source itself has their names', async () => {
      await apply([folder('d1', 'flat'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'folders')]);
      const alone = await tree();
      const inside = [
        folder('d1', 'flat', '~folders'),
        ...file('f1', 'flat/x.jpg', 'd1'),
        ...file('f2', 'folders'),
      ];
      let scan = begin();
      await apply([...VIEWS, ...inside], scan);
      await on.catalog.writer.sweep(scan);
      const viewed = await tree();
      expect(Object.keys(viewed)).toEqual([
        ...['flat', 'flat/folders', 'flat/x.jpg', 'folders', 'folders/flat', 'folders/flat/x.jpg'],
        'folders/folders',
      ]);
      for (const [path, id] of Object.entries(alone)) expect(viewed[`folders/${path}`]).toBe(id);
      scan = begin();
      await apply([folder('d1', 'flat'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'folders')], scan);
      await on.catalog.writer.sweep(scan);
      expect(await tree()).toEqual(alone);
      // Albums, too, whose names need not be unique.
      scan = begin();
      await apply([...VIEWS, folder('d1', 'Flat', '~folders', 'free')], scan);
      await on.catalog.writer.sweep(scan);
      scan = begin();
      await apply([folder('d1', 'Flat', null, 'free')], scan);
      await on.catalog.writer.sweep(scan);
      expect(await tree()).toEqual({ Flat: alone.flat });
    });
  });

  it('does not remove at a path what the scan has seen come there', async () => {
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), folder('d2', 'b')]);
    const scan = begin();
    const { writer } = on.catalog;
    await writer.removeAt(on.sourceId, ['a'], scan);
    await apply([folder('d2', 'a')], scan);
    expect(await writer.removeAt(on.sourceId, ['a'], scan)).toBe(0);
    expect(await writer.removeAt(on.sourceId, ['a'])).toBe(1);
  });

  it('knows refs by path and paths by ref, by the names that the source has', async () => {
    const x = asset('0-1-a-x', 'x.jpg', 'd1');
    await apply([folder('d1', 'what?'), x, asset('0-1-b', 'y.jpg'), asset('f1', 'what？')]);
    const { reader } = on.catalog;
    const refAt = (...names: string[]) => reader.refAt(on.sourceId, names);
    expect(await refAt('what?')).toBe('d1');
    expect(await refAt('what？')).toBe('f1');
    expect(await refAt('what?', 'x.jpg')).toBe('0-1-a-x');
    expect(await refAt('what?', 'y.jpg')).toBeNull();
    expect(await refAt('nothing', 'x.jpg')).toBeNull();
    expect(await refAt()).toBeNull();
    const paths = (prefix: string, limit = 100) => reader.assetPaths(on.sourceId, prefix, limit);
    expect(await paths('0-1-a')).toEqual([x.facts.ref.path]);
    expect([...(await paths('0-1-'))].sort()).toEqual([x.facts.ref.path, 'y.jpg'].sort());
    expect(await paths('0-1-', 1)).toHaveLength(1);
    expect(await paths('0-2')).toEqual([]);
  });

  it('knows what is held at a path by now, of one source only', async () => {
    const other = await on.catalog.writer.ensureSource('videos');
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), folder('d2', 'b')]);
    const refAt = (...names: string[]) => on.catalog.reader.refAt(on.sourceId, names);
    const scan = begin();
    await apply([folder('d2', 'a')], scan);
    // The other one has lost its name, and nobody knows yet where it is.
    expect([await refAt('a'), await refAt('b'), await refAt('a', 'x.jpg')]).toEqual(['d2', null, null]);
    await apply([folder('d1', 'c')], scan);
    expect([await refAt('c'), await refAt('c', 'x.jpg')]).toEqual(['d1', 'f1']);
    await on.catalog.writer.removeAt(on.sourceId, ['c']);
    expect([await refAt('c'), await refAt('c', 'x.jpg')]).toEqual([null, null]);
    expect(await on.catalog.reader.refAt(other.id, ['a'])).toBeNull();
    expect(await on.catalog.reader.assetPaths(other.id, 'f', 10)).toEqual([]);
  });

  it('counts what waits to be read as it comes, changes and goes', async () => {
    const pending = () => on.catalog.reader.pendingCount(on.sourceId);
    await apply([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg')]);
    expect(await pending()).toBe(2);
    const found = { digests: {}, media: UNKNOWN_MEDIA, contentType: null };
    await on.catalog.writer.enrich(on.sourceId, 'f2', 'v-f2', found);
    expect(await pending()).toBe(1);
    await apply([asset('f1', 'z.jpg')]);
    expect(await pending()).toBe(1);
    await apply([{ ...asset('f2', 'y.jpg'), facts: { ...asset('f2', 'y.jpg').facts, version: 'v2' } }]);
    expect(await pending()).toBe(2);
    await on.catalog.writer.removeAt(on.sourceId, ['z.jpg']);
    expect(await pending()).toBe(1);
  });
}
