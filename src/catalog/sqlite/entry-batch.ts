import type { AssetFacts } from '../../model/asset.ts';
import { safeName } from '../../model/name.ts';
import type { AssetEntry, Entry } from '../catalog.ts';
import type { AssetTable, StoredAsset } from './asset-table.ts';
import { type KnownPlaces, NOTHING_KNOWN, type PlaceTable } from './known-places.ts';
import type { LivePairs } from './live-pairs.ts';
import type { BatchEnd, NodeBatch } from './node-batch.ts';
import type { NodeTable } from './node-table.ts';
import type { ScanMarks } from './scan-marks.ts';

export interface Tables {
  readonly nodes: NodeTable;
  readonly assets: AssetTable;
  readonly places: PlaceTable;
  readonly pairs: LivePairs;
}

export interface AppliedEntries extends BatchEnd {
  readonly addedAssets: number;
  readonly addedBytes: number;
}

/** What one `apply` was told. Lives within one transaction. */
export class EntryBatch {
  readonly #tables: Tables;
  readonly #sourceId: number;
  readonly #marks: ScanMarks | undefined;
  readonly #entries: readonly Entry[];
  readonly #nodes: NodeBatch;
  readonly #changedAssets = new Set<number>();
  #known: KnownPlaces = NOTHING_KNOWN;
  /** Shown names, as far as they are free, of the entries that `#known` was asked for. */
  #names: readonly string[] = [];
  #namesFrom = 0;
  #last: { readonly facts: AssetFacts; readonly id: number } | null = null;
  #addedAssets = 0;
  #addedBytes = 0;

  constructor(tables: Tables, sourceId: number, entries: readonly Entry[], marks: ScanMarks | undefined) {
    this.#tables = tables;
    this.#sourceId = sourceId;
    this.#entries = entries;
    this.#marks = marks;
    let told: ReadonlySet<string> | null = null;
    this.#nodes = tables.nodes.beginBatch(sourceId, marks, (ref) => {
      told ??= new Set(entries.flatMap(refsOf));
      return told.has(ref);
    });
  }

  apply(): AppliedEntries {
    for (const [at, entry] of this.#entries.entries()) {
      if (entry.kind === 'collection') this.#nodes.placeCollection(entry);
      else if (entry.kind === 'kept') this.#nodes.keep(entry);
      else if (entry.kind === 'unchanged') this.#nodes.keepUnchanged(entry.collection);
      else {
        if (this.#names[at - this.#namesFrom] === undefined) this.#lookAhead(at, entry);
        this.#placeAsset(entry, this.#names[at - this.#namesFrom] ?? '');
      }
    }
    const [addedAssets, addedBytes] = [this.#addedAssets, this.#addedBytes];
    return { ...this.#nodes.end(), addedAssets, addedBytes };
  }

  /** The next entries are mostly members of one collection. */
  #lookAhead(from: number, { collection }: AssetEntry): void {
    const names: string[] = [];
    for (let at = from; at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (entry?.kind !== 'asset' || entry.collection !== collection) break;
      names.push(safeName(entry.name, this.#tables.nodes.policy));
    }
    this.#known = this.#tables.places.at(this.#nodes.collectionId(collection), names);
    this.#nodes.watchNames(this.#known);
    this.#names = names;
    this.#namesFrom = from;
  }

  #placeAsset(entry: AssetEntry, name: string): void {
    const anchorId = this.#nodes.collectionId(entry.anchor);
    const place = this.#known.unchanged(entry, name, anchorId);
    if (place !== null && entry.takes === undefined && !this.#changedAssets.has(place.assetId)) {
      this.#marks?.add(place.nodeId);
      return;
    }
    const isFree = this.#known.isFree(name);
    const stored = this.#store(entry.facts, isFree);
    if (stored.isChanged) this.#changedAssets.add(stored.id);
    this.#addedAssets += stored.addedAssets;
    this.#addedBytes += stored.addedBytes;
    const isAdditional = this.#nodes.placeAsset(entry, stored, isFree ? name : null);
    if (isAdditional) this.#tables.pairs.notePlaces(stored.id);
  }

  /** The same facts are told several times in a row where a source is shown in several views. */
  #store(facts: AssetFacts, isLikelyNew: boolean): StoredAsset {
    if (this.#last?.facts === facts) {
      const { id } = this.#last;
      return { id, isChanged: false, isAtNewPath: false, pathBefore: null, addedAssets: 0, addedBytes: 0 };
    }
    const stored = this.#tables.assets.store(this.#sourceId, facts, isLikelyNew);
    this.#last = { facts, id: stored.id };
    return stored;
  }
}

/** How the source names what an entry places. */
function refsOf(entry: Entry): string[] {
  if (entry.kind === 'kept' || entry.kind === 'unchanged') return [];
  return [entry.kind === 'collection' ? entry.ref : entry.facts.ref.id];
}
