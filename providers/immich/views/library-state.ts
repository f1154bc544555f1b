import { createHash } from 'node:crypto';
import { fieldsOf, listOf, parseAssetCount, textOf } from '../api-answers.ts';
import { parseTime } from '../asset-facts.ts';
import type { Ask } from '../eras/era.ts';
import type { LibraryEra } from '../eras/library-era.ts';
import type { LibrarySearch } from './library-search.ts';

/** How far back the first look goes: more than clocks differ. */
const FIRST_LOOK_MS = 24 * 3_600_000;

/** What is remembered of all own assets, to tell whether something has changed. */
export interface LibraryMemory {
  /** Digest of the months with their counts: tells what is gone. */
  readonly months: string;
  /** Just after the newest change that was seen, in milliseconds since 1970, by the server's clock: tells what is new. */
  readonly sinceMs: number;
  /** Nothing was new when this was found out. Faces and places are worked out minutes after a photo has come. */
  readonly isSettled: boolean;
}

/** A month as Immich counts it. */
export interface Month {
  /** As the server writes it, and wants it back. */
  readonly bucket: string;
  readonly count: number;
}

export interface LibraryLook {
  readonly memory: LibraryMemory;
  readonly months: readonly Month[];
  /** One word that is another one after each change. */
  readonly state: string;
  readonly hasNews: boolean;
}

/**
 * Whether anything has changed in the library: one request for the counts and one for each search of the era. Not told:
 * changes of the EXIF row or of faces alone; those heal when everything is read anew after a while.
 */
export async function lookAtLibrary(
  ask: Ask,
  era: LibraryEra,
  search: LibrarySearch,
  known: LibraryMemory | null,
): Promise<LibraryLook> {
  const months = parseMonths(
    await ask.json({ method: 'GET', path: era.monthsPath, what: 'the months of the timeline' }),
  );
  const sinceMs = known?.sinceMs ?? Date.now() - FIRST_LOOK_MS;
  let newestMs = sinceMs - 1;
  let isChanged = false;
  await search.find({ updatedAfter: new Date(sinceMs).toISOString() }, false, (asset) => {
    const updatedMs = parseTime(asset.updatedAt ?? '');
    // A server that does not know the field answers everything.
    if (updatedMs === null || updatedMs < sinceMs) return;
    isChanged = true;
    newestMs = Math.max(newestMs, updatedMs);
  });
  const digest = digestOf(months);
  const hasNews = known === null || isChanged || known.months !== digest;
  const memory = { months: digest, sinceMs: newestMs + 1, isSettled: !hasNews };
  return { memory, months, hasNews, state: `${digest} ${memory.sinceMs}` };
}

/**
 * Id of the key's owner, as the owner of an asset in the timeline: asking for the user needs another permission. Null
 * where the timeline is empty.
 */
export async function readOwnId(ask: Ask, era: LibraryEra, months: readonly Month[]): Promise<string | null> {
  const [smallest] = [...months].sort((left, right) => left.count - right.count);
  if (smallest === undefined) return null;
  const path = era.monthPath(smallest.bucket);
  const body = await ask.json({ method: 'GET', path, what: 'a month of the timeline' });
  if (Array.isArray(body)) return body.length === 0 ? null : textOf(fieldsOf(body[0], 'an asset'), 'ownerId');
  const [owner] = listOf(fieldsOf(body, 'a month').ownerId, 'a month (ownerId)');
  return typeof owner === 'string' ? owner : null;
}

function parseMonths(body: unknown): Month[] {
  return listOf(body, 'the timeline').flatMap((entry) => {
    const fields = fieldsOf(entry, 'the timeline');
    const bucket = textOf(fields, 'timeBucket');
    return bucket === null ? [] : [{ bucket, count: parseAssetCount(fields.count) }];
  });
}

function digestOf(months: readonly Month[]): string {
  const lines = months.map(({ bucket, count }) => `${bucket.slice(0, 10)} ${count}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('base64url').slice(0, 22);
}
