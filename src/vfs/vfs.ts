import type { Readable } from 'node:stream';
import type { CatalogReader } from '../catalog/catalog.ts';
import type { Content } from '../content/content.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import { type NamePolicy, safeName } from '../model/name.ts';
import type { AssetNode, CollectionNode, ListedNode, Node, NodeId, Page } from '../model/node.ts';
import { ResourcePath } from '../model/resource-path.ts';
import type { Space } from '../model/space.ts';
import type { ScratchStore } from '../scratch/scratch-store.ts';
import { type Mount, Mounts, SUPER_ROOT_ID } from './mounts.ts';
import { folderOfScratch, isScratchNode, isScratchPath, ScratchTree } from './scratch-tree.ts';
import { isSearchNode, SEARCH_NAME, type SearchTree } from './search-tree.ts';
import { SpaceReadings, totalSpace } from './space-readings.ts';
import { TreeChanges } from './tree-changes.ts';
import { WritePlace } from './write-place.ts';

export interface VfsOptions {
  readonly reader: CatalogReader;
  readonly content: Content;
  readonly mounts: readonly Mount[];
  /** Takes in system litter; null: nobody can write any. */
  readonly scratch: ScratchStore | null;
  /** By which the catalog shows what is written. */
  readonly names: NamePolicy;
}

/** Members a page; also what a listing holds in memory at a time. */
const PAGE_MEMBERS = 500;

interface PageWanted {
  readonly after?: string;
  readonly limit: number;
}

/**
 * The one tree of resources (RFC 4918 section 5) over all sources. Knows no HTTP, asks no provider for a listing.
 */
export class Vfs {
  readonly #reader: CatalogReader;
  readonly #content: Content;
  readonly #mounts: Mounts;
  readonly #litter: ScratchStore | null;
  readonly #names: NamePolicy;
  readonly #scratch: ScratchTree | null;
  readonly #spaces: SpaceReadings;
  /** What has changed in the tree. */
  readonly changes: TreeChanges;

  constructor(options: VfsOptions) {
    this.#reader = options.reader;
    this.#content = options.content;
    this.#mounts = new Mounts(options.mounts, options.reader);
    this.#litter = options.scratch;
    this.#names = options.names;
    this.#scratch = options.scratch === null ? null : new ScratchTree(options.scratch);
    this.#spaces = new SpaceReadings(
      new Map(
        this.#mounts.all.flatMap(({ sourceId, space }) => (space === undefined ? [] : [[sourceId, space]])),
      ),
    );
    this.changes = new TreeChanges({
      reader: this.#reader,
      members: (collection, after) => this.#followedMembers(collection, after),
      member: (collection, name) => this.#memberNamed(collection, name),
      mountPath: ({ sourceId }) => this.#mounts.pathOf(sourceId),
    });
  }

  /** The resource at a path. Rejects `not-found`. */
  async resolve(path: ResourcePath): Promise<Node> {
    const node = await this.#find(path);
    if (node === null) throw new CodedError('not-found', 'There is nothing of that name.');
    return node;
  }

  /** Null: nothing is there. Rejects where it is not known what is there, and with `not-found` where no source is. */
  async #find(path: ResourcePath): Promise<Node | null> {
    // Sources show no system litter, so there is nothing to be asked.
    if (isScratchPath(path)) return this.#scratch?.nodeAt(path) ?? null;
    return await this.#findInSources(path);
  }

  /** Is it system litter that somebody has written? Answered from memory of this machine, without any source. */
  isInScratch(path: ResourcePath): boolean {
    return isScratchPath(path) && (this.#scratch?.nodeAt(path) ?? null) !== null;
  }

  /**
   * `ResourcePath.key` of a place, by the names that are shown: one text for it, whichever of its names a client uses.
   * @param node what is there; null: nothing.
   */
  async keyOf(path: ResourcePath, node: Node | null): Promise<string> {
    if (path.isRoot || isScratchPath(path)) return path.key;
    if (node === null) {
      const parent = await this.#resolveOrNull(path.parent);
      if (parent === null) return path.key;
      return ResourcePath.of([...(await this.#shownPath(path.parent, parent)), path.name]).key;
    }
    return ResourcePath.of(await this.#shownPath(path, node)).key;
  }

  /** See `WritePlace.shownPath`. @param above what it is in, whatever that is. */
  async #listedAt(path: ResourcePath, node: Node | null, above: Node | null): Promise<readonly string[]> {
    if (node !== null) return await this.#shownPath(path, node);
    const shownAbove = above === null ? path.parent.segments : await this.#shownPath(path.parent, above);
    return [...shownAbove, safeName(path.name.normalize('NFC'), this.#names)];
  }

  async #shownPath(path: ResourcePath, node: Node): Promise<readonly string[]> {
    if (isSearchNode(node)) return path.segments;
    const mountPath = node.id === SUPER_ROOT_ID ? null : this.#mounts.pathOf(node.sourceId);
    return mountPath === null ? path.segments : [...mountPath, ...(await this.#reader.pathOf(node.id))];
  }

  async #findInSources(path: ResourcePath): Promise<Node | null> {
    const isBelowMount = !path.isRoot && this.#mounts.all.every(({ name }) => name !== null);
    const rest = isBelowMount ? path.segments.slice(1) : path.segments;
    let current: Node = isBelowMount
      ? await this.#mounts.named(path.segments[0] ?? '')
      : await this.#mounts.root();
    const search = rest[0] === SEARCH_NAME ? this.#searchOf(current) : null;
    if (search !== null) return await search.nodeAt(rest.slice(1));
    for (const segment of rest) {
      const member: Node | null =
        current.kind === 'collection' ? await this.#reader.child(current.id, segment) : null;
      if (member === null) {
        await this.#checkKnown(current);
        return null;
      }
      current = member;
    }
    return current;
  }

  /** Names the life of the catalog: validators and states of another life mean nothing in this one. */
  get epoch(): string {
    return this.#reader.epoch;
  }

  /**
   * Members of a collection, a page at a time and by name. Rejects `unavailable` for a source of which nothing is
   * known yet because it cannot be read: an empty listing would look like a deletion.
   * @param startAfter the name of a member; absent: from the first one on.
   */
  async *members(collection: CollectionNode, startAfter?: string): AsyncGenerator<readonly Node[]> {
    const read = (page: PageWanted) => this.#reader.children(collection.id, page);
    yield* this.#pages<Node>(collection, read, startAfter);
    yield* this.#searchFolder(collection);
  }

  /** What the change log knows of: answers to searches are in none. */
  async *#followedMembers(collection: CollectionNode, startAfter?: string): AsyncGenerator<readonly Node[]> {
    if (isSearchNode(collection)) {
      throw new CodedError('unsupported', 'A search has no changes that could be followed.');
    }
    const read = (page: PageWanted) => this.#reader.children(collection.id, page);
    yield* this.#pages<Node>(collection, read, startAfter);
  }

  /** The same with what a listing shows of them: see `CatalogReader.listing`. */
  async *listing(collection: CollectionNode): AsyncGenerator<readonly ListedNode[]> {
    const read = (page: PageWanted) => this.#reader.listing(collection.id, page);
    yield* this.#pages<ListedNode>(collection, read);
    yield* this.#searchFolder(collection);
  }

  *#searchFolder(collection: CollectionNode): Generator<readonly Node[]> {
    const search = this.#searchOf(collection);
    if (search !== null) yield [search.folder];
  }

  /** The searches whose folder is in a collection. */
  #searchOf({ id, parentId, sourceId }: Node): SearchTree | null {
    if (parentId !== null || id === SUPER_ROOT_ID) return null;
    return this.#mounts.of(sourceId)?.search ?? null;
  }

  #searchWith(node: Node): SearchTree {
    const search = this.#mounts.of(node.sourceId)?.search;
    if (search == null) throw new CodedError('not-found', 'There are no searches any more.');
    return search;
  }

  async *#pages<T extends ListedNode>(
    collection: CollectionNode,
    read: (page: PageWanted) => Promise<Page<T>>,
    startAfter?: string,
  ): AsyncGenerator<readonly (T | Node)[]> {
    if (isScratchNode(collection)) {
      yield this.#scratch?.members(collection) ?? [];
      return;
    }
    if (isSearchNode(collection)) {
      yield await this.#searchWith(collection).members(collection);
      return;
    }
    if (collection.id === SUPER_ROOT_ID) {
      const skipped = this.#mounts.all.findIndex(({ name }) => name === startAfter) + 1;
      yield await Promise.all(this.#mounts.all.slice(skipped).map((mount) => this.#mounts.nodeOf(mount)));
      return;
    }
    let page: Page<T> | null = null;
    do {
      const after: string | null = page?.next ?? startAfter ?? null;
      page = await read(after === null ? { limit: PAGE_MEMBERS } : { after, limit: PAGE_MEMBERS });
      if (after === null && page.entries.length === 0) this.#refuseUnknown(collection);
      yield page.entries;
    } while (page.next !== null);
  }

  /** See `Content.open`. */
  async open(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable> {
    if (this.#scratch !== null && isScratchNode(node)) return this.#scratch.open(node, range);
    return await this.#content.open(node, range, signal);
  }

  /** See `Content.readShort`. System litter is always streamed. */
  readShort(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Buffer> | null {
    if (isScratchNode(node)) return null;
    return this.#content.readShort(node, range, signal);
  }

  /** See `Content.openFile`. System litter is always streamed. */
  openFile(node: AssetNode, signal: AbortSignal): ReturnType<Content['openFile']> {
    return isScratchNode(node) ? null : this.#content.openFile(node, signal);
  }

  /** See `Content.openPieces`. */
  openPieces(
    node: AssetNode,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): ReturnType<Content['openPieces']> {
    return isScratchNode(node) ? null : this.#content.openPieces(node, range, signal);
  }

  /** See `Content.refresh`. */
  async refresh(node: AssetNode, signal: AbortSignal): Promise<AssetNode> {
    if (this.#scratch !== null && isScratchNode(node)) return this.#scratch.refresh(node);
    if (isSearchNode(node)) return await this.#searchWith(node).refresh(node, signal);
    return await this.#content.refresh(node, signal);
  }

  /** May anything at or below the path be written to at all? Says nothing of what is there. */
  isWritable(path: ResourcePath): boolean {
    // System litter is taken in by any folder in which something can be written.
    const takesLitter = this.#scratch !== null && isScratchPath(path);
    return this.#mounts.mayWriteAt(takesLitter ? folderOfScratch(path) : path);
  }

  /**
   * A place that is to be written to, whether something is there or not. Rejects `denied` where nothing can ever be
   * written, `unavailable` where it is not known what is there.
   */
  async writePlace(path: ResourcePath): Promise<WritePlace> {
    const mount = this.#mounts.at(path);
    if (this.#scratch !== null && this.isWritable(path) && isScratchPath(path)) {
      const above = await this.#resolveOrNull(path.parent);
      return this.#scratch.place(path, above?.kind === 'collection' ? above : null);
    }
    // Before it is looked at: that holds whatever is there, and while that is not known.
    if (mount?.writer === null) throw new CodedError('denied', mount.readOnlyReason);
    const node = await this.#resolveOrNull(path);
    if (mount === null) return await this.#placeAbove(path, node);
    if (!this.isWritable(path)) throw onlyBelow(mount);
    const { sourceId, writer } = mount;
    const isTop = node?.parentId === null;
    const above = path.isRoot || isTop ? null : await this.#resolveOrNull(path.parent);
    const parent = above?.kind === 'collection' ? above : null;
    // What was put under a name can be read back under it; of the forms of one text, disks hold the composed one.
    const ownName = path.name.normalize('NFC');
    const pathTo = (id: NodeId) => this.#sourcePath(id, mount);
    const names =
      node !== null ? await pathTo(node.id) : [...(parent === null ? [] : await pathTo(parent.id)), ownName];
    return new WritePlace({
      ...{ path, node, parent, sourceId, storedPath: names.join('/'), writer },
      ...{ key: await this.keyOf(path, node), litter: this.#litter, read: null },
      shownPath: async () => ResourcePath.of(await this.#listedAt(path, node, above)),
    });
  }

  /**
   * A place that is to be copied: in a source that can be written to it may be any that can be read, such as another view
   * of the same. Rejects as `writePlace` does.
   */
  async copyPlace(path: ResourcePath): Promise<WritePlace> {
    const mount = this.#mounts.at(path);
    if (mount === null || mount.writer === null || this.isWritable(path)) return await this.writePlace(path);
    const node = await this.#resolveOrNull(path);
    return new WritePlace({
      ...{ path, node, parent: null, sourceId: mount.sourceId, storedPath: path.segments.join('/') },
      ...{ writer: null, key: await this.keyOf(path, node), litter: null },
      read: async (signal) => {
        if (node?.kind !== 'asset') throw onlyBelow(mount);
        return await this.open(node, undefined, signal);
      },
    });
  }

  /** See `TreeWriter.paths`. */
  async #sourcePath(id: NodeId, { writer, writesBelow }: Mount): Promise<readonly string[]> {
    if (writer?.paths !== 'shown') return await this.#reader.storedPathOf(id);
    return (await this.#reader.pathOf(id)).slice(writesBelow.length);
  }

  /** The root above all sources, or a name in it that no source has. */
  async #placeAbove(path: ResourcePath, node: Node | null): Promise<WritePlace> {
    const readOnly = this.#mounts.all.every(({ writer }) => writer === null)
      ? this.#mounts.all[0]
      : undefined;
    if (readOnly !== undefined) throw new CodedError('denied', readOnly.readOnlyReason);
    if (node !== null) {
      return new WritePlace({
        path,
        node,
        parent: null,
        sourceId: node.sourceId,
        storedPath: '',
        writer: null,
        key: path.key,
        litter: null,
        read: null,
      });
    }
    throw new CodedError('denied', 'Up here are the sources of this server, and nothing else can be.');
  }

  async #resolveOrNull(path: ResourcePath): Promise<Node | null> {
    try {
      return await this.#find(path);
    } catch (error) {
      if (codeOf(error) === 'not-found') return null;
      throw error;
    }
  }

  /**
   * Space of the source that a collection belongs to, by source id; of the root above all sources that of each. Answers
   * within moments, without those who do not answer in time.
   */
  async spacesAt(node: Node): Promise<ReadonlyMap<number, Space>> {
    if (node.id !== SUPER_ROOT_ID) return await this.#spaces.of([node.sourceId]);
    const spaces = await this.#spaces.of(this.#mounts.all.map(({ sourceId }) => sourceId));
    const total = totalSpace(spaces.values());
    return total === null ? spaces : new Map([...spaces, [node.sourceId, total]]);
  }

  async #memberNamed(collection: CollectionNode, name: string): Promise<Node | null> {
    if (collection.id !== SUPER_ROOT_ID) return await this.#reader.child(collection.id, name);
    const mount = this.#mounts.all.find((each) => each.name === name);
    return mount === undefined ? null : await this.#mounts.nodeOf(mount);
  }

  /** Rejects `unavailable` where something may be missing only because it is not known yet. */
  async #checkKnown(within: Node): Promise<void> {
    if (within.kind === 'collection' && (within.parentId === null || within.isUnread)) {
      const page = await this.#reader.children(within.id, { limit: 1 });
      if (page.entries.length === 0) this.#refuseUnknown(within);
    }
  }

  #refuseUnknown(collection: CollectionNode): void {
    if (collection.isUnread) throw new CodedError('unavailable', 'This folder could not be read yet.');
    if (collection.parentId !== null) return;
    const failure = this.#mounts.of(collection.sourceId)?.failure();
    if (failure !== null && failure !== undefined) throw new CodedError('unavailable', failure);
  }
}

function onlyBelow({ writesBelow }: Mount): CodedError {
  const where = writesBelow.join('/');
  return new CodedError('denied', `Of this source only "${where}" can be written to: nothing was changed.`);
}
