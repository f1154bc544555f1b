import type { Node, NodeId } from './node.ts';

/**
 * What last happened to a node. Several updates are one; what came and went since the cursor is none at all.
 * `seq` is its place in the change log and the cursor of a reader who has taken it in.
 */
export type Change =
  | { readonly kind: 'updated'; readonly seq: number; readonly node: Node }
  | { readonly kind: 'removed'; readonly seq: number; readonly nodeId: NodeId };

export interface ChangePage {
  readonly changes: readonly Change[];
  /** Where to go on; equal to the one asked with when nothing happened. */
  readonly cursor: number;
  readonly hasMore: boolean;
}
