import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CatalogReader } from '../catalog/catalog.ts';
import type { LeftPlace } from '../model/change.ts';
import { CodedError } from '../model/coded-error.ts';
import type { CollectionNode, Node, NodeId } from '../model/node.ts';

/** Changes looked at in one turn of the event loop. */
const PAGE = 500;

/** How much of a collection somebody has taken in. */
export interface TreeState {
  readonly collectionId: NodeId;
  /** Everything up to this place of the change log. */
  readonly cursor: number;
  /**
   * Of a first listing that is not finished: names on the way to the member told last. What changes behind it is told
   * after the listing, because it began at `cursor`.
   */
  readonly listedTo: readonly string[] | null;
}

/** Direct members, or everything below. */
export type Reach = 'members' | 'descendants';

/** A place below the collection, with what is there now. */
export interface TreeChange {
  /** Shown names below the collection, the member's own last. */
  readonly path: readonly string[];
  /** Null: nothing is there any more, nor below it. */
  readonly node: Node | null;
  /** It is, or was, a collection. */
  readonly isCollection: boolean;
  /** State of whoever has taken in this change and those before it. */
  readonly state: TreeState;
}

/** What `TreeChanges` asks of the tree. */
export interface Tree {
  readonly reader: Pick<CatalogReader, 'headSeq' | 'node' | 'placeChanges' | 'replacedCollections'>;
  /** See `Vfs.members`. */
  members(collection: CollectionNode, after?: string): AsyncGenerator<readonly Node[]>;
  /** The member of a collection of exactly that name, or null. */
  member(collection: CollectionNode, name: string): Promise<Node | null>;
  /** Names on the way to the root of a source; null when it is not part of the tree. */
  mountPath(root: CollectionNode): readonly string[] | null;
}

/** Tells what has changed below a collection, in terms of paths: for RFC 6578, and whoever keeps a copy. */
export class TreeChanges {
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Where a reader stands who lists the collection after this call. */
  async stateOf(collection: CollectionNode): Promise<TreeState> {
    const cursor = await this.#tree.reader.headSeq();
    return { collectionId: collection.id, cursor, listedTo: null };
  }

  /**
   * Changes since a state, or without one everything that is there; a page at a time, each place at most once. Nothing
   * is held open in between: what changes meanwhile is told by the next call. The generator returns the state at its
   * end. Throws `cursor-expired` before the first page when the state cannot be gone on from, and `unavailable` where
   * a source of which nothing is known yet cannot be listed.
   */
  async *since(
    collection: CollectionNode,
    state: TreeState | null,
    reach: Reach,
  ): AsyncGenerator<readonly TreeChange[], TreeState> {
    if (state !== null && state.collectionId !== collection.id) throw expired('is of another collection');
    if (state === null || state.listedTo !== null) {
      const from = state ?? (await this.stateOf(collection));
      yield* this.#list(collection, from.cursor, reach, [], from.listedTo ?? []);
      return { ...from, listedTo: null };
    }
    const upTo = await this.#tree.reader.headSeq();
    if (reach === 'descendants') await this.#refuseReplaced(collection, state.cursor);
    let { cursor } = state;
    // Also when nothing has changed: only the log knows whether the cursor is one of its own.
    for (let hasMore = true; hasMore; ) {
      const page = await this.#tree.reader.placeChanges(cursor, upTo, PAGE);
      const paths = new Paths(this.#tree, collection);
      const changes: TreeChange[] = [];
      for (const change of page.changes) {
        const told = await this.#locate(change, paths, reach);
        if (told !== null) changes.push({ ...told, state: { ...state, cursor: change.seq } });
      }
      yield changes;
      ({ cursor, hasMore } = page);
      await yieldToEventLoop();
    }
    return { ...state, cursor: upTo };
  }

  async #locate(
    change: LeftPlace | { readonly kind: 'updated'; readonly node: Node },
    paths: Paths,
    reach: Reach,
  ): Promise<Omit<TreeChange, 'state'> | null> {
    if (change.kind === 'left') {
      const parent = await paths.of(change.parentId);
      // Below what is gone itself, everything is gone with it.
      if (parent === null || (reach === 'members' && parent.length > 0)) return null;
      return { path: [...parent, change.name], node: null, isCollection: change.wasCollection };
    }
    const { node } = change;
    const path = await paths.ofNode(node);
    if (path === null || path.length === 0 || (reach === 'members' && path.length > 1)) return null;
    return { path, node, isCollection: node.kind === 'collection' };
  }

  /**
   * Where a collection has made room for something else, its former members are gone from there without having left
   * places of their own. That is rare, and the reader is asked to list anew.
   */
  async #refuseReplaced(collection: CollectionNode, since: number): Promise<void> {
    const paths = new Paths(this.#tree, collection);
    for (let cursor = since; ; ) {
      const places = await this.#tree.reader.replacedCollections(cursor, PAGE);
      for (const { parentId } of places) {
        if ((await paths.of(parentId)) !== null) throw expired('is from before a collection was replaced');
      }
      const last = places.at(-1);
      if (last === undefined || places.length < PAGE) return;
      cursor = last.seq;
    }
  }

  /** Members in the order of names, each collection followed by what is in it. */
  async *#list(
    collection: CollectionNode,
    cursor: number,
    reach: Reach,
    above: readonly string[],
    after: readonly string[],
    top: NodeId = collection.id,
  ): AsyncGenerator<readonly TreeChange[], void> {
    const [first, ...rest] = after;
    if (first !== undefined && reach === 'descendants') {
      const begun = await this.#tree.member(collection, first);
      // What it has moved to, or become, is told after the listing.
      if (begun?.kind === 'collection' && begun.name === first) {
        yield* this.#list(begun, cursor, reach, [...above, first], rest, top);
      }
    }
    for await (const page of this.#tree.members(collection, first)) {
      let changes: TreeChange[] = [];
      for (const node of page) {
        const path = [...above, node.name];
        const state = { collectionId: top, cursor, listedTo: path };
        changes.push({ path, node, isCollection: node.kind === 'collection', state });
        if (node.kind === 'asset' || reach === 'members') continue;
        yield changes;
        changes = [];
        yield* this.#list(node, cursor, reach, path, [], top);
      }
      yield changes;
      await yieldToEventLoop();
    }
  }
}

/** Paths below one collection, as they are now. Short-lived: it remembers. */
class Paths {
  readonly #tree: Tree;
  readonly #known = new Map<NodeId, readonly string[] | null>();

  constructor(tree: Tree, collection: CollectionNode) {
    this.#tree = tree;
    this.#known.set(collection.id, []);
  }

  /** Of a collection by its id; null when it is not below, or not anywhere. */
  async of(id: NodeId): Promise<readonly string[] | null> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const node = await this.#tree.reader.node(id);
    const path = node === null ? null : await this.ofNode(node);
    this.#known.set(id, path);
    return path;
  }

  async ofNode(node: Node): Promise<readonly string[] | null> {
    if (this.#known.get(node.id)?.length === 0) return [];
    if (node.parentId === null) return node.kind === 'collection' ? this.#ofRoot(node) : null;
    const parent = await this.of(node.parentId);
    return parent === null ? null : [...parent, node.name];
  }

  /** Roots of sources are members of the root above them all, if that is what is asked about. */
  #ofRoot(root: CollectionNode): readonly string[] | null {
    return this.#known.has(ABOVE_SOURCES) ? this.#tree.mountPath(root) : null;
  }
}

/** The collection above all sources, which is no row of the catalog. */
const ABOVE_SOURCES = 0;

function expired(reason: string): CodedError {
  return new CodedError('cursor-expired', `The state ${reason}: list anew.`);
}
