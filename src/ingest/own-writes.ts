import type { AssetFacts } from '../model/asset.ts';

/** Written through us faster than hints come in, they are looked at like anybody's. */
const MAX_PATHS = 20_000;

/**
 * What was written through us, and is in the catalog, until the watcher hints at it. Then it is enough to make sure that it
 * is still there: once, because whatever is hinted at later was somebody else.
 */
export class OwnWrites {
  readonly #versions = new Map<string, string>();

  /** To be called when the catalog has it. */
  note({ ref: { path }, version }: AssetFacts): void {
    this.#versions.delete(path);
    this.#versions.set(path, version);
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > MAX_PATHS && oldest !== undefined) this.#versions.delete(oldest);
  }

  /** To be called for what became another thing or nothing, through us: with all that was in it. */
  forget(path: string): void {
    this.#versions.delete(path);
    for (const each of this.#versions.keys()) if (each.startsWith(`${path}/`)) this.#versions.delete(each);
  }

  /** The versions written at those of the paths that were written through us and not hinted at since. */
  take(paths: readonly string[]): ReadonlyMap<string, string> {
    const taken = new Map<string, string>();
    for (const path of paths) {
      const version = this.#versions.get(path);
      if (version !== undefined && this.#versions.delete(path)) taken.set(path, version);
    }
    return taken;
  }
}
