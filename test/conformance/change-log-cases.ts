import { expect, it } from 'vitest';
import type { Entry, ShownSource } from '../../src/catalog/catalog.ts';
import type { Change } from '../../src/model/change.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

const DAY_MS = 86_400_000;

/** What whoever follows the log may rely on. */
export function changeLogCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create);

  const apply = (...entries: Entry[]) => on.catalog.writer.apply(on.sourceId, entries);
  /** Everything that is not told is gone. */
  const scan = async (...entries: Entry[]): Promise<void> => {
    const marks = on.catalog.writer.beginScan(on.sourceId);
    await on.catalog.writer.apply(on.sourceId, entries, marks);
    await on.catalog.writer.sweep(marks);
  };
  const head = () => on.catalog.reader.headSeq();
  /** All changes since a cursor, in pages; but not of roots, whose time is that of their last change. */
  const since = async (cursor: number, pageSize = 100): Promise<Change[]> => {
    const all: Change[] = [];
    let page = await on.catalog.reader.changes(cursor, pageSize);
    all.push(...page.changes);
    while (page.hasMore) {
      page = await on.catalog.reader.changes(page.cursor, pageSize);
      all.push(...page.changes);
    }
    return all.filter((change) => change.kind === 'removed' || change.node.parentId !== null);
  };
  /** `+name` for each update and `-id` for each removal. */
  const textOf = (changes: readonly Change[]): string[] =>
    changes.map((change) => (change.kind === 'updated' ? `+${change.node.name}` : `-${change.nodeId}`));
  const idOf = async (name: string): Promise<number> =>
    (await on.catalog.reader.child(on.rootId, name))?.id ?? 0;

  it('tells the whole tree from 0, and nothing from the head', async () => {
    await apply(folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg'));
    const page = await on.catalog.reader.changes(0, 100);
    expect(textOf(page.changes).sort()).toEqual(['+1', '+a', '+x.jpg', '+y.jpg']);
    expect(page).toMatchObject({ cursor: await head(), hasMore: false });
    expect(await on.catalog.reader.changes(page.cursor, 100)).toEqual({
      ...{ changes: [], cursor: page.cursor, hasMore: false },
    });
  });

  it('orders changes by their numbers, and each is the cursor behind it', async () => {
    await apply(folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg'));
    const all = await since(0);
    const seqs = all.map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    for (const [index, { cursor }] of all.entries())
      expect(await since(cursor)).toEqual(all.slice(index + 1));
  });

  it('merges several updates of a node into the last', async () => {
    await apply(asset('f1', 'a.jpg'));
    const before = await head();
    await apply(asset('f1', 'b.jpg'));
    await apply(asset('f1', 'c.jpg'));
    await on.catalog.writer.enrich(on.sourceId, 'f1', 'v-f1', {
      ...{ digests: { md5: 'ab'.repeat(16) }, contentType: null },
      media: NO_MEDIA,
    });
    const changes = await since(before);
    expect(textOf(changes)).toEqual(['+c.jpg']);
    expect(changes[0]).toMatchObject({ node: { asset: { digests: { md5: 'ab'.repeat(16) } } } });
  });

  it('tells nothing of what came and went since', async () => {
    await apply(asset('f1', 'a.jpg'));
    const before = await head();
    await scan(asset('f1', 'a.jpg'), asset('f2', 'b.jpg'));
    await scan(asset('f1', 'a.jpg'));
    expect(await since(before)).toEqual([]);
    expect(await head()).toBeGreaterThan(before);
    expect((await on.catalog.reader.changes(before, 10)).cursor).toBe(await head());
  });

  it('tells the removal of what was there, once, whatever happened to it before', async () => {
    await apply(asset('f1', 'a.jpg'), asset('f2', 'b.jpg'));
    const before = await head();
    const id = await idOf('b.jpg');
    await apply(asset('f2', 'c.jpg'));
    await scan(asset('f1', 'a.jpg'));
    expect(textOf(await since(before))).toEqual([`-${id}`]);
    expect(textOf(await since(0))).toEqual(['+a.jpg']);
  });

  it('tells of a removed folder that all in it is gone, too', async () => {
    await apply(folder('d1', 'a'), folder('d2', 'b', 'd1'), asset('f1', 'x.jpg', 'd2'));
    const before = await head();
    expect(await on.catalog.writer.removeAt(on.sourceId, ['a'])).toBe(3);
    expect((await since(before)).filter(({ kind }) => kind === 'removed')).toHaveLength(3);
  });

  it('tells a replaced file as an update of the same node', async () => {
    await apply(asset('f1', 'a.jpg'));
    const [id, before] = [await idOf('a.jpg'), await head()];
    await scan(asset('f2', 'a.jpg'));
    expect(await since(before)).toMatchObject([
      { kind: 'updated', node: { id, asset: { ref: { id: 'f2' } } } },
    ]);
  });

  it('tells a moved folder with all that is below it', async () => {
    await apply(
      folder('d1', 'a'),
      folder('d2', 'b', 'd1'),
      asset('f1', 'x.jpg', 'd2'),
      folder('d3', 'other'),
    );
    const before = await head();
    await apply(folder('d1', 'moved', 'd3'));
    expect(textOf(await since(before)).sort()).toEqual(['+b', '+moved', '+x.jpg']);
  });

  it('knows at once where the files in a moved folder are, so that each of them is told once', async () => {
    const at = (path: string): Entry => {
      const entry = asset('f1', 'x.jpg', 'd2');
      return { ...entry, facts: { ...entry.facts, ref: { id: 'f1', path } } };
    };
    await apply(folder('d1', 'a'), folder('d2', 'b', 'd1'), at('a/b/x.jpg'), folder('d3', 'other'));
    await apply(folder('d1', 'moved', 'd3'));
    expect(await on.catalog.reader.asset(on.sourceId, 'f1')).toMatchObject({
      ref: { path: 'other/moved/b/x.jpg' },
    });
    const before = await head();
    await apply(folder('d1', 'moved', 'd3'), folder('d2', 'b', 'd1'), at('other/moved/b/x.jpg'));
    expect(await since(before)).toEqual([]);
  });

  it('keeps what a layout has made up out of the paths of files in a moved folder', async () => {
    const made = (ref: string, name: string, parent: string | null = null): Entry => {
      return { ...folder(ref, name, parent, 'free'), isVirtual: true };
    };
    const view: Entry = { ...folder('view', 'folders'), isVirtual: true, isView: true };
    const entry = asset('f1', 'x.jpg', 'images', 'free');
    const file: Entry = { ...entry, facts: { ...entry.facts, ref: { id: 'f1', path: 'a/x.jpg' } } };
    await apply(view, folder('d1', 'a', 'view'), made('images', 'images', 'd1'), file);
    await apply(view, folder('d2', 'b', 'view'), folder('d1', 'moved', 'd2'));
    expect(await on.catalog.reader.asset(on.sourceId, 'f1')).toMatchObject({
      ref: { path: 'b/moved/x.jpg' },
    });
  });

  it('tells nothing when the same is told twice', async () => {
    await apply(folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'));
    const before = await head();
    await scan(folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'));
    expect(await head()).toBe(before);
  });

  it.each([1, 2, 7, 1000])('loses nothing in pages of %i while somebody writes', async (pageSize) => {
    await apply(...Array.from({ length: 60 }, (_, at) => asset(`f${at}`, `${at}.jpg`)));
    const held = new Map<number, string>();
    let cursor = 0;
    let round = 0;
    for (;;) {
      const page = await on.catalog.reader.changes(cursor, pageSize);
      for (const change of page.changes) {
        if (change.kind === 'updated') held.set(change.node.id, change.node.name);
        else held.delete(change.nodeId);
      }
      cursor = page.cursor;
      if (!page.hasMore && round >= 40) break;
      round += 1;
      if (round > 40) continue;
      // A rename, a newcomer and a removal between any two pages.
      const kept = Array.from({ length: 60 }, (_, at) => at).filter((at) => at < 20 || at > 20 + round);
      const renamed = kept.map((at) =>
        asset(`f${at}`, at === round % 20 ? `${at}-${round}.jpg` : `${at}.jpg`),
      );
      await scan(...renamed, asset(`new${round}`, `new${round}.jpg`));
    }
    const members = await on.catalog.reader.children(on.rootId, { limit: 1000 });
    const expected = new Map(members.entries.map((node) => [node.id, node.name]));
    held.delete(on.rootId);
    expect(held).toEqual(expected);
  });

  it('keeps what was displaced in a scan out of the log until it has a place again', async () => {
    await apply(asset('f1', 'a.jpg'), asset('f2', 'b.jpg'));
    const before = await head();
    const [a, b] = [await idOf('a.jpg'), await idOf('b.jpg')];
    const marks = on.catalog.writer.beginScan(on.sourceId);
    await on.catalog.writer.apply(on.sourceId, [asset('f2', 'a.jpg')], marks);
    expect(await since(before)).toMatchObject([{ kind: 'updated', node: { id: b, name: 'a.jpg' } }]);
    expect(await on.catalog.reader.node(a)).toBeNull();
    await expect(on.catalog.reader.pathOf(a)).rejects.toMatchObject({ code: 'not-found' });
    const cursor = await head();
    await on.catalog.writer.apply(on.sourceId, [asset('f1', 'b.jpg')], marks);
    await on.catalog.writer.sweep(marks);
    expect(await since(cursor)).toMatchObject([{ kind: 'updated', node: { id: a, name: 'b.jpg' } }]);
  });

  it('refuses a cursor beyond the head: it is of another catalog', async () => {
    await apply(asset('f1', 'a.jpg'));
    const beyond = (await head()) + 1;
    for (const cursor of [beyond, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER]) {
      await expect(on.catalog.reader.changes(cursor, 10)).rejects.toMatchObject({ code: 'cursor-expired' });
    }
  });

  it('keeps head and cursors over a restart', async () => {
    await apply(asset('f1', 'a.jpg'), asset('f2', 'b.jpg'));
    const before = await head();
    await scan(asset('f1', 'a.jpg'));
    const [after, changes] = [await head(), await since(before)];
    await on.catalog.close();
    await on.reopen();
    expect(await head()).toBe(after);
    expect(await since(before)).toEqual(changes);
    await apply(asset('f3', 'c.jpg'));
    expect(textOf(await since(after))).toEqual(['+c.jpg']);
  });

  /** Ten files, five of which are removed and then forgotten. */
  const pruned = async (): Promise<{ early: number; late: number }> => {
    const files = Array.from({ length: 10 }, (_, at) => asset(`f${at}`, `${at}.jpg`));
    await apply(...files);
    const early = await head();
    await scan(...files.slice(5));
    const late = await head();
    expect(await on.catalog.writer.pruneTombstones(Date.now() + DAY_MS, 3)).toBe(3);
    expect(await on.catalog.writer.pruneTombstones(Date.now() + DAY_MS, 3)).toBe(2);
    expect(await on.catalog.writer.pruneTombstones(Date.now() + DAY_MS, 3)).toBe(0);
    return { early, late };
  };

  it('forgets old removals only', async () => {
    await apply(asset('f1', 'a.jpg'), asset('f2', 'b.jpg'));
    const before = await head();
    await scan(asset('f1', 'a.jpg'));
    expect(await on.catalog.writer.pruneTombstones(Date.now() - DAY_MS, 10)).toBe(0);
    expect(await since(before)).toHaveLength(1);
  });

  it('refuses a cursor from before what was forgotten, and serves those behind it', async () => {
    const { early, late } = await pruned();
    await expect(on.catalog.reader.changes(early, 10)).rejects.toMatchObject({ code: 'cursor-expired' });
    expect(await since(late)).toEqual([]);
    expect(await head()).toBe(late);
    await apply(asset('f9', 'renamed.jpg'));
    expect(textOf(await since(late))).toEqual(['+renamed.jpg']);
  });

  it.each([1, 2, 100])('still serves newcomers in pages of %i after that', async (pageSize) => {
    const { late } = await pruned();
    const all = await since(0, pageSize);
    expect(textOf(all).sort()).toEqual(['+5.jpg', '+6.jpg', '+7.jpg', '+8.jpg', '+9.jpg']);
    for (const [index, { cursor }] of all.entries())
      expect(await since(cursor)).toEqual(all.slice(index + 1));
    expect((await on.catalog.reader.changes(0, 100)).cursor).toBe(late);
  });

  it('has newcomers start anew when more is forgotten while they catch up', async () => {
    await pruned();
    const { cursor } = await on.catalog.reader.changes(0, 2);
    await scan(asset('f9', '9.jpg'));
    expect(await since(cursor)).not.toEqual([]);
    await on.catalog.writer.pruneTombstones(Date.now() + DAY_MS, 100);
    await expect(on.catalog.reader.changes(cursor, 2)).rejects.toMatchObject({ code: 'cursor-expired' });
    expect(textOf(await since(0, 1)).sort()).toEqual(['+9.jpg']);
  });

  it('never gives a number twice, also after all was forgotten', async () => {
    const { late } = await pruned();
    await on.catalog.close();
    await on.reopen();
    expect(await head()).toBe(late);
    await apply(asset('f11', 'new.jpg'));
    expect(await head()).toBeGreaterThan(late);
  });

  const shown = (id: number, name: string): ShownSource => ({
    ...{ sourceId: id, name, mountsAtRoot: false, folder: null },
  });

  it('remembers which sources are shown', async () => {
    expect(await on.catalog.reader.shownSources()).toEqual([]);
    const sources = [{ ...shown(on.sourceId, 'photos'), folder: '/mnt/photos' }];
    await on.catalog.writer.showSources(sources);
    await on.catalog.close();
    await on.reopen();
    expect(await on.catalog.reader.shownSources()).toEqual(sources);
  });

  it('expires cursors when a source leaves the tree or comes back, not when a new one comes', async () => {
    await apply(asset('f1', 'a.jpg'));
    await on.catalog.writer.showSources([shown(on.sourceId, 'photos')]);
    const first = await head();
    const other = await on.catalog.writer.ensureSource('other');
    await on.catalog.writer.apply(other.id, [asset('f1', 'theirs.jpg')]);
    await on.catalog.writer.showSources([shown(on.sourceId, 'photos'), shown(other.id, 'other')]);
    expect(textOf(await since(first)).sort()).toEqual(['+theirs.jpg']);
    const second = await head();
    for (const sources of [
      [shown(on.sourceId, 'photos')],
      [shown(on.sourceId, 'photos'), shown(other.id, 'other')],
    ]) {
      const before = await head();
      await on.catalog.writer.showSources(sources);
      await expect(on.catalog.reader.changes(before, 10)).rejects.toMatchObject({ code: 'cursor-expired' });
      // The same again is nothing new.
      const after = await head();
      await on.catalog.writer.showSources(sources);
      expect(await since(after)).toEqual([]);
    }
    await expect(on.catalog.reader.changes(second, 10)).rejects.toMatchObject({ code: 'cursor-expired' });
    expect(textOf(await since(0, 2)).sort()).toEqual(['+a.jpg', '+theirs.jpg']);
  });

  it('rings after a commit that changed something, and only then', async () => {
    const rings = async (work: () => Promise<unknown>): Promise<boolean> => {
      const controller = new AbortController();
      let hasRung = false;
      const wait = on.catalog.bell.wait(controller.signal).then(() => {
        hasRung = !controller.signal.aborted;
      });
      await work();
      await new Promise(setImmediate);
      controller.abort();
      await wait;
      return hasRung;
    };
    expect(await rings(() => apply(asset('f1', 'a.jpg')))).toBe(true);
    expect(await rings(() => apply(asset('f1', 'a.jpg')))).toBe(false);
    expect(await rings(() => apply(asset('f2', 'b.jpg', 'unknown')).catch(() => null))).toBe(false);
    expect(await rings(() => apply(asset('f2', 'b.jpg')))).toBe(true);
    expect(await rings(() => on.catalog.writer.completeScan(on.sourceId, 1))).toBe(false);
    expect(await rings(() => on.catalog.writer.removeAt(on.sourceId, ['b.jpg']))).toBe(true);
  });
}

const NO_MEDIA = {
  ...{ width: null, height: null, orientation: null, durationMs: null, latitude: null, longitude: null },
  ...{ camera: null, taken: null, thumbhash: null, livePhotoId: null },
};
