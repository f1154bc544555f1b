import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CodedError } from '../../model/coded-error.ts';
import type { AssetNode, Page } from '../../model/node.ts';
import type { DigestAlgorithm, PendingAsset } from '../catalog.ts';
import { translating } from './database.ts';
import { factsOf, limitSql, NODE_COLUMNS, NODE_FROM, nodeOf, type Row } from './rows.ts';
import { DISPLACED, IS_PENDING } from './schema.ts';

interface DigestStatements {
  readonly one: StatementSync;
  readonly after: StatementSync;
}

/** More places of one content nobody can want at once. */
const MAX_PLACES = 1000;
const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha1', 'md5'];

/** Finds assets by what they contain, and those of which that is not known yet. */
export class DigestReader {
  readonly #statements: ReadonlyMap<DigestAlgorithm, DigestStatements>;
  readonly #pending: StatementSync;
  readonly #pendingCount: StatementSync;

  constructor(database: DatabaseSync) {
    this.#statements = new Map(
      ALGORITHMS.map((algorithm) => [
        algorithm,
        {
          one: database.prepare(
            `SELECT ${NODE_COLUMNS} ${NODE_FROM}
             WHERE asset.${algorithm} = ? AND node.parent_id <> ${DISPLACED} ORDER BY asset.id, node.id ${limitSql()}`,
          ),
          // The index on the digest ends in the asset's id, so nothing needs sorting; CROSS JOIN keeps that order.
          after: database.prepare(
            `SELECT ${NODE_COLUMNS} FROM asset CROSS JOIN node ON node.asset_id = asset.id
             WHERE asset.${algorithm} >= ?1 AND (asset.${algorithm}, asset.id) >= (?1, ?2)
               AND (asset.${algorithm}, asset.id, node.id) > (?1, ?2, ?3) AND node.parent_id <> ${DISPLACED}
             ORDER BY asset.${algorithm}, asset.id, node.id ${limitSql('?4')}`,
          ),
        },
      ]),
    );
    // The index holds only what waits, in this order.
    this.#pending = database.prepare(
      `SELECT ref AS asset_ref, * FROM asset INDEXED BY asset_pending
       WHERE source_id = ? AND id > ? AND ${IS_PENDING} ORDER BY id ${limitSql()}`,
    );
    this.#pendingCount = database.prepare(
      `SELECT count(*) AS count FROM asset INDEXED BY asset_pending
       WHERE source_id = ? AND ${IS_PENDING}`,
    );
  }

  /** See `CatalogReader.byDigest`. */
  find(algorithm: DigestAlgorithm, digest: string): AssetNode[] {
    const blob = Buffer.from(digest, 'hex');
    const rows = translating(() => this.#of(algorithm).one.all(blob, MAX_PLACES)) as Row[];
    return rows.map(nodeOf).filter((node) => node.kind === 'asset');
  }

  /** See `CatalogReader.listByDigest`. */
  list(algorithm: DigestAlgorithm, page: { after?: string; limit: number }): Page<AssetNode> {
    const after = placeIn(page.after);
    const values = [after.digest, after.assetId, after.nodeId, page.limit];
    const rows = translating(() => this.#of(algorithm).after.all(...values)) as Row[];
    const entries = rows.map(nodeOf).filter((node) => node.kind === 'asset');
    const last = rows.length < page.limit ? undefined : rows.at(-1);
    if (last === undefined) return { entries, next: null };
    const digest = Buffer.from(last[algorithm] as Uint8Array).toString('hex');
    return { entries, next: `${digest}.${last.asset_id}.${last.id}` };
  }

  /** See `CatalogReader.pendingAssets`. */
  pending(sourceId: number, page: { afterId: number; limit: number }): PendingAsset[] {
    const rows = translating(() => this.#pending.all(sourceId, page.afterId, page.limit)) as Row[];
    return rows.map((row) => ({
      ...{ id: row.id as number, facts: factsOf(row) },
      wasRead: row.enriched_version === row.version,
    }));
  }

  /** See `CatalogReader.pendingCount`. */
  pendingCount(sourceId: number): number {
    return Number(translating(() => this.#pendingCount.get(sourceId))?.count ?? 0);
  }

  #of(algorithm: DigestAlgorithm): DigestStatements {
    const statements = this.#statements.get(algorithm);
    if (statements === undefined) throw new Error(`no such digest: ${algorithm}`);
    return statements;
  }
}

/** What a page's `next` says: the digest, asset and node of its last row. */
function placeIn(next: string | undefined): { digest: Uint8Array; assetId: number; nodeId: number } {
  if (next === undefined) return { digest: Buffer.alloc(0), assetId: 0, nodeId: 0 };
  const [, digest, assetId, nodeId] = /^([0-9a-f]*)\.(\d+)\.(\d+)$/.exec(next) ?? [];
  if (digest === undefined) throw new CodedError('invalid', 'The place to go on from is malformed.');
  return { digest: Buffer.from(digest, 'hex'), assetId: Number(assetId), nodeId: Number(nodeId) };
}
