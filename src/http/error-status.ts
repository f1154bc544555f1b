import { CodedError, codeOf, type ErrorCode, messageOf } from '../model/coded-error.ts';
import { CHALLENGE } from './authentication.ts';
import type { Reply } from './exchange.ts';

export const PLAIN_TYPE = 'text/plain; charset=utf-8';

const DEFAULT_RETRY_SECONDS = 30;

/** Where one code may become one of two statuses, the edge knows which. */
export interface StatusChoices {
  /** 405: MKCOL on what is there (default). 412: `Overwrite: F` (RFC 4918 section 9.8.5). */
  readonly exists?: 405 | 412;
  /** 403: this source can never do it (default). 405: this method has no meaning here. */
  readonly unsupported?: 403 | 405;
  /** The value of `Allow`, which a 405 must carry (RFC 9110 section 15.5.6). */
  readonly allow?: string;
  /** Further headers of the answer, such as the `Content-Range` of a 416. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** One sentence of plain text, or `''`. */
  readonly body: string;
  /** Of the body. Default: plain text. */
  readonly contentType?: string;
}

/** How an edge words its failures. What it gives back is sent as it is, but for the status. */
export type Wording = (answer: ErrorAnswer, code: ErrorCode) => ErrorAnswer;

/** One sentence, for people. */
export const plainWording: Wording = (answer) => answer;

const STATUS: Readonly<Record<Exclude<ErrorCode, 'cancelled'>, number>> = {
  'not-found': 404,
  exists: 405,
  'parent-missing': 409,
  invalid: 400,
  'too-large': 413,
  range: 416,
  unauthenticated: 401,
  denied: 403,
  locked: 423,
  precondition: 412,
  unsupported: 403,
  changed: 503,
  throttled: 503,
  unavailable: 503,
  'no-space': 507,
  corrupt: 502,
  'cursor-expired': 410,
  internal: 500,
};

/** What a client is told where the error's own message is for the log alone. */
const NEUTRAL_BODY: Readonly<Record<number, string>> = {
  502: 'The source sent damaged content.',
  507: 'There is not enough space left.',
};

/**
 * The one table from a thrown value to an HTTP status (src/README.md). Whatever is no CodedError is a bug: a 500
 * that tells the request id and nothing else. Null for `cancelled`: there is nobody to answer.
 */
export function answerOf(error: unknown, requestId: string, choices: StatusChoices = {}): ErrorAnswer | null {
  if (!(error instanceof CodedError)) return internalError(requestId);
  if (error.code === 'cancelled') return null;
  const status = statusOf(error.code, choices);
  if (status === 500) return internalError(requestId);

  const headers: Record<string, string> = { ...choices.headers };
  if (status === 401) headers['WWW-Authenticate'] = CHALLENGE;
  if (status === 405 && choices.allow !== undefined) headers.Allow = choices.allow;
  if (status === 503) headers['Retry-After'] = String(retryAfterSeconds(error));
  return { status, headers, body: NEUTRAL_BODY[status] ?? error.message };
}

/**
 * Ends a request that failed. Logs it by its weight; answers it when nothing was sent yet, and otherwise destroys
 * the socket, so that the client sees a cut body and never a padded one. Safe to call whatever became of the
 * response. Headers already set stay, except those that describe a content.
 */
export function sendError(reply: Reply, error: unknown, choices: StatusChoices = {}): void {
  const { req, res, signal, log } = reply;
  const answer = answerOf(error, reply.id, choices);
  const fields = { method: req.method, error: messageOf(error) };
  if (answer === null || (signal.aborted && !(error instanceof CodedError))) {
    log.debug('the client left', fields);
    if (!res.writableEnded) res.destroy();
    return;
  }
  const isCut = res.headersSent && !res.writableEnded;
  logFailure(reply, error, answer.status, isCut);
  if (isCut) res.destroy();
  if (!res.headersSent) sendAnswer(reply, reply.wording(answer, codeOf(error)));
}

/** Sends a short text as the whole response. The caller has made sure that nothing was sent yet. */
export function sendAnswer({ res }: Pick<Reply, 'res'>, answer: ErrorAnswer): void {
  for (const name of res.getHeaderNames()) {
    if (name.startsWith('content-') || CONTENT_HEADERS.has(name)) res.removeHeader(name);
  }
  const body = answer.body === '' ? '' : `${answer.body}\n`;
  res.writeHead(answer.status, {
    // Explorer remembers that something is missing, and ignores case in doing so.
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(body === '' ? {} : { 'Content-Type': answer.contentType ?? PLAIN_TYPE }),
    ...answer.headers,
    'Content-Length': String(Buffer.byteLength(body)),
  });
  res.end(body);
}

const CONTENT_HEADERS = new Set(['etag', 'last-modified', 'accept-ranges', 'transfer-encoding', 'expires']);

function statusOf(code: Exclude<ErrorCode, 'cancelled'>, choices: StatusChoices): number {
  if (code === 'exists') return choices.exists ?? STATUS.exists;
  if (code === 'unsupported') return choices.unsupported ?? STATUS.unsupported;
  return STATUS[code];
}

function internalError(requestId: string): ErrorAnswer {
  return { status: 500, headers: {}, body: `Something went wrong here. Request ${requestId}` };
}

function retryAfterSeconds({ retryAfterMs }: CodedError): number {
  if (retryAfterMs === undefined || !Number.isFinite(retryAfterMs)) return DEFAULT_RETRY_SECONDS;
  return Math.max(1, Math.ceil(retryAfterMs / 1000));
}

function causeOf(error: unknown): { readonly cause?: string } {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? {} : { cause: messageOf(cause) };
}

function logFailure({ req, log }: Reply, error: unknown, status: number, isCut: boolean): void {
  const message = isCut ? 'an answer was cut' : 'a request failed';
  const fields = { method: req.method, status, error: messageOf(error) };
  if (status === 500) log.error(message, { ...fields, cause: error });
  // No bug of ours, so nobody needs to know by which way it came.
  else if (status > 500) log.warn(message, { ...fields, ...causeOf(error) });
  else log.debug(message, fields);
}
