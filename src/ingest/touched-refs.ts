import type { CompleteEvent, PlaceEvent, UnchangedEvent } from '../provider/provider.ts';

/**
 * What was written to a source that names things by ids, while a scan goes on. The scan may have read an album before and
 * tell it only now: what was taken out of it would come back. So what it tells of those is dropped; the write has told the
 * catalog, and the scan, what became of them.
 */
export class TouchedRefs {
  readonly #collections = new Set<string>();
  readonly #removed = new Set<string>();
  readonly #members = new Set<string>();

  /** Facts of the collection itself, not its members. */
  noteCollection(ref: string): void {
    this.#collections.add(ref);
  }

  noteMember(collection: string, refId: string): void {
    this.#members.add(memberKey(collection, refId));
  }

  /** Nothing is left of it, nor of what was in it. */
  noteRemoved(ref: string): void {
    this.#removed.add(ref);
  }

  /** Is the event about something that was written to? */
  isOutdated(event: PlaceEvent | UnchangedEvent | CompleteEvent): boolean {
    if (event.kind === 'collection') return this.#collections.has(event.ref) || this.#removed.has(event.ref);
    const { collection } = event;
    if (collection !== null && this.#removed.has(collection)) return true;
    if (event.kind !== 'asset') return false;
    const { id } = event.facts.ref;
    return this.#removed.has(id) || (collection !== null && this.#members.has(memberKey(collection, id)));
  }
}

function memberKey(collection: string, refId: string): string {
  return `${collection} ${refId}`;
}
