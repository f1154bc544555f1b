import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ProblemCount } from '../catalog.ts';

/** What is wrong with files in the version they have: see `CatalogWriter.noteProblem`. Few rows, one for each such asset. */
export class AssetProblems {
  readonly #put: StatementSync;
  readonly #clear: StatementSync;
  readonly #counts: StatementSync;

  /** @param database one that only reads can still be asked. */
  constructor(database: DatabaseSync) {
    this.#put = database.prepare(
      `INSERT INTO asset_problem (asset_id, version, reason)
       SELECT id, version, ?1 FROM asset WHERE source_id = ?2 AND ref = ?3 AND version = ?4
       ON CONFLICT (asset_id) DO UPDATE SET version = excluded.version, reason = excluded.reason`,
    );
    this.#clear = database.prepare('DELETE FROM asset_problem WHERE asset_id = ?');
    // CROSS JOIN: from the few problems to their assets, whatever the planner believes of how many there are.
    this.#counts = database.prepare(
      `SELECT reason, count(*) AS count, min(asset.path) AS example
       FROM asset_problem CROSS JOIN asset ON asset.id = asset_problem.asset_id
       WHERE asset.source_id = ? AND asset.version = asset_problem.version
       GROUP BY reason ORDER BY reason`,
    );
  }

  /** @returns false when there is no such version of it. */
  put(sourceId: number, refId: string, version: string, reason: string): boolean {
    return Number(this.#put.run(reason, sourceId, refId, version).changes) > 0;
  }

  clear(assetId: number): void {
    this.#clear.run(assetId);
  }

  of(sourceId: number): ProblemCount[] {
    return this.#counts.all(sourceId).map(({ reason, count, example }) => ({
      reason: String(reason),
      count: Number(count),
      example: String(example),
    }));
  }
}
