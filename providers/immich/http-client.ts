import type { Readable } from 'node:stream';
import { CodedError, codeOf } from '../../src/model/coded-error.ts';
import { type ItemRequest, notJson, readJsonItems } from './json-items.ts';
import type { Limits } from './limits.ts';
import { type Rendition, renditionPath } from './rendition.ts';
import { type LocatedServer, ServerAddress } from './server-address.ts';
import { type ErrorAnswer, isWebPage, translateAnswer } from './translate-error.ts';
import { type Answer, Transport, type TransportRequest } from './transport.ts';
import { UpstreamBody } from './upstream-body.ts';
import { translateWriteAnswer } from './write/translate-write-error.ts';

export interface JsonRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/api`, with a leading slash and its query. */
  readonly path: string;
  /** What is asked for, completing "Immich does not have …". */
  readonly what: string;
  readonly body?: unknown;
}

/** A request that changes something. */
export interface ChangeRequest {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api`, with a leading slash. */
  readonly path: string;
  /** What is to be changed, completing "Immich does not have …". */
  readonly what: string;
  readonly body?: unknown;
}

/** A form that holds one file. */
export interface FormRequest {
  readonly path: string;
  readonly contentType: string;
  readonly contentLength: number;
  /** Opens the body. It is destroyed here. */
  readonly open: () => Readable;
}

/** An answer and what to send to hear only whether it has changed. */
export interface TaggedAnswer {
  readonly body: unknown;
  /** Null when the server, or something in front of it, gives none. */
  readonly etag: string | null;
}

/** How much of a refused listing is read to learn the reason. */
const REASON_BYTES = 16 * 1024;

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

  /** Where the server is and which version runs there, asked only when it is not known. */
  async whereabouts(signal: AbortSignal): Promise<LocatedServer> {
    return this.#address.whereabouts(signal);
  }

  /** The parsed answer of a 2xx. @throws CodedError `unavailable` when the body is not JSON, besides the usual. */
  async readJson(request: JsonRequest, signal: AbortSignal): Promise<unknown> {
    return (await this.#readTagged(request, null, signal)).body;
  }

  /**
   * The same, unless the answer is still the one with this ETag: then null. Asked with the plain HTTP client, because
   * `fetch` adds `no-cache` and never gets a 304.
   */
  async readJsonUnless(
    request: JsonRequest,
    etag: string | null,
    signal: AbortSignal,
  ): Promise<TaggedAnswer | null> {
    const answer = await this.#readTagged(request, etag, signal);
    return answer.body === undefined ? null : answer;
  }

  /** The parsed answer to a change; null when it has no body. @throws CodedError as `translateWriteAnswer` makes it, too. */
  async change(request: ChangeRequest, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#guard(async () =>
      this.#transport.readText(await this.#listingRequest(request, null, signal)),
    );
    return this.#changeOf(answer, request.what);
  }

  /** The same for a form. */
  async upload(form: FormRequest, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#guard(async () => {
      const base = await this.#address.base(signal);
      const body = form.open();
      try {
        return await this.#transport.upload({
          method: 'POST',
          url: `${base}/api${form.path}`,
          headers: {
            ...this.#keyHeader(),
            accept: 'application/json',
            'content-type': form.contentType,
            'content-length': String(form.contentLength),
          },
          body,
          timeoutMs: this.#limits.uploadSilenceMs,
          signal,
        });
      } finally {
        body.destroy();
      }
    });
    return this.#changeOf(answer, 'this upload');
  }

  /** Entries of a list in an answer of any length, as they come; see `readJsonItems`. */
  async readItems(
    request: JsonRequest,
    wanted: ItemRequest,
    take: (entry: unknown) => void,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, unknown>> {
    const answer = await this.#guard(async () =>
      this.#transport.openListing(await this.#listingRequest(request, null, signal)),
    );
    const { status, headers } = answer;
    const silenceMs = this.#limits.listingMs;
    const body = new UpstreamBody(answer.body, { signal, silenceMs, skipBytes: 0, takeBytes: null });
    try {
      const failure = this.failureOf({ status, headers, text: '' }, request.what);
      if (failure === null) return await readJsonItems(body, wanted, take, this.#limits.maxJsonBytes);
      const text = await textOf(body);
      throw this.failureOf({ status, headers, text }, request.what) ?? failure;
    } finally {
      body.destroy();
    }
  }

  /** The size in bytes of an original, or of another rendition, as the server would send it now, by HEAD. */
  async readSize(assetId: string, rendition: Rendition, signal: AbortSignal): Promise<number> {
    const answer = await this.#guard(async () => {
      const base = await this.#address.base(signal);
      return this.#transport.readText({
        method: 'HEAD',
        url: `${base}/api${renditionPath(assetId, rendition)}`,
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

  /** The answer to a GET of the bytes, whatever its status. The caller consumes or destroys the body. */
  async openBytes(
    assetId: string,
    rendition: Rendition,
    range: string | null,
    signal: AbortSignal,
  ): Promise<Answer<Readable>> {
    return this.#guard(async () => {
      const base = await this.#address.base(signal);
      return this.#transport.openStream({
        url: `${base}/api${renditionPath(assetId, rendition)}`,
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

  async #readTagged(request: JsonRequest, etag: string | null, signal: AbortSignal): Promise<TaggedAnswer> {
    const answer = await this.#guard(async () =>
      this.#transport.readText(await this.#listingRequest(request, etag, signal)),
    );
    if (answer.status === 304 && etag !== null) return { body: undefined, etag };
    const failure = this.failureOf({ ...answer, text: answer.body }, request.what);
    if (failure !== null) throw failure;
    const tag = answer.headers.etag;
    try {
      return { body: JSON.parse(answer.body), etag: typeof tag === 'string' ? tag : null };
    } catch (error) {
      throw notJson(error, answer.body.length);
    }
  }

  #changeOf(answer: Answer<string>, what: string): unknown {
    const failed = { ...answer, text: answer.body };
    if (this.failureOf(failed, what) !== null) throw translateWriteAnswer(failed, what);
    if (answer.status === 204 || answer.body === '') return null;
    try {
      return JSON.parse(answer.body);
    } catch (error) {
      throw notJson(error, answer.body.length);
    }
  }

  async #listingRequest(
    { method, path, body }: JsonRequest | ChangeRequest,
    etag: string | null,
    signal: AbortSignal,
  ): Promise<TransportRequest> {
    return {
      method,
      url: `${await this.#address.base(signal)}/api${path}`,
      headers: {
        ...this.#keyHeader(),
        accept: 'application/json',
        // Without a JSON content type Immich up to 2.x does not read a body and answers the whole library.
        'content-type': 'application/json',
        ...(etag === null ? {} : { 'if-none-match': etag }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs: this.#limits.listingMs,
      signal,
    };
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

/** The start of a body that says why something was refused. */
async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= REASON_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
