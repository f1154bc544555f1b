import type { Readable } from 'node:stream';
import { type ByteRange, lengthOf } from '../../src/model/byte-range.ts';
import { CodedError } from '../../src/model/coded-error.ts';
import type { Want } from '../../src/provider/provider.ts';
import { modifiedMsOf } from './asset-facts.ts';
import { ByteBody } from './byte-body.ts';
import { type ImmichClient, lengthOfBody } from './http-client.ts';
import type { Limits } from './limits.ts';
import { renditionOfVersion } from './rendition.ts';
import { isHtmlType } from './translate-error.ts';
import type { Answer } from './transport.ts';
import { UpstreamBody } from './upstream-body.ts';

/** How much of a refused answer is read to learn the reason, and for how long. */
const REASON_BYTES = 16 * 1024;
const REASON_MS = 2_000;

/** Where in the answer the wanted bytes are. */
interface Place {
  readonly skipBytes: number;
  readonly takeBytes: number | null;
}

/**
 * Opens the rendition of an asset that the wanted version is one of, or a part of it. Only a checked single range is ever sent, and no condition: Immich
 * answers 500 or 404 to ranges it does not like, never 416 or 412.
 *
 * @throws CodedError before the first byte: `changed` when the size is not `want.sizeBytes` or the file was modified at
 *   another time than `want.version` says, `not-found`, `denied`, `throttled`, and `unavailable` for every answer that
 *   is not exactly the bytes asked for.
 */
export async function openOriginal(
  client: ImmichClient,
  assetId: string,
  want: Want,
  signal: AbortSignal,
  limits: Limits,
): Promise<Readable> {
  const range = want.range === undefined ? null : `bytes=${want.range.start}-${want.range.end}`;
  const answer = await client.openBytes(assetId, renditionOfVersion(want.version), range, signal);
  try {
    const place = await placeIn(answer, client, want, limits);
    landIn(answer.body, place, want);
    return new UpstreamBody(answer.body, { signal, silenceMs: limits.silenceMs, ...place });
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}

/** Has the bytes put where they are wanted, if nothing else comes with them. */
function landIn(body: Readable, { skipBytes, takeBytes }: Place, { landing }: Want): void {
  const isExact = skipBytes === 0 && takeBytes === null;
  if (landing !== undefined && isExact && body instanceof ByteBody) body.landIn(landing);
}

async function placeIn(
  answer: Answer<Readable>,
  client: ImmichClient,
  want: Want,
  limits: Limits,
): Promise<Place> {
  const { status, headers } = answer;
  if (status !== 200 && status !== 206) throw await refusalOf(answer, client, want);
  checkContent(headers);
  if (isModifiedElsewhen(headers, want.version)) throw changed();
  const place = placeOf(answer, want, limits);
  const state = stateOf(headers);
  if (state !== null) want.onState?.(state);
  return place;
}

function placeOf(answer: Answer<Readable>, want: Want, limits: Limits): Place {
  if (answer.status === 200) return placeInWhole(answer, want, limits);
  if (want.range === undefined)
    throw unavailable('Immich answered a part of a file although all of it was asked for.');
  return placeInPart(answer, want.range, want.sizeBytes);
}

/**
 * What tells two states of one file apart, of whatever size and age: the ETag, which has the milliseconds that
 * `Last-Modified` lacks. A proxy that packs answers makes it a weak one (RFC 9110 section 8.8.3), of the same state.
 */
function stateOf(headers: Readonly<Record<string, unknown>>): string | null {
  const state = headers.etag ?? headers['last-modified'];
  return typeof state === 'string' && state !== '' ? state.replace(/^W\//, '') : null;
}

/** 206: Content-Range has to say exactly what was asked for (RFC 9110 section 14.4). */
function placeInPart(answer: Answer<Readable>, range: ByteRange, sizeBytes: number): Place {
  const told = contentRangeOf(answer.headers);
  if (told === null) throw unavailable('Immich answered a part of a file without saying which.');
  if (told.sizeBytes !== sizeBytes) throw changed();
  const bodyBytes = lengthOfBody(answer);
  const isExact =
    told.start === range.start &&
    told.end === range.end &&
    (bodyBytes === null || bodyBytes === lengthOf(range));
  if (!isExact) throw unavailable('Immich answered another part of a file than the one asked for.');
  return { skipBytes: 0, takeBytes: null };
}

/** 200: the whole file. For a range that means a proxy dropped the header; then a little may be skipped. */
function placeInWhole(answer: Answer<Readable>, want: Want, limits: Limits): Place {
  const bodyBytes = lengthOfBody(answer);
  if (bodyBytes !== null && bodyBytes !== want.sizeBytes) throw changed();
  const { range } = want;
  if (range === undefined) return { skipBytes: 0, takeBytes: null };
  if (range.start >= limits.maxSkippedBytes) {
    throw unavailable(
      'A proxy in front of the Immich server does not pass on requests for a part of a file.',
    );
  }
  return { skipBytes: range.start, takeBytes: lengthOf(range) };
}

/**
 * Files of external libraries may get new bytes of the same size under the same id. `Last-Modified` is the file's own
 * time, in whole seconds, and the version holds what Immich last read of it. A version that is a content hash is not
 * compared: uploads keep their bytes, whatever happens to the times.
 */
function isModifiedElsewhen(headers: Readonly<Record<string, unknown>>, version: string): boolean {
  const wantedMs = modifiedMsOf(version);
  const toldMs = Date.parse(String(headers['last-modified'] ?? ''));
  if (wantedMs === null || Number.isNaN(toldMs)) return false;
  return Math.floor(wantedMs / 1000) !== Math.floor(toldMs / 1000);
}

/** A page or an error text under 200, and anything packed, is not the file. */
function checkContent(headers: Readonly<Record<string, unknown>>): void {
  const contentType = headers['content-type'];
  const isText =
    isHtmlType(contentType) || (typeof contentType === 'string' && /^application\/json\b/i.test(contentType));
  if (isText)
    throw unavailable('A text came instead of the bytes of a file: a proxy in front of the Immich server?');
  const encoding = headers['content-encoding'];
  if (typeof encoding === 'string' && encoding !== '' && encoding !== 'identity') {
    throw unavailable('A proxy in front of the Immich server changes the bytes of files.');
  }
}

/** The error for a status that is no success. */
async function refusalOf(answer: Answer<Readable>, client: ImmichClient, want: Want): Promise<CodedError> {
  // What a range beyond the file gets: 500 or 404 with the true size.
  const told = /^bytes \*\/(\d{1,15})$/.exec(String(answer.headers['content-range'] ?? ''))?.[1];
  if (told !== undefined && Number(told) !== want.sizeBytes) return changed();
  return readRefusal(answer, client);
}

/** The error in the body of an answer whose status is not that of a file. */
export async function readRefusal(answer: Answer<Readable>, client: ImmichClient): Promise<CodedError> {
  const { status, headers } = answer;
  const text = await readReason(answer.body);
  const failure = client.failureOf({ status, headers, text }, 'this file');
  if (failure !== null) return failure;
  return unavailable(`Immich answered a file with status ${status}.`);
}

/** The start of an error body. An empty text when it does not come in time. */
async function readReason(body: Readable): Promise<string> {
  const timer = setTimeout(() => body.destroy(), REASON_MS);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= REASON_BYTES) break;
    }
  } catch {
    // The status is known already; the text would only have explained it.
    return '';
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly sizeBytes: number;
}

function contentRangeOf(headers: Readonly<Record<string, unknown>>): ContentRange | null {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(String(headers['content-range'] ?? ''));
  return match === null
    ? null
    : { start: Number(match[1]), end: Number(match[2]), sizeBytes: Number(match[3]) };
}

function changed(): CodedError {
  return new CodedError('changed', 'The file has changed on the Immich server.');
}

function unavailable(message: string): CodedError {
  return new CodedError('unavailable', message);
}
