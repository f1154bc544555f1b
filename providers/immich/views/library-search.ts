import { randomUUID } from 'node:crypto';
import { CodedError, codeOf } from '../../../src/model/coded-error.ts';
import { type ImmichAsset, parseAsset, parseNextPage } from '../api-answers.ts';
import { parseTime } from '../asset-facts.ts';
import type { Ask } from '../eras/era.ts';
import type { LibraryEra } from '../eras/library-era.ts';

/** The most a page may hold. */
const PAGE_SIZE = 1000;
/** Pages of one search, as many as five million assets have: a server that never comes to an end is left. */
const MAX_PAGES = 5_000;
const NEXT_PAGE = '$.assets.nextPage';
const WHAT = 'what was searched for';

/** Conditions of a search, as Immich names them. */
export type Filter = Readonly<Record<string, unknown>>;

/** Searches among all assets that the key's owner sees in the timeline, partners' included. */
export class LibrarySearch {
  readonly #ask: Ask;
  readonly #era: LibraryEra;

  constructor(ask: Ask, era: LibraryEra) {
    this.#ask = ask;
    this.#era = era;
  }

  /**
   * Hands everything that matches to `take`, some of it more than once. With exif, assets without an exif row are missing:
   * the server joins the two.
   */
  async find(filter: Filter, withExif: boolean, take: (asset: ImmichAsset) => void): Promise<void> {
    for (const search of this.#era.searches) await this.#findAll({ ...search, ...filter, withExif }, take);
  }

  /** Does the server know this field of ids at all? It ignores one that it does not know, and answers everything. */
  async understands(field: 'tagIds' | 'personIds'): Promise<boolean> {
    let found = 0;
    const body = { ...this.#era.searches[0], [field]: [randomUUID()], size: 1 };
    try {
      await this.#page(body, () => {
        found += 1;
      });
    } catch (error) {
      // It has looked for that id.
      if (codeOf(error) !== 'not-found') throw error;
    }
    return found === 0;
  }

  /**
   * By time, each page from the time on at which the one before ended: before 3.1.0 nothing orders assets of one time, so
   * that counted pages lose some (27 of 100,000 were seen to be lost).
   */
  async #findAll(filter: Filter, take: (asset: ImmichAsset) => void): Promise<void> {
    let takenAfter: number | null = null;
    let page = 1;
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      let lastMs: number | null = null;
      const since = takenAfter === null ? {} : { takenAfter: new Date(takenAfter).toISOString() };
      const next = await this.#page({ ...filter, ...since, size: PAGE_SIZE, page, order: 'asc' }, (asset) => {
        const createdMs = parseTime(asset.fileCreatedAt ?? '');
        if (createdMs !== null) lastMs = Math.max(createdMs, lastMs ?? createdMs);
        take(asset);
      });
      if (next === null) return;
      // More assets of one time than a page holds: only then pages are counted.
      if (lastMs === null || (takenAfter !== null && lastMs <= takenAfter)) page = next;
      else {
        takenAfter = lastMs;
        page = 1;
      }
    }
    throw new CodedError('unavailable', 'Immich answered a search with more pages than there can be.');
  }

  async #page(body: Filter, take: (asset: ImmichAsset) => void): Promise<number | null> {
    const request = { method: 'POST', path: '/search/metadata', body, what: WHAT } as const;
    const wanted = { list: '$.assets.items', values: [NEXT_PAGE] };
    const values = await this.#ask.items(request, wanted, (entry) => take(parseAsset(entry)));
    return parseNextPage(values.get(NEXT_PAGE));
  }
}
