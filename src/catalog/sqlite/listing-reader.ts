import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { ListedNode, NodeId, Page } from '../../model/node.ts';
import { translating } from './database.ts';
import { limitSql } from './rows.ts';

/**
 * Columns as `listedOf` takes them apart. Every value of every row becomes a value of JavaScript, and that is what a
 * listing's time goes to: so there are as few as can be, and those that are null cost next to nothing.
 */
const COLUMNS = `
  node.id, node.source_id, node.name, nullif(node.stored_name, node.name), node.ref,
  (node.is_virtual <> 0) + 2 * node.is_unread, node.changed_seq,
  coalesce(asset.modified_ms, node.modified_ms), iif(node.asset_id IS NULL, node.created_ms, asset.created_ms),
  asset.version, asset.size_bytes, asset.content_type, iif(node.asset_id IS NULL, node.subtree_seq, NULL)`;

const IS_VIRTUAL = 1;
const IS_UNREAD = 2;

/** Reads the members of collections for listings. */
export class ListingReader {
  readonly #members: StatementSync;

  constructor(database: DatabaseSync) {
    this.#members = database.prepare(
      `SELECT ${COLUMNS} FROM node LEFT JOIN asset ON asset.id = node.asset_id
       WHERE node.parent_id = ? AND node.name > ? ORDER BY node.name ${limitSql()}`,
    );
    // An object for each row took six times as long, most of it for the names of its columns.
    this.#members.setReturnArrays(true);
  }

  /** See `CatalogReader.listing`. */
  page(parentId: NodeId, { after = '', limit }: { after?: string; limit: number }): Page<ListedNode> {
    const rows = translating(() =>
      this.#members.all(parentId, after, limit),
    ) as unknown as SQLOutputValue[][];
    const entries = rows.map((row) => listedOf(row, parentId));
    return { entries, next: rows.length < limit ? null : (entries.at(-1)?.name ?? null) };
  }
}

function listedOf(row: readonly SQLOutputValue[], parentId: NodeId): ListedNode {
  const version = row[9] as string | null;
  const id = row[0] as number;
  const sourceId = row[1] as number;
  const name = row[2] as string;
  const storedName = (row[3] ?? name) as string;
  const changedSeq = row[6] as number;
  const modifiedMs = row[7] as number;
  const createdMs = row[8] as number | null;
  if (version !== null) {
    const asset = { version, sizeBytes: row[10] as number, contentType: row[11] as string };
    return {
      kind: 'asset',
      id,
      parentId,
      sourceId,
      name,
      storedName,
      modifiedMs,
      createdMs,
      changedSeq,
      asset,
    };
  }
  const flags = row[5] as number;
  return {
    ...{ kind: 'collection', id, parentId, sourceId, name, storedName, modifiedMs, createdMs, changedSeq },
    ref: (flags & IS_VIRTUAL) === 0 ? (row[4] as string | null) : null,
    isUnread: (flags & IS_UNREAD) !== 0,
    stateSeq: Math.max(changedSeq, row[12] as number),
  };
}
