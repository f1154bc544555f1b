import { CodedError, codeOf, type ErrorCode, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { ScanHistory } from './schedule.ts';

export interface SourceFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly atMs: number;
}

/** How the scans of one source have ended so far: what went wrong last, and when it is worth another try. */
export class ScanOutcomes {
  readonly #name: string;
  readonly #logger: Logger;
  #lastError: SourceFailure | null = null;
  #lastDurationMs: number | null = null;
  #failuresInARow = 0;
  /** What the source asked for when it refused last. */
  #retryAfterMs: number | null = null;
  #endedMs: number | null = null;

  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  /** Null unless the source fails now. */
  get lastError(): SourceFailure | null {
    return this.#lastError;
  }

  /** How long the last good one took, in milliseconds; null: there was none. */
  get lastDurationMs(): number | null {
    return this.#lastDurationMs;
  }

  /** End of the last one, good or not, in milliseconds since 1970; null: none has ended. */
  get endedMs(): number | null {
    return this.#endedMs;
  }

  /** For the schedule. */
  get history(): Omit<ScanHistory, 'isBlind'> {
    return {
      failuresInARow: this.#failuresInARow,
      retryAfterMs: this.#retryAfterMs,
      endedMs: this.#endedMs,
      durationMs: this.#lastDurationMs,
    };
  }

  /** @param mayHeal some collection could not be read that may be readable soon: worth another try like a failure. */
  succeeded(durationMs: number, mayHeal: boolean): void {
    this.#lastError = null;
    this.#failuresInARow = mayHeal ? this.#failuresInARow + 1 : 0;
    this.#lastDurationMs = durationMs;
  }

  /** Also for what went wrong between two scans and is for the next one to heal. */
  failed(error: unknown): void {
    this.#failuresInARow += 1;
    const failure = { code: codeOf(error), message: messageOf(error), atMs: Date.now() };
    this.#retryAfterMs = error instanceof CodedError ? (error.retryAfterMs ?? null) : null;
    const isNew = failure.code !== this.#lastError?.code || failure.message !== this.#lastError.message;
    this.#lastError =
      failure.code === 'internal' ? { ...failure, message: 'Internal error, see the log.' } : failure;
    const message = `"${this.#name}" could not be read: ${failure.message}`;
    // The same failure every minute is news only once.
    if (failure.code === 'internal') this.#logger.error(message, { error });
    else if (isNew) this.#logger.warn(message, { code: failure.code, cause: causeOf(error) });
    else this.#logger.debug(message, { code: failure.code });
  }

  /** However it did. */
  ended(): void {
    this.#endedMs = Date.now();
  }

  /** The source shows signs of life, so it is not waited for any longer than after the first failure. */
  retrySoon(): void {
    this.#failuresInARow = 1;
  }
}

function causeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? undefined : messageOf(cause);
}
