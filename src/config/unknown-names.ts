/** Shorter names are near too many others. */
const SHORTEST_NAME = 5;
/** From this many characters on, two slips leave no doubt what was meant; below it, one. */
const LONG_NAME = 9;
const LONG_WORD = 5;

/**
 * The setting that a foreign variable was probably meant to be, or null when it is known or nobody's business.
 * People share one `.env` with Immich's own compose file, and an environment holds whatever the system put
 * there, so only near misses count.
 */
export function misspeltSetting(name: string, known: readonly string[]): string | null {
  if (known.includes(name) || name.length < SHORTEST_NAME) return null;
  const candidates = known.filter((candidate) => candidate.length >= SHORTEST_NAME);
  const nearest = nearestName(name, candidates);
  return nearest !== null && isSlip(fold(name), nearest) ? nearest : null;
}

/** Fingers slip once in a short name or a short word, twice in a long one; `SSL_…` for `TLS_…` is no slip. */
function isSlip(name: string, meant: string): boolean {
  if (editDistance(name, meant) > (meant.length >= LONG_NAME ? 2 : 1)) return false;
  const words = name.split('_');
  const meantWords = meant.split('_');
  if (words.length !== meantWords.length) return true;
  return words.every((word, index) => {
    const meantWord = meantWords[index] ?? '';
    return editDistance(word, meantWord) <= (meantWord.length >= LONG_WORD ? 2 : 1);
  });
}

/** The known name that needs the fewest slips of the finger to become `name`; null only when none is known. */
export function nearestName(name: string, known: readonly string[]): string | null {
  let nearest: string | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(fold(name), fold(candidate));
    if (distance >= fewest) continue;
    nearest = candidate;
    fewest = distance;
  }
  return nearest;
}

/** Letters to insert, drop, replace or swap with their neighbour until `a` is `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

function fold(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
