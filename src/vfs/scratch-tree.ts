import type { Readable } from 'node:stream';
import { type AssetFacts, UNKNOWN_MEDIA } from '../model/asset.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError } from '../model/coded-error.ts';
import { lastNameOf } from '../model/name.ts';
import type { AssetNode, CollectionNode, Node } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';
import { isSystemLitter, isSystemTrash } from '../model/system-litter.ts';
import { type ScratchEntry, type ScratchStore, versionOf } from '../scratch/scratch-store.ts';
import { ScratchWriter } from '../scratch/scratch-writer.ts';
import { WritePlace } from './write-place.ts';

/** Ids of the catalog are above 0, so that those of entries are below it. */
const NO_PARENT_ID = -1;
/** No source of the catalog. */
const SCRATCH_SOURCE_ID = -1;

/** Could the path be one of system litter, or within such? */
export function isScratchPath(path: ResourcePath): boolean {
  return path.segments.some(isSystemLitter);
}

/** Of a path of system litter: the folder of the tree that the outermost of it is in. */
export function folderOfScratch(path: ResourcePath): ResourcePath {
  const { parent } = path;
  return isScratchPath(parent) ? folderOfScratch(parent) : parent;
}

/** Is it of system litter, and no row of the catalog? */
export function isScratchNode(node: Pick<Node, 'sourceId'>): boolean {
  return node.sourceId === SCRATCH_SOURCE_ID;
}

/** System litter as part of the tree: found by its path, and listed nowhere but in folders that are litter themselves. */
export class ScratchTree {
  readonly #store: ScratchStore;
  readonly #writer: ScratchWriter;

  constructor(store: ScratchStore) {
    this.#store = store;
    this.#writer = new ScratchWriter(store);
  }

  /** What is at a path; null: nothing. */
  nodeAt(path: ResourcePath): Node | null {
    const entry = this.#store.at(path.key);
    return entry === null ? null : nodeOf(entry);
  }

  members(collection: CollectionNode): readonly Node[] {
    const entry = this.#store.byId(-collection.id);
    return entry === null ? [] : this.#store.members(entry.path).map(nodeOf);
  }

  /** The caller destroys it. Rejects `not-found` for what was replaced or removed. */
  open(node: AssetNode, range: ByteRange | undefined): Readable {
    return this.#store.open(this.#entryOf(node), range);
  }

  /** What is where the node was now. Rejects `not-found`. */
  refresh(node: AssetNode): AssetNode {
    this.#entryOf(node);
    return node;
  }

  /**
   * A place to write system litter at.
   * @param parent what it is in; null: there is no such collection.
   * @throws CodedError `denied` for trash: what somebody has thrown away must not go where the oldest is let go.
   */
  place(path: ResourcePath, parent: CollectionNode | null): WritePlace {
    if (path.segments.some(isSystemTrash)) {
      throw new CodedError('denied', 'There is no trash here: what is removed is gone.');
    }
    const entry = this.#store.at(path.key);
    return new WritePlace({
      ...{ path, parent, key: path.key, storedPath: path.key, sourceId: SCRATCH_SOURCE_ID },
      ...{ node: entry === null ? null : nodeOf(entry), writer: this.#writer, litter: null },
      read: entry?.kind === 'content' ? async () => this.#store.open(entry) : null,
      removeRead: () => {
        const there = this.#store.at(path.key);
        if (there !== null && there.id !== entry?.id) {
          throw new CodedError('changed', 'It was changed meanwhile, so it stays where it is.');
        }
        this.#store.removeTree(path.key);
      },
    });
  }

  #entryOf(node: AssetNode): ScratchEntry {
    const entry = this.#store.byId(-node.id);
    if (entry === null) throw new CodedError('not-found', 'There is nothing of that name.');
    return entry;
  }
}

function nodeOf(entry: ScratchEntry): Node {
  const name = lastNameOf(entry.path);
  const { modifiedMs, createdMs } = entry;
  const facts = {
    ...{ id: -entry.id, parentId: NO_PARENT_ID, sourceId: SCRATCH_SOURCE_ID, name, storedName: name },
    ...{ modifiedMs, createdMs, changedSeq: entry.id },
  };
  if (entry.kind === 'collection') {
    return { kind: 'collection', ...facts, ref: null, isUnread: false, stateSeq: entry.id };
  }
  return { kind: 'asset', ...facts, asset: factsOf(entry), twinId: null };
}

function factsOf(entry: ScratchEntry): AssetFacts {
  const { sizeBytes, modifiedMs, createdMs } = entry;
  return {
    ...UNKNOWN_MEDIA,
    ...{
      ref: { id: versionOf(entry), path: '' },
      version: versionOf(entry),
      sizeBytes,
      modifiedMs,
      createdMs,
    },
    ...{ contentType: 'application/octet-stream', kind: 'other', statusChangedMs: null, digests: {} },
  };
}
