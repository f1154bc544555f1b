import type { CatalogReader, DigestAlgorithm } from '../catalog/catalog.ts';
import type { CaptureTime } from '../model/asset.ts';
import type { Change } from '../model/change.ts';
import { mediaKindOfType } from '../model/content-type.ts';
import type { AssetNode, CollectionNode, Node } from '../model/node.ts';
import type { SourcePlaces } from './source-places.ts';

/** The collection above all sources. */
export const SUPER_ROOT_ID = '00000000-0000-0000-0000-000000000000';

/** A node as the reference of the change feed writes it. */
export interface FeedNode {
  readonly id: string;
  readonly parent_id: string | null;
  readonly name: string;
  readonly is_directory: boolean;
  readonly ctime: string;
  readonly mtime: string;
  readonly mime_type: string;
  /** Empty while unknown, and of a directory. */
  readonly hash: string;
  readonly size: number;
  readonly is_image: boolean;
  readonly is_video: boolean;
  readonly width: number;
  readonly height: number;
  readonly ms_duration: number;
}

/** What nodes below the super-root have beyond the reference. */
export interface FeedNodeFacts extends FeedNode {
  readonly source: string;
  readonly sha256: string;
  readonly sha1: string;
  /** Wall clock of the capture, with its offset where that is known: `2008-10-22T16:28:39+02:00`. */
  readonly taken: string | null;
  /** Of the still of a live photo: id of the node of its film. */
  readonly live_photo_video: string | null;
  /** Of the film of a live photo: id of the node of its still. */
  readonly live_photo_still: string | null;
}

export type FeedChange =
  | { readonly removed: false; readonly node: FeedNodeFacts }
  | { readonly removed: true; readonly node_id: string };

/** Writes nodes and changes in the shapes of the feed. */
export class FeedShaper {
  readonly #reader: CatalogReader;
  readonly #places: SourcePlaces;
  readonly #hash: DigestAlgorithm;

  /** @param hash the digest that goes into `hash`. */
  constructor(reader: CatalogReader, places: SourcePlaces, hash: DigestAlgorithm) {
    this.#reader = reader;
    this.#places = places;
    this.#hash = hash;
  }

  /** Null for a change of what is not in the tree. */
  change(change: Change): FeedChange | null {
    if (change.kind === 'removed') return { removed: true, node_id: this.#reader.publicId(change.nodeId) };
    return this.#places.shows(change.node) ? { removed: false, node: this.node(change.node) } : null;
  }

  node(node: Node): FeedNodeFacts {
    return node.kind === 'asset' ? this.#asset(node) : this.#collection(node);
  }

  #collection(node: CollectionNode): FeedNodeFacts {
    return {
      ...this.#placeOf(node),
      is_directory: true,
      ctime: isoText(node.createdMs ?? node.modifiedMs),
      mtime: isoText(node.modifiedMs),
      ...NO_CONTENT,
      source: this.#places.sourceOf(node).name,
      ...{ sha256: '', sha1: '', taken: null, live_photo_video: null, live_photo_still: null },
    };
  }

  #asset(node: AssetNode): FeedNodeFacts {
    const { asset } = node;
    const kind = mediaKindOfType(asset.contentType);
    const changedMs = asset.statusChangedMs ?? asset.createdMs ?? asset.modifiedMs;
    const mtime = isoText(asset.modifiedMs);
    const twin = node.twinId === null ? null : this.#reader.publicId(node.twinId);
    return {
      ...this.#placeOf(node),
      is_directory: false,
      ctime: changedMs === asset.modifiedMs ? mtime : isoText(changedMs),
      mtime,
      mime_type: asset.contentType,
      hash: asset.digests[this.#hash] ?? '',
      size: asset.sizeBytes,
      is_image: kind === 'image',
      is_video: kind === 'video',
      width: asset.width ?? 0,
      height: asset.height ?? 0,
      ms_duration: Math.round(asset.durationMs ?? 0),
      source: this.#places.sourceOf(node).name,
      sha256: asset.digests.sha256 ?? '',
      sha1: asset.digests.sha1 ?? '',
      taken: asset.taken === null ? null : captureText(asset.taken),
      live_photo_video: kind === 'video' ? null : twin,
      live_photo_still: kind === 'video' ? twin : null,
    };
  }

  /** Roots of sources are members of the super-root, under the name they are mounted by. */
  #placeOf(node: Node): Pick<FeedNode, 'id' | 'parent_id' | 'name'> {
    const id = this.#reader.publicId(node.id);
    if (node.parentId !== null) {
      return { id, parent_id: this.#reader.publicId(node.parentId), name: node.name };
    }
    return { id, parent_id: SUPER_ROOT_ID, name: this.#places.sourceOf(node).name };
  }
}

const NO_CONTENT = {
  mime_type: '',
  hash: '',
  size: 0,
  is_image: false,
  is_video: false,
  width: 0,
  height: 0,
  ms_duration: 0,
};

/** The super-root, as old as the oldest of its members and changed with the newest. */
export function superRoot(roots: readonly CollectionNode[], nowMs: number): FeedNode {
  const createdMs = Math.min(...roots.map((root) => root.createdMs ?? root.modifiedMs));
  const modifiedMs = Math.max(...roots.map((root) => root.modifiedMs));
  return {
    ...{ id: SUPER_ROOT_ID, parent_id: null, name: '', is_directory: true },
    ctime: isoText(roots.length === 0 ? nowMs : createdMs),
    mtime: isoText(roots.length === 0 ? nowMs : modifiedMs),
    ...NO_CONTENT,
  };
}

/** An instant as the reference writes it: in UTC as `+00:00`, with microseconds where there are any. */
export function isoText(ms: number): string {
  const wholeMs = Math.floor(ms);
  const micros = Math.min(Math.round((ms - wholeMs) * 1000), 999);
  // Beyond the years that a date can have, which a damaged disk may tell of, there is only the end of them.
  const text = new Date(Math.max(-MAX_DATE_MS, Math.min(MAX_DATE_MS, wholeMs))).toISOString();
  // Always `.sssZ` at its end.
  const seconds = text.slice(0, -5);
  if (micros === 0 && text.endsWith('.000Z')) return `${seconds}+00:00`;
  return `${text.slice(0, -1)}${String(micros).padStart(3, '0')}+00:00`;
}

const MAX_DATE_MS = 8.64e15;

function captureText({ localText, offsetMinutes }: CaptureTime): string {
  if (offsetMinutes === null) return localText;
  const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${localText}${offsetMinutes < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
}
