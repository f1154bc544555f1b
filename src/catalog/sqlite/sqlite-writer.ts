import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { AssetFacts } from '../../model/asset.ts';
import type { NamePolicy } from '../../model/name.ts';
import type { NodeId } from '../../model/node.ts';
import type {
  ApplyResult,
  CatalogWriter,
  ContentVersionMap,
  Enrichment,
  Entry,
  GivenPlace,
  PrunedNames,
  PruneStep,
  Scan,
  ShownSource,
  SourceRecord,
} from '../catalog.ts';
import { AssetProblems } from './asset-problems.ts';
import { AssetTable } from './asset-table.ts';
import { ContentVersions } from './content-versions.ts';
import { EntryBatch, type Tables } from './entry-batch.ts';
import { GivenNameWriting } from './given-name-table.ts';
import { PlaceTable } from './known-places.ts';
import { LivePairs } from './live-pairs.ts';
import { MovedSubtrees } from './moved-subtrees.ts';
import type { NodeBatch } from './node-batch.ts';
import { NodeTable } from './node-table.ts';
import { limitSql, type Row, sourceOf } from './rows.ts';
import { ScanMarks } from './scan-marks.ts';
import { INDEX_OF_PATHS, NO_PARENT } from './schema.ts';
import { ShownSources } from './shown-sources.ts';
import { Subtrees } from './subtrees.ts';
import { inOneStep, type Steps, type WriteConnection } from './write-connection.ts';

/** Rows looked at in one turn of the event loop while sweeping: a few milliseconds. */
const SWEEP_CHUNK = 2000;
/** Nodes removed in one turn of the event loop: as long. */
const REMOVE_CHUNK = 250;

/** The one writer. Every public call is one transaction, or several bounded ones where it says so. */
export class SqliteWriter implements CatalogWriter {
  readonly #database: DatabaseSync;
  readonly #connection: WriteConnection;
  readonly #nodes: NodeTable;
  readonly #assets: AssetTable;
  readonly #problems: AssetProblems;
  readonly #pairs: LivePairs;
  readonly #tables: Tables;
  readonly #subtrees: Subtrees;
  readonly #moved: MovedSubtrees;
  readonly #shown: ShownSources;
  readonly #versions: ContentVersions;
  readonly #given: GivenNameWriting;
  readonly #onChange: () => void;
  readonly #sourceByName: StatementSync;
  readonly #sourceInsert: StatementSync;
  readonly #sourceCounts: StatementSync;
  readonly #sourceComplete: StatementSync;
  readonly #nodeIdsAfter: StatementSync;

  /** @param onChange called after each commit that the change log has grown by; must not throw. */
  constructor(database: DatabaseSync, connection: WriteConnection, policy: NamePolicy, onChange: () => void) {
    this.#database = database;
    this.#connection = connection;
    this.#onChange = onChange;
    this.#shown = new ShownSources(database);
    this.#versions = new ContentVersions(database);
    this.#given = new GivenNameWriting(database);
    this.#nodes = new NodeTable(database, policy);
    this.#pairs = new LivePairs(database);
    this.#assets = new AssetTable(database, this.#pairs);
    this.#problems = new AssetProblems(database);
    const places = new PlaceTable(database);
    this.#tables = { nodes: this.#nodes, assets: this.#assets, places, pairs: this.#pairs };
    this.#subtrees = new Subtrees(database);
    this.#moved = new MovedSubtrees(database, this.#nodes, this.#assets);
    this.#sourceByName = database.prepare('SELECT * FROM source WHERE name = ?');
    this.#sourceInsert = database.prepare('INSERT INTO source (name, root_id) VALUES (?, 0) RETURNING id');
    this.#sourceCounts = database.prepare(
      `UPDATE source SET asset_count = asset_count + ?, collection_count = collection_count + ?,
         size_bytes = size_bytes + ? WHERE id = ?`,
    );
    this.#sourceComplete = database.prepare('UPDATE source SET completed_ms = ? WHERE id = ?');
    this.#nodeIdsAfter = database.prepare(
      `SELECT id, source_id, parent_id FROM node WHERE id > ? ORDER BY id ${limitSql()}`,
    );
  }

  async ensureSource(name: string): Promise<SourceRecord> {
    // Asked first, so that a server whose sources are the same writes nothing to start.
    const known = await this.#connection.run(() => this.#source(name));
    return known ?? (await this.#transaction(() => this.#source(name) ?? this.#makeSource(name)));
  }

  async preparePaths(): Promise<void> {
    await this.#connection.run(() => this.#database.exec(INDEX_OF_PATHS));
  }

  async showSources(sources: readonly ShownSource[]): Promise<void> {
    await this.#transaction(() => {
      if (this.#shown.write(sources)) this.#nodes.expireCursors();
    });
  }

  beginScan(sourceId: number, outer?: Scan): Scan {
    return new ScanMarks(sourceId, outer as ScanMarks | undefined);
  }

  async apply(sourceId: number, entries: readonly Entry[], scan?: Scan): Promise<ApplyResult> {
    const marks = scan as ScanMarks | undefined;
    return await this.#transactionInSteps(() => this.#applyInSteps(sourceId, entries, marks));
  }

  async refreshAsset(sourceId: number, facts: AssetFacts): Promise<void> {
    await this.#transaction(() => {
      if (this.#assets.idOf(sourceId, facts.ref.id) === null) return;
      const stored = this.#assets.store(sourceId, facts);
      this.#count(sourceId, 0, 0, stored.addedBytes);
      if (stored.isChanged) this.#nodes.touchAsset(stored.id, facts.modifiedMs);
    });
  }

  async enrich(sourceId: number, refId: string, version: string, found: Enrichment): Promise<boolean> {
    return await this.#transaction(() => {
      const asset = this.#assets.enrich(sourceId, refId, version, found);
      if (asset === null) return false;
      if (asset.isChanged) this.#nodes.touchAsset(asset.id, asset.modifiedMs);
      if (found.problem == null) this.#problems.clear(asset.id);
      else this.#problems.put(sourceId, refId, version, found.problem);
      return true;
    });
  }

  async noteProblem(sourceId: number, refId: string, version: string, reason: string): Promise<boolean> {
    return await this.#transaction(() => this.#problems.put(sourceId, refId, version, reason));
  }

  async removeAt(sourceId: number, storedPath: readonly string[], scan?: Scan): Promise<number> {
    const id = await this.#connection.run(() => this.#nodes.atStoredPath(sourceId, storedPath));
    if (id === null || (scan as ScanMarks | undefined)?.has(id) === true) return 0;
    return await this.#removeSubtree(sourceId, id);
  }

  async removeNode(sourceId: number, id: NodeId): Promise<number> {
    return await this.#removeSubtree(sourceId, id);
  }

  async removeRef(sourceId: number, ref: string): Promise<number> {
    const collection = await this.#connection.run(() => this.#nodes.byRef(sourceId, ref));
    if (collection !== null) return await this.#removeSubtree(sourceId, collection.id);
    return await this.#transaction(() => {
      const assetId = this.#assets.idOf(sourceId, ref);
      const places = assetId === null ? [] : this.#nodes.byAsset(assetId);
      const ids = places.map(({ id }) => id);
      return this.#remove(sourceId, ids);
    });
  }

  async giveNames(sourceId: number, place: GivenPlace, names: readonly string[]): Promise<void> {
    await this.#transaction(() => this.#given.replace(sourceId, place, names));
  }

  async unseenMembers(scan: Scan, collection: string | null): Promise<readonly string[]> {
    const marks = scan as ScanMarks;
    const parentId = await this.#connection.run(() =>
      collection === null
        ? this.#nodes.rootOf(marks.sourceId)
        : this.#nodes.byRef(marks.sourceId, collection)?.id,
    );
    if (parentId === undefined) return [];
    const unseen: string[] = [];
    for (let after = ''; ; ) {
      const from = after;
      const members = await this.#connection.run(() => this.#nodes.members(parentId, from, SWEEP_CHUNK));
      unseen.push(...members.filter(({ id }) => !marks.has(id)).map(({ storedName }) => storedName));
      const last = members.at(-1);
      if (last === undefined || members.length < SWEEP_CHUNK) return unseen;
      after = last.name;
      await yieldToEventLoop();
    }
  }

  async settle(scan: Scan): Promise<number> {
    const { sourceId, displaced, isWithinAnother, unshownAssets, emptied } = scan as ScanMarks;
    let removed = 0;
    // Also those of a scan that came to no end, by an error or a power cut; but what the scan around this one has
    // displaced may yet be seen by it.
    for (const id of await this.#connection.run(() => this.#nodes.displacedOf(sourceId))) {
      if (isWithinAnother && !displaced.has(id)) continue;
      removed += await this.#removeSubtree(sourceId, id);
    }
    removed += await this.#removeLeftBehind(sourceId, unshownAssets);
    if (emptied.size > 0 && !isWithinAnother)
      removed += await this.#transaction(() =>
        this.#removing(sourceId, (batch) => batch.removeEmptied(emptied)),
      );
    if (unshownAssets.size > 0) await this.#transaction(() => this.#removeUnshown(sourceId, unshownAssets));
    return removed;
  }

  async pruneTombstones(beforeMs: number, limit: number): Promise<number> {
    return await this.#transaction(() => this.#nodes.pruneTombstones(beforeMs, limit));
  }

  async pruneGivenNames(nowMs: number, goneBeforeMs: number, step: PruneStep): Promise<PrunedNames> {
    return await this.#transaction(() => this.#given.prune(nowMs, goneBeforeMs, step));
  }

  async sweep(scan: Scan): Promise<number> {
    const marks = scan as ScanMarks;
    const parentOf = (id: NodeId) => this.#nodes.byId(id)?.parentId ?? NO_PARENT;
    // With everything in them, although the scan may have seen it there before they lost their names.
    let removed = await this.settle(scan);
    let after: NodeId = 0;
    for (;;) {
      const from = after;
      const rows = (await this.#connection.run(() => this.#nodeIdsAfter.all(from, SWEEP_CHUNK))) as Row[];
      const unseen = rows
        .filter((row) => row.source_id === marks.sourceId && !marks.has(row.id as NodeId))
        .filter((row) => !marks.isWithinUnchanged(row.parent_id as NodeId, parentOf))
        .map((row) => row.id as NodeId);
      for (let at = 0; at < unseen.length; at += REMOVE_CHUNK) {
        const some = unseen.slice(at, at + REMOVE_CHUNK);
        removed += await this.#transaction(() => this.#remove(marks.sourceId, some));
        await yieldToEventLoop();
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < SWEEP_CHUNK) break;
      after = last.id as NodeId;
      await yieldToEventLoop();
    }
    if (removed > 0 || marks.leavesOrphans) await this.#removeOrphans(marks.sourceId);
    return removed;
  }

  async completeScan(sourceId: number, completedMs: number, versions?: ContentVersionMap): Promise<void> {
    await this.#transaction(() => {
      this.#sourceComplete.run(completedMs, sourceId);
      this.#given.forgetGone(sourceId);
      if (versions !== undefined) this.#versions.replace(sourceId, versions);
    });
  }

  *#applyInSteps(
    sourceId: number,
    entries: readonly Entry[],
    marks: ScanMarks | undefined,
  ): Steps<ApplyResult> {
    const result = new EntryBatch(this.#tables, sourceId, entries, marks).apply();
    this.#count(sourceId, result.addedAssets, result.addedCollections, result.addedBytes);
    this.#removeUnshown(sourceId, result.unshownAssets);
    yield* this.#moved.tell(result.movedCollections);
    return { changed: result.changed, unchanged: entries.length - result.changed };
  }

  async #removeSubtree(sourceId: number, id: NodeId): Promise<number> {
    return await this.#transactionInSteps(() => this.#removeSubtreeInSteps(sourceId, id));
  }

  /** Members before the collection that they are in. */
  *#removeSubtreeInSteps(sourceId: number, id: NodeId): Steps<number> {
    const ids = [id];
    for (const part of this.#subtrees.below(id, '', SWEEP_CHUNK)) {
      for (const below of part) ids.push(below.id);
      yield;
    }
    let removed = 0;
    while (ids.length > 0) {
      removed += this.#remove(sourceId, ids.splice(-REMOVE_CHUNK).reverse());
      yield;
    }
    return removed;
  }

  #remove(sourceId: number, ids: readonly NodeId[]): number {
    return this.#removing(sourceId, (batch) => {
      for (const id of ids) batch.remove(id);
    });
  }

  /** What is in views only, in bounded transactions. @returns how many nodes went. */
  async #removeLeftBehind(sourceId: number, assetIds: ReadonlySet<number>): Promise<number> {
    const ids = [...assetIds];
    let removed = 0;
    for (let from = 0; from < ids.length; from += REMOVE_CHUNK) {
      const some = ids.slice(from, from + REMOVE_CHUNK);
      removed += await this.#transaction(() =>
        this.#removing(sourceId, (batch) => batch.removeLeftBehind(some)),
      );
      await yieldToEventLoop();
    }
    return removed;
  }

  /** Within a transaction. @returns how many nodes went. */
  #removing(sourceId: number, work: (batch: NodeBatch) => void): number {
    const batch = this.#nodes.beginBatch(sourceId, undefined);
    work(batch);
    const result = batch.end();
    this.#count(sourceId, 0, result.addedCollections, 0);
    this.#removeUnshown(sourceId, result.unshownAssets);
    return result.changed;
  }

  #removeUnshown(sourceId: number, assetIds: Iterable<number>): void {
    const gone = this.#assets.removeUnshown(assetIds);
    this.#count(sourceId, -gone.assets, 0, -gone.sizeBytes);
  }

  /** Assets that no node shows any more. Their digests were worth keeping until the scan was complete. */
  async #removeOrphans(sourceId: number): Promise<void> {
    for (let from = 0; from <= this.#assets.lastId(); from += SWEEP_CHUNK) {
      await this.#transaction(() => {
        const gone = this.#assets.removeOrphans(sourceId, from, from + SWEEP_CHUNK);
        this.#count(sourceId, -gone.assets, 0, -gone.sizeBytes);
      });
      await yieldToEventLoop();
    }
  }

  #count(sourceId: number, assets: number, collections: number, sizeBytes: number): void {
    if (assets !== 0 || collections !== 0 || sizeBytes !== 0) {
      this.#sourceCounts.run(assets, collections, sizeBytes, sourceId);
    }
  }

  #source(name: string): SourceRecord | null {
    const row = this.#sourceByName.get(name) as Row | undefined;
    return row === undefined ? null : sourceOf(row);
  }

  #makeSource(name: string): SourceRecord {
    const id = Number(this.#sourceInsert.get(name)?.id);
    const rootId = this.#nodes.insertRoot(id, name);
    this.#database.prepare('UPDATE source SET root_id = ? WHERE id = ?').run(rootId, id);
    const made = this.#source(name);
    if (made === null) throw new Error('a source that was just written cannot be read');
    return made;
  }

  async #transaction<T>(work: () => T): Promise<T> {
    return await this.#transactionInSteps(() => inOneStep(work));
  }

  async #transactionInSteps<T>(work: () => Steps<T>): Promise<T> {
    const nodes = this.#nodes;
    const pairs = this.#pairs;
    let seqBefore = nodes.usedSeq;
    const settled = function* (): Steps<T> {
      seqBefore = nodes.usedSeq;
      const done = yield* work();
      yield* pairs.settle((assetId, modifiedMs) => nodes.touchAsset(assetId, modifiedMs));
      nodes.settleStates();
      return done;
    };
    const result = await this.#connection.transactionInSteps(settled, () => {
      nodes.forgetSeq();
      pairs.forget();
    });
    if (nodes.usedSeq !== seqBefore) this.#onChange();
    return result;
  }
}
