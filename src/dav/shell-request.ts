import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse as parseUrl } from 'node:url';
import type { v2 as webdav } from 'webdav-server';
import { encodeSegment } from '../model/resource-path.ts';
import type { DavRequest } from './dav-request.ts';

/** It goes through all headers five times, for what only its own methods use, and throws where `Depth` is missing. */
const SHELL_HEADERS = { host: 'localhost', depth: '0' };

spareUrlWarning();

/**
 * Has Node believe that it has warned of `url.parse`, which the package calls for each request. It warns once, but not of
 * calls in packages, and until it has warned it looks through the stack in each call: that takes longer than all the
 * package does.
 */
function spareUrlWarning(): void {
  const { noDeprecation } = process;
  process.noDeprecation = true;
  try {
    parseUrl('/');
  } finally {
    process.noDeprecation = noDeprecation ?? false;
  }
}

/**
 * A request as the package gets it, with what comes back from there: the one to be answered. It is given what it needs to
 * find method, mount and user. The real request and its response would be read and changed by it, for nothing, and
 * what is remembered beside them (in a `WeakMap`) is let go of only when V8 goes through all of its memory.
 */
export class ShellRequest {
  readonly method: string | undefined;
  /**
   * The mount table looks at the first segment. A backslash is a slash to the package, so that `..\` would lead it out of
   * the root.
   */
  readonly url: string;
  readonly headers = SHELL_HEADERS;
  readonly request: DavRequest;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;

  constructor(request: DavRequest, resolve: () => void, reject: (error: unknown) => void) {
    const { path, exchange } = request;
    this.method = exchange.req.method;
    this.url = `/${encodeSegment(path.segments[0] ?? '').replaceAll('%5C', '_')}`;
    this.request = request;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** The one that a context of the package was made for. */
  static of({ request }: webdav.HTTPRequestContext): ShellRequest {
    return request as unknown as ShellRequest;
  }

  /** Has the package find out whose request it is: sooner or later it hands it over to the method. */
  pass(shell: webdav.WebDAVServer): void {
    const response = new ShellResponse(this.reject);
    shell.executeRequest(this as unknown as IncomingMessage, response as unknown as ServerResponse);
  }
}

/**
 * What the package answers to. All that it says of its own is wrong (its classes, its challenge, what it allows) or unsafe
 * (any origin, with credentials), so nothing of it reaches a client.
 */
class ShellResponse {
  readonly #reject: (error: unknown) => void;

  constructor(reject: (error: unknown) => void) {
    this.#reject = reject;
  }

  setHeader(): this {
    return this;
  }

  on(): this {
    return this;
  }

  end(): void {
    this.#reject(new Error('webdav-server has answered by itself'));
  }
}
