import type { CatalogReader } from '../catalog/catalog.ts';
import { CodedError } from '../model/coded-error.ts';
import type { CollectionNode } from '../model/node.ts';
import type { ResourcePath } from '../model/resource-path.ts';
import type { TreeWriter } from '../model/write.ts';
import { SEARCH_NAME, type SearchTree } from './search-tree.ts';
import type { SpaceReader } from './space-readings.ts';

/** A source in the mounted tree. */
export interface Mount {
  /** Name of its collection below the root, or null when it is the root itself (then it is the only one). */
  readonly name: string | null;
  readonly sourceId: number;
  /** Why the source cannot be read now, or null. Asked only while nothing of it is known. */
  readonly failure: () => string | null;
  /** Changes the source; null: it is read-only. */
  readonly writer: TreeWriter | null;
  /** Where in the source's tree the paths of the writer begin: names of collections, outermost first. */
  readonly writesBelow: readonly string[];
  /** Why there is no `writer`, as a sentence for clients. */
  readonly readOnlyReason: string;
  /** Answers to searches, in a folder of the source; null: there is none. */
  readonly search: SearchTree | null;
  /** Absent: the source cannot tell. */
  readonly space?: SpaceReader;
}

/** The root above all sources. It is no row of the catalog. */
export const SUPER_ROOT_ID = 0;
const STARTED_MS = Date.now();

/** Which sources the tree is made of, and where: above what the catalog has of each. */
export class Mounts {
  readonly all: readonly Mount[];
  /** The one that is the root itself. */
  readonly #only: Mount | null;
  /** The others by their names, composed. */
  readonly #byName: ReadonlyMap<string, Mount>;
  readonly #reader: CatalogReader;

  constructor(mounts: readonly Mount[], reader: CatalogReader) {
    this.all = mounts;
    this.#only = mounts.find(({ name }) => name === null) ?? null;
    this.#byName = new Map(mounts.map((mount) => [mount.name?.normalize('NFC') ?? '', mount]));
    this.#reader = reader;
  }

  /** The source that the path leads to; null for the root above all of them and for what is none. */
  at(path: ResourcePath): Mount | null {
    if (this.#only !== null) return this.#only;
    const [first] = path.segments;
    return first === undefined ? null : (this.#byName.get(first.normalize('NFC')) ?? null);
  }

  /** Of a source by its id in the catalog. */
  of(sourceId: number): Mount | undefined {
    return this.all.find((each) => each.sourceId === sourceId);
  }

  /** May anything at or below the path be written to, system litter aside? Says nothing of what is there. */
  mayWriteAt(path: ResourcePath): boolean {
    const mount = this.at(path);
    if (mount === null) return this.all.some(({ writer }) => writer !== null);
    if (mount.writer === null) return false;
    const names = mount.name === null ? path.segments : path.segments.slice(1);
    if (mount.search !== null && names[0] === SEARCH_NAME) return false;
    return mount.writesBelow.every((name, at) => names[at] === undefined || names[at] === name);
  }

  /** Names on the way to the root of a source; null when it is not part of the tree. */
  pathOf(sourceId: number): readonly string[] | null {
    const mount = this.of(sourceId);
    if (mount === undefined) return null;
    return mount.name === null ? [] : [mount.name];
  }

  /** The top of the tree: the root above all sources, or the only one of them. */
  async root(): Promise<CollectionNode> {
    if (this.#only !== null) return await this.nodeOf(this.#only);
    const roots = await Promise.all(this.all.map((mount) => this.#reader.root(mount.sourceId)));
    return {
      kind: 'collection',
      id: SUPER_ROOT_ID,
      parentId: null,
      sourceId: 0,
      name: '',
      storedName: '',
      ref: null,
      isUnread: false,
      modifiedMs: Math.max(STARTED_MS, ...roots.map((root) => root.modifiedMs)),
      createdMs: Math.min(STARTED_MS, ...roots.map((root) => root.createdMs ?? STARTED_MS)),
      changedSeq: Math.max(0, ...roots.map((root) => root.changedSeq)),
      stateSeq: Math.max(0, ...roots.map((root) => root.stateSeq)),
    };
  }

  async nodeOf(mount: Mount): Promise<CollectionNode> {
    return { ...(await this.#reader.root(mount.sourceId)), name: mount.name ?? '' };
  }

  async named(name: string): Promise<CollectionNode> {
    const mount = this.#only ?? this.#byName.get(name.normalize('NFC'));
    if (mount === undefined) throw new CodedError('not-found', 'There is nothing of that name.');
    return await this.nodeOf(mount);
  }
}
