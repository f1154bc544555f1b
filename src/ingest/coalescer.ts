export interface CoalescerOptions {
  /** Called once the hints may be taken; not again before they are. */
  readonly onReady: () => void;
  /** Without another hint for so long, a burst counts as over. */
  readonly quietMs?: number;
  /** No hint waits longer, however long the burst lasts. */
  readonly longestMs?: number;
  /** More paths than these are not worth keeping apart. */
  readonly limit?: number;
}

const QUIET_MS = 50;
const LONGEST_MS = 150;
const LIMIT = 20_000;

/** Gathers the hints of a burst, so that a file that is written in a thousand pieces is looked at once. */
export class Coalescer {
  readonly #onReady: () => void;
  readonly #quietMs: number;
  readonly #longestMs: number;
  readonly #limit: number;
  readonly #paths = new Set<string>();
  #isEverything = false;
  #isReady = false;
  #firstMs: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: CoalescerOptions) {
    this.#onReady = options.onReady;
    this.#quietMs = options.quietMs ?? QUIET_MS;
    this.#longestMs = options.longestMs ?? LONGEST_MS;
    this.#limit = options.limit ?? LIMIT;
  }

  get isEmpty(): boolean {
    return this.#firstMs === null;
  }

  /** @param path `''`: everything. */
  add(path: string): void {
    if (path === '' || this.#paths.size >= this.#limit) this.#isEverything = true;
    else if (!this.#isEverything) this.#paths.add(path);
    const nowMs = performance.now();
    this.#firstMs ??= nowMs;
    if (this.#isReady) return;
    const leftMs = this.#firstMs + this.#longestMs - nowMs;
    if (this.#timer === null) this.#timer = setTimeout(() => this.#becomeReady(), this.#quietMs);
    // Past this point the timer that runs is early enough.
    else if (leftMs > this.#quietMs) this.#timer.refresh();
  }

  /**
   * What was hinted since the last time, outermost first, without what is below another one: looking at a collection
   * looks at all of it. `'everything'` when it was too much. Need not wait for `onReady`.
   */
  take(): readonly string[] | 'everything' {
    const paths = this.#isEverything ? 'everything' : Coalescer.outermost(this.#paths);
    this.clear();
    return paths;
  }

  /** Without what is below another one, and by depth, so that a moved collection is told before what is in it. */
  static outermost(paths: ReadonlySet<string>): string[] {
    return [...paths]
      .filter((path) => !isBelowAnother(path, paths))
      .map((path) => ({ path, depth: path.split('/').length }))
      .sort((a, b) => a.depth - b.depth)
      .map(({ path }) => path);
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#firstMs = null;
    this.#isReady = false;
    this.#isEverything = false;
    this.#paths.clear();
  }

  #becomeReady(): void {
    this.#timer = null;
    this.#isReady = true;
    this.#onReady();
  }
}

function isBelowAnother(path: string, paths: ReadonlySet<string>): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (paths.has(path.slice(0, end))) return true;
  }
  return false;
}
