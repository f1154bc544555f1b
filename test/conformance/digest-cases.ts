import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import type { DigestAlgorithm, Entry } from '../../src/catalog/catalog.ts';
import { UNKNOWN_MEDIA } from '../../src/model/asset.ts';
import type { AssetNode, Page } from '../../src/model/node.ts';
import { CatalogCase, type CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

/** What whoever asks by content may rely on. */
export function digestCases(create: () => Promise<CatalogUnderTest>): void {
  const on = new CatalogCase(create);

  const digestOf = (content: string): string => createHash('sha256').update(content).digest('hex');
  const enrich = (id: string, content: string) =>
    on.catalog.writer.enrich(on.sourceId, id, `v-${id}`, {
      ...{ digests: { sha256: digestOf(content) }, media: UNKNOWN_MEDIA, contentType: null },
    });
  const pages = async (algorithm: DigestAlgorithm, limit: number): Promise<AssetNode[]> => {
    const all: AssetNode[] = [];
    let page: Page<AssetNode> | null = null;
    do {
      const after: string | null = page?.next ?? null;
      page = await on.catalog.reader.listByDigest(algorithm, { limit, ...(after === null ? {} : { after }) });
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      all.push(...page.entries);
    } while (page.next !== null);
    return all;
  };

  it.each([1, 2, 3, 100])('lists by digest in pages of %i, copies in a row', async (limit) => {
    const entries = Array.from({ length: 12 }, (_, at) => asset(`f${at}`, `${at}.jpg`));
    await on.catalog.writer.apply(on.sourceId, [...entries, asset('unknown', 'unknown.jpg')]);
    for (let at = 0; at < 12; at++) await enrich(`f${at}`, `content ${at % 5}`);
    const listed = await pages('sha256', limit);
    expect(listed.map(({ name }) => name).sort()).toEqual(entries.map(({ name }) => name).sort());
    const digests = listed.map((node) => node.asset.digests.sha256 ?? '');
    expect(digests).toEqual(digests.toSorted());
    expect(await pages('md5', limit)).toEqual([]);
  });

  it('tells every place of one asset, the oldest asset first', async () => {
    const albums = [folder('a1', 'One', null, 'free'), folder('a2', 'Two', null, 'free')];
    const places: Entry[] = ['a1', 'a2'].map((id) => ({ ...asset('u1', 'x.jpg', id, 'free'), anchor: id }));
    await on.catalog.writer.apply(on.sourceId, [...albums, ...places, asset('u2', 'copy.jpg')]);
    await enrich('u2', 'same');
    await enrich('u1', 'same');
    const found = await on.catalog.reader.byDigest('sha256', digestOf('same'));
    expect(found.map(({ name }) => name)).toEqual(['x.jpg', 'x.jpg', 'copy.jpg']);
    expect(await pages('sha256', 1)).toEqual(found);
    expect(await on.catalog.reader.byDigest('sha256', digestOf('other'))).toEqual([]);
    expect(await on.catalog.reader.byDigest('sha1', digestOf('same').slice(0, 40))).toEqual([]);
  });

  it('does not know a content any more once it was changed or removed', async () => {
    await on.catalog.writer.apply(on.sourceId, [asset('f1', 'a.jpg'), asset('f2', 'b.jpg')]);
    await enrich('f1', 'one');
    await enrich('f2', 'two');
    const { facts } = asset('f1', 'a.jpg');
    await on.catalog.writer.refreshAsset(on.sourceId, { ...facts, version: 'v2' });
    await on.catalog.writer.removeAt(on.sourceId, ['b.jpg']);
    expect(await pages('sha256', 10)).toEqual([]);
    expect(await on.catalog.reader.byDigest('sha256', digestOf('two'))).toEqual([]);
  });

  it('tells what was not read yet in its present version, page by page', async () => {
    const other = await on.catalog.writer.ensureSource('other');
    await on.catalog.writer.apply(other.id, [asset('f1', 'theirs.jpg')]);
    await on.catalog.writer.apply(
      on.sourceId,
      ['a', 'b', 'c', 'd', 'e'].map((name) => asset(name, `${name}.jpg`)),
    );
    await enrich('b', 'b');
    expect(await on.catalog.writer.enrich(on.sourceId, 'c', 'old', NOTHING_FOUND)).toBe(false);
    const names: string[] = [];
    let afterId = 0;
    for (;;) {
      const page = await on.catalog.reader.pendingAssets(on.sourceId, { afterId, limit: 2 });
      names.push(...page.map(({ facts }) => facts.ref.id));
      const last = page.at(-1);
      if (last === undefined) break;
      afterId = last.id;
    }
    expect(names).toEqual(['a', 'c', 'd', 'e']);
    // What was read and found to hold nothing is read all the same.
    expect(await on.catalog.writer.enrich(on.sourceId, 'a', 'v-a', NOTHING_FOUND)).toBe(true);
    await on.catalog.writer.refreshAsset(on.sourceId, { ...asset('b', 'b.jpg').facts, version: 'v2' });
    const pending = await on.catalog.reader.pendingAssets(on.sourceId, { afterId: 0, limit: 10 });
    expect(pending.map(({ facts }) => facts.ref.id)).toEqual(['b', 'c', 'd', 'e']);
    expect(await on.catalog.reader.pendingCount(on.sourceId)).toBe(4);
    expect(await on.catalog.reader.pendingCount(other.id)).toBe(1);
  });

  it('has a content read again that was another one in between, which nobody has read', async () => {
    const entry = asset('f1', 'x.jpg');
    await on.catalog.writer.apply(on.sourceId, [entry]);
    await enrich('f1', 'first');
    expect(await on.catalog.reader.pendingCount(on.sourceId)).toBe(0);
    await on.catalog.writer.apply(on.sourceId, [{ ...entry, facts: { ...entry.facts, version: 'v-other' } }]);
    await on.catalog.writer.apply(on.sourceId, [entry]);
    const [pending] = await on.catalog.reader.pendingAssets(on.sourceId, { afterId: 0, limit: 10 });
    expect(pending).toMatchObject({ facts: { version: 'v-f1', digests: {} }, wasRead: false });
    await enrich('f1', 'first');
    expect(await on.catalog.reader.byDigest('sha256', digestOf('first'))).toHaveLength(1);
  });

  it('tells what is known of one asset by the id of its source', async () => {
    await on.catalog.writer.apply(on.sourceId, [asset('f1', 'a.jpg')]);
    await enrich('f1', 'one');
    const known = await on.catalog.reader.asset(on.sourceId, 'f1');
    expect(known).toMatchObject({ ref: { id: 'f1' }, version: 'v-f1' });
    expect(known?.digests.sha256).toBeDefined();
    expect(await on.catalog.reader.asset(on.sourceId, 'f2')).toBeNull();
    expect(await on.catalog.reader.asset(on.sourceId + 1, 'f1')).toBeNull();
  });

  it('tells paths by shown and by stored names', async () => {
    await on.catalog.writer.apply(on.sourceId, [folder('d1', 'a?b'), asset('f1', 'x:y.jpg', 'd1')]);
    const [parent] = (await on.catalog.reader.children(on.rootId, { limit: 1 })).entries;
    const [node] = (await on.catalog.reader.children(parent?.id ?? 0, { limit: 1 })).entries;
    expect(await on.catalog.reader.pathOf(node?.id ?? 0)).toEqual(['a？b', 'x：y.jpg']);
    expect(await on.catalog.reader.storedPathOf(node?.id ?? 0)).toEqual(['a?b', 'x:y.jpg']);
    expect(await on.catalog.reader.pathOf(on.rootId)).toEqual([]);
    await expect(on.catalog.reader.pathOf(999)).rejects.toMatchObject({ code: 'not-found' });
  });
}

const NOTHING_FOUND = { digests: {}, media: UNKNOWN_MEDIA, contentType: null };
