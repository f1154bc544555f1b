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
