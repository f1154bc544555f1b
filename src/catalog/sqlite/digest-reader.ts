import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AssetNode, Page } from '../../model/node.ts';
import type { DigestAlgorithm, PendingAsset } from '../catalog.ts';
import { translating } from './database.ts';
import { factsOf, NODE_COLUMNS, NODE_FROM, nodeOf, type Row } from './rows.ts';
import { DISPLACED } from './schema.ts';

interface DigestStatements {
  readonly one: StatementSync;
  readonly after: StatementSync;
}

const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha1', 'md5'];

/** Finds assets by what they contain, and those of which that is not known yet. */
export class DigestReader {
  readonly #statements: ReadonlyMap<DigestAlgorithm, DigestStatements>;
  readonly #pending: StatementSync;

  constructor(database: DatabaseSync) {
    const select = `SELECT ${NODE_COLUMNS} ${NODE_FROM}`;
    this.#statements = new Map(
      ALGORITHMS.map((algorithm) => [
        algorithm,
        {
          one: database.prepare(
            `${select} WHERE asset.${algorithm} = ? AND node.parent_id <> ${DISPLACED} ORDER BY node.id`,
          ),
          after: database.prepare(
            `SELECT ${algorithm} AS digest FROM asset WHERE ${algorithm} > ? GROUP BY ${algorithm} ORDER BY ${algorithm} LIMIT ?`,
          ),
        },
      ]),
    );
    this.#pending = database.prepare(
      `SELECT ref AS asset_ref, * FROM asset
       WHERE source_id = ? AND id > ? AND enriched_version IS NOT version ORDER BY id LIMIT ?`,
    );
  }

  /** See `CatalogReader.byDigest`. */
  find(algorithm: DigestAlgorithm, digest: string): AssetNode[] {
    const rows = translating(() => this.#of(algorithm).one.all(Buffer.from(digest, 'hex'))) as Row[];
    return rows.map(nodeOf).filter((node) => node.kind === 'asset');
  }

  /** See `CatalogReader.listByDigest`. */
  list(algorithm: DigestAlgorithm, page: { after?: string; limit: number }): Page<AssetNode> {
    const after = Buffer.from(page.after ?? '', 'hex');
    const rows = translating(() => this.#of(algorithm).after.all(after, page.limit)) as Row[];
    const digests = rows.map((row) => Buffer.from(row.digest as Uint8Array).toString('hex'));
    const entries = digests.flatMap((digest) => this.find(algorithm, digest));
    return { entries, next: rows.length < page.limit ? null : (digests.at(-1) ?? null) };
  }

  /** See `CatalogReader.pendingAssets`. */
  pending(sourceId: number, page: { afterId: number; limit: number }): PendingAsset[] {
    const rows = translating(() => this.#pending.all(sourceId, page.afterId, page.limit)) as Row[];
    return rows.map((row) => ({ id: row.id as number, facts: factsOf(row) }));
  }

  #of(algorithm: DigestAlgorithm): DigestStatements {
    const statements = this.#statements.get(algorithm);
    if (statements === undefined) throw new Error(`no such digest: ${algorithm}`);
    return statements;
  }
}
