import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { acceptsGzip } from '../http/accept-encoding.ts';
import { weighConditions } from '../http/conditions.ts';
import type { Exchange } from '../http/exchange.ts';
import { CodedError } from '../model/coded-error.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** JSON is repetitive, so the fastest level already takes nine tenths away, at several times the speed of the usual. */
const GZIP_LEVEL = constants.Z_BEST_SPEED;

/** Sends a small value as the whole answer. */
export function sendJson({ req, res }: Exchange, value: unknown, status = 200): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  res.writeHead(status, {
    'Content-Type': JSON_TYPE,
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

/** JSON of any length. */
export interface JsonText {
  /** Weak, as what changes meanwhile may or may not be in it. Absent: the answer is of this moment only. */
  readonly etag?: string;
  /** The text in pieces. What it rejects with before the first one becomes the status. */
  pieces(): AsyncGenerator<string>;
}

/**
 * Sends a text piece by piece, no faster than the client takes it, compressed for those who accept that. A failure
 * on the way cuts the connection, so that half an answer never looks like a whole one.
 * @throws CodedError what the first piece rejects with; `precondition`; `cancelled` when the client leaves.
 */
export async function sendJsonText(exchange: Exchange, text: JsonText): Promise<void> {
  const { req, res, signal } = exchange;
  const headers: Record<string, string> = { Vary: 'Accept-Encoding', 'X-Content-Type-Options': 'nosniff' };
  if (text.etag === undefined) headers['Cache-Control'] = 'no-store';
  else Object.assign(headers, { ETag: text.etag, 'Cache-Control': 'private, no-cache' });

  const verdict = text.etag === undefined ? 'proceed' : verdictOn(exchange, text.etag);
  if (verdict === 'failed')
    throw new CodedError('precondition', 'The list is not the one the request asks for.');
  if (verdict === 'not-modified') {
    res.writeHead(304, headers);
    res.end();
    return;
  }
  const isPacked = acceptsGzip(req.headers['accept-encoding']);
  Object.assign(headers, { 'Content-Type': JSON_TYPE }, isPacked ? { 'Content-Encoding': 'gzip' } : {});

  const pieces = text.pieces();
  const first = await pieces.next();
  if (req.method === 'HEAD') {
    await pieces.return(undefined);
    res.writeHead(200, headers);
    res.end();
    return;
  }
  /** Kept, because the cut that follows from it makes the client seem to have left. */
  let failure: unknown;
  async function* all(): AsyncGenerator<string> {
    try {
      if (first.done !== true) yield first.value;
      yield* pieces;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  try {
    res.writeHead(200, headers);
    // One piece ahead at most: the pieces themselves are large.
    const source = Readable.from(all(), { highWaterMark: 1 });
    if (isPacked) await pipeline(source, createGzip({ level: GZIP_LEVEL }), res as Writable, { signal });
    else await pipeline(source, res, { signal });
  } catch (error) {
    res.destroy();
    if (failure instanceof CodedError) throw failure;
    if (failure !== undefined) throw new CodedError('internal', 'The answer broke off.', { cause: failure });
    throw new CodedError('cancelled', 'The client left.', { cause: error });
  } finally {
    // A pipeline that failed before its start never told the generator.
    await pieces.return(undefined);
  }
}

/** Only entity-tags count: there is no time of change, and no ranges. */
function verdictOn({ req }: Exchange, etag: string): ReturnType<typeof weighConditions> {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = req.headers;
  const headers = {
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
  };
  return weighConditions(req.method ?? 'GET', headers, { etag, modifiedMs: 0 });
}
