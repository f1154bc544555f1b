import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { AssetFacts, CaptureTime, Digests } from '../../model/asset.ts';
import type { MediaKind } from '../../model/content-type.ts';
import type { AssetNode, CollectionNode, Node } from '../../model/node.ts';
import type { SourceRecord } from '../catalog.ts';
import { NO_PARENT } from './schema.ts';

/** A row as node:sqlite gives it. */
export type Row = Record<string, SQLOutputValue>;

/** Columns of `node` joined with `asset`, in one place so that every query yields the same shape. */
export const NODE_COLUMNS = `
  node.id, node.source_id, node.parent_id, node.name, node.stored_name, node.ref, node.is_virtual, node.is_unread, node.asset_id,
  node.modified_ms AS node_modified_ms, node.created_ms AS node_created_ms, node.changed_seq,
  node.subtree_seq,
  asset.ref AS asset_ref, asset.path, asset.version, asset.size_bytes, asset.content_type, asset.kind,
  asset.modified_ms, asset.created_ms, asset.status_changed_ms, asset.width, asset.height, asset.orientation, asset.duration_ms,
  asset.latitude, asset.longitude, asset.camera, asset.taken_local, asset.taken_offset_minutes, asset.taken_ms,
  asset.taken_from, asset.thumbhash, asset.live_id, asset.sha256, asset.sha1, asset.md5,
  iif(asset.live_partner_id IS NULL, NULL, (
    SELECT twin.id FROM node AS twin WHERE twin.asset_id = asset.live_partner_id
    ORDER BY twin.anchor_id IS NOT node.anchor_id, twin.id LIMIT 1
  )) AS twin_id`;

export const NODE_FROM = 'FROM node LEFT JOIN asset ON asset.id = node.asset_id';

/**
 * SQL: so many rows at most. By the value of a parameter that stands alone there SQLite plans, and so prepares the statement
 * anew each time it is bound (https://sqlite.org/c3ref/prepare.html), which takes longer than most of them do.
 */
export function limitSql(parameter = '?'): string {
  return `LIMIT ${parameter} + 0`;
}

/** The columns of `asset` that facts fill, in the order of `assetValues`. */
export const ASSET_FACT_COLUMNS = [
  'path',
  'version',
  'size_bytes',
  'content_type',
  'kind',
  'modified_ms',
  'created_ms',
  'status_changed_ms',
  'width',
  'height',
  'orientation',
  'duration_ms',
  'latitude',
  'longitude',
  'camera',
  'taken_local',
  'taken_offset_minutes',
  'taken_ms',
  'taken_from',
  'thumbhash',
  'live_id',
  'sha256',
  'sha1',
  'md5',
] as const;

export function assetValues(facts: AssetFacts): SQLInputValue[] {
  return [
    facts.ref.path,
    facts.version,
    facts.sizeBytes,
    facts.contentType,
    facts.kind,
    facts.modifiedMs,
    facts.createdMs,
    facts.statusChangedMs,
    facts.width,
    facts.height,
    facts.orientation,
    facts.durationMs,
    facts.latitude,
    facts.longitude,
    facts.camera,
    facts.taken?.localText ?? null,
    facts.taken?.offsetMinutes ?? null,
    facts.taken?.instantMs ?? null,
    facts.taken?.derivedFrom ?? null,
    facts.thumbhash,
    facts.livePhotoId,
    blobOf(facts.digests.sha256),
    blobOf(facts.digests.sha1),
    blobOf(facts.digests.md5),
  ];
}

export function nodeOf(row: Row): Node {
  return row.asset_id === null ? collectionOf(row) : assetNodeOf(row);
}

export function sourceOf(row: Row): SourceRecord {
  return {
    id: row.id as number,
    name: row.name as string,
    rootId: row.root_id as number,
    assetCount: row.asset_count as number,
    collectionCount: row.collection_count as number,
    sizeBytes: row.size_bytes as number,
    completedMs: row.completed_ms as number | null,
  };
}

function collectionOf(row: Row): CollectionNode {
  return {
    kind: 'collection',
    id: row.id as number,
    parentId: parentOf(row),
    sourceId: row.source_id as number,
    name: row.name as string,
    storedName: row.stored_name as string,
    ref: row.is_virtual !== 0 ? null : (row.ref as string | null),
    isUnread: row.is_unread === 1,
    modifiedMs: row.node_modified_ms as number,
    createdMs: row.node_created_ms as number | null,
    changedSeq: row.changed_seq as number,
    stateSeq: Math.max(row.changed_seq as number, row.subtree_seq as number),
  };
}

function assetNodeOf(row: Row): AssetNode {
  return {
    kind: 'asset',
    id: row.id as number,
    parentId: parentOf(row),
    sourceId: row.source_id as number,
    name: row.name as string,
    storedName: row.stored_name as string,
    modifiedMs: row.modified_ms as number,
    createdMs: row.created_ms as number | null,
    changedSeq: row.changed_seq as number,
    asset: factsOf(row),
    twinId: row.twin_id as number | null,
  };
}

/** Facts of a row with the columns of `asset` as NODE_COLUMNS names them. */
export function factsOf(row: Row): AssetFacts {
  return {
    ref: { id: row.asset_ref as string, path: row.path as string },
    version: row.version as string,
    sizeBytes: row.size_bytes as number,
    contentType: row.content_type as string,
    kind: row.kind as MediaKind,
    modifiedMs: row.modified_ms as number,
    createdMs: row.created_ms as number | null,
    statusChangedMs: row.status_changed_ms as number | null,
    width: row.width as number | null,
    height: row.height as number | null,
    orientation: row.orientation as number | null,
    durationMs: row.duration_ms as number | null,
    latitude: row.latitude as number | null,
    longitude: row.longitude as number | null,
    camera: row.camera as string | null,
    taken: takenOf(row),
    thumbhash: row.thumbhash as string | null,
    livePhotoId: row.live_id as string | null,
    digests: digestsOf(row),
  };
}

function takenOf(row: Row): CaptureTime | null {
  if (row.taken_local === null) return null;
  return {
    localText: row.taken_local as string,
    offsetMinutes: row.taken_offset_minutes as number | null,
    instantMs: row.taken_ms as number | null,
    derivedFrom: row.taken_from as string,
  };
}

function digestsOf(row: Row): Digests {
  return {
    ...(row.sha256 === null ? {} : { sha256: hexOf(row.sha256) }),
    ...(row.sha1 === null ? {} : { sha1: hexOf(row.sha1) }),
    ...(row.md5 === null ? {} : { md5: hexOf(row.md5) }),
  };
}

function parentOf(row: Row): number | null {
  return row.parent_id === NO_PARENT ? null : (row.parent_id as number);
}

/** Hexadecimal as SQLite stores it. */
export function blobOf(hex: string | undefined): Uint8Array | null {
  return hex === undefined ? null : Buffer.from(hex, 'hex');
}

function hexOf(blob: SQLOutputValue | undefined): string {
  return Buffer.from(blob as Uint8Array).toString('hex');
}
