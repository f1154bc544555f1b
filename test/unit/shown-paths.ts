import type { CatalogReader } from '../../src/catalog/catalog.ts';
import type { NodeId } from '../../src/model/node.ts';

/** Paths of all that is shown below a collection, each collection before what is in it, members in the order of listings. */
export async function shownPaths(reader: CatalogReader, rootId: NodeId): Promise<string[]> {
  const found: string[] = [];
  const walk = async (id: NodeId, prefix: string): Promise<void> => {
    for (const node of (await reader.children(id, { limit: 1000 })).entries) {
      found.push(prefix + node.name);
      if (node.kind === 'collection') await walk(node.id, `${prefix}${node.name}/`);
    }
  };
  await walk(rootId, '');
  return found;
}
