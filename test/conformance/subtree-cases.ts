import { beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/catalog/catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import type { PlaceChange } from '../../src/model/change.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

/** What whoever keeps a copy by path may rely on: states of collections, and places that were left. */
export function subtreeCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create);
  beforeEach(async () => {
    await apply(...TREE);
  });

  // a/b/c/x.jpg, a/y.jpg, other/deep/z.jpg
  const TREE: Entry[] = [
    ...[folder('A', 'a'), folder('B', 'b', 'A'), folder('C', 'c', 'B')],
    ...[folder('O', 'other'), folder('D', 'deep', 'O')],
    ...[asset('X', 'x.jpg', 'C'), asset('Y', 'y.jpg', 'A'), asset('Z', 'z.jpg', 'D')],
  ];
  const without = (...refs: string[]) =>
    TREE.filter((entry) => {
      if (entry.kind === 'kept' || entry.kind === 'unchanged') return true;
      return !refs.includes(entry.kind === 'asset' ? entry.facts.ref.id : entry.ref);
    });

  const apply = (...entries: Entry[]) => on.catalog.writer.apply(on.sourceId, entries);
  const scan = async (...entries: Entry[]): Promise<void> => {
    const marks = on.catalog.writer.beginScan(on.sourceId);
    await on.catalog.writer.apply(on.sourceId, entries, marks);
    await on.catalog.writer.sweep(marks);
  };

  describe('the state of a collection', () => {
    /** By path; the root is `''`. */
    const states = async (): Promise<Map<string, number>> => {
      const found = new Map<string, number>();
      const walk = async (id: number, path: string): Promise<void> => {
        const node = await on.catalog.reader.node(id);
        if (node?.kind !== 'collection') return;
        found.set(path, node.stateSeq);
        for (const member of (await on.catalog.reader.children(id, { limit: 100 })).entries) {
          await walk(member.id, path === '' ? member.name : `${path}/${member.name}`);
        }
      };
      await walk(on.rootId, '');
      return found;
    };
    /** Paths whose state is another one after the work, or that were not there before. */
    const changedBy = async (work: () => Promise<unknown>): Promise<string[]> => {
      const before = await states();
      await work();
      return [...(await states())]
        .filter(([path, state]) => before.get(path) !== state)
        .map(([path]) => path);
    };
    const version = (entry: Entry): Entry =>
      entry.kind === 'asset' ? { ...entry, facts: { ...entry.facts, version: 'v-2' } } : entry;

    it('changes up to the root when something is added, and nowhere else', async () => {
      expect(await changedBy(() => apply(asset('N', 'new.jpg', 'C')))).toEqual(['', 'a', 'a/b', 'a/b/c']);
      expect(await changedBy(() => apply(folder('E', 'e', 'B')))).toEqual(['', 'a', 'a/b', 'a/b/e']);
    });

    it('changes when content changes in place', async () => {
      expect(await changedBy(() => apply(version(asset('X', 'x.jpg', 'C'))))).toEqual([
        ...['', 'a', 'a/b', 'a/b/c'],
      ]);
      const facts = { ...asset('Z', 'z.jpg').facts, version: 'v-3' };
      expect(await changedBy(() => on.catalog.writer.refreshAsset(on.sourceId, facts))).toEqual([
        ...['', 'other', 'other/deep'],
      ]);
    });

    it('changes when something new is known of a content', async () => {
      const found = { digests: { sha1: 'aa' }, media: UNKNOWN_MEDIA, contentType: null };
      expect(await changedBy(() => on.catalog.writer.enrich(on.sourceId, 'X', 'v-X', found))).toEqual([
        ...['', 'a', 'a/b', 'a/b/c'],
      ]);
    });

    it('changes when something is renamed', async () => {
      expect(await changedBy(() => apply(asset('X', 'renamed.jpg', 'C')))).toEqual(['', 'a', 'a/b', 'a/b/c']);
      expect(await changedBy(() => apply(folder('D', 'deeper', 'O')))).toEqual(['', 'other', 'other/deeper']);
    });

    it('changes on both sides of a move', async () => {
      expect(await changedBy(() => apply(asset('X', 'x.jpg', 'D')))).toEqual([
        ...['', 'a', 'a/b', 'a/b/c', 'other', 'other/deep'],
      ]);
      const moved = await changedBy(() => apply(folder('B', 'b', 'D')));
      expect(moved).toEqual(expect.arrayContaining(['', 'a', 'other', 'other/deep', 'other/deep/b']));
    });

    it('changes when something goes: by a sweep, by a look, with a whole folder', async () => {
      expect(await changedBy(() => scan(...without('X')))).toEqual(['', 'a', 'a/b', 'a/b/c']);
      expect(
        await changedBy(() => on.catalog.writer.removeAt(on.sourceId, ['other', 'deep', 'z.jpg'])),
      ).toEqual([...['', 'other', 'other/deep']]);
      expect(await changedBy(() => on.catalog.writer.removeAt(on.sourceId, ['a', 'b']))).toEqual(['', 'a']);
    });

    it('changes when a name is taken over by another thing', async () => {
      const changed = await changedBy(() => scan(...without('X', 'Y'), asset('Y', 'x.jpg', 'C')));
      expect(changed).toEqual(['', 'a', 'a/b', 'a/b/c']);
    });

    it('stays when nothing changes, when a batch fails, and over a restart', async () => {
      expect(await changedBy(() => scan(...TREE))).toEqual([]);
      const failing = () => apply(asset('N', 'n.jpg', 'C'), asset('M', 'm.jpg', 'unknown')).catch(() => null);
      expect(await changedBy(failing)).toEqual([]);
      // What the failed batch had noted is not told with the next one.
      expect(await changedBy(() => apply(asset('M', 'm.jpg', 'D')))).toEqual(['', 'other', 'other/deep']);
      const restart = async () => {
        await on.catalog.close();
        await on.reopen();
      };
      expect(await changedBy(restart)).toEqual([]);
      expect(await changedBy(() => apply(asset('N', 'n.jpg', 'C')))).toEqual(['', 'a', 'a/b', 'a/b/c']);
    });

    it('never comes back', async () => {
      const seen = new Set<number>();
      for (const entries of [TREE, without('X'), TREE, without('X', 'C'), TREE]) {
        await scan(...entries);
        const state = (await states()).get('a') ?? 0;
        if (entries !== TREE || seen.size > 0) expect(seen).not.toContain(state);
        seen.add(state);
      }
    });
  });

  describe('places', () => {
    const head = () => on.catalog.reader.headSeq();
    const since = async (cursor: number, pageSize = 100): Promise<PlaceChange[]> => {
      const upTo = await head();
      const all: PlaceChange[] = [];
      for (let at = cursor, hasMore = true; hasMore; ) {
        const page = await on.catalog.reader.placeChanges(at, upTo, pageSize);
        all.push(...page.changes);
        ({ cursor: at, hasMore } = page);
      }
      return all;
    };
    /** `-name` for each place that was left; in the order of the log. */
    const leftSince = async (cursor: number) =>
      (await since(cursor)).flatMap((change) => (change.kind === 'left' ? `-${change.name}` : []));

    it('are told when they are left: by removal, rename and move', async () => {
      const start = await head();
      await scan(...without('X'));
      await apply(asset('Y', 'renamed.jpg', 'A'));
      await apply(folder('D', 'deep', 'A'));
      expect(await leftSince(start)).toEqual(['-x.jpg', '-y.jpg', '-deep']);
      const deep = (await since(start)).find((change) => change.kind === 'left' && change.name === 'deep');
      expect(deep).toMatchObject({ wasCollection: true });
    });

    it('are not told when something is there again', async () => {
      const start = await head();
      await scan(...without('X'));
      await apply(asset('N', 'x.jpg', 'C'));
      expect(await leftSince(start)).toEqual([]);
      expect(
        (await since(start)).some((change) => change.kind === 'updated' && change.node.name === 'x.jpg'),
      ).toBe(true);
    });

    it('are told once, for the last time they were left', async () => {
      await scan(...without('X'));
      await apply(asset('N', 'x.jpg', 'C'));
      const middle = await head();
      await scan(...without('X'));
      expect(await leftSince(middle)).toEqual(['-x.jpg']);
    });

    it('come in pages of any size, in the same order', async () => {
      const start = await head();
      await scan(...without('X', 'Z'), asset('N', 'n.jpg', 'A'));
      await apply(folder('B', 'bb', 'O'));
      const whole = await since(start);
      expect(whole.length).toBeGreaterThan(4);
      for (const size of [1, 2, 3]) expect(await since(start, size)).toEqual(whole);
    });

    it('stop at the head the reader began with', async () => {
      const start = await head();
      await apply(asset('N', 'n.jpg', 'A'));
      const upTo = await head();
      await apply(asset('M', 'm.jpg', 'A'));
      const { changes } = await on.catalog.reader.placeChanges(start, upTo, 100);
      expect(changes.flatMap((change) => (change.kind === 'updated' ? change.node.name : []))).toEqual(
        expect.not.arrayContaining(['m.jpg']),
      );
    });

    it('tell where a collection has made room for something else', async () => {
      const start = await head();
      await apply(folder('B', 'moved', 'O'), folder('B2', 'b', 'A'));
      expect(await on.catalog.reader.replacedCollections(start, 10)).toMatchObject([{ name: 'b' }]);
      expect(await on.catalog.reader.replacedCollections(await head(), 10)).toEqual([]);
      await on.catalog.writer.removeAt(on.sourceId, ['a', 'b']);
      // Nothing is there now: that is told as a place that was left.
      expect(await on.catalog.reader.replacedCollections(start, 10)).toEqual([]);
      expect(await leftSince(start)).toContain('-b');
    });

    it('are forgotten with the removals, and older cursors expire', async () => {
      const start = await head();
      await apply(asset('Y', 'renamed.jpg', 'A'));
      await scan(...without('X', 'Y'), asset('Y', 'renamed.jpg', 'A'));
      const end = await head();
      while ((await on.catalog.writer.pruneTombstones(Date.now() + 1000, 1)) > 0);
      await expect(on.catalog.reader.placeChanges(start, end, 10)).rejects.toMatchObject({
        code: 'cursor-expired',
      });
      await expect(on.catalog.reader.replacedCollections(start, 10)).rejects.toMatchObject({
        code: 'cursor-expired',
      });
      await expect(on.catalog.reader.placeChanges(end + 1, end + 1, 10)).rejects.toMatchObject({
        code: 'cursor-expired',
      });
      expect((await on.catalog.reader.placeChanges(await head(), await head(), 10)).changes).toEqual([]);
    });
  });
}
