/**
 * The one error class that carries meaning between rooms. Everything else that is thrown is a bug.
 * Rooms act on `code`, never on the message. See the table in src/README.md for the HTTP status of each.
 */
export type ErrorCode =
  | 'not-found'
  | 'exists'
  | 'parent-missing'
  | 'invalid'
  | 'too-large'
  | 'range'
  | 'unauthenticated'
  | 'denied'
  | 'locked'
  | 'precondition'
  | 'unsupported'
  | 'changed'
  | 'throttled'
  | 'unavailable'
  | 'no-space'
  | 'corrupt'
  | 'cursor-expired'
  | 'cancelled'
  | 'internal';

export interface CodedErrorOptions {
  /** The foreign error this one was translated from. */
  readonly cause?: unknown;
  /** How long the other side asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

export class CodedError extends Error {
  override readonly name = 'CodedError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  /** @param message one sentence for people; it may reach a client, so it holds no local path and no source URL. */
  constructor(code: ErrorCode, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The code of any thrown value; whatever is not a CodedError is a bug: `internal`. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof CodedError ? error.code : 'internal';
}

/** True for failures that may heal by waiting: the other side is busy or out of reach. */
export function isTransient(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'throttled' || code === 'unavailable';
}

/** A text for logs and status pages from any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
