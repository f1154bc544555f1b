import { beforeEach, expect, it } from 'vitest';
import type { AssetEntry, Entry, GivenPlace } from '../../src/catalog/catalog.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

/** What a catalog must do for sources whose assets are shown under names that clients gave them. */
export function givenNameCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create, 'albums');
  beforeEach(async () => {
    await on.catalog.writer.apply(on.sourceId, [
      folder('A', 'a', null, 'free'),
      folder('B', 'b', null, 'free'),
    ]);
  });

  const member = (id: string, name: string, album = 'A', more: Partial<AssetEntry> = {}): AssetEntry => ({
    ...{ ...asset(id, name, album, 'free'), anchor: album },
    ...more,
  });
  const apply = (...entries: Entry[]) => on.catalog.writer.apply(on.sourceId, entries);
  /** Nodes by the path that is shown. */
  const shown = async (): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    const root = await on.catalog.reader.root(on.sourceId);
    for (const album of (await on.catalog.reader.children(root.id, { limit: 10 })).entries) {
      const { entries } = await on.catalog.reader.children(album.id, { limit: 10 });
      for (const { id, name } of entries) found[`${album.name}/${name}`] = id;
    }
    return found;
  };
  const { facts } = member('1', 'x.jpg');
  const twins = [
    member('1', 'x.jpg', 'A', { otherNames: ['y.jpg'], facts }),
    member('1', 'y.jpg', 'A', { otherNames: ['x.jpg'], facts }),
  ];

  it('shows one asset under several names of a collection, and knows each again', async () => {
    await apply(...twins);
    const before = await shown();
    expect(Object.keys(before)).toEqual(['a/x.jpg', 'a/y.jpg']);
    const seq = await on.catalog.reader.headSeq();
    await apply(...twins.toReversed());
    expect([await shown(), await on.catalog.reader.headSeq()]).toEqual([before, seq]);
    expect((await on.catalog.reader.placesOf(on.sourceId, '1', 'A')).map(({ name }) => name)).toEqual([
      'x.jpg',
      'y.jpg',
    ]);
    expect(await on.catalog.reader.source('albums')).toMatchObject({ assetCount: 1 });
  });

  it('renames the place whose name is no longer told', async () => {
    await apply(...twins);
    const before = await shown();
    await apply(
      member('1', 'z.jpg', 'A', { otherNames: ['y.jpg'] }),
      member('1', 'y.jpg', 'A', { otherNames: ['z.jpg'] }),
    );
    expect(await shown()).toEqual({ 'a/y.jpg': before['a/y.jpg'], 'a/z.jpg': before['a/x.jpg'] });
  });

  it('lets an asset take the place of another one, which is gone then, or its own elsewhere', async () => {
    await apply(member('1', 'x.jpg'), member('2', 'z.jpg', 'B'));
    const before = await shown();
    const [x = 0, z = 0] = [before['a/x.jpg'], before['b/z.jpg']];
    await apply(member('3', 'x.jpg', 'A', { takes: x }));
    expect(await shown()).toEqual(before);
    expect(await on.catalog.reader.asset(on.sourceId, '1')).toBeNull();
    await apply(member('2', 'moved.jpg', 'A', { takes: z }));
    expect(await shown()).toEqual({ 'a/moved.jpg': z, 'a/x.jpg': x });
    expect(await on.catalog.reader.source('albums')).toMatchObject({ assetCount: 2 });
  });

  it('removes one place, or all places of a ref', async () => {
    await apply(...twins, member('1', 'x.jpg', 'B'), member('2', 'z.jpg', 'B'));
    const before = await shown();
    expect(await on.catalog.writer.removeNode(on.sourceId, before['a/y.jpg'] ?? 0)).toBe(1);
    expect(await on.catalog.writer.removeRef(on.sourceId, '1')).toBe(2);
    expect(Object.keys(await shown())).toEqual(['b/z.jpg']);
    expect(await on.catalog.writer.removeRef(on.sourceId, 'B')).toBe(2);
    expect(await on.catalog.writer.removeRef(on.sourceId, 'none')).toBe(0);
    expect(await on.catalog.reader.source('albums')).toMatchObject({ assetCount: 0, collectionCount: 1 });
  });

  it('finds what differs by case alone', async () => {
    await apply(member('1', 'IMG_é.JPG'));
    const album =
      (await on.catalog.reader.child((await on.catalog.reader.root(on.sourceId)).id, 'a'))?.id ?? 0;
    expect(await on.catalog.reader.namesake(album, 'img_e\u0301.jpg')).toMatchObject({ name: 'IMG_é.JPG' });
    expect(await on.catalog.reader.namesake(album, 'img.jpg')).toBeNull();
  });

  it('keeps names over a restart and while their asset is away, and forgets what was only begun with it', async () => {
    const place = (ref: string): GivenPlace => ({ collection: 'A', ref, isHeldBack: false, hides: null });
    const heldBack = { ...place('3'), isHeldBack: true, hides: '1' };
    await apply(member('1', 'x.jpg'), member('2', 'y.jpg'), member('3', 'empty.jpg'));
    await on.catalog.writer.giveNames(on.sourceId, place('1'), ['p.jpg', 'q.jpg']);
    await on.catalog.writer.giveNames(on.sourceId, place('2'), ['r.jpg']);
    await on.catalog.writer.giveNames(on.sourceId, place('2'), []);
    await on.catalog.writer.giveNames(on.sourceId, heldBack, ['empty.jpg']);
    await on.catalog.close();
    await on.reopen();
    const all = [
      { ...place('1'), name: 'p.jpg' },
      { ...place('1'), name: 'q.jpg' },
      { ...heldBack, name: 'empty.jpg' },
    ];
    expect(await on.catalog.reader.givenNames(on.sourceId)).toEqual(all);
    await on.catalog.writer.removeRef(on.sourceId, '1');
    expect(await on.catalog.reader.givenNames(on.sourceId)).toEqual(all);
    await on.catalog.writer.completeScan(on.sourceId, 1);
    expect(await on.catalog.reader.givenNames(on.sourceId)).toEqual(all);
    await on.catalog.writer.removeRef(on.sourceId, '3');
    await on.catalog.writer.completeScan(on.sourceId, 2);
    expect(await on.catalog.reader.givenNames(on.sourceId)).toEqual(all.slice(0, 2));
  });

  it('forgets names in a collection that has been gone for long, although their asset is elsewhere', async () => {
    const place = (collection: string): GivenPlace => ({
      collection,
      ref: '1',
      isHeldBack: false,
      hides: null,
    });
    await apply(member('1', 'x.jpg'), member('1', 'x.jpg', 'B'));
    for (const album of ['A', 'B']) await on.catalog.writer.giveNames(on.sourceId, place(album), ['p.jpg']);
    const albums = async () =>
      (await on.catalog.reader.givenNames(on.sourceId)).map(({ collection }) => collection);
    const prune = async (nowMs: number) =>
      (await on.catalog.writer.pruneGivenNames(nowMs, nowMs - 100, { after: 0, limit: 9 })).forgotten;
    await on.catalog.writer.removeRef(on.sourceId, 'B');
    expect(await prune(1_000)).toBe(0);
    // It is back, from another choice of albums, and goes for good.
    await apply(folder('B', 'b', null, 'free'), member('1', 'x.jpg', 'B'));
    expect(await prune(1_050)).toBe(0);
    await on.catalog.writer.removeRef(on.sourceId, 'B');
    expect(await prune(1_090)).toBe(0);
    expect(await prune(1_110)).toBe(0);
    expect(await albums()).toEqual(['A', 'B']);
    expect(await prune(1_191)).toBe(1);
    expect(await albums()).toEqual(['A']);
  });

  it('forgets names whose asset has been gone for long, and begins anew when it was back in between', async () => {
    const place = (ref: string): GivenPlace => ({ collection: 'A', ref, isHeldBack: false, hides: null });
    await apply(member('1', 'x.jpg'), member('2', 'y.jpg'));
    await on.catalog.writer.giveNames(on.sourceId, place('1'), ['p.jpg', 'q.jpg']);
    await on.catalog.writer.giveNames(on.sourceId, place('2'), ['r.jpg']);
    const names = async () => (await on.catalog.reader.givenNames(on.sourceId)).map(({ name }) => name);
    const prune = (nowMs: number, after = 0) =>
      on.catalog.writer.pruneGivenNames(nowMs, nowMs - 100, { after, limit: 2 });
    const all = async (nowMs: number) => {
      let forgotten = 0;
      for (let after: number | null = 0; after !== null; ) {
        const pruned: { forgotten: number; next: number | null } = await prune(nowMs, after);
        forgotten += pruned.forgotten;
        after = pruned.next;
      }
      return forgotten;
    };
    expect(await all(1_000)).toBe(0);
    await on.catalog.writer.removeRef(on.sourceId, '1');
    await on.catalog.writer.removeRef(on.sourceId, '2');
    // Nobody knows since when it was gone but from the first look on.
    expect(await all(2_000)).toBe(0);
    await apply(member('2', 'y.jpg'));
    expect(await all(2_050)).toBe(0);
    await on.catalog.writer.removeRef(on.sourceId, '2');
    expect(await all(2_090)).toBe(0);
    expect(await all(2_101)).toBe(2);
    expect(await names()).toEqual(['r.jpg']);
    expect(await all(2_191)).toBe(1);
    expect(await names()).toEqual([]);
  });
}
