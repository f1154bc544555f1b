import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Change, ChangePage } from '../../model/change.ts';
import { CodedError } from '../../model/coded-error.ts';
import { translating } from './database.ts';
import { limitSql, NODE_COLUMNS, NODE_FROM, nodeOf, type Row } from './rows.ts';
import { DISPLACED, PRUNED_SEQ_KEY, PRUNINGS_KEY } from './schema.ts';

/** Reads the change log: the nodes by their last change, merged with what was removed. */
export class ChangeReader {
  readonly #database: DatabaseSync;
  readonly #head: StatementSync;
  readonly #value: StatementSync;
  readonly #updated: StatementSync;
  readonly #removed: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#head = database.prepare(
      `SELECT max(coalesce((SELECT max(changed_seq) FROM node), 0),
                  coalesce((SELECT max(seq) FROM tombstone), 0),
                  coalesce((SELECT CAST(value AS INTEGER) FROM catalog WHERE key = '${PRUNED_SEQ_KEY}'), 0)) AS seq`,
    );
    this.#value = database.prepare('SELECT value FROM catalog WHERE key = ?');
    // What is displaced during a scan is told once it has a place again, or is gone.
    this.#updated = database.prepare(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM}
       WHERE node.changed_seq > ? AND node.parent_id <> ${DISPLACED} ORDER BY node.changed_seq ${limitSql()}`,
    );
    this.#removed = database.prepare(
      `SELECT seq, node_id FROM tombstone WHERE seq > ? AND seq <= ? AND created_seq <= ? ORDER BY seq ${limitSql()}`,
    );
  }

  headSeq(): number {
    return Number(translating(() => this.#head.get())?.seq);
  }

  /** See `CatalogReader.changes`. */
  page(cursor: number, limit: number): ChangePage {
    return translating(() => {
      // One snapshot for all of it: between two queries another process may commit, and what it removed would
      // then carry the cursor past what it changed.
      this.#database.exec('BEGIN');
      try {
        return this.#readPage(cursor, limit);
      } finally {
        // SQLite ends it by itself on some errors, which are the ones to be told then.
        if (this.#database.isTransaction) this.#database.exec('COMMIT');
      }
    });
  }

  #readPage(cursor: number, limit: number): ChangePage {
    const head = this.headSeq();
    const prunedSeq = this.#number(PRUNED_SEQ_KEY);
    const prunings = this.#number(PRUNINGS_KEY);
    const from = readCursor(cursor);
    if (from.prunings === null ? from.seq > head : from.prunings !== prunings || from.seq > head) {
      throw new CodedError('cursor-expired', 'The cursor is not of this catalog, or has expired: list anew.');
    }
    if (from.prunings === null && from.seq !== 0 && from.seq < prunedSeq) {
      throw new CodedError(
        'cursor-expired',
        'The cursor is older than the change log reaches back: list anew.',
      );
    }
    // Only on the way from 0 can a reader be behind what was pruned.
    const cursorAt = (seq: number): number => (seq < prunedSeq ? catchingUpCursor(seq, prunings) : seq);

    // One more than asked for tells whether there is more.
    const updated = this.#updated.all(from.seq, limit + 1) as Row[];
    // Nothing behind the last of those can be on this page, so only removals up to it are looked at.
    const end = updated.length > limit ? Number(updated.at(-1)?.changed_seq) : head;
    // Whoever starts at 0 has seen nothing that could be gone.
    const removed =
      from.seq === 0 ? [] : (this.#removed.all(from.seq, end, from.seq, limit + 1) as unknown as Row[]);
    const all = merge(updated, removed, cursorAt);
    const changes = all.slice(0, limit);
    const hasMore = all.length > limit;
    // At the end the head is the cursor, although the last numbers may belong to what came and went.
    return { changes, cursor: hasMore ? (changes.at(-1)?.cursor ?? cursor) : head, hasMore };
  }

  #number(key: string): number {
    return Number(this.#value.get(key)?.value ?? 0);
  }
}

/**
 * A cursor is the number of the last change taken in. A reader that began at 0 and is still behind the pruned part of
 * the log needs more: what was removed before it began it has never seen, while an older reader with the same number
 * has. So its cursor also holds how often the log had been pruned, in the bits above the number.
 */
const SEQ_LIMIT = 2 ** 40;

function readCursor(cursor: number): { seq: number; prunings: number | null } {
  if (cursor < SEQ_LIMIT) return { seq: cursor, prunings: null };
  return { seq: cursor % SEQ_LIMIT, prunings: Math.floor(cursor / SEQ_LIMIT) };
}

function catchingUpCursor(seq: number, prunings: number): number {
  return prunings * SEQ_LIMIT + seq;
}

function merge(
  updated: readonly Row[],
  removed: readonly Row[],
  cursorAt: (seq: number) => number,
): Change[] {
  const changes: Change[] = [
    ...updated.map((row): Change => {
      const node = nodeOf(row);
      const seq = node.changedSeq;
      return { kind: 'updated', seq, cursor: cursorAt(seq), node };
    }),
    ...removed.map((row): Change => {
      const seq = row.seq as number;
      return { kind: 'removed', seq, cursor: cursorAt(seq), nodeId: row.node_id as number };
    }),
  ];
  return changes.sort((a, b) => a.seq - b.seq);
}
