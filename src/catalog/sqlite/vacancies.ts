import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NodeId } from '../../model/node.ts';
import { limitSql } from './rows.ts';

/**
 * Places, as parent and name, that something has left: what was removed, moved or renamed. Tombstones tell which node is
 * gone; who knows paths only (RFC 6578) has to be told which path is. One row a place, for its last time.
 */
export class Vacancies {
  readonly #placeIfOther: StatementSync;
  readonly #insert: StatementSync;
  readonly #prune: StatementSync;

  constructor(database: DatabaseSync) {
    this.#placeIfOther = database.prepare(
      'SELECT parent_id, name, asset_id IS NULL FROM node WHERE id = ? AND (parent_id <> ? OR name <> ?)',
    );
    this.#placeIfOther.setReturnArrays(true);
    this.#insert = database.prepare(
      `INSERT INTO vacancy (parent_id, name, seq, is_collection, collection_seq, left_ms)
       VALUES (?1, ?2, ?3, ?4, ?3 * ?4, ?5)
       ON CONFLICT (parent_id, name) DO UPDATE SET seq = ?3, is_collection = ?4, left_ms = ?5,
         collection_seq = max(collection_seq, ?3 * ?4)`,
    );
    this.#prune = database.prepare(
      `DELETE FROM vacancy WHERE seq IN (SELECT seq FROM vacancy WHERE left_ms < ? ORDER BY left_ms ${limitSql()})
       RETURNING seq`,
    );
  }

  /** Where a node is that is about to be put elsewhere; null when it stays where it is. */
  placeToLeave(id: NodeId, parentId: NodeId, name: string): Place | null {
    const row = this.#placeIfOther.get(id, parentId, name) as unknown as [NodeId, string, number] | undefined;
    return row === undefined ? null : { parentId: row[0], name: row[1], isCollection: row[2] === 1 };
  }

  /** @param seq the number of the change by which it was left. */
  note({ parentId, name, isCollection }: Place, seq: number): void {
    // Roots have no place, and where something is kept while displaced is none.
    if (parentId > 0) this.#insert.run(parentId, name, seq, isCollection ? 1 : 0, Date.now());
  }

  /** Forgets those left before a time, at most `limit` of them. @returns their numbers. */
  prune(beforeMs: number, limit: number): number[] {
    return this.#prune.all(beforeMs, limit).map((row) => Number(row.seq));
  }
}

export interface Place {
  readonly parentId: NodeId;
  readonly name: string;
  /** What was there last was a collection. */
  readonly isCollection: boolean;
}
