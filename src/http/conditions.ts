import type { IncomingHttpHeaders } from 'node:http';
import { parseHttpDate, wholeSecondsMs } from './http-date.ts';

/** What a content can be recognised by. */
export interface Validators {
  /** The entity-tag with its quotes, as in the `ETag` header. */
  readonly etag: string;
  /** Milliseconds since 1970 UTC. */
  readonly modifiedMs: number;
}

/** `proceed`: do as asked. `not-modified`: answer 304. `failed`: answer 412. */
export type Verdict = 'proceed' | 'not-modified' | 'failed';

interface EntityTag {
  readonly isWeak: boolean;
  /** With its quotes. */
  readonly opaque: string;
}

/**
 * Weighs the conditions of a request in the order of RFC 9110 section 13.2.2. `If-Range` is not among them: see
 * `isRangeCurrent`.
 * @param current what is there now; null when nothing is, as before a PUT that makes something new.
 */
export function weighConditions(
  method: string,
  headers: IncomingHttpHeaders,
  current: Validators | null,
): Verdict {
  const isRead = method === 'GET' || method === 'HEAD';

  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current, isStronglyEqual)) return 'failed';
  } else if (current !== null && isModifiedSince(headers['if-unmodified-since'], current) === true) {
    return 'failed';
  }

  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, current, isWeaklyEqual)) return isRead ? 'not-modified' : 'failed';
  } else if (isRead && current !== null && isModifiedSince(headers['if-modified-since'], current) === false) {
    return 'not-modified';
  }
  return 'proceed';
}

/**
 * May the `Range` of this request be honoured? True without `If-Range`; otherwise only when its strong
 * entity-tag is the current one, or its date is exactly `Last-Modified` (RFC 9110 section 13.1.5).
 */
export function isRangeCurrent(headers: IncomingHttpHeaders, current: Validators): boolean {
  const header = headers['if-range'];
  if (header === undefined) return true;
  const text = String(header).trim();
  if (text.startsWith('"')) return isStronglyEqual(readEntityTag(text), readEntityTag(current.etag));
  return parseHttpDate(text) === wholeSecondsMs(current.modifiedMs);
}

/**
 * The entity-tags of an `If-Match` or `If-None-Match`, or `*` (RFC 9110 section 8.8.3, lists of section 5.6.1).
 * Reading stops at what is none; that ends in "no match", which is the careful answer for both headers.
 */
function parseEntityTags(header: string): '*' | EntityTag[] {
  if (header.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  const next = /[\s,]*(?<tag>(?:W\/)?"[^"]*")[ \t]*(?=,|$)/y;
  for (let found = next.exec(header); found !== null; found = next.exec(header)) {
    tags.push(readEntityTag(found.groups?.tag ?? ''));
  }
  return tags;
}

function readEntityTag(text: string): EntityTag {
  const isWeak = text.startsWith('W/');
  return { isWeak, opaque: isWeak ? text.slice(2) : text };
}

function matches(
  header: string,
  current: Validators | null,
  isEqual: (asked: EntityTag, held: EntityTag) => boolean,
): boolean {
  if (current === null) return false;
  const asked = parseEntityTags(header);
  if (asked === '*') return true;
  const held = readEntityTag(current.etag);
  return asked.some((tag) => isEqual(tag, held));
}

/** RFC 9110 section 8.8.3.2. */
function isStronglyEqual(a: EntityTag, b: EntityTag): boolean {
  return !a.isWeak && !b.isWeak && a.opaque === b.opaque;
}

function isWeaklyEqual(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}

/** Null when the header is absent or no date: then it is to be ignored (RFC 9110 sections 13.1.3, 13.1.4). */
function isModifiedSince(header: string | undefined, current: Validators): boolean | null {
  const sinceMs = header === undefined ? null : parseHttpDate(header);
  return sinceMs === null ? null : wholeSecondsMs(current.modifiedMs) > sinceMs;
}
