import { correlationId, type Headers, json, type Reply } from './reply.ts';
import type { Traits } from './versions.ts';

/** An answer that ends a request early. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Headers;
  /** False for what Express itself refuses before Immich sees it. */
  hasCorrelationId = true;

  constructor(status: number, message: string, headers: Headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** One thing wrong with a request, in the words of both validators that Immich has used. */
export interface Problem {
  readonly long: readonly string[];
  readonly issue: Readonly<Record<string, unknown>>;
}

export class InvalidRequest extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('invalid request');
    this.problems = problems;
  }
}

const NAMES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
};

/** `error` is left out where the real server does so: for what it did not expect itself. */
export function errorBody(
  traits: Traits,
  status: number,
  message: string | readonly string[],
  isNamed = true,
) {
  if (traits.errors === 'short') return { message };
  const named = isNamed ? { error: NAMES[status] ?? 'Error' } : {};
  return { message, ...named, statusCode: status, correlationId: correlationId() };
}

export function errorReply(traits: Traits, error: unknown): Reply {
  if (error instanceof InvalidRequest) {
    if (traits.errors === 'short') {
      const errors = error.problems.map((problem) => problem.issue);
      return json({ message: 'Validation failed', errors }, 400);
    }
    return json(
      errorBody(
        traits,
        400,
        error.problems.flatMap((problem) => problem.long),
      ),
      400,
    );
  }
  if (error instanceof HttpError) {
    const body: Record<string, unknown> = { ...errorBody(traits, error.status, error.message) };
    if (!error.hasCorrelationId) delete body.correlationId;
    const reply = json(body, error.status);
    Object.assign(reply.headers, error.headers);
    return reply;
  }
  throw error;
}
