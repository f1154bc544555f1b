import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { GivenName, GivenPlace, PrunedNames, PruneStep } from '../catalog.ts';
import { limitSql } from './rows.ts';

/** Names that clients gave to assets, where their source has others or none: see `CatalogWriter.giveNames`. */
export class GivenNameTable {
  readonly #all: StatementSync;

  /** @param database one that only reads can still be asked. */
  constructor(database: DatabaseSync) {
    this.#all = database.prepare(
      'SELECT collection, ref, name, is_held_back, hides FROM given_name WHERE source_id = ? ORDER BY rowid',
    );
  }

  of(sourceId: number): GivenName[] {
    return this.#all.all(sourceId).map((row) => ({
      collection: String(row.collection),
      ref: String(row.ref),
      name: String(row.name),
      isHeldBack: row.is_held_back === 1,
      hides: row.hides === null ? null : String(row.hides),
    }));
  }
}

/** The same for the writer. Called inside a transaction. */
export class GivenNameWriting {
  readonly #forget: StatementSync;
  readonly #insert: StatementSync;
  readonly #forgetGone: StatementSync;
  readonly #after: StatementSync;
  readonly #setGone: StatementSync;
  readonly #forgetRow: StatementSync;

  constructor(database: DatabaseSync) {
    this.#forget = database.prepare(
      'DELETE FROM given_name WHERE source_id = ? AND collection = ? AND ref = ?',
    );
    this.#insert = database.prepare(
      'INSERT INTO given_name (source_id, collection, ref, name, is_held_back, hides) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#forgetGone = database.prepare(
      `DELETE FROM given_name WHERE source_id = ?1 AND is_held_back = 1
       AND NOT EXISTS (SELECT 1 FROM asset WHERE asset.source_id = ?1 AND asset.ref = given_name.ref)`,
    );
    this.#after = database.prepare(
      `SELECT rowid AS id, gone_ms, EXISTS (
         SELECT 1 FROM asset WHERE asset.source_id = given_name.source_id AND asset.ref = given_name.ref
       ) AND EXISTS (
         SELECT 1 FROM node WHERE node.source_id = given_name.source_id AND node.ref = given_name.collection
       ) AS is_here
       FROM given_name WHERE rowid > ? ORDER BY rowid ${limitSql()}`,
    );
    this.#setGone = database.prepare('UPDATE given_name SET gone_ms = ? WHERE rowid = ?');
    this.#forgetRow = database.prepare('DELETE FROM given_name WHERE rowid = ?');
  }

  replace(sourceId: number, place: GivenPlace, names: readonly string[]): void {
    const { collection, ref, isHeldBack, hides } = place;
    this.#forget.run(sourceId, collection, ref);
    for (const name of names) {
      this.#insert.run(sourceId, collection, ref, name, isHeldBack ? 1 : 0, hides);
    }
  }

  /** See `CatalogWriter.pruneGivenNames`. */
  prune(nowMs: number, goneBeforeMs: number, { after, limit }: PruneStep): PrunedNames {
    const rows = this.#after.all(after, limit);
    let forgotten = 0;
    for (const { id, gone_ms, is_here } of rows) {
      const goneMs = is_here === 1 ? null : Number(gone_ms ?? nowMs);
      if (goneMs !== null && goneMs < goneBeforeMs) {
        this.#forgetRow.run(Number(id));
        forgotten += 1;
      } else if (goneMs !== gone_ms) this.#setGone.run(goneMs, Number(id));
    }
    const last = rows.length < limit ? undefined : rows.at(-1);
    return { forgotten, next: last === undefined ? null : Number(last.id) };
  }

  /**
   * What was only begun goes with its asset. A name stays: an asset that is not here now may come back, from the trash or
   * with another choice of albums, and is to have its name again: see `prune`.
   */
  forgetGone(sourceId: number): void {
    this.#forgetGone.run(sourceId);
  }
}
