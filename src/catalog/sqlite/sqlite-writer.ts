import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { AssetFacts } from '../../model/asset.ts';
import { CodedError } from '../../model/coded-error.ts';
import type { NamePolicy } from '../../model/name.ts';
import type { NodeId } from '../../model/node.ts';
import type {
  ApplyResult,
  CatalogWriter,
  ContentVersionMap,
  Enrichment,
  Entry,
  GivenPlace,
  Scan,
  ShownSource,
  SourceRecord,
} from '../catalog.ts';
import { AssetTable } from './asset-table.ts';
import { ContentVersions } from './content-versions.ts';
import { translating } from './database.ts';
import { EntryBatch, type Tables } from './entry-batch.ts';
import { GivenNameWriting } from './given-name-table.ts';
import { PlaceTable } from './known-places.ts';
import type { NodeBatch } from './node-batch.ts';
import { NodeTable } from './node-table.ts';
import { type Row, sourceOf } from './rows.ts';
import { ScanMarks } from './scan-marks.ts';
import { INDEX_OF_PATHS, NO_PARENT } from './schema.ts';
import { ShownSources } from './shown-sources.ts';

/** Rows looked at in one turn of the event loop while sweeping: a few milliseconds. */
const SWEEP_CHUNK = 2000;

/** The one writer. Every public call is one transaction, or several bounded ones where it says so. */
export class SqliteWriter implements CatalogWriter {
  readonly #database: DatabaseSync;
  readonly #nodes: NodeTable;
  readonly #assets: AssetTable;
  readonly #tables: Tables;
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
  constructor(database: DatabaseSync, policy: NamePolicy, onChange: () => void) {
    this.#database = database;
    this.#onChange = onChange;
    this.#shown = new ShownSources(database);
    this.#versions = new ContentVersions(database);
    this.#given = new GivenNameWriting(database);
    this.#nodes = new NodeTable(database, policy);
    this.#assets = new AssetTable(database);
    this.#tables = { nodes: this.#nodes, assets: this.#assets, places: new PlaceTable(database) };
    this.#sourceByName = database.prepare('SELECT * FROM source WHERE name = ?');
    this.#sourceInsert = database.prepare('INSERT INTO source (name, root_id) VALUES (?, 0) RETURNING id');
    this.#sourceCounts = database.prepare(
      `UPDATE source SET asset_count = asset_count + ?, collection_count = collection_count + ?,
         size_bytes = size_bytes + ? WHERE id = ?`,
    );
    this.#sourceComplete = database.prepare('UPDATE source SET completed_ms = ? WHERE id = ?');
    this.#nodeIdsAfter = database.prepare(
      'SELECT id, source_id, parent_id FROM node WHERE id > ? ORDER BY id LIMIT ?',
    );
  }

  async ensureSource(name: string): Promise<SourceRecord> {
    const known = this.#source(name);
    if (known !== null) return known;
    this.#transaction(() => {
      const id = Number(this.#sourceInsert.get(name)?.id);
      const rootId = this.#nodes.insertRoot(id, name);
      this.#database.prepare('UPDATE source SET root_id = ? WHERE id = ?').run(rootId, id);
    });
    const made = this.#source(name);
    if (made === null) throw new Error('a source that was just written cannot be read');
    return made;
  }

  async preparePaths(): Promise<void> {
    translating(() => this.#database.exec(INDEX_OF_PATHS));
  }

  async showSources(sources: readonly ShownSource[]): Promise<void> {
    this.#transaction(() => {
      if (this.#shown.write(sources)) this.#nodes.expireCursors();
    });
  }

  beginScan(sourceId: number, outer?: Scan): Scan {
    return new ScanMarks(sourceId, outer as ScanMarks | undefined);
  }

  async apply(sourceId: number, entries: readonly Entry[], scan?: Scan): Promise<ApplyResult> {
    const marks = scan as ScanMarks | undefined;
    return this.#transaction(() => {
      const result = new EntryBatch(this.#tables, sourceId, entries, marks).apply();
      this.#count(sourceId, result.addedAssets, result.addedCollections, result.addedBytes);
      this.#removeUnshown(sourceId, result.unshownAssets);
      return { changed: result.changed, unchanged: entries.length - result.changed };
    });
  }

  async refreshAsset(sourceId: number, facts: AssetFacts): Promise<void> {
    this.#transaction(() => {
      if (this.#assets.idOf(sourceId, facts.ref.id) === null) return;
      const stored = this.#assets.store(sourceId, facts);
      this.#count(sourceId, 0, 0, stored.addedBytes);
      if (stored.isChanged) this.#nodes.touchAsset(stored.id, facts.modifiedMs);
    });
  }

  async enrich(sourceId: number, refId: string, version: string, found: Enrichment): Promise<boolean> {
    return this.#transaction(() => {
      const asset = this.#assets.enrich(sourceId, refId, version, found);
      if (asset !== null) this.#nodes.touchAsset(asset.id, asset.modifiedMs);
      return asset !== null;
    });
  }

  async removeAt(sourceId: number, storedPath: readonly string[], scan?: Scan): Promise<number> {
    const id = translating(() => this.#nodes.atStoredPath(sourceId, storedPath));
    if (id === null || (scan as ScanMarks | undefined)?.has(id) === true) return 0;
    return await this.#removeSubtree(sourceId, id);
  }

  async removeNode(sourceId: number, id: NodeId): Promise<number> {
    return await this.#removeSubtree(sourceId, id);
  }

  async removeRef(sourceId: number, ref: string): Promise<number> {
    const collection = translating(() => this.#nodes.byRef(sourceId, ref));
    if (collection !== null) return await this.#removeSubtree(sourceId, collection.id);
    const assetId = translating(() => this.#assets.idOf(sourceId, ref));
    const places = assetId === null ? [] : translating(() => this.#nodes.byAsset(assetId));
    return places.length === 0
      ? 0
      : this.#remove(
          sourceId,
          places.map(({ id }) => id),
        );
  }

  async giveNames(sourceId: number, place: GivenPlace, names: readonly string[]): Promise<void> {
    this.#transaction(() => this.#given.replace(sourceId, place, names));
  }

  async unseenMembers(scan: Scan, collection: string | null): Promise<readonly string[]> {
    const marks = scan as ScanMarks;
    const parentId =
      collection === null
        ? this.#nodes.rootOf(marks.sourceId)
        : translating(() => this.#nodes.byRef(marks.sourceId, collection))?.id;
    if (parentId === undefined) return [];
    const unseen: string[] = [];
    for (let after = ''; ; ) {
      const members = translating(() => this.#nodes.members(parentId, after, SWEEP_CHUNK));
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
    for (const id of translating(() => this.#nodes.displacedOf(sourceId))) {
      if (isWithinAnother && !displaced.has(id)) continue;
      removed += await this.#removeSubtree(sourceId, id);
    }
    removed += await this.#removeLeftBehind(sourceId, unshownAssets);
    if (emptied.size > 0 && !isWithinAnother)
      removed += this.#removing(sourceId, (batch) => batch.removeEmptied(emptied));
    if (unshownAssets.size > 0) this.#transaction(() => this.#removeUnshown(sourceId, unshownAssets));
    return removed;
  }

  async pruneTombstones(beforeMs: number, limit: number): Promise<number> {
    return this.#transaction(() => this.#nodes.pruneTombstones(beforeMs, limit));
  }

  async sweep(scan: Scan): Promise<number> {
    const marks = scan as ScanMarks;
    const parentOf = (id: NodeId) => this.#nodes.byId(id)?.parentId ?? NO_PARENT;
    // With everything in them, although the scan may have seen it there before they lost their names.
    let removed = await this.settle(scan);
    let after: NodeId = 0;
    for (;;) {
      const rows = translating(() => this.#nodeIdsAfter.all(after, SWEEP_CHUNK)) as Row[];
      const unseen = rows
        .filter((row) => row.source_id === marks.sourceId && !marks.has(row.id as NodeId))
        .filter((row) => !marks.isWithinUnchanged(row.parent_id as NodeId, parentOf))
        .map((row) => row.id as NodeId);
      if (unseen.length > 0) removed += this.#remove(marks.sourceId, unseen);
      const last = rows.at(-1);
      if (last === undefined || rows.length < SWEEP_CHUNK) break;
      after = last.id as NodeId;
      await yieldToEventLoop();
    }
    if (removed > 0 || marks.leavesOrphans) await this.#removeOrphans(marks.sourceId);
    return removed;
  }

  async completeScan(sourceId: number, completedMs: number, versions?: ContentVersionMap): Promise<void> {
    this.#transaction(() => {
      this.#sourceComplete.run(completedMs, sourceId);
      this.#given.forgetGone(sourceId);
      if (versions !== undefined) this.#versions.replace(sourceId, versions);
    });
  }

  async #removeSubtree(sourceId: number, id: NodeId): Promise<number> {
    const ids = translating(() => this.#nodes.subtreeIds(id)).reverse();
    let removed = 0;
    for (let from = 0; from < ids.length; from += SWEEP_CHUNK) {
      removed += this.#remove(sourceId, ids.slice(from, from + SWEEP_CHUNK));
      await yieldToEventLoop();
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
    for (let from = 0; from < ids.length; from += SWEEP_CHUNK) {
      const some = ids.slice(from, from + SWEEP_CHUNK);
      removed += this.#removing(sourceId, (batch) => batch.removeLeftBehind(some));
      await yieldToEventLoop();
    }
    return removed;
  }

  /** @returns how many nodes went. */
  #removing(sourceId: number, work: (batch: NodeBatch) => void): number {
    return this.#transaction(() => {
      const batch = this.#nodes.beginBatch(sourceId, undefined);
      work(batch);
      const result = batch.end();
      this.#count(sourceId, 0, result.addedCollections, 0);
      this.#removeUnshown(sourceId, result.unshownAssets);
      return result.changed;
    });
  }

  #removeUnshown(sourceId: number, assetIds: Iterable<number>): void {
    const gone = this.#assets.removeUnshown(assetIds);
    this.#count(sourceId, -gone.assets, 0, -gone.sizeBytes);
  }

  /** Assets that no node shows any more. Their digests were worth keeping until the scan was complete. */
  async #removeOrphans(sourceId: number): Promise<void> {
    for (let from = 0; from <= this.#assets.lastId(); from += SWEEP_CHUNK) {
      this.#transaction(() => {
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
    const row = translating(() => this.#sourceByName.get(name)) as Row | undefined;
    return row === undefined ? null : sourceOf(row);
  }

  #transaction<T>(work: () => T): T {
    const seqBefore = this.#nodes.usedSeq;
    const result = translating(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const done = work();
        this.#nodes.settleStates();
        this.#database.exec('COMMIT');
        return done;
      } catch (error) {
        this.#rollBack(error);
        throw error;
      }
    });
    if (this.#nodes.usedSeq !== seqBefore) this.#onChange();
    return result;
  }

  /** SQLite rolls back by itself on some errors (full disk); a second ROLLBACK then fails and says nothing new. */
  #rollBack(cause: unknown): void {
    this.#nodes.forgetSeq();
    try {
      this.#database.exec('ROLLBACK');
    } catch (error) {
      const isOver = String((error as Error).message).includes('no transaction is active');
      if (!isOver) throw new CodedError('internal', 'A failed transaction could not be undone.', { cause });
    }
  }
}
