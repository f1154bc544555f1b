import type { Entry } from '../catalog/catalog.ts';

/**
 * What goes into one transaction, in entries as a disk tells them: about 10 ms of work in one turn of the event loop when
 * all are new. Less would cost more in sum.
 */
const MAX_WORK = 320;
/** An entry that also tells what stands in the picture, as those of Immich do, beside one that does not. */
const TELLING_WORK = 2;

/** Entries of a scan on their way to the catalog. */
export class ScanBatch {
  #entries: Entry[] = [];
  #work = 0;

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** It is as much as one turn of the event loop can take. */
  get isFull(): boolean {
    return this.#work >= MAX_WORK;
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#work += entry.kind === 'asset' && entry.facts.width !== null ? TELLING_WORK : 1;
    }
  }

  /** All of them, which it then does not have any more. */
  take(): readonly Entry[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#work = 0;
    return entries;
  }
}
