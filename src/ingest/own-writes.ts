import type { AssetFacts } from '../model/asset.ts';

/** Written through us faster than hints come in, they are looked at like anybody's. */
const MAX_PATHS = 20_000;

/**
 * What was written through us, and is in the catalog, until the watcher hints at it. Then it is enough to make sure that it
 * is still there: once, because whatever is hinted at later was somebody else.
 */
export class OwnWrites {
  readonly #versions = new Map<string, string>();
  /** By folder: those in it, and the folders in it that have some below. So forgetting costs what there is to forget. */
  readonly #members = new Map<string, Set<string>>();

  /** To be called when the catalog has it. */
  note({ ref: { path }, version }: AssetFacts): void {
    // The last one noted goes last.
    this.#versions.delete(path);
    this.#versions.set(path, version);
    this.#link(path);
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > MAX_PATHS && oldest !== undefined) this.#drop(oldest);
  }

  /** To be called for what became another thing or nothing, through us: with all that was in it. */
  forget(path: string): void {
    for (const member of this.#members.get(path) ?? []) this.forget(member);
    this.#drop(path);
  }

  /** The versions written at those of the paths that were written through us and not hinted at since. */
  take(paths: readonly string[]): ReadonlyMap<string, string> {
    const taken = new Map<string, string>();
    for (const path of paths) {
      const version = this.#versions.get(path);
      if (version === undefined) continue;
      taken.set(path, version);
      this.#drop(path);
    }
    return taken;
  }

  #link(path: string): void {
    const folder = folderOf(path);
    if (folder === null) return;
    const members = this.#members.get(folder);
    if (members !== undefined) members.add(path);
    else {
      this.#members.set(folder, new Set([path]));
      this.#link(folder);
    }
  }

  #drop(path: string): void {
    this.#versions.delete(path);
    if (!this.#members.has(path)) this.#unlink(path);
  }

  #unlink(path: string): void {
    const folder = folderOf(path);
    const members = folder === null ? undefined : this.#members.get(folder);
    if (folder === null || members?.delete(path) !== true || members.size > 0) return;
    this.#members.delete(folder);
    if (!this.#versions.has(folder)) this.#unlink(folder);
  }
}

/** Null: it is at the top. */
function folderOf(path: string): string | null {
  const end = path.lastIndexOf('/');
  return end === -1 ? null : path.slice(0, end);
}
