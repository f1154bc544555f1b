import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NamePolicy } from '../../model/name.ts';
import type { NodeId } from '../../model/node.ts';
import { NodeBatch } from './node-batch.ts';
import { limitSql } from './rows.ts';
import type { ScanMarks } from './scan-marks.ts';
import { DISPLACED, MAX_PRUNINGS, NO_PARENT, PRUNED_SEQ_KEY, PRUNINGS_KEY } from './schema.ts';
import { SubtreeStates } from './subtree-states.ts';
import { Vacancies } from './vacancies.ts';

/** What placing a node needs to know of one that is there. */
export interface NodeRow {
  readonly id: NodeId;
  readonly parentId: NodeId;
  readonly name: string;
  readonly storedName: string;
  readonly ref: string | null;
  readonly assetId: number | null;
  readonly anchorId: NodeId | null;
  readonly modifiedMs: number;
  readonly createdMs: number | null;
  readonly isVirtual: boolean;
  /** See `CollectionEntry.isView`. */
  readonly isView: boolean;
}

const COLUMNS =
  'id, parent_id, name, stored_name, ref, asset_id, anchor_id, modified_ms, created_ms, is_virtual';

/** The statements over `node` and `tombstone`. Called inside a transaction of the writer. */
export class NodeTable {
  readonly policy: NamePolicy;
  readonly #byId: StatementSync;
  readonly #byRef: StatementSync;
  readonly #byAsset: StatementSync;
  readonly #byName: StatementSync;
  readonly #byMatchName: StatementSync;
  readonly #insert: StatementSync;
  readonly #place: StatementSync;
  readonly #touch: StatementSync;
  readonly #touchAsset: StatementSync;
  readonly #touchMoved: StatementSync;
  readonly #delete: StatementSync;
  readonly #bury: StatementSync;
  readonly #subtreeIds: StatementSync;
  readonly #displacedOf: StatementSync;
  readonly #anyMember: StatementSync;
  readonly #lastSeq: StatementSync;
  readonly #setUnread: StatementSync;
  readonly #clearUnread: StatementSync;
  readonly #byStoredName: StatementSync;
  readonly #refOfAsset: StatementSync;
  readonly #assetsAt: StatementSync;
  readonly #members: StatementSync;
  readonly #oldTombstones: StatementSync;
  readonly #dig: StatementSync;
  readonly #notePruned: StatementSync;
  readonly #countPruning: StatementSync;
  readonly #states: SubtreeStates;
  readonly #vacancies: Vacancies;
  #seq: number | null = null;

  constructor(database: DatabaseSync, policy: NamePolicy) {
    this.policy = policy;
    this.#states = new SubtreeStates(database);
    this.#vacancies = new Vacancies(database);
    const select = `SELECT ${COLUMNS} FROM node`;
    this.#byId = arrays(database.prepare(`${select} WHERE id = ?`));
    this.#byRef = arrays(database.prepare(`${select} WHERE source_id = ? AND ref = ?`));
    this.#byAsset = arrays(database.prepare(`${select} WHERE asset_id = ?`));
    this.#byName = arrays(database.prepare(`${select} WHERE parent_id = ? AND name = ?`));
    this.#byMatchName = arrays(database.prepare(`${select} WHERE parent_id = ? AND match_name = ?`));
    this.#insert = database.prepare(
      `INSERT INTO node (source_id, parent_id, name, stored_name, match_name, ref, is_virtual, asset_id, anchor_id,
         modified_ms, created_ms, created_seq, changed_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#place = database.prepare(
      `UPDATE node SET parent_id = ?, name = ?, stored_name = ?, match_name = ?, ref = ?, asset_id = ?, anchor_id = ?,
         modified_ms = ?, created_ms = ?, changed_seq = ? WHERE id = ?`,
    );
    this.#touch = database.prepare(
      'UPDATE node SET modified_ms = ?, changed_seq = ? WHERE id = ? AND is_virtual <> 0',
    );
    this.#touchAsset = database.prepare('UPDATE node SET modified_ms = ?, changed_seq = ? WHERE id = ?');
    this.#touchMoved = database.prepare('UPDATE node SET changed_seq = ? WHERE id = ?');
    this.#delete = database.prepare(
      'DELETE FROM node WHERE id = ? RETURNING source_id, created_seq, parent_id, name, asset_id',
    );
    this.#bury = database.prepare(
      'INSERT INTO tombstone (seq, node_id, source_id, created_seq, removed_ms) VALUES (?, ?, ?, ?, ?)',
    );
    this.#subtreeIds = database.prepare(
      `WITH RECURSIVE below (id) AS (
         VALUES (?) UNION ALL SELECT node.id FROM node JOIN below ON node.parent_id = below.id
       ) SELECT id FROM below`,
    );
    this.#displacedOf = database.prepare(
      `SELECT id FROM node WHERE parent_id = ${DISPLACED} AND source_id = ?`,
    );
    this.#anyMember = database.prepare('SELECT 1 FROM node WHERE parent_id = ? LIMIT 1');
    this.#byStoredName = arrays(
      database.prepare(`${select} WHERE parent_id = ? AND stored_name = ? AND stored_name <> name`),
    );
    this.#assetsAt = database.prepare(
      'SELECT id FROM asset WHERE path = ? AND source_id = ? AND id <> ? ORDER BY id',
    );
    this.#refOfAsset = database.prepare('SELECT ref FROM asset WHERE id = ?');
    this.#members = database.prepare(
      `SELECT id, name, stored_name FROM node
       WHERE parent_id = ? AND name > ? AND is_virtual = 0 ORDER BY name ${limitSql()}`,
    );
    this.#oldTombstones = database.prepare(
      `SELECT seq FROM tombstone WHERE removed_ms < ? ORDER BY removed_ms ${limitSql()}`,
    );
    this.#dig = database.prepare('DELETE FROM tombstone WHERE seq = ?');
    this.#notePruned = database.prepare(
      `INSERT INTO catalog (key, value) VALUES ('${PRUNED_SEQ_KEY}', ?1)
       ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(?1 AS INTEGER))`,
    );
    this.#countPruning = database.prepare(
      `INSERT INTO catalog (key, value) VALUES ('${PRUNINGS_KEY}', '1')
       ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) % ${MAX_PRUNINGS} + 1`,
    );
    this.#setUnread = database.prepare(
      `UPDATE node SET is_unread = 1
       WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM node AS member WHERE member.parent_id = ?1)`,
    );
    this.#clearUnread = database.prepare('UPDATE node SET is_unread = 0 WHERE id = ? AND is_unread = 1');
    this.#lastSeq = database.prepare(
      `SELECT max(coalesce((SELECT max(changed_seq) FROM node), 0),
                  coalesce((SELECT max(seq) FROM tombstone), 0),
                  coalesce((SELECT CAST(value AS INTEGER) FROM catalog WHERE key = '${PRUNED_SEQ_KEY}'), 0)) AS seq`,
    );
  }

  /** @param isTold will the batch place what has this ref? */
  beginBatch(sourceId: number, marks: ScanMarks | undefined, isTold?: (ref: string) => boolean): NodeBatch {
    return new NodeBatch(this, sourceId, marks, isTold);
  }

  /** The number of the next change record. */
  nextSeq(): number {
    this.#seq ??= Number(this.#lastSeq.get()?.seq);
    this.#seq += 1;
    return this.#seq;
  }

  /** The last number handed out since the start; null before the first. Grows with each change record. */
  get usedSeq(): number | null {
    return this.#seq;
  }

  /** After a rollback: the numbers handed out were not used. */
  forgetSeq(): void {
    this.#seq = null;
    this.#states.forget();
  }

  /** Before a commit: collections learn what was changed below them. */
  settleStates(): void {
    if (this.#seq !== null) this.#states.settle(this.#seq);
  }

  insertRoot(sourceId: number, name: string): NodeId {
    const seq = this.nextSeq();
    const now = Date.now();
    // All roots share the parent 0, where names must differ: the source's id keeps them apart.
    const unique = `${sourceId}`;
    const run = this.#insert.run(
      ...[sourceId, NO_PARENT, unique, name, null, null, 1, null, null, now, now, seq, seq],
    );
    return Number(run.lastInsertRowid);
  }

  rootOf(sourceId: number): NodeId {
    const row = this.#one(this.#byName, NO_PARENT, `${sourceId}`);
    if (row === null) throw new Error('a source without a root');
    return row.id;
  }

  byId(id: NodeId): NodeRow | null {
    return this.#one(this.#byId, id);
  }

  byRef(sourceId: number, ref: string): NodeRow | null {
    return this.#one(this.#byRef, sourceId, ref);
  }

  byName(parentId: NodeId, name: string): NodeRow | null {
    return this.#one(this.#byName, parentId, name);
  }

  byMatchName(parentId: NodeId, matchName: string): NodeRow[] {
    return (this.#byMatchName.all(parentId, matchName) as unknown as RowArray[]).map(rowOf);
  }

  byAsset(assetId: number): NodeRow[] {
    return (this.#byAsset.all(assetId) as unknown as RowArray[]).map(rowOf);
  }

  insert(sourceId: number, row: Omit<NodeRow, 'id'>, matchName: string | null): NodeId {
    const seq = this.nextSeq();
    this.#states.note(row.parentId);
    const run = this.#insert.run(
      ...[sourceId, row.parentId, row.name, row.storedName, matchName, row.ref, virtualOf(row)],
      ...[row.assetId, row.anchorId, row.modifiedMs, row.createdMs, seq, seq],
    );
    return Number(run.lastInsertRowid);
  }

  update(row: NodeRow, matchName: string | null): void {
    const left = this.#vacancies.placeToLeave(row.id, row.parentId, row.name);
    if (left !== null) {
      this.#states.note(left.parentId);
      // A number of its own, so that a reader may stop between the two.
      this.#vacancies.note(left, this.nextSeq());
    }
    this.#states.note(row.parentId);
    this.#place.run(
      ...[row.parentId, row.name, row.storedName, matchName, row.ref, row.assetId, row.anchorId],
      ...[row.modifiedMs, row.createdMs, this.nextSeq(), row.id],
    );
  }

  /** Only collections of a layout and roots take their time from their members. */
  touchVirtual(id: NodeId): void {
    this.#states.note(id);
    this.#touch.run(Date.now(), this.nextSeq(), id);
  }

  /** A collection that could not be read; means something only as long as it has no members. */
  noteUnread(id: NodeId): void {
    this.#setUnread.run(id);
  }

  noteRead(id: NodeId): void {
    this.#clearUnread.run(id);
  }

  /** A node whose facts are the same but whose path is not: everything below a collection that moved. */
  touchMoved(id: NodeId): void {
    this.#touchMoved.run(this.nextSeq(), id);
  }

  /** The source's own id of an asset; null when there is no such row. */
  refOfAsset(assetId: number): string | null {
    return (this.#refOfAsset.get(assetId)?.ref as string | undefined) ?? null;
  }

  /** Rows of other assets of the source that have this path. */
  othersAt(sourceId: number, path: string, assetId: number): number[] {
    return this.#assetsAt.all(path, sourceId, assetId).map((row) => Number(row.id));
  }

  /** Members of the source itself, in the order of shown names, after one of them. */
  members(
    parentId: NodeId,
    after: string,
    limit: number,
  ): { id: NodeId; name: string; storedName: string }[] {
    return this.#members
      .all(parentId, after, limit)
      .map((row) => ({ id: Number(row.id), name: String(row.name), storedName: String(row.stored_name) }));
  }

  /** The node at a path of stored names, or null. Tries the shown name first, which is nearly always the same. */
  atStoredPath(sourceId: number, storedPath: readonly string[]): NodeId | null {
    let id = this.rootOf(sourceId);
    for (const name of storedPath) {
      const shown = this.byName(id, name);
      const row = shown?.storedName === name ? shown : this.#one(this.#byStoredName, id, name);
      if (row === null) return null;
      id = row.id;
    }
    return id;
  }

  /** @returns how many were forgotten. */
  pruneTombstones(beforeMs: number, limit: number): number {
    const seqs = this.#oldTombstones.all(beforeMs, limit).map((row) => Number(row.seq));
    const left = this.#vacancies.prune(beforeMs, limit);
    if (seqs.length === 0 && left.length === 0) return 0;
    for (const seq of seqs) this.#dig.run(seq);
    this.#expireBefore(Math.max(...seqs, ...left));
    return Math.max(seqs.length, left.length);
  }

  /** No cursor handed out so far can be served any more. */
  expireCursors(): void {
    this.#expireBefore(this.nextSeq());
  }

  /** A place of an asset whose facts changed. */
  touchPlace({ id, parentId }: Pick<NodeRow, 'id' | 'parentId'>, modifiedMs: number): void {
    this.#states.note(parentId);
    this.#touchAsset.run(modifiedMs, this.nextSeq(), id);
  }

  /** Every place of an asset whose facts changed. */
  touchAsset(assetId: number, modifiedMs: number): void {
    for (const place of this.byAsset(assetId)) this.touchPlace(place, modifiedMs);
  }

  /** @returns false when it was gone already. */
  remove(id: NodeId): boolean {
    const gone = this.#delete.get(id);
    if (gone === undefined) return false;
    const seq = this.nextSeq();
    this.#bury.run(seq, id, Number(gone.source_id), Number(gone.created_seq), Date.now());
    const parentId = Number(gone.parent_id);
    this.#states.note(parentId);
    this.#vacancies.note({ parentId, name: String(gone.name), isCollection: gone.asset_id === null }, seq);
    return true;
  }

  /** The collection itself and everything below it. */
  subtreeIds(id: NodeId): NodeId[] {
    return this.#subtreeIds.all(id).map((row) => Number(row.id));
  }

  hasMembers(id: NodeId): boolean {
    return this.#anyMember.get(id) !== undefined;
  }

  /** Nodes that lost their name to another one and were not seen elsewhere since. */
  displacedOf(sourceId: number): NodeId[] {
    return this.#displacedOf.all(sourceId).map((row) => Number(row.id));
  }

  #expireBefore(seq: number): void {
    this.#notePruned.run(`${seq}`);
    this.#countPruning.run();
  }

  #one(statement: StatementSync, ...values: (string | number)[]): NodeRow | null {
    const row = statement.get(...values) as unknown as RowArray | undefined;
    return row === undefined ? null : rowOf(row);
  }
}

type RowArray = [
  id: number,
  parentId: number,
  name: string,
  storedName: string,
  ref: string | null,
  assetId: number | null,
  anchorId: number | null,
  modifiedMs: number,
  createdMs: number | null,
  isVirtual: number,
];

function rowOf(row: RowArray): NodeRow {
  const [id, parentId, name, storedName, ref, assetId, anchorId, modifiedMs, createdMs, isVirtual] = row;
  return {
    ...{ id, parentId, name, storedName, ref, assetId, anchorId, modifiedMs, createdMs },
    ...{ isVirtual: isVirtual !== 0, isView: isVirtual === VIEW },
  };
}

/** `is_virtual` of a view. */
const VIEW = 2;

function virtualOf({ isVirtual, isView }: Pick<NodeRow, 'isVirtual' | 'isView'>): number {
  if (isView) return VIEW;
  return isVirtual ? 1 : 0;
}

/** Arrays are made faster than objects, and this runs once or twice for each file of a scan. */
function arrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}
