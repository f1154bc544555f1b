import { join } from 'node:path';
import type { CatalogReader, ShownSource } from '../catalog/catalog.ts';
import { CodedError } from '../model/coded-error.ts';
import type { CollectionNode, Node, NodeId } from '../model/node.ts';

/** Paths of collections kept while one answer is written. */
const MAX_MEMO = 10_000;

/** Where the sources are: which of them are the tree, and what their nodes are called outside of it. */
export class SourcePlaces {
  readonly sources: readonly ShownSource[];
  readonly #reader: CatalogReader;
  readonly #byId: ReadonlyMap<number, ShownSource>;

  constructor(reader: CatalogReader, sources: readonly ShownSource[]) {
    this.#reader = reader;
    this.sources = sources;
    this.#byId = new Map(sources.map((source) => [source.sourceId, source]));
  }

  /** False for what the catalog still holds of a source that is not configured any more. */
  shows(node: Pick<Node, 'sourceId'>): boolean {
    return this.#byId.has(node.sourceId);
  }

  /** The source of a node that is shown. */
  sourceOf(node: Pick<Node, 'sourceId'>): ShownSource {
    const source = this.#byId.get(node.sourceId);
    if (source === undefined) throw new CodedError('not-found', 'The source is not configured any more.');
    return source;
  }

  /**
   * The full path on disk of what lies on one; for everything else, the path in the mounted tree. Rejects `not-found`
   * when the node has gone.
   * @param memo of this answer, so that a thousand photos of an album ask for its path once.
   */
  async pathOf(node: Node, memo: PathMemo = new PathMemo()): Promise<string> {
    const source = this.sourceOf(node);
    if (source.folder !== null) {
      if (node.kind === 'asset') return join(source.folder, node.asset.ref.path);
      if (isOnDisk(node)) return join(source.folder, ...(await this.#reader.storedPathOf(node.id)));
    }
    const top = source.mountsAtRoot ? '' : `/${source.name}`;
    if (node.parentId === null) return top === '' ? '/' : top;
    const { parentId } = node;
    const parent = await memo.get(parentId, async () =>
      [top, ...(await this.#reader.pathOf(parentId))].join('/'),
    );
    return `${parent}/${node.name}`;
  }
}

/** Paths of collections in the mounted tree. */
export class PathMemo {
  readonly #paths = new Map<NodeId, string>();

  async get(id: NodeId, read: () => Promise<string>): Promise<string> {
    const known = this.#paths.get(id);
    if (known !== undefined) return known;
    const path = await read();
    if (this.#paths.size >= MAX_MEMO) this.#paths.clear();
    this.#paths.set(id, path);
    return path;
  }
}

/** Folders that a layout made up are on no disk. */
function isOnDisk(node: CollectionNode): boolean {
  return node.ref !== null || node.parentId === null;
}
