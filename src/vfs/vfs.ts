import type { Readable } from 'node:stream';
import type { CatalogReader } from '../catalog/catalog.ts';
import type { Content } from '../content/content.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError } from '../model/coded-error.ts';
import type { AssetNode, CollectionNode, Node, Page } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';
import type { Space } from '../model/space.ts';
import { type SpaceReader, SpaceReadings, totalSpace } from './space-readings.ts';
import { TreeChanges } from './tree-changes.ts';

/** A source in the mounted tree. */
export interface Mount {
  /** Name of its collection below the root, or null when it is the root itself (then it is the only one). */
  readonly name: string | null;
  readonly sourceId: number;
  /** Why the source cannot be read now, or null. Asked only while nothing of it is known. */
  readonly failure: () => string | null;
  /** Absent: the source cannot tell. */
  readonly space?: SpaceReader;
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
  readonly #spaces: SpaceReadings;
  /** What has changed in the tree. */
  readonly changes: TreeChanges;

  constructor(options: VfsOptions) {
    this.#reader = options.reader;
    this.#content = options.content;
    this.#mounts = options.mounts;
    this.#spaces = new SpaceReadings(
      new Map(
        this.#mounts.flatMap(({ sourceId, space }) => (space === undefined ? [] : [[sourceId, space]])),
      ),
    );
    this.changes = new TreeChanges({
      reader: this.#reader,
      members: (collection, after) => this.members(collection, after),
      member: (collection, name) => this.#memberNamed(collection, name),
      mountPath: ({ sourceId }) => this.#mountPath(sourceId),
    });
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
    if (collection.id === SUPER_ROOT_ID) {
      const skipped = this.#mounts.findIndex(({ name }) => name === startAfter) + 1;
      yield await Promise.all(this.#mounts.slice(skipped).map((mount) => this.#mountNode(mount)));
      return;
    }
    let page: Page<Node> | null = null;
    do {
      const after: string | null = page?.next ?? startAfter ?? null;
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

  /**
   * Space of the source that a collection belongs to, by source id; of the root above all sources that of each. Answers
   * within moments, without those who do not answer in time.
   */
  async spacesAt(node: Node): Promise<ReadonlyMap<number, Space>> {
    if (node.id !== SUPER_ROOT_ID) return await this.#spaces.of([node.sourceId]);
    const spaces = await this.#spaces.of(this.#mounts.map(({ sourceId }) => sourceId));
    const total = totalSpace(spaces.values());
    return total === null ? spaces : new Map([...spaces, [node.sourceId, total]]);
  }

  async #memberNamed(collection: CollectionNode, name: string): Promise<Node | null> {
    if (collection.id !== SUPER_ROOT_ID) return await this.#reader.child(collection.id, name);
    const mount = this.#mounts.find((each) => each.name === name);
    return mount === undefined ? null : await this.#mountNode(mount);
  }

  #mountPath(sourceId: number): readonly string[] | null {
    const mount = this.#mounts.find((each) => each.sourceId === sourceId);
    if (mount === undefined) return null;
    return mount.name === null ? [] : [mount.name];
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
      stateSeq: Math.max(0, ...roots.map((root) => root.stateSeq)),
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
