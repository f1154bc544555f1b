import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AssetFacts } from '../../model/asset.ts';
import { UNKNOWN_MEDIA } from '../../model/asset.ts';
import type { NodeId } from '../../model/node.ts';
import type { AssetEntry } from '../catalog.ts';
import { limitSql } from './rows.ts';

/** In the order of `COLUMNS`. */
type PlaceRow = readonly [
  name: string,
  nodeId: NodeId,
  storedName: string,
  anchorId: NodeId | null,
  nodeModifiedMs: number,
  nodeCreatedMs: number | null,
  assetId: number | null,
  ref: string,
  path: string,
  version: string,
  sizeBytes: number,
  contentType: string,
  kind: string,
  modifiedMs: number,
  createdMs: number | null,
  statusChangedMs: number | null,
  enrichedVersion: string | null,
];

const COLUMNS = `node.name, node.id, node.stored_name, node.anchor_id, node.modified_ms, node.created_ms, node.asset_id,
  asset.ref, asset.path, asset.version, asset.size_bytes, asset.content_type, asset.kind,
  asset.modified_ms, asset.created_ms, asset.status_changed_ms, asset.enriched_version`;

const MEDIA_KEYS = Object.keys(UNKNOWN_MEDIA) as (keyof typeof UNKNOWN_MEDIA)[];
/** SQLite sorts by bytes of UTF-8, JavaScript by code units; only surrogates make a difference. */
const SURROGATE = /[\ud800-\udfff]/;

/** Asks for what is known at many names of one collection at once: a rescan finds nearly all as it was. */
export class PlaceTable {
  readonly #range: StatementSync;

  constructor(database: DatabaseSync) {
    this.#range = database.prepare(
      `SELECT ${COLUMNS} FROM node LEFT JOIN asset ON asset.id = node.asset_id
       WHERE node.parent_id = ? AND node.name BETWEEN ? AND ? ORDER BY node.name ${limitSql()}`,
    );
    this.#range.setReturnArrays(true);
  }

  /** @param names as they would be shown, in any order; best in theirs. */
  at(parentId: NodeId, names: readonly string[]): KnownPlaces {
    const sorted = names.filter((name) => !SURROGATE.test(name));
    if (sorted.length === 0) return NOTHING_KNOWN;
    const first = sorted.reduce((a, b) => (b < a ? b : a));
    let last = sorted.reduce((a, b) => (b > a ? b : a));
    // Twice as many: other names may lie between them.
    const limit = names.length * 2;
    const rows = this.#range.all(parentId, first, last, limit) as unknown as PlaceRow[];
    if (rows.length === limit) last = rows.at(-1)?.[0] ?? first;
    return new KnownPlaces(parentId, first, last, rows);
  }
}

/** What the catalog held between two names of a collection. Good for as long as it is told what changes. */
export class KnownPlaces {
  readonly #parentId: NodeId;
  readonly #first: string;
  readonly #last: string;
  /** Null: it has changed since. */
  readonly #rows: Map<string, PlaceRow | null>;

  constructor(parentId: NodeId, first: string, last: string, rows: readonly PlaceRow[]) {
    this.#parentId = parentId;
    this.#first = first;
    this.#last = last;
    this.#rows = new Map(rows.map((row) => [row[0], row]));
  }

  /** The node of an asset for which nothing is to be done, or null. */
  unchanged(entry: AssetEntry, name: string, anchorId: NodeId | null): PlaceFound | null {
    const row = this.#rows.get(name) ?? null;
    if (row === null || !isSamePlace(row, entry, anchorId) || !isSameAsset(row, entry.facts)) return null;
    const [, nodeId, , , , , assetId] = row;
    return assetId === null ? null : { nodeId, assetId };
  }

  /** Nothing has that name; false when that is not known. */
  isFree(name: string): boolean {
    const isCovered = name >= this.#first && name <= this.#last && !SURROGATE.test(name);
    return isCovered && !this.#rows.has(name);
  }

  /** To be called with each name that a node gets or loses. */
  noteChange(parentId: NodeId, name: string): void {
    if (parentId === this.#parentId) this.#rows.set(name, null);
  }
}

export interface PlaceFound {
  readonly nodeId: NodeId;
  readonly assetId: number;
}

/** No collection has the id 0, and no name lies between these. */
export const NOTHING_KNOWN = new KnownPlaces(0, '\uffff', '', []);

function isSamePlace(row: PlaceRow, entry: AssetEntry, anchorId: NodeId | null): boolean {
  const [, , storedName, heldAnchorId, nodeModifiedMs, nodeCreatedMs] = row;
  return (
    storedName === entry.name &&
    heldAnchorId === anchorId &&
    nodeModifiedMs === entry.facts.modifiedMs &&
    nodeCreatedMs === null
  );
}

/** What a source tells of the media or its digests is not compared here: then it takes a closer look. */
function isSameAsset(row: PlaceRow, facts: AssetFacts): boolean {
  const [
    ,
    ,
    ,
    ,
    ,
    ,
    ,
    ref,
    path,
    version,
    sizeBytes,
    contentType,
    kind,
    modifiedMs,
    createdMs,
    changedMs,
    read,
  ] = row;
  return (
    ref === facts.ref.id &&
    version === facts.version &&
    path === facts.ref.path &&
    sizeBytes === facts.sizeBytes &&
    // The content tells its type better than the name.
    (contentType === facts.contentType || read === version) &&
    kind === facts.kind &&
    modifiedMs === facts.modifiedMs &&
    createdMs === facts.createdMs &&
    changedMs === facts.statusChangedMs &&
    MEDIA_KEYS.every((key) => facts[key] === null) &&
    Object.keys(facts.digests).length === 0
  );
}
