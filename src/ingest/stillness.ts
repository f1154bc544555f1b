import type { AssetFacts } from '../model/asset.ts';

/** A file that was written to within this time may still be. */
const STILL_AFTER_MS = 1_000;

/** The watcher tells of what we wrote long before that. */
const WHOLE_FOR_MS = 5_000;

interface WholeVersion {
  readonly version: string;
  readonly untilMs: number;
}

/** Knows which assets are still being written, so that nobody reads a file that is not whole yet. */
export class Stillness {
  readonly #onStill: () => void;
  readonly #stillAfterMs: number;
  /** By path: when it counts as still, in milliseconds since 1970. */
  readonly #moving = new Map<string, number>();
  /** By path: what was written by us, to its end, and so is still however new it is. Forgotten when it is old. */
  readonly #whole = new Map<string, WholeVersion>();
  #timer: NodeJS.Timeout | null = null;

  /** @param onStill called when some assets that were not still are now. */
  constructor(onStill: () => void, stillAfterMs = STILL_AFTER_MS) {
    this.#onStill = onStill;
    this.#stillAfterMs = stillAfterMs;
  }

  /**
   * To be called with all that a source tells.
   * @param isWhole we have written this version ourselves, to its end.
   */
  note(facts: AssetFacts, isWhole = false): void {
    const nowMs = Date.now();
    const { path } = facts.ref;
    const { version } = facts;
    if (isWhole) this.#whole.set(path, { version, untilMs: nowMs + WHOLE_FOR_MS });
    if (this.#whole.get(path)?.version === version) {
      this.#moving.delete(path);
      this.#timer ??= this.#startTimer(this.#stillAfterMs);
      return;
    }
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
    this.#whole.clear();
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
    for (const [path, { untilMs }] of this.#whole) if (untilMs <= nowMs) this.#whole.delete(path);
    if (this.#whole.size > 0) nextMs = Math.min(nextMs, nowMs + WHOLE_FOR_MS);
    if (nextMs < Number.POSITIVE_INFINITY) this.#timer = this.#startTimer(nextMs - nowMs);
    if (released > 0) this.#onStill();
  }
}
