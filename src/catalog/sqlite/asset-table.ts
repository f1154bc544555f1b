import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { type AssetFacts, UNKNOWN_MEDIA } from '../../model/asset.ts';
import type { Enrichment } from '../catalog.ts';
import type { LivePairs } from './live-pairs.ts';
import { ASSET_FACT_COLUMNS, assetValues, blobOf, type Row } from './rows.ts';

export interface StoredAsset {
  readonly id: number;
  readonly isChanged: boolean;
  /** It is new, or was told at another path before. */
  readonly isAtNewPath: boolean;
  /** The other path it was told at before; null when there is none. */
  readonly pathBefore: string | null;
  readonly addedAssets: number;
  readonly addedBytes: number;
}

export interface EnrichedAsset {
  readonly id: number;
  readonly modifiedMs: number;
  /** More is known of it than before, or it was read for the first time. */
  readonly isChanged: boolean;
}

const MEDIA_KEYS = Object.keys(UNKNOWN_MEDIA) as (keyof typeof UNKNOWN_MEDIA)[];
const ENRICHED_COLUMNS = ['content_type', ...ASSET_FACT_COLUMNS.slice(ASSET_FACT_COLUMNS.indexOf('width'))];
const CONTENT_TYPE_AT = ASSET_FACT_COLUMNS.indexOf('content_type');
const MEDIA_FROM = ASSET_FACT_COLUMNS.indexOf('width');
const DIGESTS_FROM = ASSET_FACT_COLUMNS.indexOf('sha256');
const VERSION_AT = ASSET_FACT_COLUMNS.indexOf('version');
const PATH_AT = ASSET_FACT_COLUMNS.indexOf('path');
const SIZE_AT = ASSET_FACT_COLUMNS.indexOf('size_bytes');
const MODIFIED_AT = ASSET_FACT_COLUMNS.indexOf('modified_ms');
const LIVE_ID_AT = ASSET_FACT_COLUMNS.indexOf('live_id');

/** What is to be known of a row that goes, or is on another path. */
const PAIR_COLUMNS = 'size_bytes, source_id, path, live_id, live_partner_id';

type StoredRow = [id: number, enrichedVersion: string | null, partnerId: number | null, ...unknown[]];

/** Rows of `asset`. Called inside a transaction of the writer. */
export class AssetTable {
  readonly #pairs: LivePairs;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #setPath: StatementSync;
  readonly #enrich: StatementSync;
  readonly #orphans: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteUnshown: StatementSync;
  readonly #lastId: StatementSync;

  /** @param pairs is told of what may be half of a live photo. */
  constructor(database: DatabaseSync, pairs: LivePairs) {
    this.#pairs = pairs;
    const columns = ASSET_FACT_COLUMNS.join(', ');
    this.#find = database.prepare(
      `SELECT id, enriched_version, live_partner_id, ${columns} FROM asset WHERE source_id = ? AND ref = ?`,
    );
    this.#find.setReturnArrays(true);
    this.#insert = database.prepare(
      `INSERT INTO asset (source_id, ref, ${columns})
       VALUES (?, ?, ${ASSET_FACT_COLUMNS.map(() => '?').join(', ')}) ON CONFLICT (source_id, ref) DO NOTHING`,
    );
    // Of another content, or with another id, it has to be found out anew what the other half is. What was read of the
    // content before is lost, so it is to be read again should it come back.
    this.#update = database.prepare(
      `UPDATE asset SET live_partner_id = iif(version = ?1 AND live_id IS ?2, live_partner_id, NULL),
         enriched_version = iif(version = ?1, enriched_version, NULL),
         ${ASSET_FACT_COLUMNS.map((column) => `${column} = ?`).join(', ')} WHERE id = ?`,
    );
    this.#setPath = database.prepare(
      `UPDATE asset SET path = ?1 WHERE id = ?2 AND path <> ?1 RETURNING ${PAIR_COLUMNS}`,
    );
    const filled = ENRICHED_COLUMNS.map((column) => `${column} = coalesce(?, ${column})`).join(', ');
    this.#enrich = database.prepare(
      `UPDATE asset SET ${filled}, enriched_version = ?, read_again = NULL
       WHERE source_id = ? AND ref = ? AND version = ? RETURNING id, ${columns}`,
    );
    this.#enrich.setReturnArrays(true);
    this.#orphans = database.prepare(
      `SELECT id, ${PAIR_COLUMNS} FROM asset WHERE id >= ? AND id < ? AND source_id = ?
         AND NOT EXISTS (SELECT 1 FROM node WHERE node.asset_id = asset.id)`,
    );
    this.#delete = database.prepare('DELETE FROM asset WHERE id = ?');
    this.#deleteUnshown = database.prepare(
      `DELETE FROM asset WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM node WHERE node.asset_id = ?1)
       RETURNING ${PAIR_COLUMNS}`,
    );
    this.#lastId = database.prepare('SELECT max(id) AS id FROM asset');
  }

  /**
   * Stores what the source says now. While the version stays the same, what others found out in the meantime
   * (digests, and the media facts where the source knows none) stays too.
   * @param isLikelyNew saves looking for it first.
   */
  store(sourceId: number, facts: AssetFacts, isLikelyNew = false): StoredAsset {
    const values = assetValues(facts);
    if (isLikelyNew) {
      const added = this.#add(sourceId, facts, values);
      if (added !== null) return added;
    }
    const found = this.#find.get(sourceId, facts.ref.id) as unknown as unknown[] | undefined;
    if (found === undefined) {
      const added = this.#add(sourceId, facts, values);
      if (added === null) throw new Error('an asset that is not there cannot be added');
      return added;
    }
    const [id, enrichedVersion, partnerId, ...before] = found as StoredRow;
    if (before[VERSION_AT] === facts.version) keepWhatOthersFound(values, before, facts);
    // The content tells its type better than the name.
    if (enrichedVersion === facts.version) values[CONTENT_TYPE_AT] = before[CONTENT_TYPE_AT] as string;
    if (values.every((value, at) => isSame(value, before[at]))) {
      return { id, isChanged: false, isAtNewPath: false, pathBefore: null, addedAssets: 0, addedBytes: 0 };
    }
    const [idBefore, idNow] = [before[LIVE_ID_AT] as string | null, values[LIVE_ID_AT] as string | null];
    this.#update.run(facts.version, idNow, ...values, id);
    if (partnerId !== null || isLiveId(idBefore)) {
      this.#pairs.note(sourceId, { path: before[PATH_AT] as string, livePhotoId: idBefore });
    }
    if (enrichedVersion === facts.version || isLiveId(idNow)) {
      this.#pairs.note(sourceId, { path: facts.ref.path, livePhotoId: idNow });
    }
    const isAtNewPath = before[PATH_AT] !== facts.ref.path;
    const pathBefore = isAtNewPath ? String(before[PATH_AT]) : null;
    const addedBytes = facts.sizeBytes - Number(before[SIZE_AT]);
    return { id, isChanged: true, isAtNewPath, pathBefore, addedAssets: 0, addedBytes };
  }

  /** @returns the row, or null when there is none of that version. */
  enrich(sourceId: number, ref: string, version: string, found: Enrichment): EnrichedAsset | null {
    const row = this.#find.get(sourceId, ref) as unknown as StoredRow | undefined;
    if (row === undefined) return null;
    const [, enrichedVersion, , ...before] = row;
    const { digests, media } = found;
    const { taken } = media;
    const after = this.#enrich.get(
      ...[found.contentType, media.width, media.height, media.orientation, media.durationMs],
      ...[media.latitude, media.longitude, media.camera, taken?.localText ?? null],
      ...[taken?.offsetMinutes ?? null, taken?.instantMs ?? null, taken?.derivedFrom ?? null],
      ...[
        media.thumbhash,
        media.livePhotoId,
        blobOf(digests.sha256),
        blobOf(digests.sha1),
        blobOf(digests.md5),
      ],
      ...[version, sourceId, ref, version],
    ) as unknown as [id: number, ...SQLInputValue[]] | undefined;
    if (after === undefined) return null;
    const [id, ...values] = after;
    const [path, livePhotoId] = [values[PATH_AT] as string, values[LIVE_ID_AT] as string | null];
    this.#pairs.note(sourceId, { path, livePhotoId });
    // What is read once more mostly holds what it held.
    const isChanged = enrichedVersion !== version || !values.every((value, at) => isSame(value, before[at]));
    return { id, modifiedMs: values[MODIFIED_AT] as number, isChanged };
  }

  /** Null when there is one of that ref. */
  #add(sourceId: number, facts: AssetFacts, values: SQLInputValue[]): StoredAsset | null {
    const { changes, lastInsertRowid } = this.#insert.run(sourceId, facts.ref.id, ...values);
    if (Number(changes) === 0) return null;
    const { ref, livePhotoId } = facts;
    if (isLiveId(livePhotoId)) this.#pairs.note(sourceId, { path: ref.path, livePhotoId });
    const added = { addedAssets: 1, addedBytes: facts.sizeBytes };
    return { id: Number(lastInsertRowid), isChanged: true, isAtNewPath: true, pathBefore: null, ...added };
  }

  /** A folder that it is in has moved, with everything that is in that folder. */
  setPath(assetId: number, path: string): void {
    const row = this.#setPath.get(path, assetId);
    if (row !== undefined) this.#notePairs(row);
  }

  /** Its row; null when there is none. */
  idOf(sourceId: number, ref: string): number | null {
    const found = this.#find.get(sourceId, ref) as unknown as unknown[] | undefined;
    return found === undefined ? null : Number(found[0]);
  }

  /** Removes assets of the given id window that no node shows. */
  removeOrphans(sourceId: number, from: number, to: number): { assets: number; sizeBytes: number } {
    const rows = this.#orphans.all(from, to, sourceId) as Row[];
    let sizeBytes = 0;
    for (const row of rows) {
      this.#delete.run(row.id as number);
      this.#notePairs(row);
      sizeBytes += row.size_bytes as number;
    }
    return { assets: rows.length, sizeBytes };
  }

  /** Removes those of the given assets that no node shows. */
  removeUnshown(ids: Iterable<number>): { assets: number; sizeBytes: number } {
    let assets = 0;
    let sizeBytes = 0;
    for (const id of ids) {
      const gone = this.#deleteUnshown.get(id);
      if (gone === undefined) {
        this.#pairs.notePlaces(id);
        continue;
      }
      this.#notePairs(gone);
      assets += 1;
      sizeBytes += Number(gone.size_bytes);
    }
    return { assets, sizeBytes };
  }

  lastId(): number {
    return Number(this.#lastId.get()?.id ?? 0);
  }

  #notePairs({ source_id: sourceId, path, live_id: livePhotoId, live_partner_id: partnerId }: Row): void {
    if (partnerId === null && !isLiveId(livePhotoId)) return;
    this.#pairs.note(Number(sourceId), { path: String(path), livePhotoId: livePhotoId as string | null });
  }
}

function isLiveId(livePhotoId: unknown): boolean {
  return livePhotoId !== null && livePhotoId !== '';
}

function keepWhatOthersFound(values: unknown[], before: readonly unknown[], facts: AssetFacts): void {
  const sourceKnowsMedia = MEDIA_KEYS.some((key) => facts[key] !== null);
  const from = sourceKnowsMedia ? DIGESTS_FROM : MEDIA_FROM;
  for (let at = from; at < values.length; at++) values[at] ??= before[at];
}

function isSame(value: unknown, stored: unknown): boolean {
  if (value instanceof Uint8Array) {
    return stored instanceof Uint8Array && Buffer.compare(value, stored) === 0;
  }
  return value === stored;
}
