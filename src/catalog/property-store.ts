import type { NodeId } from '../model/node.ts';

/** A property that clients store and the server does not understand (RFC 4918 section 4.1). */
export interface DeadProperty {
  readonly namespace: string;
  readonly local: string;
  /** The property's element, well-formed by itself: it declares the namespaces it uses and carries its `xml:lang`. */
  readonly xml: string;
}

/** One instruction of a PROPPATCH; `xml` is null when the property is to go. */
export interface PropertyChange {
  readonly namespace: string;
  readonly local: string;
  readonly xml: string | null;
}

/**
 * Dead properties. They belong to the node: a move or a rename takes them along, and they go with it. What a PUT
 * replaces is the same node with new content, so they stay.
 */
export interface PropertyStore {
  /** Another one after each change made here. What goes with its node is a change of the catalog. */
  readonly revision: number;
  /** Of several nodes in one query. Nodes without any are not in the map. */
  of(ids: readonly NodeId[]): Promise<ReadonlyMap<NodeId, readonly DeadProperty[]>>;
  /**
   * Makes all changes in their order, or none. Removing what is not there is no error (RFC 4918 section 14.23).
   * Rejects `no-space` beyond the bounds below, `not-found` when the node is gone.
   */
  update(id: NodeId, changes: readonly PropertyChange[]): Promise<void>;
  /**
   * Gives the copy of a node the properties of the original, and its members those of their namesakes (RFC 4918
   * section 9.8.2). What the copies had before goes.
   */
  copyTree(from: NodeId, to: NodeId): Promise<void>;
}

/** Bounds for one resource. Clients store a handful of short texts. */
export const MAX_PROPERTIES = 200;
/** In UTF-8, with names and namespaces. */
export const MAX_PROPERTY_BYTES = 128 * 1024;
