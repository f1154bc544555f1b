import type { WatchHint } from '../../src/provider/provider.ts';

/** Hints between the system, which does not wait, and whoever takes them; the same hint waits only once. */
export class HintQueue {
  readonly #paths = new Set<string>();
  readonly #reasons = new Set<string>();
  #isEnded = false;
  #wake: (() => void) | null = null;

  path(path: string): void {
    this.#paths.add(path);
    this.#wake?.();
  }

  lost(reason: string): void {
    this.#reasons.add(reason);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** Ends with `end`; what still waits then is not told any more. */
  async *hints(): AsyncGenerator<WatchHint> {
    while (!this.#isEnded) {
      for (const reason of this.#reasons) {
        this.#reasons.delete(reason);
        yield { kind: 'lost', reason };
      }
      for (const path of this.#paths) {
        this.#paths.delete(path);
        yield { kind: 'path', path };
      }
      if (this.#isEnded || this.#paths.size > 0 || this.#reasons.size > 0) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
