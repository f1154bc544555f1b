import type { Call } from './call.ts';
import type { Content } from './content.ts';
import { errorBody } from './errors.ts';
import { parseRange, type Range } from './range.ts';
import { type Headers, isFresh, json, type Reply } from './reply.ts';
import type { Instant } from './time.ts';

export interface FileToSend {
  readonly content: Content;
  readonly contentType: string;
  readonly modifiedAt: Instant;
  /** For `Content-Disposition`; playback has none. */
  readonly fileName?: string;
  readonly isOriginal: boolean;
}

/** Answers with a file as Express' `sendFile` does under Immich: weak ETag, conditions, single ranges, and errors of its own. */
export function sendFile(call: Call, file: FileToSend): Reply {
  const { headers: request, traits } = call;
  const { size } = file.content;
  const headers: Headers = {
    'content-type': file.contentType,
    'accept-ranges': 'bytes',
    etag: `W/"${size.toString(16)}-${Math.floor(file.modifiedAt).toString(16)}"`,
    'last-modified': new Date(file.modifiedAt).toUTCString(),
    'cache-control': traits.original.cacheControl,
  };
  if (file.fileName !== undefined && traits.original.hasDisposition) {
    headers['content-disposition'] = `inline; filename*=UTF-8''${encodeURIComponent(file.fileName)}`;
  }
  if (isPreconditionFailed(call, headers)) return failed(call, headers);
  const isConditional = request['if-none-match'] !== undefined || request['if-modified-since'] !== undefined;
  if (isConditional && isFresh(request, headers)) {
    const { 'content-type': _type, ...rest } = headers;
    return { status: 304, headers: rest, body: null };
  }
  const range = wantedRange(call, size, headers);
  if (range === 'unsatisfiable') return failed(call, { ...headers, 'content-range': `bytes */${size}` });
  const { start, end } = range ?? { start: 0, end: size };
  if (range !== null) headers['content-range'] = `bytes ${start}-${end - 1}/${size}`;
  return {
    status: range === null ? 200 : 206,
    headers: { ...headers, 'content-length': String(end - start) },
    body: { content: file.content, start, end, isOriginal: file.isOriginal },
  };
}

function isPreconditionFailed({ headers: request }: Call, headers: Headers): boolean {
  const match = request['if-match'];
  if (match !== undefined) {
    if (match === '*') return false;
    const bare = (tag: string) => tag.trim().replace(/^W\//, '');
    return !match.split(',').some((tag) => bare(tag) === bare(headers.etag ?? ''));
  }
  const since = Date.parse(request['if-unmodified-since'] ?? '');
  return Date.parse(headers['last-modified'] ?? '') > since;
}

/** Null: send the whole file. */
function wantedRange(call: Call, size: number, headers: Headers): Range | null | 'unsatisfiable' {
  const header = call.headers.range;
  if (header === undefined || !/^ *bytes=/.test(header) || !isRangeFresh(call, headers)) return null;
  const ranges = parseRange(header, size);
  if (ranges === 'malformed') return call.traits.original.malformedRange === 'fails' ? 'unsatisfiable' : null;
  if (ranges === 'none') return 'unsatisfiable';
  const [first] = ranges;
  return ranges.length === 1 && first !== undefined ? first : null;
}

function isRangeFresh({ headers: request }: Call, headers: Headers): boolean {
  const condition = request['if-range'];
  if (condition === undefined) return true;
  const text = String(condition);
  if (text.includes('"')) return text.includes(headers.etag ?? '');
  return Date.parse(headers['last-modified'] ?? '') <= Date.parse(text);
}

/** Never 412 or 416: Immich turns whatever Express reports into its own error, and leaves the headers of the file on it. */
function failed({ traits }: Call, headers: Headers): Reply {
  const status = traits.original.failedStatus;
  const reply = json(
    errorBody(traits, status, status === 500 ? 'Internal server error' : 'Not Found', false),
    status,
  );
  const cacheControl = status === 500 ? 'none' : traits.original.cacheControl;
  Object.assign(reply.headers, headers, {
    'content-type': `${headers['content-type']}; charset=utf-8`,
    'cache-control': cacheControl,
  });
  return reply;
}
