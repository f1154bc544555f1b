import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NodeId } from '../../model/node.ts';

/**
 * Keeps with each collection the number of the newest change anywhere below it, so that its state can be told without
 * looking at what is in it. Within a transaction it is only noted which collections something changed in; their
 * ancestors are brought up to date once, at its end. So a batch of 500 files of one folder costs one update for each
 * folder above them.
 */
export class SubtreeStates {
  readonly #raise: StatementSync;
  readonly #changed = new Set<NodeId>();

  constructor(database: DatabaseSync) {
    this.#raise = database.prepare('UPDATE node SET subtree_seq = ? WHERE id = ? RETURNING parent_id');
    this.#raise.setReturnArrays(true);
  }

  /** Something in this collection was added, changed, renamed, taken away or removed. */
  note(collectionId: NodeId): void {
    this.#changed.add(collectionId);
  }

  /** At the end of a transaction. @param seq the last number that it used. */
  settle(seq: number): void {
    const done = new Set<NodeId>();
    for (const id of this.#changed) {
      // Ends at a root, at what is displaced, and at what was removed: then what it was in is noted, too.
      for (let next = id; next > 0 && !done.has(next); ) {
        done.add(next);
        const row = this.#raise.get(seq, next) as unknown as [parentId: NodeId] | undefined;
        next = row?.[0] ?? 0;
      }
    }
    this.#changed.clear();
  }

  /** After a rollback. */
  forget(): void {
    this.#changed.clear();
  }
}
