import type { LockRecord } from '../catalog/lock-store.ts';
import type { DeadProperty } from '../catalog/property-store.ts';
import type { ListedNode, Node } from '../model/node.ts';
import { ResourcePath } from '../model/resource-path.ts';
import type { TreeChange } from '../vfs/tree-changes.ts';
import type { DavRequest } from './dav-request.ts';
import { lockDiscovery, SUPPORTED_LOCKS } from './lock-discovery.ts';

/** What is known of a resource beside its node. */
export interface PropertyState {
  readonly dead: readonly DeadProperty[];
  /** Values of the properties of these names, as XML. */
  readonly lockdiscovery: string;
  readonly supportedlock: string;
}

/** Of most resources. */
export const NO_STATE: PropertyState = { dead: [], lockdiscovery: '', supportedlock: '' };

/** What a request wants to know; what it does not is not looked up. */
export interface WantedState {
  readonly dead: boolean;
  readonly locks: boolean;
}

/** Looks up the states of a resource and what is in it, with a query a page and one for all locks. */
export class PropertyStates {
  readonly #request: DavRequest;
  readonly #wanted: WantedState;
  #locks: Promise<LocksAround> | null = null;

  constructor(request: DavRequest, wanted: WantedState) {
    this.#request = request;
    this.#wanted = wanted;
  }

  async ofRequested(node: Node): Promise<PropertyState> {
    const dead = this.#wanted.dead ? await this.#request.stores.properties.of([node.id]) : null;
    const locks = this.#wanted.locks ? await this.#readLocks(node) : null;
    return {
      dead: dead?.get(node.id) ?? [],
      lockdiscovery: locks === null ? '' : locks.discoveryOf(locks.own),
      supportedlock: this.#supportedAt([]),
    };
  }

  /** @param members some of those of the requested collection. */
  async ofMembers(
    collection: Node,
    members: readonly ListedNode[],
  ): Promise<(member: ListedNode) => PropertyState> {
    const { stores } = this.#request;
    const dead = this.#wanted.dead ? await stores.properties.of(members.map(({ id }) => id)) : null;
    const locks = this.#wanted.locks ? await this.#readLocks(collection) : null;
    if ((dead === null || dead.size === 0) && locks === null) return () => NO_STATE;
    return (member) => ({
      dead: dead?.get(member.id) ?? [],
      lockdiscovery: locks === null ? '' : locks.discoveryOf(locks.at([member.name])),
      supportedlock: this.#supportedAt([member.name]),
    });
  }

  /** @param changes what has changed below the requested collection, however deep; some of it is no more. */
  async ofChanges(
    collection: Node,
    changes: readonly TreeChange[],
  ): Promise<(change: TreeChange) => PropertyState> {
    const ids = changes.flatMap(({ node }) => (node === null ? [] : [node.id]));
    const dead = this.#wanted.dead ? await this.#request.stores.properties.of(ids) : null;
    const locks = this.#wanted.locks ? await this.#readLocks(collection) : null;
    if ((dead === null || dead.size === 0) && locks === null) return () => NO_STATE;
    return ({ node, path }) => ({
      dead: (node === null ? undefined : dead?.get(node.id)) ?? [],
      lockdiscovery: locks === null ? '' : locks.discoveryOf(locks.at(path)),
      supportedlock: this.#supportedAt(path),
    });
  }

  /** @param names on the way from the requested resource. */
  #supportedAt(names: readonly string[]): string {
    if (!this.#wanted.locks) return '';
    const { vfs, path } = this.#request;
    // What can be written to differs from source to source, and from view to view of one, but not within these.
    const place = path.segments.length > 1 ? path : ResourcePath.of([...path.segments, ...names]);
    return vfs.isWritable(place) ? SUPPORTED_LOCKS : '';
  }

  async #readLocks(node: Node): Promise<LocksAround> {
    this.#locks ??= (async () => {
      const { vfs, path, stores } = this.#request;
      const key = await vfs.keyOf(path, node);
      const nowMs = stores.now();
      const own = await stores.locks.covering(key, nowMs);
      const below = node.kind === 'collection' ? await stores.locks.below(key, nowMs) : [];
      const hrefOfKey = (root: string) => this.#request.hrefOfKey(root);
      return new LocksAround(key, own, below, (locks) => lockDiscovery(locks, nowMs, hrefOfKey));
    })();
    return await this.#locks;
  }
}

/** The locks on a collection and on what is in it. */
class LocksAround {
  readonly own: readonly LockRecord[];
  readonly discoveryOf: (locks: readonly LockRecord[]) => string;
  readonly #prefix: string;
  readonly #inherited: readonly LockRecord[];
  readonly #byPath = new Map<string, LockRecord[]>();

  constructor(
    key: string,
    own: readonly LockRecord[],
    below: readonly LockRecord[],
    discoveryOf: (locks: readonly LockRecord[]) => string,
  ) {
    this.own = own;
    this.discoveryOf = discoveryOf;
    this.#prefix = key === '/' ? '/' : `${key}/`;
    this.#inherited = own.filter(({ depth }) => depth === 'infinity');
    for (const lock of below) {
      const others = this.#byPath.get(lock.path);
      if (others === undefined) this.#byPath.set(lock.path, [lock]);
      else others.push(lock);
    }
  }

  /** @param names on the way there from the collection. */
  at(names: readonly string[]): readonly LockRecord[] {
    if (this.#byPath.size === 0) return this.#inherited;
    const found = [...this.#inherited];
    let key = this.#prefix;
    for (const [index, name] of names.entries()) {
      key += name.normalize('NFC');
      const isPlaceItself = index === names.length - 1;
      const own = this.#byPath.get(key) ?? [];
      found.push(...own.filter(({ depth }) => isPlaceItself || depth === 'infinity'));
      key += '/';
    }
    return found;
  }
}
