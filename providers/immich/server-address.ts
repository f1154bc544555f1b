import { CodedError } from '../../src/model/coded-error.ts';
import { parseServerVersion, type ServerVersion } from './server-version.ts';
import { translateAnswer } from './translate-error.ts';
import type { Answer } from './transport.ts';

const VERSION_PATH = '/api/server/version';
const MAX_REDIRECTS = 5;

export interface LocatedServer {
  /** Where the API is: scheme, host and path up to, not including, `/api`. */
  readonly base: string;
  readonly version: ServerVersion;
}

/** Sends a GET without key and without following redirects. */
export type PublicGet = (url: string, signal: AbortSignal) => Promise<Answer<string>>;

/**
 * Where the server really is. Redirects (http to https, another host name) turn a POST into a GET, and would carry the
 * API key to wherever they lead, so they are followed once, on the public version route and without the key; all
 * later requests go straight to where that ended.
 */
export class ServerAddress {
  readonly #url: string;
  readonly #get: PublicGet;
  #located: LocatedServer | null = null;
  #hasAnswered = false;

  /** @param url as configured; a trailing slash or `/api` is harmless. */
  constructor(url: string, get: PublicGet) {
    this.#url = url.replace(/\/+$/, '').replace(/\/api$/, '');
    this.#get = get;
  }

  /** The base of the API, asked for only when it is not known. Errors as `locate`. */
  async base(signal: AbortSignal): Promise<string> {
    return (await this.whereabouts(signal)).base;
  }

  /** What `locate` found last, asked for only when it is not known. Errors as `locate`. */
  async whereabouts(signal: AbortSignal): Promise<LocatedServer> {
    return this.#located ?? (await this.locate(signal));
  }

  /**
   * Asks the server's version anew, and pins where the answer came from.
   * @throws CodedError `unavailable` or `throttled` for what may heal; `invalid` when something answers at the URL that
   *   is not Immich; `denied` when something in front asks for a login.
   */
  async locate(signal: AbortSignal): Promise<LocatedServer> {
    try {
      this.#located = await this.#ask(signal);
    } catch (error) {
      this.#located = null;
      throw error;
    }
    this.#hasAnswered = true;
    return this.#located;
  }

  /** After a failure: the next request asks again where the server is. */
  forget(): void {
    this.#located = null;
  }

  async #ask(signal: AbortSignal): Promise<LocatedServer> {
    let url = `${this.#url}${VERSION_PATH}`;
    if (!isHttpUrl(url))
      throw new CodedError('invalid', 'The URL of the Immich server is not an http(s) address.');
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const answer = await this.#get(url, signal);
      const target = redirectTarget(answer, url);
      if (target === null) return this.#read(answer, url);
      if (url.startsWith('https:') && target.startsWith('http:')) {
        throw new CodedError(
          'invalid',
          'The Immich server redirects from https to http: the API key would go in the clear.',
        );
      }
      url = target;
    }
    throw this.#notImmich(new Error('too many redirects'));
  }

  #read(answer: Answer<string>, url: string): LocatedServer {
    const failure = translateAnswer({ ...answer, text: answer.body }, 'its version');
    const isSuccess = answer.status === 200;
    // A web page with a failing status is a proxy whose server is down; with any other status it is another site.
    if (!isSuccess && (answer.status >= 500 || answer.status === 429)) throw failure;
    if (answer.status === 401 || answer.status === 403) {
      throw new CodedError('denied', 'Something in front of the Immich server asks for a login.', {
        cause: failure.cause,
      });
    }
    const version = isSuccess ? parseServerVersion(parseJson(answer.body)) : null;
    const base = baseOf(url);
    if (version === null || base === null) throw this.#notImmich(failure.cause);
    return { base, version };
  }

  /** A server that has answered before has not become another one: some proxy shows a page of its own for a while. */
  #notImmich(cause: unknown): CodedError {
    return this.#hasAnswered
      ? new CodedError('unavailable', 'Something else answers at the URL of the Immich server now.', {
          cause,
        })
      : new CodedError(
          'invalid',
          'The URL does not lead to an Immich server: it must be the address that opens Immich in a browser.',
          { cause },
        );
  }
}

function redirectTarget(answer: Answer<string>, url: string): string | null {
  const location = answer.headers.location;
  if (![301, 302, 303, 307, 308].includes(answer.status) || typeof location !== 'string') return null;
  const target = URL.parse(location, url)?.href ?? '';
  return isHttpUrl(target) ? target : null;
}

function baseOf(url: string): string | null {
  const parsed = new URL(url);
  if (!parsed.pathname.endsWith(VERSION_PATH)) return null;
  parsed.pathname = parsed.pathname.slice(0, -VERSION_PATH.length);
  parsed.search = '';
  parsed.hash = '';
  return parsed.href.replace(/\/+$/, '');
}

function isHttpUrl(url: string): boolean {
  const protocol = URL.parse(url)?.protocol;
  return protocol === 'http:' || protocol === 'https:';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
