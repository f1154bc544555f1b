import { CodedError, type ErrorCode } from '../../src/model/coded-error.ts';

/** An answer as far as it matters for telling what went wrong. `text` is its body, cut to a sane length. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** What a permission of an API key is for, in the words of the person who made the key. */
const PERMISSION_PURPOSES: Readonly<Record<string, string>> = {
  'album.read': 'to list albums',
  'asset.read': 'to list the photos and videos of albums',
  'asset.download': 'to read photos and videos',
  'asset.view': 'to show previews (IMMICH_RENDITION)',
  'asset.upload': 'to upload',
  'asset.delete': 'to replace, trash or restore photos',
  'albumAsset.create': 'to add photos to albums',
  'albumAsset.delete': 'to take photos out of albums',
  'album.create': 'to make albums',
  'album.update': 'to rename albums',
  'album.delete': 'to delete albums',
  'stack.read': 'to show one photo of a stack (IMMICH_STACKS)',
  'person.read': 'to show people (IMMICH_VIEWS)',
  'tag.read': 'to show tags (IMMICH_VIEWS)',
  'memory.read': 'to show memories (IMMICH_VIEWS)',
};

/** Why no answer came, by the code Node or axios gives. */
const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  // axios: a body that ended before its length.
  ERR_BAD_RESPONSE: 'it broke the connection',
  ECONNABORTED: 'it did not answer in time',
  ETIMEDOUT: 'it did not answer in time',
  EAI_AGAIN: 'its name could not be looked up',
  ENOTFOUND: 'its name is unknown',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  EPROTO: 'it does not speak TLS on that port',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on that port',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** Of those the ones that come before a request was sent. */
const UNSENT =
  /^(?:ECONNREFUSED|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EPROTO|CERT_|ERR_TLS_|ERR_SSL_)/;

/** What a proxy says that has waited long enough. */
const GIVEN_UP: readonly number[] = [408, 502, 504];

const KEY_REFUSED = 'The Immich server refused the API key.';
const LONGEST_WAIT_MS = 60 * 60 * 1000;

/** An answer that is no success, as the cause of an error. */
export class FailedAnswer extends Error {
  readonly status: number;

  constructor({ status, text }: ErrorAnswer) {
    super(`HTTP ${status}: ${apiMessageOf(text) ?? text.slice(0, 200)}`);
    this.status = status;
  }
}

/**
 * A request that got no whole answer, as a CodedError: `cancelled` (or the reason given) when `signal` ended it,
 * `too-large` over the size limit, otherwise `unavailable`. The cause never holds the request: axios keeps the
 * API key in it.
 */
export function translateNetworkError(error: unknown, signal?: AbortSignal): CodedError {
  if (error instanceof CodedError) return error;
  if (signal?.aborted) return cancelledBy(signal);
  const cause = bareCause(error);
  if (cause.message.startsWith('maxContentLength')) {
    return new CodedError('too-large', 'Immich answered with more data than mediadav takes in.', { cause });
  }
  const reason = NETWORK_REASONS[codeText(error)] ?? 'the connection failed';
  return new CodedError('unavailable', `The Immich server cannot be reached: ${reason}.`, { cause });
}

/**
 * An answer that is not a success, as a CodedError.
 * @param what what was asked for, completing "Immich does not have …": `this album`.
 */
export function translateAnswer(answer: ErrorAnswer, what: string): CodedError {
  const { status } = answer;
  const message = apiMessageOf(answer.text);
  const retryAfterMs = retryAfterOf(answer.headers['retry-after']);
  const options = {
    cause: new FailedAnswer(answer),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  const coded = (code: ErrorCode, text: string) => new CodedError(code, text, options);

  if (status === 429) return coded('throttled', 'The Immich server asks to slow down.');
  if (status >= 300 && status < 400) {
    return coded('unavailable', 'The Immich server sends requests to another address.');
  }
  if (isWebPage(answer)) {
    return coded(
      'unavailable',
      `A web page came instead of an answer of Immich (status ${status}): a proxy in front?`,
    );
  }
  if (status === 401) return coded('denied', KEY_REFUSED);
  if (status === 403) return coded('denied', describeRefusal(message));
  // Immich says 400 for "no such id" and "no access" (404 on some routes of 3.x), also for an id that is none.
  if (status === 400 || status === 404) {
    return coded('not-found', `Immich does not have ${what}, or the API key may not see it.`);
  }
  return coded('unavailable', `The Immich server failed with status ${status}.`);
}

/** True when the server said to come back later: the next request would be one too many. */
export function asksToWait(error: unknown): error is CodedError {
  if (!(error instanceof CodedError)) return false;
  return error.code === 'throttled' || (error.code === 'unavailable' && error.retryAfterMs !== undefined);
}

/** Has Immich itself answered, and is through with the request? A proxy that gave up waiting has not. */
export function isAnswered(error: unknown): boolean {
  const cause = error instanceof CodedError ? error.cause : undefined;
  return cause instanceof FailedAnswer && cause.status >= 400 && !GIVEN_UP.includes(cause.status);
}

/** Is it certain that nothing was done, because the request was not sent at all or was refused? */
export function isNeverHeard(error: unknown): boolean {
  const cause = error instanceof CodedError ? error.cause : undefined;
  if (cause instanceof FailedAnswer) return isAnswered(error) && cause.status < 500;
  return UNSENT.test(codeText(cause));
}

/** One sentence for the person who made the API key. */
export function lacksPermissions(permissions: readonly string[]): string {
  const named = permissions.map((permission) => {
    const purpose = PERMISSION_PURPOSES[permission];
    return purpose === undefined ? `"${permission}"` : `"${permission}", which is needed ${purpose}`;
  });
  const what = named.length === 1 ? 'the permission' : 'permissions:';
  return `The Immich API key lacks ${what} ${named.join('; ')}.`;
}

/** Did Immich refuse a request because the key lacks this very permission? */
export function namesMissing(error: CodedError, permission: string): boolean {
  return error.code === 'denied' && error.message === lacksPermissions([permission]);
}

/** Does Immich not know the key (any more)? */
export function refusesKey(error: unknown): boolean {
  return error instanceof CodedError && error.code === 'denied' && error.message === KEY_REFUSED;
}

/** True for HTML: no route that is asked here ever answers with it. */
export function isWebPage(answer: ErrorAnswer): boolean {
  return isHtmlType(answer.headers['content-type']) || /^\s*<(?:!doctype|html|head|body)/i.test(answer.text);
}

export function isHtmlType(contentType: unknown): boolean {
  return typeof contentType === 'string' && /^(?:text\/html|application\/xhtml\+xml)\b/i.test(contentType);
}

/**
 * Milliseconds from a `Retry-After` (RFC 9110 section 10.2.3: seconds or a date), at most an hour; undefined when
 * there is none or it makes no sense.
 */
export function retryAfterOf(value: unknown, nowMs: number = Date.now()): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), LONGEST_WAIT_MS) : undefined;
}

/** The error for a request that its caller gave up. */
export function cancelledBy(signal: AbortSignal): CodedError {
  if (signal.reason instanceof CodedError) return signal.reason;
  if (signal.reason instanceof Error && signal.reason.name === 'TimeoutError') {
    return new CodedError('unavailable', 'The Immich server took too long.', { cause: signal.reason });
  }
  return new CodedError('cancelled', 'The request was given up.', { cause: signal.reason });
}

/** `message` of an error body: a text, or a list of texts up to 2.x. Null when the body is none of Immich's. */
export function apiMessageOf(text: string): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const message: unknown = (body as { message?: unknown } | null)?.message;
  if (typeof message === 'string') return message;
  return Array.isArray(message) ? message.join('; ') : null;
}

function describeRefusal(message: string | null): string {
  const permission = /Missing required permission: ([\w.]+)/.exec(message ?? '')?.[1];
  if (permission === undefined) return 'The Immich server refused access with this API key.';
  return lacksPermissions([permission]);
}

/** The error without the request and the answer that axios hangs on it. */
function bareCause(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  // Node's own error, if axios wrapped one; never an axios error, whose config holds the key.
  if (error.cause instanceof Error && !('config' in error.cause)) return error.cause;
  if (!('config' in error)) return error;
  const code = codeText(error);
  return new Error(error.message || code || 'request failed');
}

function codeText(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
