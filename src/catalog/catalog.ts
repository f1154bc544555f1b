import type { AssetFacts, Digests, MediaFacts } from '../model/asset.ts';
import type { ChangePage, LeftPlace, PlaceChangePage } from '../model/change.ts';
import type { AssetNode, CollectionNode, ListedNode, Node, NodeId, Page } from '../model/node.ts';
import type { ChangeBell } from './change-bell.ts';
import type { LockStore } from './lock-store.ts';
import type { PropertyStore } from './property-store.ts';

/**
 * What every edge reads and only ingest writes: the tree, the assets and the log of their changes. All calls
 * are asynchronous although SQLite answers at once, so that another engine fits without a second interface.
 */
export interface Catalog {
  readonly reader: CatalogReader;
  readonly writer: CatalogWriter;
  readonly locks: LockStore;
  readonly properties: PropertyStore;
  /** Rings after each commit of the writer that the change log has grown by. */
  readonly bell: ChangeBell;
  /** Waits for a running transaction, then releases the files. */
  close(): Promise<void>;
}

/** What the catalog keeps of a configured source between runs. */
export interface SourceRecord {
  readonly id: number;
  readonly name: string;
  readonly rootId: NodeId;
  readonly assetCount: number;
  readonly collectionCount: number;
  readonly sizeBytes: number;
  /** End of the last scan that read everything, or null when there was none. */
  readonly completedMs: number | null;
}

/** A source that is part of the tree now. Others may be in the catalog: they were taken out of the settings. */
export interface ShownSource {
  readonly sourceId: number;
  readonly name: string;
  /** Its members are at the top of the tree instead of in a folder of its name; then it is the only one. */
  readonly mountsAtRoot: boolean;
  /** Absolute path of the folder on this machine that it shows; null when it is no folder. */
  readonly folder: string | null;
}

export interface CatalogReader {
  /** Names the life of this catalog; cursors and ids of another life mean nothing here. */
  readonly epoch: string;
  /** What `showSources` was told last; empty before. */
  shownSources(): Promise<readonly ShownSource[]>;
  /** The source of that name, or null when it was never written. */
  source(name: string): Promise<SourceRecord | null>;
  /** @returns null when there is no such node (any more). */
  node(id: NodeId): Promise<Node | null>;
  /** The root collection of a source. Rejects `not-found`. */
  root(sourceId: number): Promise<CollectionNode>;
  /**
   * The member a client means by `name`: the shown name, else the source's own, else either under another
   * Unicode form (macOS asks in NFD for what most disks hold in NFC).
   */
  child(parentId: NodeId, name: string): Promise<Node | null>;
  /**
   * Members in the order of their names' code points, one query a page.
   * @param page `after` is `next` of the page before; `limit` is a number of members.
   */
  children(parentId: NodeId, page: { after?: string; limit: number }): Promise<Page<Node>>;
  /** The same members with what a listing shows of them, in a fraction of the time. */
  listing(parentId: NodeId, page: { after?: string; limit: number }): Promise<Page<ListedNode>>;
  /** Place of the newest change in the log; 0 for a catalog in which nothing happened yet. */
  headSeq(): Promise<number>;
  /**
   * Changes after a cursor, oldest first, at most `limit` of them. Cursor 0 gives the whole tree.
   * Rejects `cursor-expired` for one that is older than what the log still holds, or newer than its head.
   */
  changes(cursor: number, limit: number): Promise<ChangePage>;
  /**
   * The log by places, for readers who know paths instead of nodes: nodes changed after a cursor and up to `upTo`, and
   * places left since where nothing is now, oldest first, at most `limit`. Rejects `cursor-expired` as `changes` does.
   * @param upTo `headSeq` when the reading began, so that no node comes twice.
   */
  placeChanges(cursor: number, upTo: number, limit: number): Promise<PlaceChangePage>;
  /**
   * Places that a collection has left since a cursor and that something else has now, at most `limit`. What was in that
   * collection is told nowhere, as its members have left no place of their own. Rejects `cursor-expired`.
   */
  replacedCollections(cursor: number, limit: number): Promise<readonly LeftPlace[]>;
  /** The first 1,000 places of the assets with that digest (lower-case hexadecimal), oldest asset first. */
  byDigest(algorithm: DigestAlgorithm, digest: string): Promise<readonly AssetNode[]>;
  /**
   * Places of assets whose digest is known, in the order of digests, so that those of one content come in a row;
   * within it as `byDigest` has them. A page may end between two of them: one content can have any number.
   */
  listByDigest(algorithm: DigestAlgorithm, page: { after?: string; limit: number }): Promise<Page<AssetNode>>;
  /**
   * Shown names from the root of the source to the node, the node's last; empty for the root itself. Rejects
   * `not-found` when there is no such node (any more).
   */
  pathOf(id: NodeId): Promise<readonly string[]>;
  /** The same with the source's own names, and without what a layout has made up. */
  storedPathOf(id: NodeId): Promise<readonly string[]>;
  /** The ref of what is at a path of stored names below the root of a source; null when nothing is, or it has none. */
  refAt(sourceId: number, storedPath: readonly string[]): Promise<string | null>;
  /** Paths, as their source tells them, of assets whose ref begins with `refPrefix`; at most `limit` of them. */
  assetPaths(sourceId: number, refPrefix: string, limit: number): Promise<readonly string[]>;
  /** Assets of a source that were not read yet in their present version, in a stable order. */
  pendingAssets(sourceId: number, page: { afterId: number; limit: number }): Promise<readonly PendingAsset[]>;
  /** How many those are. */
  pendingCount(sourceId: number): Promise<number>;
  /** What is wrong with files of a source that are there now, in the version they have now; one entry a reason. */
  problems(sourceId: number): Promise<readonly ProblemCount[]>;
  /**
   * The version that `completeScan` was told last for a collection, by its ref, or for the whole source (null); null when
   * it was told none.
   */
  contentVersion(sourceId: number, collection: string | null): Promise<string | null>;
  /** All of them. */
  contentVersions(sourceId: number): Promise<ContentVersionMap>;
  /** What is known of an asset, by the source's own id of it; null when there is none. */
  asset(sourceId: number, refId: string): Promise<AssetFacts | null>;
  /** All places of an asset right in one collection, both by the source's own ids of them. */
  placesOf(sourceId: number, refId: string, collection: string): Promise<readonly AssetNode[]>;
  /** A member whose name differs at most by case from this one, or null. */
  namesake(parentId: NodeId, name: string): Promise<Node | null>;
  /** All that `giveNames` was told and that still holds. */
  givenNames(sourceId: number): Promise<readonly GivenName[]>;
  /** Public id of a node: a UUID, stable across restarts and renames. */
  publicId(id: NodeId): string;
  /** The node a public id names, or null when it is malformed or of another catalog. */
  nodeIdOf(publicId: string): NodeId | null;
}

export type DigestAlgorithm = keyof Digests;

/** An asset whose bytes are to be looked at. */
export interface PendingAsset {
  readonly id: number;
  readonly facts: AssetFacts;
  /** It was read in this version, but by a mediadav that did not look for all that is looked for now. */
  readonly wasRead: boolean;
}

/** What reading an asset's bytes has shown. What is null stays as it was. */
export interface Enrichment {
  readonly digests: Digests;
  readonly media: MediaFacts;
  /** By content; null when the content told nothing. */
  readonly contentType: string | null;
  /** What kept it from being looked into as it should, for people; null or absent: nothing did. */
  readonly problem?: string | null;
}

/** How many files have something wrong with them, by what it is. */
export interface ProblemCount {
  /** For people, such as `a file that could not be read`. */
  readonly reason: string;
  readonly count: number;
  /** Path of one of them, as its source tells it. */
  readonly example: string;
}

/** How names of one collection are kept apart: see `Traits.naming`. */
export type Naming = 'disk' | 'free';

export interface CollectionEntry {
  readonly kind: 'collection';
  /** Unique within the source. */
  readonly ref: string;
  /** Ref of the collection it is in; null for the root of the source. */
  readonly parent: string | null;
  readonly name: string;
  readonly naming: Naming;
  /** Made up by a layout: goes when its last member goes, and its time is that of its last change. */
  readonly isVirtual: boolean;
  /**
   * One of several views of the whole source, right below its root: virtual, but it stays when it is empty, and no count
   * has it. An asset's places that are anchored at it go with the last of its other places.
   */
  readonly isView?: boolean;
  readonly modifiedMs: number;
  readonly createdMs: number | null;
}

export interface AssetEntry {
  readonly kind: 'asset';
  readonly facts: AssetFacts;
  /** Ref of the collection it is shown in; null for the root of the source. */
  readonly collection: string | null;
  /**
   * Ref of the collection that this place belongs to, whatever sub-folder a layout puts it in; null for the
   * source itself. One asset has one node per anchor, so within an anchor a move keeps the node.
   */
  readonly anchor: string | null;
  readonly name: string;
  readonly naming: Naming;
  /**
   * No two assets of the source have one path (`SourceRef.path`) at a time, so another one that the catalog has at this
   * path is out of date: replaced, unless it is seen elsewhere. Not needed where the naming says as much.
   */
  readonly holdsPath?: boolean;
  /** Names of other places that the asset has at the same anchor, each told by an entry of its own. */
  readonly otherNames?: readonly string[];
  /** This node becomes the place, with whatever it showed so far. */
  readonly takes?: NodeId;
}

/** All that the catalog holds at and below this collection counts as seen. */
export interface KeptEntry {
  readonly kind: 'kept';
  readonly collection: string | null;
  /** Refs of views: what is anchored there of the same assets counts as seen too. */
  readonly views?: readonly string[];
}

/**
 * All that the catalog holds below this collection, which was told before, is still there; it is told from it by the end
 * of the scan, not asset by asset.
 */
export interface UnchangedEntry {
  readonly kind: 'unchanged';
  readonly collection: string;
}

export type Entry = CollectionEntry | AssetEntry | KeptEntry | UnchangedEntry;

/** An asset in a collection that is shown under names which its source does not tell. */
export interface GivenPlace {
  /** Ref of the collection. */
  readonly collection: string;
  /** The source's own id of the asset, or one that a write has made up for what the source does not know. */
  readonly ref: string;
  /** The source knows nothing of it. */
  readonly isHeldBack: boolean;
  /** Id of an asset that the collection does not show meanwhile. */
  readonly hides: string | null;
}

export interface GivenName extends GivenPlace {
  readonly name: string;
}

/** Which given names to look at: `limit` of them behind one. `after` 0: from the first on. */
export interface PruneStep {
  readonly after: number;
  readonly limit: number;
}

export interface PrunedNames {
  readonly forgotten: number;
  /** Where to go on; null: that was all. */
  readonly next: number | null;
}

/** By ref of the collection, null for the whole source: what the source calls the content that was read completely. */
export type ContentVersionMap = ReadonlyMap<string | null, string>;

/** What one scan has seen. Made by `beginScan`, filled by `apply`, used up by `sweep`. Kept in memory only. */
export interface Scan {
  readonly sourceId: number;
  /**
   * How often something has lost its name to another thing. Unless it is seen elsewhere before the end of the scan, it
   * goes then.
   */
  readonly displacements: number;
  /**
   * Paths of assets that were told there and then elsewhere, within this scan. Which place they were seen at last does not
   * follow from that: some of what is told was looked at long before.
   */
  readonly leftPaths: ReadonlySet<string>;
}

export interface ApplyResult {
  /** Nodes that were made or changed. */
  readonly changed: number;
  readonly unchanged: number;
}

export interface CatalogWriter {
  /** Makes the source and its root collection if they are not there yet. */
  ensureSource(name: string): Promise<SourceRecord>;
  /**
   * To be called before assets that hold their paths (`AssetEntry.holdsPath`) are told; without it each of them takes as
   * long as there are assets. The first time in a large catalog it blocks for a while: not while anything is served.
   */
  preparePaths(): Promise<void>;
  /**
   * Notes which sources are the tree from now on. When one that the catalog held leaves or comes back, every cursor
   * handed out so far expires: what it holds was not changed, so the log could not tell.
   */
  showSources(sources: readonly ShownSource[]): Promise<void>;
  /** @param outer what this one sees, that one has seen too. */
  beginScan(sourceId: number, outer?: Scan): Scan;
  /**
   * Brings the catalog in line with what a source told, as one transaction: the facts and their change records
   * together or not at all. Applying the same entries twice changes nothing. A collection is told before its
   * members. Rejects `no-space` when the disk is full; nothing of the batch is kept then.
   */
  apply(sourceId: number, entries: readonly Entry[], scan?: Scan): Promise<ApplyResult>;
  /**
   * Newer facts of an asset that is already there, wherever it is shown. Does nothing for an unknown one: where
   * it belongs only a scan can tell.
   */
  refreshAsset(sourceId: number, facts: AssetFacts): Promise<void>;
  /**
   * Adds what was found in the bytes of one version, and marks it as read. Does nothing when the asset is gone or
   * has another version by now. @returns whether it was stored.
   */
  enrich(sourceId: number, refId: string, version: string, found: Enrichment): Promise<boolean>;
  /**
   * Notes that one version of an asset could not be read. It counts until `enrich` could store something of the asset, or
   * it has another version, or is gone. @returns whether there is that version of it.
   */
  noteProblem(sourceId: number, refId: string, version: string, reason: string): Promise<boolean>;
  /**
   * Removes what a source no longer has at a path of stored names below its root, with everything in it.
   * @param scan what it has seen there came after the other went, and stays.
   * @returns how many nodes went; 0 when there was nothing.
   */
  removeAt(sourceId: number, storedPath: readonly string[], scan?: Scan): Promise<number>;
  /** Removes a node with everything in it. @returns how many nodes went; 0 when there was none. */
  removeNode(sourceId: number, id: NodeId): Promise<number>;
  /** Removes every place of what has this ref, collection or asset. @returns how many nodes went. */
  removeRef(sourceId: number, ref: string): Promise<number>;
  /**
   * Keeps names for an asset in a collection in place of those it had; none: it goes by its own. What is held back is
   * forgotten with its asset, at the end of a scan; the others some time later (`pruneGivenNames`). Changes nothing that is shown: that `apply` does.
   */
  giveNames(sourceId: number, place: GivenPlace, names: readonly string[]): Promise<void>;
  /**
   * Stored names of the direct members of a collection that the scan has not seen; null: the root of the source. Layouts'
   * own collections are no members of the source.
   */
  unseenMembers(scan: Scan, collection: string | null): Promise<readonly string[]>;
  /**
   * Ends a scan that read only parts of the source, in place of a sweep: removes what lost its name to another thing, in
   * this scan or in one that came to no end, and was not seen elsewhere since. @returns how many nodes went.
   */
  settle(scan: Scan): Promise<number>;
  /** Forgets removals older than `beforeMs`, at most `limit` of them. @returns how many. */
  pruneTombstones(beforeMs: number, limit: number): Promise<number>;
  /**
   * Forgets given names whose asset, or collection, the catalog has not had since before `goneBeforeMs`, as far as that was noticed: each
   * call looks at some of them, and notes `nowMs` for what is not there. Times in milliseconds since 1970.
   */
  pruneGivenNames(nowMs: number, goneBeforeMs: number, step: PruneStep): Promise<PrunedNames>;
  /** Removes whatever a complete scan did not see, in bounded transactions. @returns how many nodes went. */
  sweep(scan: Scan): Promise<number>;
  /**
   * Notes that a scan read everything.
   * @param versions of all collections whose content the catalog now holds exactly; those told before and missing here
   *   are forgotten. Absent: what was told before still holds.
   */
  completeScan(sourceId: number, completedMs: number, versions?: ContentVersionMap): Promise<void>;
}
