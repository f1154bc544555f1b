import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog, Entry } from '../../src/catalog/catalog.ts';
import { MAX_PROPERTIES, MAX_PROPERTY_BYTES, type PropertyChange } from '../../src/catalog/property-store.ts';
import type { NodeId } from '../../src/model/node.ts';
import type { CatalogUnderTest } from './catalog-case.ts';
import { asset, folder } from './catalog-entries.ts';

function set(local: string, xml: string, namespace = 'urn:n'): PropertyChange {
  return { namespace, local, xml };
}

/** What every property store must do; an engine's test calls this with its own factory. */
export function propertySuite(name: string, create: () => Promise<CatalogUnderTest>): void {
  describe(`property store: ${name}`, () => {
    let under: CatalogUnderTest;
    let catalog: Catalog;
    let sourceId: number;

    beforeEach(async () => {
      under = await create();
      catalog = await under.open();
      sourceId = (await catalog.writer.ensureSource('photos')).id;
      await apply(folder('d', 'sub'), asset('a', 'a.jpg'), asset('b', 'b.jpg', 'd'));
    });
    afterEach(async () => {
      await catalog.close();
      await under.dispose();
    });

    const apply = (...entries: Entry[]) => catalog.writer.apply(sourceId, entries);
    const idOf = async (...path: string[]): Promise<NodeId> => {
      let id = (await catalog.reader.root(sourceId)).id;
      for (const each of path) id = (await catalog.reader.child(id, each))?.id ?? -1;
      return id;
    };
    /** Local names to values of what a node has. */
    const held = async (...path: string[]): Promise<Record<string, string>> => {
      const id = await idOf(...path);
      const properties = (await catalog.properties.of([id])).get(id) ?? [];
      return Object.fromEntries(properties.map(({ local, xml }) => [local, xml]));
    };

    it('gives back what was set, by node, also after a restart', async () => {
      const [a, b, sub] = [await idOf('a.jpg'), await idOf('sub', 'b.jpg'), await idOf('sub')];
      await catalog.properties.update(a, [set('x', '<x/>'), set('x', '<y/>', ''), set('w', '<w>é</w>')]);
      await catalog.properties.update(sub, [set('x', '<z/>')]);
      await catalog.close();
      catalog = await under.open();
      const found = await catalog.properties.of([a, b, sub, 0, -7]);
      expect([...found.keys()].sort()).toEqual([a, sub].sort());
      expect(found.get(a)).toEqual([
        { namespace: '', local: 'x', xml: '<y/>' },
        { namespace: 'urn:n', local: 'w', xml: '<w>é</w>' },
        { namespace: 'urn:n', local: 'x', xml: '<x/>' },
      ]);
    });

    it('makes changes in their order', async () => {
      const id = await idOf('a.jpg');
      await catalog.properties.update(id, [set('x', '<x/>'), set('y', '<y/>')]);
      const removal = { namespace: 'urn:n', local: 'x', xml: null };
      await catalog.properties.update(id, [removal, set('x', '<x>2</x>'), set('y', '<y>2</y>')]);
      expect(await held('a.jpg')).toEqual({ x: '<x>2</x>', y: '<y>2</y>' });
      await catalog.properties.update(id, [set('x', '<x>3</x>'), removal, removal]);
      expect(await held('a.jpg')).toEqual({ y: '<y>2</y>' });
    });

    it('makes all changes or none when it would be too much', async () => {
      const id = await idOf('a.jpg');
      await catalog.properties.update(id, [set('kept', '<kept/>')]);
      const many = Array.from({ length: MAX_PROPERTIES }, (_, at) => set(`p${at}`, '<p/>'));
      await expect(catalog.properties.update(id, many)).rejects.toMatchObject({ code: 'no-space' });
      const long = set('long', `<p>${'é'.repeat(MAX_PROPERTY_BYTES / 2)}</p>`);
      await expect(catalog.properties.update(id, [set('a', '<a/>'), long])).rejects.toMatchObject({
        code: 'no-space',
      });
      expect(await held('a.jpg')).toEqual({ kept: '<kept/>' });
    });

    it('refuses those of a node that is gone', async () => {
      const id = await idOf('a.jpg');
      await catalog.writer.removeAt(sourceId, ['a.jpg']);
      await expect(catalog.properties.update(id, [set('x', '<x/>')])).rejects.toMatchObject({
        code: 'not-found',
      });
    });

    it('follows a move and new content, and goes with the node', async () => {
      await catalog.properties.update(await idOf('a.jpg'), [set('x', '<x/>')]);
      await apply({ ...asset('a', 'renamed.jpg', 'd'), collection: 'd', anchor: null });
      expect(await held('sub', 'renamed.jpg')).toEqual({ x: '<x/>' });
      await apply({ ...asset('new-inode', 'renamed.jpg', 'd'), collection: 'd', anchor: null });
      expect(await held('sub', 'renamed.jpg')).toEqual({ x: '<x/>' });
      await catalog.writer.removeAt(sourceId, ['sub']);
      await apply(folder('d', 'sub'), asset('a', 'renamed.jpg', 'd'));
      expect(await held('sub', 'renamed.jpg')).toEqual({});
    });

    it('copies those of a tree to the namesakes in another, in place of what they had', async () => {
      await apply(folder('e', 'deep', 'd'), asset('c', 'c.jpg', 'e'));
      await apply(folder('d2', 'copy'), folder('e2', 'deep', 'd2'), asset('c2', 'c.jpg', 'e2'));
      await apply(asset('b2', 'b.jpg', 'd2'), asset('o', 'only.jpg', 'd2'));
      await catalog.properties.update(await idOf('sub'), [set('x', '<of-sub/>')]);
      await catalog.properties.update(await idOf('sub', 'deep', 'c.jpg'), [set('x', '<of-c/>')]);
      await catalog.properties.update(await idOf('copy', 'b.jpg'), [set('old', '<old/>')]);
      await catalog.properties.update(await idOf('copy', 'deep', 'c.jpg'), [set('x', '<old/>')]);
      await catalog.properties.copyTree(await idOf('sub'), await idOf('copy'));
      expect(await held('copy')).toEqual({ x: '<of-sub/>' });
      expect(await held('copy', 'b.jpg')).toEqual({});
      expect(await held('copy', 'deep', 'c.jpg')).toEqual({ x: '<of-c/>' });
      expect(await held('sub', 'deep', 'c.jpg')).toEqual({ x: '<of-c/>' });
    });
  });
}
