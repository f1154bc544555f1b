import type { NodeId } from '../../model/node.ts';
import type { Scan } from '../catalog.ts';

/**
 * The nodes a scan has seen: one bit a row number, so a rescan of an unchanged tree writes nothing to disk and a
 * million nodes take 128 KiB.
 */
export class ScanMarks implements Scan {
  readonly sourceId: number;
  /** Set when the scan left assets without a node behind, so that the sweep has to look for them. */
  leavesOrphans = false;
  #bits = new Uint8Array(4096);

  constructor(sourceId: number) {
    this.sourceId = sourceId;
  }

  add(id: NodeId): void {
    const byte = Math.floor(id / 8);
    if (byte >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (id % 8));
  }

  has(id: NodeId): boolean {
    return ((this.#bits[Math.floor(id / 8)] ?? 0) & (1 << (id % 8))) !== 0;
  }
}
