import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** How the whole source is called beside the refs of its collections, which are never empty. */
const WHOLE_SOURCE = '';

/** In which version each collection was last read completely; see `CatalogWriter.completeScan`. */
export class ContentVersions {
  readonly #one: StatementSync;
  readonly #all: StatementSync;
  readonly #put: StatementSync;
  readonly #forget: StatementSync;

  /** @param database one that only reads can still be asked. */
  constructor(database: DatabaseSync) {
    this.#one = database.prepare('SELECT version FROM content_version WHERE source_id = ? AND ref = ?');
    this.#all = database.prepare('SELECT ref, version FROM content_version WHERE source_id = ?');
    this.#put = database.prepare(
      `INSERT INTO content_version (source_id, ref, version) VALUES (?, ?, ?)
       ON CONFLICT (source_id, ref) DO UPDATE SET version = excluded.version`,
    );
    this.#forget = database.prepare('DELETE FROM content_version WHERE source_id = ? AND ref = ?');
  }

  /** @param collection null: the whole source. */
  of(sourceId: number, collection: string | null): string | null {
    const row = this.#one.get(sourceId, collection ?? WHOLE_SOURCE);
    return row === undefined ? null : String(row.version);
  }

  all(sourceId: number): Map<string | null, string> {
    const rows = this.#all.all(sourceId);
    return new Map(
      rows.map(({ ref, version }) => [ref === WHOLE_SOURCE ? null : String(ref), String(version)]),
    );
  }

  /** Makes these the only ones of the source. Writes what differs: mostly nothing does. */
  replace(sourceId: number, versions: ReadonlyMap<string | null, string>): void {
    const known = this.all(sourceId);
    for (const [collection, version] of versions) {
      if (known.get(collection) !== version) this.#put.run(sourceId, collection ?? WHOLE_SOURCE, version);
      known.delete(collection);
    }
    for (const collection of known.keys()) this.#forget.run(sourceId, collection ?? WHOLE_SOURCE);
  }
}
