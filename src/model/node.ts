import type { AssetFacts } from './asset.ts';

/** A place in the catalog's tree, as a row number. Never reused, so it is safe to keep for a while. */
export type NodeId = number;

interface NodeFacts {
  readonly id: NodeId;
  /** Null for the root of a source. */
  readonly parentId: NodeId | null;
  readonly sourceId: number;
  /** The one name every client sees. Unique within its collection. */
  readonly name: string;
  /** The source's own name for it; differs from `name` only where clients could not store or tell it apart. */
  readonly storedName: string;
  readonly modifiedMs: number;
  readonly createdMs: number | null;
  /** Place of its last change in the change log. */
  readonly changedSeq: number;
}

/** A collection (RFC 4918 section 3): a folder, an album, or a folder of a layout. */
export interface CollectionNode extends NodeFacts {
  readonly kind: 'collection';
  /** The provider's own id of the collection, or null for one a layout made up and for the root of a source. */
  readonly ref: string | null;
  /** It was never read, so that it has no members means nothing. */
  readonly isUnread: boolean;
  /** Place in the change log of the last change to it or to anything below it, what was taken away included. */
  readonly stateSeq: number;
}

/** One asset at one place. The same asset in two albums is two of these. */
export interface AssetNode extends NodeFacts {
  readonly kind: 'asset';
  readonly asset: AssetFacts;
  /** Of a live photo: the place of its other half, beside this one where it has one there; else null. */
  readonly twinId: NodeId | null;
}

export type Node = CollectionNode | AssetNode;

/** What a listing shows of an asset: as much as costs little to read for each of a hundred thousand. */
export interface ListedAsset extends NodeFacts {
  readonly kind: 'asset';
  /** Without digests where they were not read; that says nothing of whether they are known. */
  readonly asset: Pick<AssetFacts, 'version' | 'sizeBytes' | 'contentType'> &
    Partial<Pick<AssetFacts, 'digests'>>;
}

/** A member in a listing. Every `Node` is one. */
export type ListedNode = CollectionNode | ListedAsset;

/** Part of a longer list; `next` is null on the last page and otherwise asks for the following one. */
export interface Page<T> {
  readonly entries: readonly T[];
  readonly next: string | null;
}

/**
 * The ETag of a collection: another one after any change to it or below it. It is a property only, as no representation
 * of a collection is kept byte for byte. @param epoch of the catalog, because numbers of another one mean nothing.
 */
export function collectionEtagOf({ id, stateSeq }: CollectionNode, epoch: string): string {
  return `"${epoch}-${id}-${stateSeq}"`;
}

/** The strong validator (RFC 9110 section 8.8.3) of an asset's bytes: the same in PROPFIND, GET and HEAD. */
export function etagOf(asset: Pick<AssetFacts, 'version'>): string {
  return `"${asset.version}"`;
}
