import type { AssetFacts } from '../model/asset.ts';
import { CodedError } from '../model/coded-error.ts';

/** Assets of one answer. */
const MAX_FOUND = 500;
/** How long an answer is given again, in milliseconds: systems list a folder several times while somebody looks at it. */
const KEPT_MS = 10 * 60_000;
/** Answers that are held at once: some seven megabytes when all of them are full. */
const MAX_KEPT = 20;
/** Searches that may begin within a minute. People do not search more often; what looks into everything does. */
const MAX_PER_MINUTE = 20;
const MINUTE_MS = 60_000;

/** What a search has found, and when. */
export interface SearchAnswer {
  /** As they were first typed. */
  readonly words: string;
  readonly foundMs: number;
  readonly assets: readonly AssetFacts[];
}

/** Asks a source; see `Source.search`. */
export type Find = (words: string, limit: number) => Promise<readonly AssetFacts[]>;

/** The answers of the last minutes. Each search is asked for once, whoever waits for it. */
export class RecentSearches {
  readonly #find: Find;
  readonly #now: () => number;
  readonly #answers = new Map<string, SearchAnswer>();
  readonly #running = new Map<string, Promise<SearchAnswer>>();
  #begun: number[] = [];

  constructor(find: Find, now: () => number) {
    this.#find = find;
    this.#now = now;
  }

  /** @throws CodedError `throttled` when too many searches were begun, and what the source fails with. */
  async run(words: string): Promise<SearchAnswer> {
    this.#forget();
    const key = words.toLowerCase();
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    let running = this.#running.get(key);
    if (running === undefined) {
      this.#takeTurn();
      running = this.#begin(key, words);
      this.#running.set(key, running);
    }
    return await running;
  }

  /** Those that are held, the last one first. */
  get all(): readonly SearchAnswer[] {
    this.#forget();
    return [...this.#answers.values()].reverse();
  }

  async #begin(key: string, words: string): Promise<SearchAnswer> {
    try {
      const assets = await this.#find(words, MAX_FOUND);
      const answer = { words, assets, foundMs: this.#now() };
      this.#answers.set(key, answer);
      return answer;
    } finally {
      this.#running.delete(key);
    }
  }

  #takeTurn(): void {
    const now = this.#now();
    this.#begun = this.#begun.filter((begunMs) => begunMs > now - MINUTE_MS);
    const [first] = this.#begun;
    if (first !== undefined && this.#begun.length >= MAX_PER_MINUTE) {
      const retryAfterMs = first + MINUTE_MS - now;
      throw new CodedError('throttled', 'There were too many searches in the last minute.', { retryAfterMs });
    }
    this.#begun.push(now);
  }

  /** Answers are held in the order in which they came. */
  #forget(): void {
    const oldestMs = this.#now() - KEPT_MS;
    for (const [key, { foundMs }] of this.#answers) {
      if (foundMs > oldestMs && this.#answers.size <= MAX_KEPT) return;
      this.#answers.delete(key);
    }
  }
}
