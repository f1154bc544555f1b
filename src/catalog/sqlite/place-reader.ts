import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LeftPlace, PlaceChange, PlaceChangePage } from '../../model/change.ts';
import { CodedError } from '../../model/coded-error.ts';
import { translating } from './database.ts';
import { limitSql, NODE_COLUMNS, NODE_FROM, nodeOf, type Row } from './rows.ts';
import { DISPLACED, PRUNED_SEQ_KEY } from './schema.ts';

const IS_TAKEN = `EXISTS (SELECT 1 FROM node
  WHERE node.parent_id = vacancy.parent_id AND node.name = vacancy.name)`;

/** Reads the change log by places instead of by nodes: see `CatalogReader.placeChanges`. */
export class PlaceReader {
  readonly #database: DatabaseSync;
  readonly #head: () => number;
  readonly #pruned: StatementSync;
  readonly #updated: StatementSync;
  readonly #left: StatementSync;
  readonly #replaced: StatementSync;

  /** @param head place of the newest change in the log. */
  constructor(database: DatabaseSync, head: () => number) {
    this.#database = database;
    this.#head = head;
    this.#pruned = database.prepare(`SELECT value FROM catalog WHERE key = '${PRUNED_SEQ_KEY}'`);
    this.#updated = database.prepare(
      `SELECT ${NODE_COLUMNS} ${NODE_FROM}
       WHERE node.changed_seq > ? AND node.changed_seq <= ? AND node.parent_id <> ${DISPLACED}
       ORDER BY node.changed_seq ${limitSql()}`,
    );
    this.#left = database.prepare(
      `SELECT seq, parent_id, name, is_collection FROM vacancy
       WHERE seq > ? AND seq <= ? AND NOT ${IS_TAKEN} ORDER BY seq ${limitSql()}`,
    );
    this.#replaced = database.prepare(
      `SELECT collection_seq AS seq, parent_id, name, is_collection FROM vacancy
       WHERE collection_seq > ? AND ${IS_TAKEN} ORDER BY collection_seq ${limitSql()}`,
    );
  }

  page(cursor: number, upTo: number, limit: number): PlaceChangePage {
    return translating(() => {
      // One snapshot for all of it, as in `ChangeReader`.
      this.#database.exec('BEGIN');
      try {
        this.#check(cursor);
        return this.#readPage(cursor, upTo, limit);
      } finally {
        if (this.#database.isTransaction) this.#database.exec('COMMIT');
      }
    });
  }

  replaced(cursor: number, limit: number): LeftPlace[] {
    return translating(() => {
      this.#check(cursor);
      return this.#replaced.all(cursor, limit).map((row) => leftOf(row as Row));
    });
  }

  #readPage(cursor: number, upTo: number, limit: number): PlaceChangePage {
    // One more than asked for tells whether there is more.
    const updated = this.#updated.all(cursor, upTo, limit + 1) as Row[];
    const end = updated.length > limit ? Number(updated.at(-1)?.changed_seq) : upTo;
    const left = this.#left.all(cursor, end, limit + 1) as Row[];
    const all: PlaceChange[] = [
      ...updated.map((row) => {
        const node = nodeOf(row);
        return { kind: 'updated', seq: node.changedSeq, node } as const;
      }),
      ...left.map(leftOf),
    ];
    all.sort((a, b) => a.seq - b.seq);
    const hasMore = all.length > limit;
    const changes = all.slice(0, limit);
    return { changes, cursor: hasMore ? (changes.at(-1)?.seq ?? cursor) : upTo, hasMore };
  }

  #check(cursor: number): void {
    if (cursor < Number(this.#pruned.get()?.value ?? 0) || cursor > this.#head()) {
      throw new CodedError('cursor-expired', 'The cursor is not of this catalog, or has expired: list anew.');
    }
  }
}

function leftOf(row: Row): LeftPlace {
  return {
    kind: 'left',
    seq: row.seq as number,
    parentId: row.parent_id as number,
    name: row.name as string,
    wasCollection: row.is_collection === 1,
  };
}
