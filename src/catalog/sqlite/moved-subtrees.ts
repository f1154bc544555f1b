import type { DatabaseSync } from 'node:sqlite';
import type { NodeId } from '../../model/node.ts';
import type { AssetTable } from './asset-table.ts';
import type { NodeTable } from './node-table.ts';
import { NO_PARENT } from './schema.ts';
import { Subtrees } from './subtrees.ts';
import type { Steps } from './write-connection.ts';

/** Nodes of one step: a few milliseconds. */
const STEP_NODES = 500;

/**
 * What the move of a collection is to everything below it: another path. Whoever follows the changes learns that. On a
 * disk it is the path of the files, too, and they are there already: until each was told again they would not be found.
 */
export class MovedSubtrees {
  readonly #nodes: NodeTable;
  readonly #subtrees: Subtrees;
  readonly #assets: AssetTable;

  constructor(database: DatabaseSync, nodes: NodeTable, assets: AssetTable) {
    this.#nodes = nodes;
    this.#assets = assets;
    this.#subtrees = new Subtrees(database);
  }

  /** @param moved collections that are on another path than before; those on a disk by true. */
  *tell(moved: ReadonlyMap<NodeId, boolean>): Steps<void> {
    const told = new Set<NodeId>();
    for (const [movedId, isOnDisk] of moved) {
      if (told.has(movedId)) continue;
      const path = isOnDisk ? this.#storedPathOf(movedId) : null;
      for (const part of this.#subtrees.below(movedId, path ?? '', STEP_NODES)) {
        for (const { id, assetId, storedPath } of part) {
          if (assetId === null) told.add(id);
          else if (path !== null) this.#assets.setPath(assetId, storedPath);
          this.#nodes.touchMoved(id);
        }
        yield;
      }
    }
  }

  /** By the source's own names, without what a layout has made up; null while it has no place. */
  #storedPathOf(id: NodeId): string | null {
    const names: string[] = [];
    let row = this.#nodes.byId(id);
    for (; row !== null && row.parentId > NO_PARENT; row = this.#nodes.byId(row.parentId)) {
      if (!row.isVirtual) names.unshift(row.storedName);
    }
    return row?.parentId === NO_PARENT ? names.join('/') : null;
  }
}
