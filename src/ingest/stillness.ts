import type { AssetFacts } from '../model/asset.ts';

/** A file that was written to within this time may still be. */
const STILL_AFTER_MS = 1_000;

/** Knows which assets are still being written, so that nobody reads a file that is not whole yet. */
export class Stillness {
  readonly #onStill: () => void;
  readonly #stillAfterMs: number;
  /** By path: when it counts as still, in milliseconds since 1970. */
  readonly #moving = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  /** @param onStill called when some assets that were not still are now. */
  constructor(onStill: () => void, stillAfterMs = STILL_AFTER_MS) {
    this.#onStill = onStill;
    this.#stillAfterMs = stillAfterMs;
  }

  /** To be called with all that a source tells. */
  note(facts: AssetFacts): void {
    const nowMs = Date.now();
    const { path } = facts.ref;
    // Later told again with the same old time, it has not changed; a time to come says nothing but is not for ever.
    if (facts.modifiedMs <= nowMs - this.#stillAfterMs) this.#moving.delete(path);
    else this.#moving.set(path, nowMs + this.#stillAfterMs);
    if (this.#moving.size > 0) this.#timer ??= this.#startTimer(this.#stillAfterMs);
  }

  isStill(facts: AssetFacts): boolean {
    return !this.#moving.has(facts.ref.path);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#moving.clear();
  }

  #startTimer(waitMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#release(), waitMs).unref();
  }

  #release(): void {
    this.#timer = null;
    const nowMs = Date.now();
    let nextMs = Number.POSITIVE_INFINITY;
    let released = 0;
    for (const [path, stillMs] of this.#moving) {
      if (stillMs > nowMs) nextMs = Math.min(nextMs, stillMs);
      else if (this.#moving.delete(path)) released += 1;
    }
    if (this.#moving.size > 0) this.#timer = this.#startTimer(nextMs - nowMs);
    if (released > 0) this.#onStill();
  }
}
