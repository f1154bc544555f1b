import type { NodeId } from '../../model/node.ts';
import type { Scan } from '../catalog.ts';
import { NO_PARENT } from './schema.ts';

/** More than these are found by looking at all assets, which a sweep does anyway. */
const MAX_UNSHOWN = 10_000;

/**
 * The nodes a scan has seen: one bit a row number, so a rescan of an unchanged tree writes nothing to disk and a
 * million nodes take 128 KiB.
 */
export class ScanMarks implements Scan {
  readonly sourceId: number;
  /** Nodes whose name was taken over by another one during the scan. */
  readonly displaced = new Set<NodeId>();
  /** Assets that lost a place during the scan, as far as they are few. */
  readonly unshownAssets = new Set<number>();
  /** Layouts' own collections that lost their last member during the scan, at least for a while. */
  readonly emptied: Set<NodeId>;
  readonly leftPaths: Set<string>;
  readonly #outer: ScanMarks | undefined;
  /** Is the content of this collection known to be as it was? Asked of thousands of assets, so answers are kept. */
  readonly #unchanged = new Map<NodeId, boolean>();
  #displacements = 0;
  #leavesOrphans = false;
  #bits = new Uint8Array(4096);

  constructor(sourceId: number, outer?: ScanMarks) {
    this.sourceId = sourceId;
    this.#outer = outer;
    this.emptied = outer?.emptied ?? new Set();
    this.leftPaths = outer?.leftPaths ?? new Set();
  }

  /** It is made within another scan that goes on, and only knows what came of itself. */
  get isWithinAnother(): boolean {
    return this.#outer !== undefined;
  }

  get displacements(): number {
    return this.#displacements;
  }

  /** The scan left assets without a node behind, so that the sweep has to look for them. */
  get leavesOrphans(): boolean {
    return this.#leavesOrphans;
  }

  add(id: NodeId): void {
    this.#outer?.add(id);
    const byte = Math.floor(id / 8);
    if (byte >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (id % 8));
  }

  addUnchanged(id: NodeId): void {
    this.#outer?.addUnchanged(id);
    this.#unchanged.set(id, true);
  }

  /** Only once everything was told: is the collection, or one above it, one of those whose content is as it was? */
  isWithinUnchanged(id: NodeId, parentOf: (id: NodeId) => NodeId): boolean {
    if (this.#unchanged.size === 0 || id <= NO_PARENT) return false;
    const known = this.#unchanged.get(id);
    if (known !== undefined) return known;
    const isWithin = this.isWithinUnchanged(parentOf(id), parentOf);
    this.#unchanged.set(id, isWithin);
    return isWithin;
  }

  noteDisplaced(id: NodeId): void {
    this.#displacements += 1;
    this.#leavesOrphans = true;
    this.displaced.add(id);
    this.#outer?.noteDisplaced(id);
  }

  noteOrphans(): void {
    this.#leavesOrphans = true;
    this.#outer?.noteOrphans();
  }

  noteUnshown(assetId: number): void {
    this.#leavesOrphans = true;
    this.#outer?.noteUnshown(assetId);
    if (this.unshownAssets.size < MAX_UNSHOWN) this.unshownAssets.add(assetId);
  }

  /** A node is about to be seen at another path than the one it was last told at. */
  noteMove(id: NodeId, pathBefore: string): void {
    if ((this.#outer ?? this).has(id)) this.leftPaths.add(pathBefore);
  }

  noteEmptied(id: NodeId): void {
    this.emptied.add(id);
  }

  has(id: NodeId): boolean {
    return ((this.#bits[Math.floor(id / 8)] ?? 0) & (1 << (id % 8))) !== 0;
  }
}
