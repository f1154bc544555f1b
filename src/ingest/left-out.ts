import type { ScanWarning } from '../source/source.ts';

/** Places of one reason that are remembered; more of them are only counted. */
const MAX_PLACES = 1_000;

interface Reason {
  count: number;
  /** Of names the first by letters: they come in any order, and another one at each scan would look like news. */
  example: string;
  /** Of those counted, the first ones. */
  readonly places: Set<string>;
}

/**
 * What a source has and does not show, by reason. Where places are paths, it is remembered where that was, so that
 * whoever looks there again can tell it anew.
 */
export class LeftOut {
  readonly #hasPaths: boolean;
  readonly #reasons = new Map<string, Reason>();

  /** @param hasPaths no two things of the source have one place; else places are names, and are only counted. */
  constructor(hasPaths: boolean) {
    this.#hasPaths = hasPaths;
  }

  get warnings(): ScanWarning[] {
    return [...this.#reasons].map(([reason, { count, example, places }]) => {
      const [first = example] = places;
      return { reason, count, example: first };
    });
  }

  note(reason: string, place: string): void {
    const known = this.#reasons.get(reason) ?? { count: 0, example: place, places: new Set() };
    if (this.#hasPaths && known.places.has(place)) return;
    known.count += 1;
    if (!this.#hasPaths && place < known.example) known.example = place;
    if (this.#hasPaths && known.places.size < MAX_PLACES) known.places.add(place);
    this.#reasons.set(reason, known);
  }

  /** As `note`, where it may be one of those that were only counted: then how many there are is left to the next scan. */
  noteAgain(reason: string, place: string): void {
    const known = this.#reasons.get(reason);
    if (known !== undefined && known.count > known.places.size) return;
    this.note(reason, place);
  }

  /** Forgets what was remembered at these paths, and below. */
  forget(paths: ReadonlySet<string>): void {
    for (const [reason, known] of this.#reasons) {
      for (const place of known.places) {
        if (!isWithinAny(place, paths)) continue;
        known.places.delete(place);
        known.count -= 1;
      }
      if (known.count === 0) this.#reasons.delete(reason);
    }
  }
}

function isWithinAny(place: string, paths: ReadonlySet<string>): boolean {
  for (let end = place.length; end > 0; end = place.lastIndexOf('/', end - 1)) {
    if (paths.has(place.slice(0, end))) return true;
  }
  return false;
}
