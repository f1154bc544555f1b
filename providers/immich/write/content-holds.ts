/** What the uploads of one content share while any of them is under way. */
interface Shared {
  holders: number;
  /** Assets that are there on behalf of these uploads alone, and the albums they may be in nevertheless. */
  readonly ours: Map<string, readonly string[]>;
  /** Of those, the ones that are shown, or may be. */
  readonly kept: Set<string>;
  /** The last one has left and clears up; whoever comes now waits for it. */
  clearing: Promise<void> | null;
}

/** Throws an asset away, unless it is in other albums than `albumIds`. */
export type ThrowAway = (assetId: string, albumIds: readonly string[]) => Promise<void>;

/**
 * Immich has one asset for one content, whoever sends it. So an upload that fails must not throw away what another one
 * has found there meanwhile: only the last of them clears up, and only what none of them has shown.
 */
export class ContentHolds {
  readonly #shared = new Map<string, Shared>();

  /** To be called before Immich is asked for the content, and to be let go once. */
  async hold(sha1: string): Promise<ContentHold> {
    let shared = this.#shared.get(sha1);
    while (shared?.clearing) {
      await shared.clearing;
      shared = this.#shared.get(sha1);
    }
    shared ??= { holders: 0, ours: new Map(), kept: new Set(), clearing: null };
    shared.holders += 1;
    this.#shared.set(sha1, shared);
    return new ContentHold(shared, () => this.#shared.delete(sha1));
  }
}

export class ContentHold {
  readonly #shared: Shared;
  readonly #forget: () => void;
  #isLetGo = false;

  constructor(shared: Shared, forget: () => void) {
    this.#shared = shared;
    this.#forget = forget;
  }

  /** The asset is there because of this upload. @param albumIds where it came back to by itself. */
  brought(assetId: string, albumIds: readonly string[] = []): void {
    this.#shared.ours.set(assetId, albumIds);
  }

  /** It is shown, or it may be needed: nobody throws it away. */
  keep(assetId: string): void {
    this.#shared.kept.add(assetId);
  }

  /** Once; again does nothing. Rejects as `throwAway` does. */
  async letGo(throwAway: ThrowAway): Promise<void> {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    const shared = this.#shared;
    shared.holders -= 1;
    if (shared.holders > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    shared.clearing = promise;
    try {
      for (const [assetId, albumIds] of shared.ours) {
        if (!shared.kept.has(assetId)) await throwAway(assetId, albumIds);
      }
    } finally {
      this.#forget();
      resolve();
    }
  }
}
