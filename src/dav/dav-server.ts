import type { IncomingMessage, ServerResponse } from 'node:http';
import { v2 as webdav } from 'webdav-server';
import type { Exchange } from '../http/exchange.ts';
import { CodedError } from '../model/coded-error.ts';
import { ResourcePath } from '../model/resource-path.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { type DavMethod, DavRequest } from './dav-request.ts';
import { EdgeAuthentication, EdgePrivileges } from './edge-rights.ts';
import { get } from './get.ts';
import { propfind } from './propfind.ts';
import { VfsFileSystem } from './vfs-file-system.ts';

/** Methods that answer. */
const METHODS: Readonly<Record<string, DavMethod>> = { GET: get, HEAD: get, PROPFIND: propfind };

/** Methods that would change something. Every source is read-only, so each is refused before it reads its body. */
const WRITES = ['PUT', 'DELETE', 'MKCOL', 'COPY', 'MOVE', 'PROPPATCH', 'LOCK', 'UNLOCK', 'PATCH'];

const ALLOW = ['OPTIONS', ...Object.keys(METHODS)].join(', ');
/** Class 1 only: without LOCK, Finder mounts read-only instead of failing when something is saved. */
const DAV_CLASSES = '1';
/** What the package adds to every answer: wrong (classes, challenge) or unsafe (any origin with credentials). */
const UNWANTED_HEADERS = [
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'Access-Control-Expose-Headers',
  'WWW-Authenticate',
  'Server',
  'Allow',
];

const SHELL_HEADERS = { host: 'localhost', depth: '0' };

export interface DavServerOptions {
  readonly vfs: Vfs;
  /** Names of the collections that sources are mounted at; empty when a single source is the root. */
  readonly mountNames: readonly string[];
}

/**
 * The WebDAV edge. `webdav-server` is the shell: its registry finds the method, its mount table the file system,
 * its context carries the user. Every method is ours, because those of the package crash, lose data or wait for
 * whole listings (measured; see src/README.md).
 */
export class DavServer {
  readonly #vfs: Vfs;
  readonly #shell: webdav.WebDAVServer;
  readonly #requests = new WeakMap<IncomingMessage, PendingRequest>();

  constructor(options: DavServerOptions) {
    this.#vfs = options.vfs;
    const nodeOf = (request: IncomingMessage) => this.#requests.get(request)?.request.node() ?? null;
    this.#shell = new webdav.WebDAVServer({
      rootFileSystem: new VfsFileSystem(nodeOf),
      httpAuthentication: new EdgeAuthentication((request) => this.#userOf(request)),
      privilegeManager: new EdgePrivileges(),
      requireAuthentification: false,
      respondWithPaths: true,
      serverName: 'mediadav',
    });
    for (const name of options.mountNames) {
      this.#shell.setFileSystemSync(`/${name}`, new VfsFileSystem(nodeOf));
    }
    for (const name of Object.keys(this.#shell.methods)) this.#register(name, refuseUnknown);
    for (const name of WRITES) this.#register(name, refuseWrite);
    for (const [name, method] of Object.entries(METHODS)) this.#register(name, method);
    this.#shell.onUnknownMethod(this.#adapt(refuseUnknown));
  }

  /**
   * Answers one request. OPTIONS is answered for anybody: Explorer asks without credentials and gives up on a 401.
   * @param encodedPath path below `prefix`, percent-encoded.
   * @param prefix what hrefs start with, such as `/dav`.
   * @throws CodedError before the first byte of an answer.
   */
  async handle(exchange: Exchange, encodedPath: string, prefix: string): Promise<void> {
    const { req, res } = exchange;
    if (req.method === 'OPTIONS') {
      res.writeHead(200, { DAV: DAV_CLASSES, Allow: ALLOW, 'MS-Author-Via': 'DAV', 'Content-Length': 0 });
      res.end();
      return;
    }
    const path = ResourcePath.parse(encodedPath);
    const request = new DavRequest(exchange, path, this.#vfs, prefix);
    await new Promise<void>((resolve, reject) => {
      this.#requests.set(req, { request, resolve, reject });
      // Should the package ever answer by itself, this request is over too.
      res.once('close', resolve);
      this.#execute(req, res, path);
    });
  }

  /**
   * The package parses the URL once more, for its mount table and before it returns. It is given one that it cannot
   * stumble over: a backslash is a slash to it, so that `..\` would lead it out of the root. It is given
   * headers of its own, too: it goes through all of them five times for what only its own methods use, and one exception
   * a request comes of a missing `Depth`, which together took two thirds of its time.
   */
  #execute(req: IncomingMessage, res: ServerResponse, path: ResourcePath): void {
    const { url, headers } = req;
    req.url = path.encode().replaceAll('%5C', '_');
    req.headers = SHELL_HEADERS;
    this.#shell.executeRequest(req, res);
    req.headers = headers;
    if (url !== undefined) req.url = url;
  }

  #register(name: string, method: DavMethod): void {
    this.#shell.method(name, this.#adapt(method));
  }

  /** Only `chunked` is ever used: the other form reserves as much memory as a client claims to send. */
  #adapt(method: DavMethod): webdav.HTTPMethod {
    return {
      chunked: (context, _stream, done) => {
        const pending = this.#requests.get(context.request);
        if (pending === undefined) throw new Error('a WebDAV request that did not come through handle()');
        for (const header of UNWANTED_HEADERS) context.response.removeHeader(header);
        context.response.setHeader('DAV', DAV_CLASSES);
        // Never at once: the request has its own URL and headers back when `#execute` is done.
        const answered = Promise.resolve(pending.request).then(method);
        answered.then(() => {
          done();
          pending.resolve();
        }, pending.reject);
      },
    };
  }

  #userOf(request: IncomingMessage): string | null {
    return this.#requests.get(request)?.request.exchange.user ?? null;
  }
}

interface PendingRequest {
  readonly request: DavRequest;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

async function refuseWrite(): Promise<void> {
  throw new CodedError('denied', 'This is read-only: nothing was changed.');
}

async function refuseUnknown(request: DavRequest): Promise<void> {
  const text = 'This method is not supported.\n';
  const headers = { Allow: ALLOW, 'Content-Type': 'text/plain; charset=utf-8' };
  request.exchange.res.writeHead(405, { ...headers, 'Content-Length': Buffer.byteLength(text) });
  request.exchange.res.end(text);
}
