import { foldName } from '../../model/name.ts';
import type { NodeId } from '../../model/node.ts';
import type { NodeRow, NodeTable } from './node-table.ts';
import type { ScanMarks } from './scan-marks.ts';

/** The rules of views: see `CollectionEntry.isView`. Lives within one transaction. */
export class ViewPlaces {
  readonly #table: NodeTable;
  readonly #rootId: NodeId;
  readonly #isView = new Map<NodeId, boolean>();

  constructor(table: NodeTable, rootId: NodeId) {
    this.#table = table;
    this.#rootId = rootId;
  }

  /** The places of an asset if all of them are anchored at views; else none. */
  leftBehind(assetId: number): NodeRow[] {
    const places = this.#table.byAsset(assetId);
    return places.every(({ anchorId }) => anchorId !== null && this.#isViewId(anchorId)) ? places : [];
  }

  /** What of these nodes' assets is anchored at the views counts as seen, with the collections it is in. */
  keep(ids: readonly NodeId[], viewIds: readonly NodeId[], marks: ScanMarks): void {
    for (const id of ids) {
      const assetId = this.#table.byId(id)?.assetId ?? null;
      if (assetId === null) continue;
      for (const place of this.#table.byAsset(assetId)) {
        if (place.anchorId === null || !viewIds.includes(place.anchorId)) continue;
        let above: NodeRow | null = place;
        while (above !== null && !marks.has(above.id)) {
          marks.add(above.id);
          above = this.#table.byId(above.parentId);
        }
      }
    }
  }

  /** A view that has a name at the top which something else is to have: its source is not shown in views any more. */
  staleAt(name: string, wanted: { readonly parentId: NodeId; readonly isView: boolean }): NodeRow | null {
    if (wanted.isView || wanted.parentId !== this.#rootId) return null;
    const occupant = this.#table.byName(wanted.parentId, foldName(name));
    return occupant?.isView === true ? occupant : null;
  }

  #isViewId(id: NodeId): boolean {
    if (id === this.#rootId) return false;
    const known = this.#isView.get(id);
    if (known !== undefined) return known;
    const isView = this.#table.byId(id)?.isView === true;
    this.#isView.set(id, isView);
    return isView;
  }
}
