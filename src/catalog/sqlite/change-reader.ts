import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Change, ChangePage } from '../../model/change.ts';
import { CodedError } from '../../model/coded-error.ts';
import { translating } from './database.ts';
import { NODE_COLUMNS, NODE_FROM, nodeOf, type Row } from './rows.ts';
import { DISPLACED, PRUNED_SEQ_KEY } from './schema.ts';

/** Reads the change log: the nodes by their last change, merged with what was removed. */
export class ChangeReader {
  readonly #head: StatementSync;
  readonly #pruned: StatementSync;
  readonly #updated: StatementSync;
  readonly #removed: StatementSync;

  constructor(database: DatabaseSync) {
    this.#head = database.prepare(
      `SELECT max(coalesce((SELECT max(changed_seq) FROM node), 0),
                  coalesce((SELECT max(seq) FROM tombstone), 0),
                  coalesce((SELECT CAST(value AS INTEGER) FROM catalog WHERE key = '${PRUNED_SEQ_KEY}'), 0)) AS seq`,
    );
    this.#pruned = database.prepare('SELECT value FROM catalog WHERE key = ?');
    // What is displaced during a scan is told once it has a place again, or is gone.
    this.#updated = database.prepare(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM}
       WHERE node.changed_seq > ? AND node.parent_id <> ${DISPLACED} ORDER BY node.changed_seq LIMIT ?`,
    );
    this.#removed = database.prepare(
      'SELECT seq, node_id FROM tombstone WHERE seq > ? AND created_seq <= ? ORDER BY seq LIMIT ?',
    );
  }

  headSeq(): number {
    return Number(translating(() => this.#head.get())?.seq);
  }

  /** See `CatalogReader.changes`. */
  page(cursor: number, limit: number): ChangePage {
    const head = this.headSeq();
    const prunedSeq = Number(translating(() => this.#pruned.get(PRUNED_SEQ_KEY))?.value ?? 0);
    if (cursor > head) throw new CodedError('cursor-expired', 'The cursor is of another catalog: list anew.');
    if (cursor !== 0 && cursor < prunedSeq) {
      throw new CodedError(
        'cursor-expired',
        'The cursor is older than the change log reaches back: list anew.',
      );
    }
    // One more than asked for tells whether there is more.
    const updated = translating(() => this.#updated.all(cursor, limit + 1)) as Row[];
    const removed = translating(() => this.#removed.all(cursor, cursor, limit + 1)) as Row[];
    const all = merge(updated, removed);
    const changes = all.slice(0, limit);
    const hasMore = all.length > limit;
    // At the end the head is the cursor, although the last numbers may belong to what came and went.
    return { changes, cursor: hasMore ? (changes.at(-1)?.seq ?? cursor) : head, hasMore };
  }
}

function merge(updated: readonly Row[], removed: readonly Row[]): Change[] {
  const changes: Change[] = [
    ...updated.map((row): Change => {
      const node = nodeOf(row);
      return { kind: 'updated', seq: node.changedSeq, node };
    }),
    ...removed.map(
      (row): Change => ({ kind: 'removed', seq: row.seq as number, nodeId: row.node_id as number }),
    ),
  ];
  return changes.sort((a, b) => a.seq - b.seq);
}
