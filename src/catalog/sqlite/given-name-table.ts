import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { GivenName, GivenPlace } from '../catalog.ts';

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
  }

  replace(sourceId: number, place: GivenPlace, names: readonly string[]): void {
    const { collection, ref, isHeldBack, hides } = place;
    this.#forget.run(sourceId, collection, ref);
    for (const name of names) {
      this.#insert.run(sourceId, collection, ref, name, isHeldBack ? 1 : 0, hides);
    }
  }

  /**
   * What was only begun goes with its asset. A name stays: an asset that is not here now may come back, from the trash or
   * with another choice of albums, and is to have its name again.
   */
  forgetGone(sourceId: number): void {
    this.#forgetGone.run(sourceId);
  }
}
