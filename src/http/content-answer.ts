import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { type ByteRange, lengthOf } from '../model/byte-range.ts';
import { CodedError } from '../model/coded-error.ts';
import { contentRangeText, parseRanges } from './byte-ranges.ts';
import { isRangeCurrent, type Validators, weighConditions } from './conditions.ts';
import { lastModifiedText } from './http-date.ts';
import type { FileBody } from './send-file.ts';
import type { PieceBody } from './send-pieces.ts';

/** Bytes a client may GET: what is promised of them, and how to come by them. */
export interface Content extends Validators {
  /** Strong wherever the bytes are known by it; with its quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Further headers of a 200 or 206, such as `Cache-Control`. They cannot replace those computed here. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Exactly `range`, or everything. Rejects before the first byte, with `changed` when what is promised here is no
   * longer what the source holds. The caller destroys the stream, on every path.
   */
  open(range: ByteRange | undefined, signal: AbortSignal): Promise<Readable>;
  /** The same as one piece, where that is cheaper than a stream; null where it is not. */
  readShort?(range: ByteRange | undefined, signal: AbortSignal): Promise<Buffer> | null;
  /** Everything as an open file; null where there is no such way. Rejects as `open` does. */
  openFile?(signal: AbortSignal): Promise<FileBody> | null;
  /** Exactly `range`, or everything, in pieces; null where there is no such way. Rejects as `open` does. */
  openPieces?(range: ByteRange | undefined, signal: AbortSignal): Promise<PieceBody> | null;
  /** The content as the source has it now; asked once after `changed`. Rejects `not-found` when it is gone. */
  refresh?(signal: AbortSignal): Promise<Content>;
}

/** One piece of a body: fixed text, then bytes of the content. */
export interface AnswerPart {
  readonly preamble: string;
  /** Absent: everything. */
  readonly range: ByteRange | undefined;
  readonly lengthBytes: number;
}

/** A response, settled before anything is opened. */
export interface ContentAnswer {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where nothing is to be read: HEAD, 304, 416. */
  readonly parts: readonly AnswerPart[];
  /** Text behind the last part. */
  readonly epilogue: string;
}

/** Headers of a 200 that a 304 repeats (RFC 9110 section 15.4.5), beside the validators. */
const REPEATED_IN_304 = new Set(['cache-control', 'content-location', 'expires', 'vary']);

/**
 * Decides what a GET or HEAD of a content is answered: conditions first (RFC 9110 section 13.2.2), then `If-Range`
 * and `Range`, which only GET knows (section 14.2). Pure.
 * @throws CodedError `precondition` (412).
 */
export function answerContent(
  req: Pick<IncomingMessage, 'method' | 'headers'>,
  content: Content,
): ContentAnswer {
  const method = req.method ?? 'GET';
  const verdict = weighConditions(method, req.headers, content);
  if (verdict === 'failed') {
    throw new CodedError('precondition', 'The content is not the one the request asks for.');
  }
  const validators = { ETag: content.etag, 'Last-Modified': lastModifiedText(content.modifiedMs) };
  if (verdict === 'not-modified') {
    return bodyless(304, { ...pickHeaders(content.headers ?? {}, REPEATED_IN_304), ...validators });
  }

  const facts = { ...ownHeaders(content), ...validators, 'Accept-Ranges': 'bytes' };
  const mayPart = method === 'GET' && isRangeCurrent(req.headers, content);
  const asked = parseRanges(mayPart ? req.headers.range : undefined, content.sizeBytes);
  switch (asked.kind) {
    case 'unsatisfiable':
      return bodyless(416, {
        'Accept-Ranges': 'bytes',
        'Content-Range': contentRangeText(undefined, content.sizeBytes),
      });
    case 'whole':
      return whole(facts, content, method);
    case 'ranges':
      return asked.ranges.length === 1
        ? onePart(facts, content, asked.ranges[0])
        : manyParts(facts, content, asked.ranges);
  }
}

type Headers = Readonly<Record<string, string>>;

function bodyless(status: 200 | 304 | 416, headers: Headers): ContentAnswer {
  return { status, headers, parts: [], epilogue: '' };
}

function whole(facts: Headers, content: Content, method: string): ContentAnswer {
  const lengthBytes = content.sizeBytes;
  const headers = {
    ...facts,
    'Content-Type': contentTypeOf(content),
    'Content-Length': String(lengthBytes),
  };
  if (method === 'HEAD') return bodyless(200, headers);
  return { status: 200, headers, parts: [{ preamble: '', range: undefined, lengthBytes }], epilogue: '' };
}

function onePart(facts: Headers, content: Content, range: ByteRange): ContentAnswer {
  const lengthBytes = lengthOf(range);
  const headers = {
    ...facts,
    'Content-Type': contentTypeOf(content),
    'Content-Range': contentRangeText(range, content.sizeBytes),
    'Content-Length': String(lengthBytes),
  };
  return { status: 206, headers, parts: [{ preamble: '', range, lengthBytes }], epilogue: '' };
}

/** multipart/byteranges (RFC 9110 sections 14.6 and 15.3.7.2, RFC 2046 section 5.1.1). */
function manyParts(facts: Headers, content: Content, ranges: readonly ByteRange[]): ContentAnswer {
  const boundary = `mediadav-${randomUUID()}`;
  const parts = ranges.map((range, index): AnswerPart => {
    const preamble = [
      `${index === 0 ? '' : '\r\n'}--${boundary}`,
      `Content-Type: ${contentTypeOf(content)}`,
      `Content-Range: ${contentRangeText(range, content.sizeBytes)}`,
      '\r\n',
    ].join('\r\n');
    return { preamble, range, lengthBytes: lengthOf(range) };
  });
  const epilogue = `\r\n--${boundary}--\r\n`;
  const lengthBytes = parts.reduce((sum, part) => sum + part.preamble.length + part.lengthBytes, 0);
  const headers = {
    ...facts,
    'Content-Type': `multipart/byteranges; boundary=${boundary}`,
    'Content-Length': String(lengthBytes + epilogue.length),
  };
  return { status: 206, headers, parts, epilogue };
}

/**
 * The content's own headers, and those that keep a hostile file from acting as a page of this server: SVG, HTML
 * and XML run scripts in the server's name unless sandboxed. Pictures, sound, video and PDF cannot, and some
 * browsers show them in no sandbox.
 */
function ownHeaders(content: Content): Headers {
  const own = Object.entries(content.headers ?? {}).filter(([name]) => !COMPUTED.has(name.toLowerCase()));
  const isInert = /^(image\/(?!svg)|audio\/|video\/|application\/(pdf|octet-stream)\b)/i.test(
    contentTypeOf(content),
  );
  const hasPolicy = own.some(([name]) => name.toLowerCase() === 'content-security-policy');
  return {
    'X-Content-Type-Options': 'nosniff',
    ...(isInert || hasPolicy ? {} : { 'Content-Security-Policy': SANDBOX }),
    ...Object.fromEntries(own),
  };
}

const SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";

const COMPUTED = new Set([
  'accept-ranges',
  'connection',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'last-modified',
  'transfer-encoding',
  'x-content-type-options',
]);

/** A type that is no media type (RFC 9110 section 8.3.1) would make the header, or a part's head, ill-formed. */
function contentTypeOf({ contentType }: Content): string {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *;[\t\x20-\x7e]*)?$/.test(contentType)
    ? contentType
    : 'application/octet-stream';
}

function pickHeaders(headers: Headers, names: ReadonlySet<string>): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.has(name.toLowerCase())));
}
