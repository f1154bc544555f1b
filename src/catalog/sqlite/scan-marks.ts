import type { NodeId } from '../../model/node.ts';
import type { Scan } from '../catalog.ts';

/** More than these are found by looking at all assets, which a sweep does anyway. */
const MAX_UNSHOWN = 10_000;

/**
 * The nodes a scan has seen: one bit a row number, so a rescan of an unchanged tree writes nothing to disk and a
 * million nodes take 128 KiB.
 */
export class ScanMarks implements Scan {
  readonly sourceId: number;
  /** Assets that lost a place during the scan, as far as they are few. */
  readonly unshownAssets: Set<number>;
  /** Layouts' own collections that lost their last member during the scan, at least for a while. */
  readonly emptied: Set<NodeId>;
  readonly #outer: ScanMarks | undefined;
  #displacements = 0;
  #leavesOrphans = false;
  #bits = new Uint8Array(4096);

  constructor(sourceId: number, outer?: ScanMarks) {
    this.sourceId = sourceId;
    this.#outer = outer;
    this.unshownAssets = outer?.unshownAssets ?? new Set();
    this.emptied = outer?.emptied ?? new Set();
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

  noteDisplaced(): void {
    this.#displacements += 1;
    this.noteOrphans();
    this.#outer?.noteDisplaced();
  }

  noteOrphans(): void {
    this.#leavesOrphans = true;
    this.#outer?.noteOrphans();
  }

  noteUnshown(assetId: number): void {
    this.noteOrphans();
    if (this.unshownAssets.size < MAX_UNSHOWN) this.unshownAssets.add(assetId);
  }

  noteEmptied(id: NodeId): void {
    this.emptied.add(id);
  }

  has(id: NodeId): boolean {
    return ((this.#bits[Math.floor(id / 8)] ?? 0) & (1 << (id % 8))) !== 0;
  }
}
