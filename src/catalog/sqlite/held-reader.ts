import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AssetFacts } from '../../model/asset.ts';
import type { NodeId } from '../../model/node.ts';
import { translating } from './database.ts';
import { factsOf, limitSql, type Row } from './rows.ts';
import { NO_PARENT } from './schema.ts';

/** What a source has told, by its own names of things: paths and refs. */
export class HeldReader {
  readonly #byName: StatementSync;
  readonly #byStoredName: StatementSync;
  readonly #assetPaths: StatementSync;
  readonly #asset: StatementSync;

  constructor(database: DatabaseSync) {
    const select = `SELECT node.id, node.stored_name, coalesce(node.ref, asset.ref) AS ref
      FROM node LEFT JOIN asset ON asset.id = node.asset_id WHERE node.parent_id = ?`;
    this.#byName = database.prepare(`${select} AND node.name = ?`);
    this.#byStoredName = database.prepare(
      `${select} AND node.stored_name = ? AND node.stored_name <> node.name`,
    );
    this.#assetPaths = database.prepare(
      `SELECT path FROM asset WHERE source_id = ?1 AND ref >= ?2 AND ref < ?2 || char(0x10ffff) ${limitSql('?3')}`,
    );
    this.#asset = database.prepare('SELECT ref AS asset_ref, * FROM asset WHERE source_id = ? AND ref = ?');
  }

  /** See `CatalogReader.refAt`. */
  refAt(sourceId: number, storedPath: readonly string[]): string | null {
    return translating(() => {
      let id: NodeId | null = this.#at(NO_PARENT, `${sourceId}`)?.id ?? null;
      let ref: string | null = null;
      for (const name of storedPath) {
        const member = id === null ? null : this.#memberAt(id, name);
        id = member?.id ?? null;
        ref = member?.ref ?? null;
      }
      return ref;
    });
  }

  /** See `CatalogReader.assetPaths`. */
  assetPaths(sourceId: number, refPrefix: string, limit: number): string[] {
    const rows = translating(() => this.#assetPaths.all(sourceId, refPrefix, limit));
    return rows.map((row) => String(row.path));
  }

  /** See `CatalogReader.asset`. */
  asset(sourceId: number, refId: string): AssetFacts | null {
    const row = translating(() => this.#asset.get(sourceId, refId)) as Row | undefined;
    return row === undefined ? null : factsOf(row);
  }

  /** Tries the shown name first, which is nearly always the same. */
  #memberAt(parentId: NodeId, storedName: string): Held | null {
    const shown = this.#at(parentId, storedName);
    if (shown?.storedName === storedName) return shown;
    return heldOf(this.#byStoredName.get(parentId, storedName));
  }

  #at(parentId: NodeId, name: string): Held | null {
    return heldOf(this.#byName.get(parentId, name));
  }
}

interface Held {
  readonly id: NodeId;
  readonly storedName: string;
  readonly ref: string | null;
}

function heldOf(row: Record<string, unknown> | undefined): Held | null {
  if (row === undefined) return null;
  const { id, stored_name: storedName, ref } = row;
  return { id: id as NodeId, storedName: storedName as string, ref: ref as string | null };
}
