import type { PlaceEvent, UnchangedEvent } from '../provider/provider.ts';

/**
 * What was written while a scan goes on. The scan may have looked there before, and tell it only now: a file that is
 * gone by then would come back, one that was moved would move back. So what it tells of those places is dropped;
 * whoever wrote has looked there afterwards and told the scan.
 */
export class TouchedPaths {
  readonly #touched = new Set<string>();
  readonly #pathByRef = new Map<string, string>();

  /** @param path as in `SourceRef.path`. */
  note(path: string): void {
    this.#touched.add(path);
  }

  /** To be asked of every event of the scan, in order. Is it about a place that was written to? */
  isOutdated(event: PlaceEvent | UnchangedEvent): boolean {
    const path = this.#pathOf(event);
    if (path === undefined || this.#touched.size === 0) return false;
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (this.#touched.has(path.slice(0, end))) return true;
    }
    return false;
  }

  #pathOf(event: PlaceEvent | UnchangedEvent): string | undefined {
    if (event.kind === 'asset') return event.facts.ref.path;
    if (event.kind === 'kept' || event.kind === 'unchanged')
      return event.collection === null ? '' : this.#pathByRef.get(event.collection);
    const above = event.parent === null ? '' : this.#pathByRef.get(event.parent);
    if (above === undefined) return undefined;
    const path = above === '' ? event.name : `${above}/${event.name}`;
    this.#pathByRef.set(event.ref, path);
    return path;
  }
}
