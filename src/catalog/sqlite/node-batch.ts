import { CodedError } from '../../model/coded-error.ts';
import { foldName, safeName, tagName, tagsOf } from '../../model/name.ts';
import type { NodeId } from '../../model/node.ts';
import type { AssetEntry, CollectionEntry, KeptEntry, Naming } from '../catalog.ts';
import type { StoredAsset } from './asset-table.ts';
import { type KnownPlaces, NOTHING_KNOWN } from './known-places.ts';
import type { NodeRow, NodeTable } from './node-table.ts';
import type { ScanMarks } from './scan-marks.ts';
import { DISPLACED, NO_PARENT } from './schema.ts';
import { ViewPlaces } from './view-places.ts';

export interface BatchEnd {
  /** Nodes that were made or changed. */
  readonly changed: number;
  readonly addedCollections: number;
  /** Assets that lost a place for good and may have no other. */
  readonly unshownAssets: ReadonlySet<number>;
  /** Those whose members have another path now, which is still to be told: see `MovedSubtrees`. True: on a disk. */
  readonly movedCollections: ReadonlyMap<NodeId, boolean>;
}

/** Everything one `apply` does to the tree. Lives within one transaction. */
export class NodeBatch {
  readonly #table: NodeTable;
  readonly #sourceId: number;
  readonly #marks: ScanMarks | undefined;
  readonly #rootId: NodeId;
  readonly #idByRef = new Map<string, NodeId>();
  readonly #touched = new Set<NodeId>();
  readonly #displaced = new Set<NodeId>();
  readonly #isTold: (ref: string) => boolean;
  readonly #unshownAssets = new Set<number>();
  #known: KnownPlaces = NOTHING_KNOWN;
  /** Those that are new or were told at another path before. */
  readonly #movedAssets = new Set<number>();
  readonly #views: ViewPlaces;
  readonly #moved = new Map<NodeId, boolean>();
  #changed = 0;
  #addedCollections = 0;

  /** @param isTold will the batch place what has this ref? */
  constructor(
    table: NodeTable,
    sourceId: number,
    marks: ScanMarks | undefined,
    isTold: (ref: string) => boolean = () => false,
  ) {
    this.#table = table;
    this.#isTold = isTold;
    this.#sourceId = sourceId;
    this.#marks = marks;
    this.#rootId = table.rootOf(sourceId);
    this.#views = new ViewPlaces(table, this.#rootId);
    marks?.add(this.#rootId);
  }

  placeCollection(entry: CollectionEntry): void {
    const parentId = this.collectionId(entry.parent);
    const found = this.#table.byRef(this.#sourceId, entry.ref);
    // The time of a layout's own collection is that of its last change, which is not the source's to tell.
    const modifiedMs = entry.isVirtual ? (found?.modifiedMs ?? Date.now()) : entry.modifiedMs;
    const createdMs = entry.isVirtual ? (found?.createdMs ?? Date.now()) : entry.createdMs;
    const id = this.#place(found, entry.ref, {
      ...{ parentId, name: entry.name, naming: entry.naming, ref: entry.ref, assetId: null, anchorId: null },
      ...{
        modifiedMs,
        createdMs,
        isVirtual: entry.isVirtual,
        isView: entry.isView === true,
        isChanged: false,
      },
    });
    this.#idByRef.set(entry.ref, id);
    // Told anew with each scan; when it could not be read this time either, that is told right after.
    this.#table.noteRead(id);
  }

  /**
   * When the asset's own facts changed, all of its nodes count as changed too.
   * @param freeName its safe name, if it is known already that nothing has that there.
   * @returns whether it has a place there that it had not, although it was known.
   */
  placeAsset(entry: AssetEntry, stored: StoredAsset, freeName: string | null): boolean {
    const { id: assetId, isChanged } = stored;
    if (stored.isAtNewPath) this.#movedAssets.add(assetId);
    const parentId = this.collectionId(entry.collection);
    const anchorId = this.collectionId(entry.anchor);
    const { modifiedMs } = entry.facts;
    const wanted: Wanted = {
      ...{ parentId, name: entry.name, naming: entry.naming, ref: null, assetId, anchorId, modifiedMs },
      ...{ createdMs: null, isVirtual: false, isView: false, isChanged },
    };
    const isNew = stored.addedAssets > 0;
    if (isNew && freeName !== null && entry.naming === 'disk' && entry.holdsPath !== true) {
      this.#insert({ ...placeOf(wanted), name: freeName }, wanted);
      return false;
    }
    const places = isNew ? [] : this.#table.byAsset(assetId);
    const own = ownPlace(
      places.filter((row) => row.anchorId === anchorId),
      entry,
    );
    const hasPath = entry.naming === 'disk' || entry.holdsPath === true;
    if (hasPath && own !== null && stored.pathBefore !== null)
      this.#marks?.noteMove(own.id, stored.pathBefore);
    const taken = entry.takes === undefined ? null : this.#take(entry.takes, assetId);
    const found = taken ?? (entry.holdsPath === true ? this.#holdPath(entry, stored, anchorId, own) : own);
    this.#place(found, entry.facts.ref.id, { ...wanted, isChanged: isChanged || found !== own });
    if (isChanged) for (const place of places) if (place.id !== own?.id) this.#touchPlace(place, modifiedMs);
    return !isNew && own === null;
  }

  /** @param known is told from now on which names change hands. */
  watchNames(known: KnownPlaces): void {
    this.#known = known;
  }

  /** The node of a collection by its ref; null: the root of the source. Throws `parent-missing`. */
  collectionId(ref: string | null): NodeId {
    if (ref === null) return this.#rootId;
    const id = this.#idByRef.get(ref) ?? this.#table.byRef(this.#sourceId, ref)?.id;
    if (id === undefined) throw new CodedError('parent-missing', 'A member was told before its collection.');
    this.#idByRef.set(ref, id);
    return id;
  }

  keep({ collection, views = [] }: KeptEntry): void {
    const keptId = this.collectionId(collection);
    this.#table.noteUnread(keptId);
    if (this.#marks === undefined) return;
    const ids = this.#table.subtreeIds(keptId);
    for (const id of ids) this.#marks.add(id);
    const viewIds = views.map((ref) => this.collectionId(ref));
    if (viewIds.length > 0) this.#views.keep(ids, viewIds, this.#marks);
  }

  /** As far as they are empty still. */
  removeEmptied(ids: Iterable<NodeId>): void {
    for (const id of ids) this.#removeIfEmptied(id);
  }

  /** What is in views only goes: it has no other place any more. */
  removeLeftBehind(ids: Iterable<number>): void {
    for (const id of ids) for (const place of this.#views.leftBehind(id)) this.remove(place.id);
  }

  /** The collection itself was told before; its members are told from what is gone when the scan has ended. */
  keepUnchanged(collection: string): void {
    this.#marks?.addUnchanged(this.collectionId(collection));
  }

  /** Removes one node. Its members, if any, are the caller's to remove. */
  remove(id: NodeId): void {
    const row = this.#table.byId(id);
    if (row === null || !this.#table.remove(id)) return;
    this.#known.noteChange(row.parentId, row.name);
    this.#changed += 1;
    if (row.assetId !== null) this.#unshownAssets.add(row.assetId);
    else if (!row.isView) this.#addedCollections -= 1;
    this.#touched.add(row.parentId);
  }

  end(): BatchEnd {
    // Without a scan nobody will see the displaced elsewhere later, so what took their names has replaced them.
    if (this.#marks === undefined) {
      for (const id of this.#displaced) {
        if (this.#table.byId(id)?.parentId !== DISPLACED) continue;
        for (const below of this.#table.subtreeIds(id).reverse()) this.remove(below);
      }
      this.removeLeftBehind([...this.#unshownAssets]);
    }
    for (const id of [...this.#touched]) this.#removeIfEmptied(id);
    for (const id of this.#touched) this.#table.touchVirtual(id);
    const unshownAssets = this.#unshownAssets;
    const [changed, addedCollections] = [this.#changed, this.#addedCollections];
    return { changed, addedCollections, unshownAssets, movedCollections: this.#moved };
  }

  /**
   * A layout's own collection goes with its last member. During a scan only at its end: it was told already, and members
   * may be still to come.
   */
  #removeIfEmptied(id: NodeId): void {
    const row = this.#table.byId(id);
    // The root of a source stays, too.
    if (!row?.isVirtual || row.isView || row.parentId === NO_PARENT || this.#table.hasMembers(id)) return;
    if (this.#marks !== undefined) {
      this.#marks.noteEmptied(id);
      return;
    }
    this.remove(id);
    this.#removeIfEmptied(row.parentId);
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
        this.#update(found, { ...found, ...timesOf(wanted) }, wanted.naming);
      }
      return found.id;
    }
    const stale = this.#staleOccupant(base, found, wanted);
    if (found === null && stale !== null && canTakeOver(stale, wanted) && !this.#isToldElsewhere(stale)) {
      this.#update(stale, { ...stale, ...placeOf(wanted), name: stale.name }, wanted.naming);
      if (stale.assetId !== null) this.#noteUnshown(stale.assetId);
      this.#marks?.add(stale.id);
      return stale.id;
    }
    if (stale !== null) this.#displace(stale);
    const name = this.#freeName(base, tagSource, found?.id ?? null, wanted);
    if (found === null) return this.#insert({ ...placeOf(wanted), name }, wanted);
    this.#touched.add(found.parentId).add(wanted.parentId);
    this.#update(found, { ...found, ...placeOf(wanted), name }, wanted.naming);
    if (found.assetId === null) this.#moved.set(found.id, wanted.naming === 'disk');
    this.#marks?.add(found.id);
    return found.id;
  }

  #insert(row: Omit<NodeRow, 'id'>, wanted: Wanted): NodeId {
    const id = this.#table.insert(this.#sourceId, row, matchNameOf(row.name, wanted.naming));
    this.#known.noteChange(row.parentId, row.name);
    this.#changed += 1;
    if (wanted.assetId === null && !wanted.isView) this.#addedCollections += 1;
    this.#touched.add(wanted.parentId);
    this.#marks?.add(id);
    return id;
  }

  #update(before: NodeRow, row: NodeRow, naming: Naming): void {
    this.#known.noteChange(before.parentId, before.name);
    this.#known.noteChange(row.parentId, row.name);
    this.#table.update(row, matchNameOf(row.name, naming));
    this.#changed += 1;
  }

  /**
   * A disk cannot hold one name twice, so a node that the catalog still has there is out of date: moved,
   * removed or replaced. Where names are free, equal names are just twins.
   */
  #staleOccupant(base: string, found: NodeRow | null, wanted: Wanted): NodeRow | null {
    if (wanted.naming !== 'disk') return this.#views.staleAt(base, wanted);
    const occupant = this.#table.byName(wanted.parentId, base);
    if (occupant === null || occupant.id === found?.id || occupant.storedName !== wanted.name) return null;
    return occupant;
  }

  /**
   * Whoever had the path of an asset that is told there now has been replaced, or has moved: it is seen elsewhere, or goes.
   * @param own the place that the asset has; a new one takes over that of the other.
   * @returns the place it has now.
   */
  #holdPath(
    { facts }: AssetEntry,
    { id: assetId }: StoredAsset,
    anchorId: NodeId,
    own: NodeRow | null,
  ): NodeRow | null {
    if (own !== null && !this.#movedAssets.has(assetId)) return own;
    let found = own;
    for (const otherId of this.#table.othersAt(this.#sourceId, facts.ref.path, assetId)) {
      const stale = this.#table.byAsset(otherId).find((row) => row.anchorId === anchorId);
      if (stale === undefined || stale.parentId === DISPLACED) continue;
      if (found !== null || this.#isToldElsewhere(stale)) this.#displace(stale);
      else {
        found = { ...stale, assetId };
        this.#noteUnshown(otherId);
      }
    }
    return found;
  }

  /** The place of something else, as it is to be for this asset; null when it has gone meanwhile. */
  #take(id: NodeId, assetId: number): NodeRow | null {
    const row = this.#table.byId(id);
    if (row === null) return null;
    if (row.assetId !== null && row.assetId !== assetId) this.#noteUnshown(row.assetId);
    return { ...row, assetId };
  }

  #touchPlace(place: NodeRow, modifiedMs: number): void {
    this.#table.touchPlace(place, modifiedMs);
    this.#changed += 1;
  }

  /** What is told in the same batch has moved away and not been replaced. */
  #isToldElsewhere(stale: NodeRow): boolean {
    const ref = stale.assetId === null ? stale.ref : this.#table.refOfAsset(stale.assetId);
    return ref !== null && this.#isTold(ref);
  }

  /** During a scan it may be told once more, and then what others found in it is still worth something. */
  #noteUnshown(assetId: number): void {
    if (this.#marks === undefined) this.#unshownAssets.add(assetId);
    else this.#marks.noteUnshown(assetId);
  }

  /** Takes the name away without removing the node: it may yet be seen elsewhere. */
  #displace(row: NodeRow): void {
    this.#known.noteChange(row.parentId, row.name);
    this.#displaced.add(row.id);
    this.#touched.add(row.parentId);
    this.#marks?.noteDisplaced(row.id);
    this.#table.update({ ...row, parentId: DISPLACED, name: `${row.id}` }, null);
  }

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
  readonly isView: boolean;
  readonly isChanged: boolean;
}

function placeOf(wanted: Wanted): Omit<NodeRow, 'id' | 'name'> {
  const { parentId, ref, assetId, anchorId, modifiedMs, createdMs, isVirtual, isView } = wanted;
  const place = { parentId, storedName: wanted.name, ref, assetId, anchorId };
  return { ...place, modifiedMs, createdMs, isVirtual, isView };
}

/** Which of the places of an asset at one anchor is told by the entry. */
function ownPlace(places: readonly NodeRow[], { name, otherNames = [] }: AssetEntry): NodeRow | null {
  const same = places.find((row) => row.storedName === name);
  return same ?? places.find((row) => !otherNames.includes(row.storedName)) ?? null;
}

function timesOf(wanted: Wanted): Pick<NodeRow, 'modifiedMs' | 'createdMs'> {
  return { modifiedMs: wanted.modifiedMs, createdMs: wanted.createdMs };
}

function isInPlace(row: NodeRow, wanted: Wanted): boolean {
  return row.parentId === wanted.parentId && row.storedName === wanted.name;
}

/** A replaced file or folder keeps its node: for a client it is the same resource with new content. */
function canTakeOver(stale: NodeRow, wanted: Wanted): boolean {
  const isSameKind = (stale.assetId === null) === (wanted.assetId === null);
  return isSameKind && !stale.isVirtual && !wanted.isVirtual;
}

function isNameFor(name: string, base: string, tagSource: string): boolean {
  return name === base || tagsOf(tagSource).some((tag) => name === tagName(base, tag));
}

function matchNameOf(name: string, naming: Naming): string | null {
  const matchName = naming === 'free' ? foldName(name) : name.normalize('NFC');
  return matchName === name ? null : matchName;
}
