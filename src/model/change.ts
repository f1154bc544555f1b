import type { Node, NodeId } from './node.ts';

/**
 * What last happened to a node. Several updates are one; what came and went since the cursor is none at all.
 */
export type Change =
  | (LogPlace & { readonly kind: 'updated'; readonly node: Node })
  | (LogPlace & { readonly kind: 'removed'; readonly nodeId: NodeId });

interface LogPlace {
  /** Its number in the change log. */
  readonly seq: number;
  /** The cursor of a reader who has taken it in; nearly always the same number. */
  readonly cursor: number;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** Where to go on; equal to the one asked with when nothing happened. */
  readonly cursor: number;
  readonly hasMore: boolean;
}

/** The log by places: a node as it is now, or a place that nothing is at any more. */
export type PlaceChange = { readonly kind: 'updated'; readonly seq: number; readonly node: Node } | LeftPlace;

/** Something was removed, moved or renamed. */
export interface LeftPlace {
  readonly kind: 'left';
  readonly seq: number;
  readonly parentId: NodeId;
  /** The name it was shown by there. */
  readonly name: string;
  readonly wasCollection: boolean;
}

export interface PlaceChangePage {
  readonly changes: readonly PlaceChange[];
  /** Where to go on. */
  readonly cursor: number;
  readonly hasMore: boolean;
}
