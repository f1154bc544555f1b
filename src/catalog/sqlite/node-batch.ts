import { createHash } from 'node:crypto';
import { CodedError } from '../../model/coded-error.ts';
import { foldName, safeName, tagName } from '../../model/name.ts';
import type { NodeId } from '../../model/node.ts';
import type { AssetEntry, CollectionEntry, Naming } from '../catalog.ts';
import type { NodeRow, NodeTable } from './node-table.ts';
import type { ScanMarks } from './scan-marks.ts';
import { DISPLACED } from './schema.ts';

/** Hexadecimal digits of the tag that keeps equal names apart; the second is for when the first clash. */
const TAG_LENGTHS = [8, 16, 64];

/** Everything one `apply` does to the tree. Lives within one transaction. */
export class NodeBatch {
  readonly #table: NodeTable;
  readonly #sourceId: number;
  readonly #marks: ScanMarks | undefined;
  readonly #rootId: NodeId;
  readonly #idByRef = new Map<string, NodeId>();
  readonly #touched = new Set<NodeId>();
  readonly #displaced = new Set<NodeId>();
  readonly #told: ReadonlySet<string>;
  readonly #unshownAssets = new Set<number>();
  #changed = 0;
  #addedCollections = 0;

  /** @param told refs of all that the batch is going to place. */
  constructor(
    table: NodeTable,
    sourceId: number,
    marks: ScanMarks | undefined,
    told: ReadonlySet<string> = new Set(),
  ) {
    this.#table = table;
    this.#told = told;
    this.#sourceId = sourceId;
    this.#marks = marks;
    this.#rootId = table.rootOf(sourceId);
    marks?.add(this.#rootId);
  }

  placeCollection(entry: CollectionEntry): void {
    const parentId = this.#collectionId(entry.parent);
    const found = this.#table.byRef(this.#sourceId, entry.ref);
    // The time of a layout's own collection is that of its last change, which is not the source's to tell.
    const modifiedMs = entry.isVirtual ? (found?.modifiedMs ?? Date.now()) : entry.modifiedMs;
    const createdMs = entry.isVirtual ? (found?.createdMs ?? Date.now()) : entry.createdMs;
    const id = this.#place(found, entry.ref, {
      ...{ parentId, name: entry.name, naming: entry.naming, ref: entry.ref, assetId: null, anchorId: null },
      ...{ modifiedMs, createdMs, isVirtual: entry.isVirtual, isChanged: false },
    });
    this.#idByRef.set(entry.ref, id);
    // Told anew with each scan; when it could not be read this time either, that is told right after.
    this.#table.noteRead(id);
  }

  /** @param isChanged the asset's own facts changed, so that the node counts as changed too. */
  placeAsset(entry: AssetEntry, assetId: number, isChanged: boolean): void {
    const parentId = this.#collectionId(entry.collection);
    const anchorId = this.#collectionId(entry.anchor);
    const found = this.#table.byAsset(assetId).find((row) => row.anchorId === anchorId) ?? null;
    this.#place(found, entry.facts.ref.id, {
      ...{ parentId, name: entry.name, naming: entry.naming, ref: null, assetId, anchorId },
      ...{ modifiedMs: entry.facts.modifiedMs, createdMs: null, isVirtual: false, isChanged },
    });
  }

  keep(collection: string | null): void {
    const keptId = this.#collectionId(collection);
    this.#table.noteUnread(keptId);
    if (this.#marks === undefined) return;
    for (const id of this.#table.subtreeIds(keptId)) this.#marks.add(id);
  }

  /** The collection itself was told before; its members are told from what is gone when the scan has ended. */
  keepUnchanged(collection: string): void {
    this.#marks?.addUnchanged(this.#collectionId(collection));
  }

  /** Removes one node. Its members, if any, are the caller's to remove. */
  remove(id: NodeId): void {
    const row = this.#table.byId(id);
    if (row === null || !this.#table.remove(id)) return;
    this.#changed += 1;
    if (row.assetId === null) this.#addedCollections -= 1;
    else this.#unshownAssets.add(row.assetId);
    this.#touched.add(row.parentId);
  }

  /** `unshownAssets`: those that lost a place for good and may have no other. */
  end(): { changed: number; addedCollections: number; unshownAssets: ReadonlySet<number> } {
    // Without a scan nobody will see the displaced elsewhere later, so what took their names has replaced them.
    if (this.#marks === undefined) {
      for (const id of this.#displaced) {
        if (this.#table.byId(id)?.parentId !== DISPLACED) continue;
        for (const below of this.#table.subtreeIds(id).reverse()) this.remove(below);
      }
    }
    for (const id of this.#touched) this.#table.touchVirtual(id);
    const unshownAssets = this.#unshownAssets;
    return { changed: this.#changed, addedCollections: this.#addedCollections, unshownAssets };
  }

  #place(found: NodeRow | null, tagSource: string, wanted: Wanted): NodeId {
    const base = safeName(wanted.name, this.#table.policy);
    if (found !== null && isInPlace(found, wanted) && isNameFor(found.name, base, tagSource)) {
      this.#marks?.add(found.id);
      if (
        wanted.isChanged ||
        found.modifiedMs !== wanted.modifiedMs ||
        found.createdMs !== wanted.createdMs
      ) {
        this.#update({ ...found, ...timesOf(wanted) }, wanted.naming);
      }
      return found.id;
    }
    const stale = this.#staleOccupant(base, found, wanted);
    if (found === null && stale !== null && canTakeOver(stale, wanted) && !this.#isToldElsewhere(stale)) {
      this.#update({ ...stale, ...placeOf(wanted), name: stale.name }, wanted.naming);
      if (stale.assetId !== null) this.#noteUnshown(stale.assetId);
      this.#marks?.add(stale.id);
      return stale.id;
    }
    if (stale !== null) this.#displace(stale);
    const name = this.#freeName(base, tagSource, found?.id ?? null, wanted);
    if (found === null) return this.#insert({ ...placeOf(wanted), name }, wanted);
    this.#touched.add(found.parentId).add(wanted.parentId);
    this.#update({ ...found, ...placeOf(wanted), name }, wanted.naming);
    if (found.assetId === null) this.#tellMoved(found.id);
    this.#marks?.add(found.id);
    return found.id;
  }

  #insert(row: Omit<NodeRow, 'id'>, wanted: Wanted): NodeId {
    const id = this.#table.insert(this.#sourceId, row, matchNameOf(row.name, wanted.naming));
    this.#changed += 1;
    if (wanted.assetId === null) this.#addedCollections += 1;
    this.#touched.add(wanted.parentId);
    this.#marks?.add(id);
    return id;
  }

  #update(row: NodeRow, naming: Naming): void {
    this.#table.update(row, matchNameOf(row.name, naming));
    this.#changed += 1;
  }

  /**
   * A disk cannot hold one name twice, so a node that the catalog still has there is out of date: moved,
   * removed or replaced. Where names are free, equal names are just twins.
   */
  #staleOccupant(base: string, found: NodeRow | null, wanted: Wanted): NodeRow | null {
    if (wanted.naming !== 'disk') return null;
    const occupant = this.#table.byName(wanted.parentId, base);
    if (occupant === null || occupant.id === found?.id || occupant.storedName !== wanted.name) return null;
    return occupant;
  }

  /** What is told in the same batch has moved away and not been replaced. */
  #isToldElsewhere(stale: NodeRow): boolean {
    const ref = stale.assetId === null ? stale.ref : this.#table.refOfAsset(stale.assetId);
    return ref !== null && this.#told.has(ref);
  }

  /** During a scan it may be told once more, and then what others found in it is still worth something. */
  #noteUnshown(assetId: number): void {
    if (this.#marks === undefined) this.#unshownAssets.add(assetId);
    else this.#marks.noteUnshown(assetId);
  }

  /** Whoever follows the changes learns that everything below a moved collection has another path. */
  #tellMoved(id: NodeId): void {
    for (const below of this.#table.subtreeIds(id).slice(1)) this.#table.touchMoved(below);
  }

  /** Takes the name away without removing the node: it may yet be seen elsewhere. */
  #displace(row: NodeRow): void {
    this.#displaced.add(row.id);
    this.#touched.add(row.parentId);
    this.#marks?.noteDisplaced(row.id);
    this.#table.update({ ...row, parentId: DISPLACED, name: `${row.id}` }, null);
  }

  /** The tag comes from the thing itself, never from its position, so a name once given does not move. */
  #freeName(base: string, tagSource: string, selfId: NodeId | null, wanted: Wanted): string {
    if (!this.#isTaken(base, selfId, wanted)) return base;
    for (const tag of tagsOf(tagSource)) {
      const name = tagName(base, tag);
      if (!this.#isTaken(name, selfId, wanted)) return name;
    }
    throw new CodedError('exists', 'Two things of one source have the same id.');
  }

  #isTaken(name: string, selfId: NodeId | null, wanted: Wanted): boolean {
    const isOther = (row: NodeRow | null) => row !== null && row.id !== selfId;
    if (isOther(this.#table.byName(wanted.parentId, name))) return true;
    if (wanted.naming === 'disk') return false;
    const folded = foldName(name);
    return (
      isOther(this.#table.byName(wanted.parentId, folded)) ||
      this.#table.byMatchName(wanted.parentId, folded).some(isOther)
    );
  }

  #collectionId(ref: string | null): NodeId {
    if (ref === null) return this.#rootId;
    const id = this.#idByRef.get(ref) ?? this.#table.byRef(this.#sourceId, ref)?.id;
    if (id === undefined) throw new CodedError('parent-missing', 'A member was told before its collection.');
    this.#idByRef.set(ref, id);
    return id;
  }
}

/** What a node should become. */
interface Wanted {
  readonly parentId: NodeId;
  readonly name: string;
  readonly naming: Naming;
  readonly ref: string | null;
  readonly assetId: number | null;
  readonly anchorId: NodeId | null;
  readonly modifiedMs: number;
  readonly createdMs: number | null;
  readonly isVirtual: boolean;
  readonly isChanged: boolean;
}

function placeOf(wanted: Wanted): Omit<NodeRow, 'id' | 'name'> {
  const { parentId, ref, assetId, anchorId, modifiedMs, createdMs, isVirtual } = wanted;
  return { parentId, storedName: wanted.name, ref, assetId, anchorId, modifiedMs, createdMs, isVirtual };
}

function timesOf(wanted: Wanted): Pick<NodeRow, 'modifiedMs' | 'createdMs'> {
  return { modifiedMs: wanted.modifiedMs, createdMs: wanted.createdMs };
}

function isInPlace(row: NodeRow, wanted: Wanted): boolean {
  return row.parentId === wanted.parentId && row.storedName === wanted.name;
}

/** A replaced file or folder keeps its node: for a client it is the same resource with new content. */
function canTakeOver(stale: NodeRow, wanted: Wanted): boolean {
  return (stale.assetId === null) === (wanted.assetId === null) && !stale.isVirtual;
}

function isNameFor(name: string, base: string, tagSource: string): boolean {
  return name === base || tagsOf(tagSource).some((tag) => name === tagName(base, tag));
}

function tagsOf(tagSource: string): string[] {
  const digest = createHash('sha256').update(tagSource).digest('hex');
  return TAG_LENGTHS.map((length) => digest.slice(0, length));
}

function matchNameOf(name: string, naming: Naming): string | null {
  const matchName = naming === 'free' ? foldName(name) : name.normalize('NFC');
  return matchName === name ? null : matchName;
}
