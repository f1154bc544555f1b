import { CodedError } from '../../../src/model/coded-error.ts';
import { fieldsOf, idOf, listOf, numberOf, textOf } from '../api-answers.ts';
import { parseTime } from '../asset-facts.ts';
import type { Ask } from '../eras/era.ts';

/** People of one page, and pages at most. */
const PEOPLE_PAGE = 1000;
const MAX_PAGES = 100;

/** Somebody with a name. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly updatedAt: string;
}

export interface Tag {
  readonly id: string;
  /** The last part of its path. */
  readonly name: string;
  /** Null: at the top. */
  readonly parentId: string | null;
}

export interface Memory {
  readonly id: string;
  /** The day that it is shown on, as `2026-11-21`. */
  readonly day: string;
  /** Null where it is not one of a year. */
  readonly yearsAgo: number | null;
  readonly assets: readonly { readonly id: string; readonly updatedAt: string }[];
}

/**
 * Everybody with a name who is not hidden. Pages are counted from the start, so that somebody removed between two of them
 * moves another one out of both: with other counts on a later page nothing is told.
 */
export async function readPeople(ask: Ask): Promise<Person[]> {
  const people: Person[] = [];
  let counts: string | null = null;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const path = `/people?page=${page}&size=${PEOPLE_PAGE}`;
    const body = fieldsOf(await ask.json({ method: 'GET', path, what: 'the people' }), 'the people');
    const told = JSON.stringify([body.total, body.hidden]);
    counts ??= told;
    if (told !== counts)
      throw new CodedError('unavailable', 'People of Immich changed while they were read.');
    for (const entry of listOf(body.people, 'the people')) {
      const fields = fieldsOf(entry, 'a person');
      const name = textOf(fields, 'name')?.trim() ?? '';
      if (name === '' || fields.isHidden === true) continue;
      people.push({ id: idOf(fields, 'a person'), name, updatedAt: textOf(fields, 'updatedAt') ?? '' });
    }
    if (body.hasNextPage !== true) return people;
  }
  throw new CodedError('unavailable', 'Immich answered more pages of people than there can be.');
}

/** All tags, whatever they are in. */
export async function readTags(ask: Ask): Promise<Tag[]> {
  const body = await ask.json({ method: 'GET', path: '/tags', what: 'the tags' });
  return listOf(body, 'the tags').map((entry) => {
    const fields = fieldsOf(entry, 'a tag');
    const name = textOf(fields, 'name') ?? textOf(fields, 'value') ?? '';
    return { id: idOf(fields, 'a tag'), name, parentId: textOf(fields, 'parentId') };
  });
}

/** Those that are due: Immich makes them some days ahead. */
export async function readMemories(ask: Ask, nowMs: number): Promise<Memory[]> {
  const body = await ask.json({ method: 'GET', path: '/memories', what: 'the memories' });
  return listOf(body, 'the memories').flatMap((entry) => {
    const fields = fieldsOf(entry, 'a memory');
    const day = (textOf(fields, 'memoryAt') ?? '').slice(0, 10);
    const showMs = parseTime(textOf(fields, 'showAt') ?? '');
    if (showMs !== null && showMs > nowMs) return [];
    const year = fields.data === undefined ? null : numberOf(fieldsOf(fields.data, 'a memory'), 'year');
    const assets = listOf(fields.assets, 'a memory (assets)').map((asset) => {
      const own = fieldsOf(asset, 'a memory');
      return { id: idOf(own, 'a memory'), updatedAt: textOf(own, 'updatedAt') ?? '' };
    });
    const yearsAgo = year === null ? null : Number(day.slice(0, 4)) - year;
    return [{ id: idOf(fields, 'a memory'), day, yearsAgo, assets }];
  });
}
