import type { IncomingMessage } from 'node:http';
import { CodedError, codeOf } from '../../src/model/coded-error.ts';
import type { Limits } from './limits.ts';
import { type LocatedServer, ServerAddress } from './server-address.ts';
import { type ErrorAnswer, isWebPage, translateAnswer } from './translate-error.ts';
import { type Answer, Transport } from './transport.ts';

export interface JsonRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/api`, with a leading slash and its query. */
  readonly path: string;
  /** What is asked for, completing "Immich does not have …". */
  readonly what: string;
  readonly body?: unknown;
}

/**
 * The requests of this provider to one Immich server, with the API key in `x-api-key`. Nothing is retried here. All
 * errors are CodedErrors as translate-error.ts and server-address.ts make them.
 */
export class ImmichClient {
  readonly #transport: Transport;
  readonly #address: ServerAddress;
  readonly #apiKey: string;
  readonly #limits: Limits;

  constructor(settings: { url: string; apiKey: string }, limits: Limits) {
    this.#apiKey = settings.apiKey;
    this.#limits = limits;
    this.#transport = new Transport(limits);
    this.#address = new ServerAddress(settings.url, (url, signal) =>
      this.#transport.readText({
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
        timeoutMs: limits.firstByteMs,
        signal,
      }),
    );
  }

  /** Asks where the server is and which version runs there. */
  async locate(signal: AbortSignal): Promise<LocatedServer> {
    return this.#address.locate(signal);
  }

  /** The parsed answer of a 2xx. @throws CodedError `unavailable` when the body is not JSON, besides the usual. */
  async readJson(request: JsonRequest, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#guard(async () => {
      const base = await this.#address.base(signal);
      const { body } = request;
      return this.#transport.readText({
        method: request.method,
        url: `${base}/api${request.path}`,
        // Without a JSON content type Immich up to 2.x does not read a body and answers the whole library.
        headers: { ...this.#keyHeader(), accept: 'application/json', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        timeoutMs: this.#limits.listingMs,
        signal,
      });
    });
    const failure = this.failureOf({ ...answer, text: answer.body }, request.what);
    if (failure !== null) throw failure;
    try {
      return JSON.parse(answer.body);
    } catch (cause) {
      // A SyntaxError quotes what it could not read; an answer may hold people's names and places.
      const position = new Error(`not JSON, ${answer.body.length} characters`);
      position.name = cause instanceof Error ? cause.name : 'Error';
      throw new CodedError(
        'unavailable',
        `Immich's answer about ${request.what} was cut off or is not JSON.`,
        {
          cause: position,
        },
      );
    }
  }

  /** The size in bytes of an original as the server would send it now, by HEAD. */
  async readOriginalSize(assetId: string, signal: AbortSignal): Promise<number> {
    const answer = await this.#guard(async () => {
      const base = await this.#address.base(signal);
      return this.#transport.readText({
        method: 'HEAD',
        url: originalUrl(base, assetId),
        headers: { ...this.#keyHeader(), 'accept-encoding': 'identity' },
        timeoutMs: this.#limits.firstByteMs,
        signal,
      });
    });
    const failure = this.failureOf({ ...answer, text: '' }, 'this asset');
    if (failure !== null) throw failure;
    const sizeBytes = lengthOfBody(answer);
    if (sizeBytes === null)
      throw new CodedError('unavailable', 'Immich did not tell the size of an original.');
    return sizeBytes;
  }

  /** The answer to a GET of an original, whatever its status. The caller consumes or destroys the body. */
  async openOriginal(
    assetId: string,
    range: string | null,
    signal: AbortSignal,
  ): Promise<Answer<IncomingMessage>> {
    return this.#guard(async () => {
      const base = await this.#address.base(signal);
      return this.#transport.openStream({
        method: 'GET',
        url: originalUrl(base, assetId),
        headers: {
          ...this.#keyHeader(),
          'accept-encoding': 'identity',
          ...(range === null ? {} : { range }),
        },
        timeoutMs: this.#limits.firstByteMs,
        signal,
      });
    });
  }

  /** What is wrong with an answer, or null for a 2xx. Also notes when it came from somewhere else than Immich. */
  failureOf(answer: ErrorAnswer, what: string): CodedError | null {
    const isSuccess = answer.status >= 200 && answer.status < 300;
    const isElsewhere = isWebPage(answer) || (answer.status >= 300 && answer.status < 400);
    if (isElsewhere) this.#address.forget();
    return isSuccess && !isElsewhere ? null : translateAnswer(answer, what);
  }

  close(): void {
    this.#transport.close();
  }

  #keyHeader(): Record<string, string> {
    return { 'x-api-key': this.#apiKey };
  }

  /** No answer at all may mean that the server has moved: the address is asked for anew next time. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) === 'unavailable') this.#address.forget();
      throw error;
    }
  }
}

/** Content-Length of an answer, or null when it has none that is a length. */
export function lengthOfBody(answer: { headers: Readonly<Record<string, unknown>> }): number | null {
  const text = answer.headers['content-length'];
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}

function originalUrl(base: string, assetId: string): string {
  return `${base}/api/assets/${encodeURIComponent(assetId)}/original`;
}
