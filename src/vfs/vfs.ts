import type { Readable } from 'node:stream';
import type { CatalogReader } from '../catalog/catalog.ts';
import type { Content } from '../content/content.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { AssetNode, CollectionNode, Node, Page } from '../model/node.ts';
import { ResourcePath } from '../model/resource-path.ts';
import type { TreeWriter } from '../model/write.ts';
import { WritePlace } from './write-place.ts';

/** A source in the mounted tree. */
export interface Mount {
  /** Name of its collection below the root, or null when it is the root itself (then it is the only one). */
  readonly name: string | null;
  readonly sourceId: number;
  /** Why the source cannot be read now, or null. Asked only while nothing of it is known. */
  readonly failure: () => string | null;
  /** Changes the source; null: it is read-only. */
  readonly writer: TreeWriter | null;
  /** Why there is no `writer`, as a sentence for clients. */
  readonly readOnlyReason: string;
}

export interface VfsOptions {
  readonly reader: CatalogReader;
  readonly content: Content;
  readonly mounts: readonly Mount[];
}

/** Members a page; also what a listing holds in memory at a time. */
const PAGE_MEMBERS = 500;

/** The root above all sources. It is no row of the catalog. */
const SUPER_ROOT_ID = 0;
const STARTED_MS = Date.now();

/**
 * The one tree of resources (RFC 4918 section 5) over all sources. Knows no HTTP, asks no provider for a listing.
 */
export class Vfs {
  readonly #reader: CatalogReader;
  readonly #content: Content;
  readonly #mounts: readonly Mount[];

  constructor(options: VfsOptions) {
    this.#reader = options.reader;
    this.#content = options.content;
    this.#mounts = options.mounts;
  }

  /** The resource at a path. Rejects `not-found`. */
  async resolve(path: ResourcePath): Promise<Node> {
    let node = await this.#rootNode();
    let rest = path.segments;
    if (node.id === SUPER_ROOT_ID && rest.length > 0) {
      node = await this.#mountNamed(rest[0] ?? '');
      rest = rest.slice(1);
    }
    let current: Node = node;
    for (const segment of rest) {
      const member: Node | null =
        current.kind === 'collection' ? await this.#reader.child(current.id, segment) : null;
      if (member === null) throw await this.#missing(current);
      current = member;
    }
    return current;
  }

  /**
   * Members of a collection, a page at a time and by name. Rejects `unavailable` for a source of which nothing is
   * known yet because it cannot be read: an empty listing would look like a deletion.
   */
  async *members(collection: CollectionNode): AsyncGenerator<readonly Node[]> {
    if (collection.id === SUPER_ROOT_ID) {
      yield await Promise.all(this.#mounts.map((mount) => this.#mountNode(mount)));
      return;
    }
    let page: Page<Node> | null = null;
    do {
      const after: string | null = page?.next ?? null;
      page = await this.#reader.children(
        collection.id,
        after === null ? { limit: PAGE_MEMBERS } : { after, limit: PAGE_MEMBERS },
      );
      if (after === null && page.entries.length === 0) this.#refuseUnknown(collection);
      yield page.entries;
    } while (page.next !== null);
  }

  /** See `Content.open`. */
  async open(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable> {
    return await this.#content.open(node, range, signal);
  }

  /** See `Content.refresh`. */
  async refresh(node: AssetNode, signal: AbortSignal): Promise<AssetNode> {
    return await this.#content.refresh(node, signal);
  }

  /** May anything below the path be written to at all? Says nothing of what is there. */
  isWritable(path: ResourcePath): boolean {
    const mount = this.#mountOf(path);
    return mount === null ? this.#mounts.some(({ writer }) => writer !== null) : mount.writer !== null;
  }

  /**
   * A place that is to be written to, whether something is there or not. Rejects `denied` where nothing can ever be
   * written, `unavailable` where it is not known what is there.
   */
  async writePlace(path: ResourcePath): Promise<WritePlace> {
    const mount = this.#mountOf(path);
    const node = await this.#resolveOrNull(path);
    if (mount === null) return await this.#placeAbove(path, node);
    if (mount.writer === null) throw new CodedError('denied', mount.readOnlyReason);
    const { sourceId, writer } = mount;
    const isTop = node?.parentId === null;
    const above = path.isRoot || isTop ? null : await this.#resolveOrNull(path.parent);
    const parent = above?.kind === 'collection' ? above : null;
    // What was put under a name can be read back under it; of the forms of one text, disks hold the composed one.
    const ownName = path.name.normalize('NFC');
    const storedNames =
      node !== null
        ? await this.#reader.storedPathOf(node.id)
        : [...(parent === null ? [] : await this.#reader.storedPathOf(parent.id)), ownName];
    return new WritePlace({ path, node, parent, sourceId, storedPath: storedNames.join('/'), writer });
  }

  /** The root above all sources, or a name in it that no source has. */
  async #placeAbove(path: ResourcePath, node: Node | null): Promise<WritePlace> {
    const readOnly = this.#mounts.every(({ writer }) => writer === null) ? this.#mounts[0] : undefined;
    if (readOnly !== undefined) throw new CodedError('denied', readOnly.readOnlyReason);
    if (node !== null) {
      return new WritePlace({
        path,
        node,
        parent: null,
        sourceId: node.sourceId,
        storedPath: '',
        writer: null,
      });
    }
    throw new CodedError('denied', 'Up here are the sources of this server, and nothing else can be.');
  }

  async #resolveOrNull(path: ResourcePath): Promise<Node | null> {
    try {
      return await this.resolve(path);
    } catch (error) {
      if (codeOf(error) === 'not-found') return null;
      throw error;
    }
  }

  /** The source that the path leads to; null for the root above all of them and for what is none. */
  #mountOf(path: ResourcePath): Mount | null {
    const only = this.#mounts.find((mount) => mount.name === null);
    const composed = path.segments[0]?.normalize('NFC');
    return only ?? this.#mounts.find((each) => each.name?.normalize('NFC') === composed) ?? null;
  }

  async #rootNode(): Promise<CollectionNode> {
    const only = this.#mounts.find((mount) => mount.name === null);
    if (only !== undefined) return await this.#mountNode(only);
    const roots = await Promise.all(this.#mounts.map((mount) => this.#reader.root(mount.sourceId)));
    return {
      kind: 'collection',
      id: SUPER_ROOT_ID,
      parentId: null,
      sourceId: 0,
      name: '',
      storedName: '',
      ref: null,
      isUnread: false,
      modifiedMs: Math.max(STARTED_MS, ...roots.map((root) => root.modifiedMs)),
      createdMs: Math.min(STARTED_MS, ...roots.map((root) => root.createdMs ?? STARTED_MS)),
      changedSeq: Math.max(0, ...roots.map((root) => root.changedSeq)),
    };
  }

  async #mountNode(mount: Mount): Promise<CollectionNode> {
    return { ...(await this.#reader.root(mount.sourceId)), name: mount.name ?? '' };
  }

  async #mountNamed(name: string): Promise<CollectionNode> {
    const mount = this.#mountOf(ResourcePath.of([name]));
    if (mount === null) throw new CodedError('not-found', 'There is nothing of that name.');
    return await this.#mountNode(mount);
  }

  async #missing(within: Node): Promise<CodedError> {
    if (within.kind === 'collection' && (within.parentId === null || within.isUnread)) {
      const page = await this.#reader.children(within.id, { limit: 1 });
      if (page.entries.length === 0) this.#refuseUnknown(within);
    }
    return new CodedError('not-found', 'There is nothing of that name.');
  }

  #refuseUnknown(collection: CollectionNode): void {
    if (collection.isUnread) throw new CodedError('unavailable', 'This folder could not be read yet.');
    if (collection.parentId !== null) return;
    const failure = this.#mounts.find((mount) => mount.sourceId === collection.sourceId)?.failure();
    if (failure !== null && failure !== undefined) throw new CodedError('unavailable', failure);
  }
}
