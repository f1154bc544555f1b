import type { AssetFacts } from '../model/asset.ts';
import type { Over, Permit, PutWrite } from '../model/write.ts';
import type { PlaceEvent, Staged, WriteEvent } from '../provider/provider.ts';
import type { Aftermath } from './aftermath.ts';
import type { Turns } from './turns.ts';
import type { UnfinishedWrites } from './unfinished-writes.ts';

export interface PlacingsOptions {
  readonly turns: Turns;
  readonly aftermath: Aftermath;
  readonly unfinished: UnfinishedWrites;
  /** Called when the catalog could not be brought in line with what was placed: only a scan helps. */
  readonly onMissed: () => void;
}

/** An upload that is whole, and is to be shown at its place. */
export interface Placing {
  readonly staged: Staged;
  readonly path: string;
  readonly over: Over;
  readonly permit: Permit | undefined;
  /** See `PutWrite.onShown`. */
  readonly onShown: PutWrite['onShown'] | undefined;
  /** What the provider has told of it; see `WriteCall.tell`. */
  readonly told: WriteEvent[];
  readonly signal: AbortSignal;
}

interface Waiting extends Placing {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How the step of one upload went. */
type Outcome =
  | { readonly waiting: Waiting; readonly isPlaced: true; readonly events: readonly PlaceEvent[] | undefined }
  | { readonly waiting: Waiting; readonly isPlaced: false; readonly error: unknown };

/**
 * Shows uploads at their places. The first begins at once; those that are whole while its turn lasts are placed together
 * in the next one, and share one look and one transaction of the catalog. Each has its own permit and its own outcome:
 * one that is refused is none of its neighbours' business.
 */
export class Placings {
  readonly #options: PlacingsOptions;
  #waiting: Waiting[] = [];

  constructor(options: PlacingsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when catalog and change log have it. Rejects as `Staged.place`, with what its permit rejects with, and with
   * `unavailable` while a write may yet be done there.
   */
  place(placing: Placing): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...placing, resolve, reject });
      // One turn each, which finds nothing to do when one before has taken it along.
      void this.#options.turns.between(() => this.#placeSome());
    });
  }

  /** Never rejects. */
  async #placeSome(): Promise<void> {
    const some = this.#takeSome().filter((waiting) => this.#mayBegin(waiting));
    if (some.length === 0) return;
    this.#options.aftermath.begin?.(some.map(({ path }) => path));
    const outcomes = await Promise.all(some.map((waiting) => this.#placeOne(waiting)));
    await this.#follow(outcomes);
    await this.#followFailures(outcomes);
  }

  /** In the order of their coming. Of two for one path the second waits, so that each is looked at and told. */
  #takeSome(): Waiting[] {
    const some = new Map<string, Waiting>();
    const rest: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (some.size >= this.#options.aftermath.atOnce || some.has(waiting.path)) rest.push(waiting);
      else some.set(waiting.path, waiting);
    }
    this.#waiting = rest;
    return [...some.values()];
  }

  /** One that may not is refused at once: to look at a place where the disk hangs would take as long as a write. */
  #mayBegin({ path, reject }: Waiting): boolean {
    try {
      this.#options.unfinished.checkNoneAt(path);
      return true;
    } catch (error) {
      reject(error);
      return false;
    }
  }

  async #placeOne(waiting: Waiting): Promise<Outcome> {
    const { staged, path, over, permit, signal } = waiting;
    try {
      signal.throwIfAborted();
      await this.#options.aftermath.check?.(path);
      await permit?.();
      return { waiting, isPlaced: true, events: await staged.place(over) };
    } catch (error) {
      return { waiting, isPlaced: false, error };
    }
  }

  async #follow(outcomes: readonly Outcome[]): Promise<void> {
    const { aftermath, onMissed } = this.#options;
    const placed = outcomes.filter((outcome) => outcome.isPlaced);
    if (placed.length === 0) return;
    const known = placed.flatMap(({ waiting, events }): [string, readonly PlaceEvent[]][] =>
      events === undefined ? [] : [[waiting.path, events]],
    );
    try {
      await aftermath.follow({
        ...{ touched: placed.map(({ waiting }) => waiting.path), gone: new Set(), isWhole: true },
        ...{ told: placed.flatMap(({ waiting }) => waiting.told), placed: new Map(known) },
      });
    } catch (error) {
      onMissed();
      for (const { waiting } of placed) waiting.reject(error);
      return;
    }
    for (const { waiting, events } of placed) await settle(waiting, factsIn(events));
  }

  /** They may have failed because the catalog was wrong, or halfway. */
  async #followFailures(outcomes: readonly Outcome[]): Promise<void> {
    for (const outcome of outcomes) {
      if (outcome.isPlaced) continue;
      const { waiting, error } = outcome;
      const change = { touched: [waiting.path], gone: new Set<string>(), isWhole: false, told: waiting.told };
      await this.#options.aftermath.followFailure(change, error);
      waiting.reject(error);
    }
  }
}

function factsIn(events: readonly PlaceEvent[] = []): AssetFacts | null {
  const event = events.at(-1);
  return event?.kind === 'asset' ? event.facts : null;
}

async function settle({ onShown, resolve, reject }: Waiting, facts: AssetFacts | null): Promise<void> {
  try {
    await onShown?.(facts);
    resolve();
  } catch (error) {
    reject(error);
  }
}
