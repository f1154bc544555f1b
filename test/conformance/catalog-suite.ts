import { describe, expect, it } from 'vitest';
import type { Entry, Scan } from '../../src/catalog/catalog.ts';
import type { Node } from '../../src/model/node.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';
import { changeLogCases } from './change-log-cases.ts';
import { digestCases } from './digest-cases.ts';
import { givenNameCases } from './given-name-cases.ts';
import { livePhotoCases } from './live-photo-cases.ts';
import { partialScanCases } from './partial-scan-cases.ts';
import { problemCases } from './problem-cases.ts';
import { subtreeCases } from './subtree-cases.ts';
import { unchangedCases } from './unchanged-cases.ts';

/** What every catalog engine must do; an engine's test calls this with its own factory. */
export function catalogSuite(name: string, create: () => Promise<CatalogUnderTest>): void {
  describe(`catalog: ${name}`, () => {
    const on = new CatalogCase(create);

    /** The whole tree as `path id etag` lines, by path. */
    const tree = async (): Promise<Record<string, number>> => {
      const lines: Record<string, number> = {};
      const walk = async (id: number, prefix: string): Promise<void> => {
        for (const node of (await on.catalog.reader.children(id, { limit: 1000 })).entries) {
          lines[prefix + node.name] = node.id;
          if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
        }
      };
      await walk((await on.catalog.reader.root(on.sourceId)).id, '');
      return lines;
    };
    const scanOf = async (entries: Entry[]): Promise<number> => {
      const scan = on.catalog.writer.beginScan(on.sourceId);
      await on.catalog.writer.apply(on.sourceId, entries, scan);
      return await on.catalog.writer.sweep(scan);
    };
    const applying = (entries: Entry[], scan?: Scan) => on.catalog.writer.apply(on.sourceId, entries, scan);

    it('shows what was told, in the order of names', async () => {
      await applying([
        folder('d1', 'b'),
        folder('d2', 'a', 'd1'),
        asset('f1', 'z.jpg', 'd2'),
        asset('f2', 'y.jpg'),
      ]);
      expect(Object.keys(await tree())).toEqual(['b', 'b/a', 'b/a/z.jpg', 'y.jpg']);
      const source = await on.catalog.reader.source('photos');
      expect(source).toMatchObject({ assetCount: 2, collectionCount: 2, sizeBytes: 20 });
    });

    it('lists the same members in the same order as it gives them one by one, page by page', async () => {
      await applying([
        folder('d1', 'b'),
        folder('d2', 'made up', 'd1'),
        asset('f1', 'z.jpg', 'd1'),
        asset('f2', 'con.jpg', 'd1'),
        asset('f3', 'a?.jpg', 'd1'),
      ]);
      const parent = (await tree()).b ?? 0;
      const whole = (await on.catalog.reader.children(parent, { limit: 1000 })).entries;
      const listed: unknown[] = [];
      let after: string | null = '';
      while (after !== null) {
        const page: Awaited<ReturnType<typeof on.catalog.reader.listing>> = await on.catalog.reader.listing(
          parent,
          { after, limit: 3 },
        );
        listed.push(...page.entries);
        after = page.next;
      }
      expect(whole).toHaveLength(4);
      expect(listed).toEqual(
        whole.map((node) => {
          if (node.kind === 'collection') return node;
          const { version, sizeBytes, contentType } = node.asset;
          const { twinId: _, ...place } = node;
          return { ...place, asset: { version, sizeBytes, contentType } };
        }),
      );
    });

    it('changes nothing when the same is told twice', async () => {
      const entries = [folder('d1', 'b'), asset('f1', 'z.jpg', 'd1'), asset('f2', 'Z.jpg', 'd1', 'free')];
      await applying(entries);
      const before = await tree();
      expect(await applying(entries)).toEqual({ changed: 0, unchanged: 3 });
      expect(await tree()).toEqual(before);
    });

    it('keeps a batch together: one bad entry and nothing of it stays', async () => {
      await expect(applying([asset('f1', 'a.jpg'), asset('f2', 'b.jpg', 'unknown')])).rejects.toMatchObject({
        code: 'parent-missing',
      });
      expect(await tree()).toEqual({});
      await applying([asset('f1', 'a.jpg')]);
      expect(Object.keys(await tree())).toEqual(['a.jpg']);
    });

    it('keeps ids over a restart', async () => {
      await applying([folder('d1', 'b'), asset('f1', 'z.jpg', 'd1')]);
      const before = await tree();
      const publicId = on.catalog.reader.publicId(before['b/z.jpg'] ?? 0);
      await on.catalog.close();
      await on.reopen();
      expect(await tree()).toEqual(before);
      expect(on.catalog.reader.publicId(before['b/z.jpg'] ?? 0)).toBe(publicId);
      expect(on.catalog.reader.nodeIdOf(publicId)).toBe(before['b/z.jpg']);
      expect(publicId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });

    it('knows no public ids of another catalog, nor malformed ones', async () => {
      const id = on.catalog.reader.publicId(1);
      const other = `${id.startsWith('0') ? '1' : '0'}${id.slice(1)}`;
      for (const wrong of [other, '', 'x', '00000000-0000-0000-0000-000000000000', `${id}0`]) {
        expect(on.catalog.reader.nodeIdOf(wrong)).toBeNull();
      }
    });

    it('moves and renames without a new id', async () => {
      await applying([folder('d1', 'a'), folder('d2', 'b'), asset('f1', 'x.jpg', 'd1')]);
      const before = await tree();
      await applying([folder('d2', 'c', 'd1'), asset('f1', 'y.jpg', 'd2')]);
      expect(await tree()).toEqual({ a: before.a, 'a/c': before.b, 'a/c/y.jpg': before['a/x.jpg'] });
    });

    it('lets a replaced file keep its id, with the new content', async () => {
      await applying([asset('f1', 'x.jpg')]);
      const before = await tree();
      expect(await scanOf([asset('f2', 'x.jpg')])).toBe(0);
      expect(await tree()).toEqual(before);
      const node = await on.catalog.reader.node(before['x.jpg'] ?? 0);
      expect(node).toMatchObject({ kind: 'asset', asset: { ref: { id: 'f2' } } });
      expect((await on.catalog.reader.source('photos'))?.assetCount).toBe(1);
    });

    it('follows two files that swapped their names', async () => {
      await applying([asset('f1', 'a.jpg'), asset('f2', 'b.jpg')]);
      const before = await tree();
      expect(await scanOf([asset('f2', 'a.jpg'), asset('f1', 'b.jpg')])).toBe(0);
      expect(await tree()).toEqual({ 'a.jpg': before['b.jpg'], 'b.jpg': before['a.jpg'] });
    });

    it('follows folders that swapped their names, with all that is in them', async () => {
      const tellBoth = (a: string, b: string) => [
        ...[folder(a, 'a'), folder(b, 'b')],
        ...[asset(`${a}f`, `${a}.jpg`, a), asset(`${b}f`, `${b}.jpg`, b)],
      ];
      await applying(tellBoth('d1', 'd2'));
      const before = await tree();
      expect(await scanOf(tellBoth('d2', 'd1'))).toBe(0);
      expect(await tree()).toEqual({
        ...{ a: before.b, 'a/d2.jpg': before['b/d2.jpg'] },
        ...{ b: before.a, 'b/d1.jpg': before['a/d1.jpg'] },
      });
    });

    it('replaces a folder by a file and back', async () => {
      await applying([folder('d1', 'x'), asset('f1', 'in.jpg', 'd1')]);
      expect(await scanOf([asset('f2', 'x')])).toBe(2);
      expect(Object.keys(await tree())).toEqual(['x']);
      // Without a scan, too: nobody comes later to sweep.
      await applying([folder('d3', 'x'), asset('f3', 'new.jpg', 'd3')]);
      expect(Object.keys(await tree())).toEqual(['x', 'x/new.jpg']);
    });

    it('removes what a complete scan did not see, and only of that source', async () => {
      const other = await on.catalog.writer.ensureSource('other');
      await on.catalog.writer.apply(other.id, [asset('f1', 'theirs.jpg')]);
      await applying([folder('d1', 'a'), asset('f1', 'x.jpg', 'd1'), asset('f2', 'y.jpg')]);
      expect(await scanOf([asset('f2', 'y.jpg')])).toBe(2);
      expect(Object.keys(await tree())).toEqual(['y.jpg']);
      expect(await on.catalog.reader.source('photos')).toMatchObject({ assetCount: 1, collectionCount: 0 });
      expect((await on.catalog.reader.children(other.rootId, { limit: 9 })).entries).toHaveLength(1);
    });

    it('sweeps a large tree whole', async () => {
      const many = Array.from({ length: 5000 }, (_, at) => asset(`f${at}`, `${at}.jpg`));
      await applying(many);
      expect(await scanOf(many.slice(0, 10))).toBe(4990);
      expect(Object.keys(await tree())).toHaveLength(10);
      expect(await on.catalog.reader.source('photos')).toMatchObject({ assetCount: 10, sizeBytes: 100 });
    });

    it('keeps what is below a collection that could not be read', async () => {
      await applying([
        folder('d1', 'a'),
        folder('d2', 'b', 'd1'),
        asset('f1', 'x.jpg', 'd2'),
        asset('f2', 'y.jpg'),
      ]);
      expect(await scanOf([folder('d1', 'a'), { kind: 'kept', collection: 'd1' }])).toBe(1);
      expect(Object.keys(await tree())).toEqual(['a', 'a/b', 'a/b/x.jpg']);
    });

    it('keeps equal names apart by the thing, not by its position', async () => {
      const album = [folder('al', 'Album', null, 'free')];
      const twins = ['u1', 'u2', 'u3'].map((id) => asset(id, 'IMG_1.jpg', 'al', 'free'));
      await applying([...album, ...twins, asset('u4', 'img_1.JPG', 'al', 'free')]);
      const names = Object.keys(await tree()).slice(1);
      expect(names.filter((each) => each === 'Album/IMG_1.jpg')).toHaveLength(1);
      expect(new Set(names.map((each) => each.toLowerCase())).size).toBe(4);
      expect(names.filter((each) => /~[0-9a-f]{8}\.jpg$/i.test(each))).toHaveLength(3);
      const before = await tree();
      // The order in which they are told later, or that one goes, moves no name.
      await scanOf([...album, ...twins.toReversed(), asset('u4', 'img_1.JPG', 'al', 'free')]);
      expect(await tree()).toEqual(before);
      await scanOf([...album, ...twins.slice(1)]);
      for (const [path, id] of Object.entries(await tree())) expect(before[path]).toBe(id);
    });

    it('lets a disk keep names that differ by case', async () => {
      await applying([asset('f1', 'a.jpg'), asset('f2', 'A.jpg')]);
      expect(Object.keys(await tree()).sort()).toEqual(['A.jpg', 'a.jpg']);
    });

    it('shows names that clients can store, and finds them by either', async () => {
      await applying([asset('f1', 'a?b.jpg'), asset('f2', 'a？b.jpg'), asset('f3', 'CON.jpg')]);
      const names = Object.keys(await tree());
      expect(names).toContain('a？b.jpg');
      expect(names).toContain('CON_.jpg');
      expect(names).toHaveLength(3);
      const root = await on.catalog.reader.root(on.sourceId);
      expect(await on.catalog.reader.child(root.id, 'a?b.jpg')).toMatchObject({ storedName: 'a?b.jpg' });
      expect(await on.catalog.reader.child(root.id, 'CON.jpg')).toMatchObject({ name: 'CON_.jpg' });
      expect(await on.catalog.reader.child(root.id, 'con.jpg')).toBeNull();
    });

    it.each(['NFC', 'NFD'] as const)('finds a name stored in %s by its other form', async (form) => {
      const stored = 'Bäume.jpg'.normalize(form);
      await applying([asset('f1', stored), folder('al', stored.replace('.jpg', ''), null, 'free')]);
      const root = await on.catalog.reader.root(on.sourceId);
      for (const asked of ['NFC', 'NFD'] as const) {
        expect(await on.catalog.reader.child(root.id, 'Bäume.jpg'.normalize(asked))).toMatchObject({
          name: stored,
        });
        expect(await on.catalog.reader.child(root.id, 'Bäume'.normalize(asked))).not.toBeNull();
        expect(await on.catalog.reader.child(root.id, 'bäume.jpg'.normalize(asked))).toBeNull();
      }
    });

    it('finds a name in plain letters that is stored with a twin of one of them', async () => {
      const twins = Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).filter(
        (char) => char > '\u007f' && /^[ -~]+$/.test(char.normalize('NFC')),
      );
      expect(twins).toContain('\u212a');
      await applying(twins.map((char, at) => asset(`f${at}`, `a${char}b.jpg`)));
      const root = await on.catalog.reader.root(on.sourceId);
      for (const char of twins) {
        const name = `a${char.normalize('NFC')}b.jpg`;
        expect(await on.catalog.reader.child(root.id, name)).toMatchObject({ storedName: `a${char}b.jpg` });
      }
    });

    it('is one asset at two places', async () => {
      const albums = [folder('a1', 'One', null, 'free'), folder('a2', 'Two', null, 'free')];
      const places = ['a1', 'a2'].map((id) => ({ ...asset('u1', 'x.jpg', id, 'free'), anchor: id }));
      await applying([...albums, ...places]);
      expect(Object.keys(await tree())).toEqual(['One', 'One/x.jpg', 'Two', 'Two/x.jpg']);
      expect((await on.catalog.reader.source('photos'))?.assetCount).toBe(1);
      await scanOf([...albums, ...places.slice(1)]);
      expect(Object.keys(await tree())).toEqual(['One', 'Two', 'Two/x.jpg']);
    });

    it('keeps digests and pixels found by others while the version stays', async () => {
      const entry = asset('f1', 'x.jpg');
      const found = { width: 4, height: 3, digests: { sha256: 'ab'.repeat(32), md5: 'cd'.repeat(16) } };
      await applying([entry]);
      const { 'x.jpg': id = 0 } = await tree();
      await on.catalog.writer.refreshAsset(on.sourceId, { ...entry.facts, ...found });
      await applying([entry]);
      expect(assetOf(await on.catalog.reader.node(id))).toMatchObject(found);
      await applying([{ ...entry, facts: { ...entry.facts, version: 'v2', sizeBytes: 11 } }]);
      expect(assetOf(await on.catalog.reader.node(id))).toMatchObject({
        width: null,
        digests: {},
        sizeBytes: 11,
      });
      expect((await on.catalog.reader.source('photos'))?.sizeBytes).toBe(11);
    });

    it('counts every change in the log', async () => {
      await applying([asset('f1', 'a.jpg')]);
      const { 'a.jpg': id = 0 } = await tree();
      const before = (await on.catalog.reader.node(id))?.changedSeq ?? 0;
      await applying([asset('f1', 'a.jpg')]);
      expect((await on.catalog.reader.node(id))?.changedSeq).toBe(before);
      await applying([asset('f1', 'b.jpg')]);
      expect((await on.catalog.reader.node(id))?.changedSeq).toBeGreaterThan(before);
    });

    it('pages through a collection without losing or repeating a member', async () => {
      await applying(Array.from({ length: 257 }, (_, at) => asset(`f${at}`, `${at}.jpg`)));
      const { id } = await on.catalog.reader.root(on.sourceId);
      const seen: string[] = [];
      let next: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof on.catalog.reader.children>> = await on.catalog.reader.children(
          id,
          next === null ? { limit: 10 } : { limit: 10, after: next },
        );
        seen.push(...page.entries.map((node) => node.name));
        next = page.next;
      } while (next !== null);
      expect(seen).toHaveLength(257);
      expect(seen).toEqual([...new Set(seen)].sort());
    });
  });

  describe(`change log: ${name}`, () => changeLogCases(create));
  describe(`digests: ${name}`, () => digestCases(create));
  describe(`live photos: ${name}`, () => livePhotoCases(create));
  describe(`problems: ${name}`, () => problemCases(create));
  describe(`looking at parts: ${name}`, () => partialScanCases(create));
  describe(`below a collection: ${name}`, () => subtreeCases(create));
  describe(`what is unchanged: ${name}`, () => unchangedCases(create));
  describe(`names that were given: ${name}`, () => givenNameCases(create));
}

function assetOf(node: Node | null) {
  return node?.kind === 'asset' ? node.asset : null;
}
