import type { Readable } from 'node:stream';
import type { CatalogReader } from '../catalog/catalog.ts';
import type { Content } from '../content/content.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError } from '../model/coded-error.ts';
import type { AssetNode, CollectionNode, ListedNode, Node, Page } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';

/** A source in the mounted tree. */
export interface Mount {
  /** Name of its collection below the root, or null when it is the root itself (then it is the only one). */
  readonly name: string | null;
  readonly sourceId: number;
  /** Why the source cannot be read now, or null. Asked only while nothing of it is known. */
  readonly failure: () => string | null;
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
    const isBelowMount = !path.isRoot && this.#mounts.every(({ name }) => name !== null);
    const rest = isBelowMount ? path.segments.slice(1) : path.segments;
    let current: Node = isBelowMount
      ? await this.#mountNamed(path.segments[0] ?? '')
      : await this.#rootNode();
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
    yield* this.#pages(collection, (page) => this.#reader.children(collection.id, page));
  }

  /** The same with what a listing shows of them: see `CatalogReader.listing`. */
  async *listing(collection: CollectionNode): AsyncGenerator<readonly ListedNode[]> {
    yield* this.#pages(collection, (page) => this.#reader.listing(collection.id, page));
  }

  async *#pages<T extends ListedNode>(
    collection: CollectionNode,
    read: (page: { after?: string; limit: number }) => Promise<Page<T>>,
  ): AsyncGenerator<readonly (T | CollectionNode)[]> {
    if (collection.id === SUPER_ROOT_ID) {
      yield await Promise.all(this.#mounts.map((mount) => this.#mountNode(mount)));
      return;
    }
    let page: Page<T> | null = null;
    do {
      const after: string | null = page?.next ?? null;
      page = await read(after === null ? { limit: PAGE_MEMBERS } : { after, limit: PAGE_MEMBERS });
      if (after === null && page.entries.length === 0) this.#refuseUnknown(collection);
      yield page.entries;
    } while (page.next !== null);
  }

  /** See `Content.open`. */
  async open(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable> {
    return await this.#content.open(node, range, signal);
  }

  /** See `Content.readShort`. */
  readShort(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Buffer> | null {
    return this.#content.readShort(node, range, signal);
  }

  /** See `Content.openFile`. */
  openFile(node: AssetNode, signal: AbortSignal): ReturnType<Content['openFile']> {
    return this.#content.openFile(node, signal);
  }

  /** See `Content.refresh`. */
  async refresh(node: AssetNode, signal: AbortSignal): Promise<AssetNode> {
    return await this.#content.refresh(node, signal);
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
    const composed = name.normalize('NFC');
    const mount = this.#mounts.find((each) => each.name?.normalize('NFC') === composed);
    if (mount === undefined) throw new CodedError('not-found', 'There is nothing of that name.');
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
