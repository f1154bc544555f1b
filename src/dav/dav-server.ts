import { v2 as webdav } from 'webdav-server';
import type { Exchange } from '../http/exchange.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import { ResourcePath } from '../model/resource-path.ts';
import { copy, move } from './copy-move.ts';
import { type DavEdge, type DavMethod, DavRequest, type DavRooms } from './dav-request.ts';
import { remove } from './delete.ts';
import { EdgeAuthentication, EdgePrivileges } from './edge-rights.ts';
import { get } from './get.ts';
import { lock, unlock } from './lock.ts';
import { mkcol } from './mkcol.ts';
import { sendPreconditionError } from './multistatus.ts';
import { propfindParent } from './parent-collection.ts';
import { PreconditionError } from './precondition-error.ts';
import { propfind } from './propfind.ts';
import { proppatch } from './proppatch.ts';
import { put } from './put.ts';
import { RenderedListings } from './rendered-listings.ts';
import { report } from './report.ts';
import { ShellRequest } from './shell-request.ts';
import { answerProbe, isSystemProbe } from './system-probe.ts';
import { VfsFileSystem } from './vfs-file-system.ts';

/** Methods that answer everywhere. */
const READS: Readonly<Record<string, DavMethod>> = {
  GET: get,
  HEAD: get,
  PROPFIND: propfind,
  REPORT: report,
};

/** Methods by which systems look for their own files in every folder. */
const PROBES: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PROPFIND']);

/** Methods that change something. Where a source is read-only, each is refused before it reads its body. */
const WRITES: Readonly<Record<string, DavMethod>> = {
  PUT: put,
  DELETE: remove,
  MKCOL: mkcol,
  COPY: copy,
  MOVE: move,
  PROPPATCH: proppatch,
  LOCK: lock,
  UNLOCK: unlock,
};

/** Methods that would change something, if anything could be changed that way. */
const REFUSED = ['PATCH'];

const ALLOW_READS = ['OPTIONS', ...Object.keys(READS)].join(', ');
const ALLOW_WRITES = [ALLOW_READS, ...Object.keys(WRITES)].join(', ');
/** Without LOCK, Finder mounts read-only instead of failing when something is saved. */
const CLASSES_READ_ONLY = '1';
const CLASSES_WRITABLE = '1, 2';
export interface DavServerOptions extends DavRooms {
  /** Names of the collections that sources are mounted at; empty when a single source is the root. */
  readonly mountNames: readonly string[];
}

/**
 * The WebDAV edge. `webdav-server` is the shell: its registry finds the method, its mount table the file system,
 * its context carries the user. Every method is ours, because those of the package crash, lose data or wait for
 * whole listings (measured; see src/README.md).
 */
export class DavServer {
  readonly #rooms: DavEdge;
  readonly #shell: webdav.WebDAVServer;

  constructor(options: DavServerOptions) {
    this.#rooms = { ...options, listings: new RenderedListings() };
    this.#shell = new webdav.WebDAVServer({
      rootFileSystem: new VfsFileSystem(),
      httpAuthentication: new EdgeAuthentication(),
      privilegeManager: new EdgePrivileges(),
      requireAuthentification: false,
      respondWithPaths: true,
      serverName: 'mediadav',
    });
    for (const name of options.mountNames) {
      this.#shell.setFileSystemSync(`/${name}`, new VfsFileSystem());
    }
    for (const name of Object.keys(this.#shell.methods)) this.#register(name, refuseUnknown);
    for (const name of REFUSED) this.#register(name, refuseWrite);
    for (const [name, method] of Object.entries({ ...READS, ...WRITES })) this.#register(name, method);
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
      // Without regard to what is there: whoever asks may be anybody.
      const asked = pathAskedFor(encodedPath);
      res.writeHead(200, {
        DAV: this.#classesAt(asked),
        Allow: this.#allowAt(asked),
        'MS-Author-Via': 'DAV',
        'Content-Length': 0,
      });
      res.end();
      return;
    }
    const path = ResourcePath.parse(encodedPath);
    const request = new DavRequest({
      ...{ exchange, path, rooms: this.#rooms, prefix },
      allow: this.#allowAt(path),
    });
    if (isSystemProbe(path) && PROBES.has(req.method ?? '') && !this.#rooms.vfs.isInScratch(path)) {
      res.setHeader('DAV', this.#classesAt(path));
      return await answerProbe(request);
    }
    try {
      await new Promise<void>((resolve, reject) =>
        new ShellRequest(request, resolve, reject).pass(this.#shell),
      );
    } catch (error) {
      if (!(error instanceof PreconditionError) || res.headersSent) throw error;
      sendPreconditionError(exchange, error);
    }
  }

  #allowAt(path: ResourcePath): string {
    return this.#rooms.vfs.isWritable(path) ? ALLOW_WRITES : ALLOW_READS;
  }

  #classesAt(path: ResourcePath): string {
    return this.#rooms.vfs.isWritable(path) ? CLASSES_WRITABLE : CLASSES_READ_ONLY;
  }

  /**
   * Answers PROPFIND of the collection that the tree is in, where it is not at the top.
   * @param name of the tree in that collection.
   */
  async handleParent(exchange: Exchange, name: string): Promise<void> {
    const path = ResourcePath.ROOT;
    exchange.res.setHeader('DAV', this.#classesAt(path));
    const request = new DavRequest({ exchange, path, rooms: this.#rooms, prefix: '', allow: ALLOW_READS });
    await propfindParent(request, name);
  }

  #register(name: string, method: DavMethod): void {
    this.#shell.method(name, this.#adapt(method));
  }

  /** Only `chunked` is ever used: the other form reserves as much memory as a client claims to send. */
  #adapt(method: DavMethod): webdav.HTTPMethod {
    return {
      chunked: (context) => {
        const { request, resolve, reject } = ShellRequest.of(context);
        const { res } = request.exchange;
        res.setHeader('DAV', this.#classesAt(request.path));
        res.setHeader('MS-Author-Via', 'DAV');
        method(request).then(resolve, reject);
      },
    };
  }
}

/** What can be done at a path that cannot be, or with `*`, is what can be done somewhere in the tree. */
function pathAskedFor(encodedPath: string): ResourcePath {
  try {
    return encodedPath === '*' ? ResourcePath.ROOT : ResourcePath.parse(encodedPath);
  } catch (error) {
    if (codeOf(error) !== 'invalid') throw error;
    return ResourcePath.ROOT;
  }
}

async function refuseWrite({ vfs, path }: DavRequest): Promise<void> {
  const text = vfs.isWritable(path) ? 'This cannot be changed here' : 'This is read-only';
  throw new CodedError('denied', `${text}: nothing was changed.`);
}

async function refuseUnknown(request: DavRequest): Promise<void> {
  const text = 'This method is not supported.\n';
  const headers = { Allow: request.allow, 'Content-Type': 'text/plain; charset=utf-8' };
  request.exchange.res.writeHead(405, { ...headers, 'Content-Length': Buffer.byteLength(text) });
  request.exchange.res.end(text);
}
