import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Faults, sendCut, sendDrip, spoiled } from './faults.ts';
import type { Library } from './library.ts';
import { type Delivery, deliver, isSlice, type Reply, revalidated } from './reply.ts';
import { answer } from './router.ts';
import { seedLibrary } from './seed.ts';
import { type Traits, traitsOf, type Version } from './versions.ts';

export interface FakeImmichOptions {
  version: Version;
  /** Default: `seedLibrary(version)`. */
  library?: Library;
  /** 0: any free one. */
  port?: number;
  host?: string;
  /**
   * Whether versions before 3.1.0 may order assets of the same time differently on every page of a search, as real ones do.
   * Default true.
   */
  unstableOrder?: boolean;
  /** How much of one answer the line carries. Default: as much as the machine. */
  bytesPerSecond?: number;
}

/** One answered request. */
export interface RequestRecord {
  readonly method: string;
  /** With `/api` and the query. */
  readonly path: string;
  /** The header, as it came. */
  readonly range: string | undefined;
  readonly userAgent: string | undefined;
  /** 0 when the connection was broken before any answer. */
  status: number;
  bytesSent: number;
}

const LOG_LENGTH = 10_000;

/** A server that answers like a real Immich of one version, traps included. */
export class FakeImmich {
  readonly library: Library;
  readonly faults = new Faults();
  /** The newest requests, oldest first. */
  readonly requests: RequestRecord[] = [];
  /** Bytes of originals sent so far. */
  bytesSent = 0;
  /** Downloads of originals that are under way. */
  openStreams = 0;
  readonly #options: FakeImmichOptions;
  readonly #sockets = new Set<Socket>();
  #traits: Traits;
  #port: number;
  #server: Server | undefined;

  constructor(options: FakeImmichOptions) {
    this.#options = options;
    this.#traits = traitsOf(options.version);
    this.#port = options.port ?? 0;
    this.library = options.library ?? seedLibrary(options.version);
    this.library.rules = this.#traits.album;
  }

  /** `http://127.0.0.1:port`, without `/api`. */
  get url(): string {
    return `http://${this.#options.host ?? '127.0.0.1'}:${this.#port}`;
  }

  get version(): Version {
    return this.#traits.version;
  }

  /** The server was upgraded while clients used it. */
  setVersion(version: Version): void {
    this.#traits = traitsOf(version);
    this.library.rules = this.#traits.album;
  }

  /** Listens, on the same port as before if there was one. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((req, res) => {
      this.#serve(req, res).catch((error: unknown) => {
        // A client that leaves in the middle of its own upload is no bug.
        if (req.readableAborted) return;
        // A bug of the fake: the test shall see it, not wait for a timeout.
        console.error('fake immich:', error);
        res.destroy();
      });
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, this.#options.host ?? '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** An outage: all connections break, new ones are refused until `start()`. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  close(): Promise<void> {
    return this.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = req;
    const { range, 'user-agent': userAgent } = req.headers;
    const record: RequestRecord = { method, path, range, userAgent, status: 0, bytesSent: 0 };
    this.requests.push(record);
    if (this.requests.length > LOG_LENGTH) this.requests.shift();

    const fault = this.faults.take(req);
    if (fault?.kind === 'reset') {
      req.socket.destroy();
      return;
    }
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (res.destroyed) return;

    const plain = await answer(req, {
      traits: this.#traits,
      library: this.library,
      hasUnstableOrder: this.#options.unstableOrder ?? true,
    });
    if (fault?.kind === 'late') await fault.until;
    if (res.destroyed) return;
    const reply = revalidated(
      fault === undefined ? plain : spoiled(plain, fault),
      record.method,
      req.headers,
    );
    record.status = reply.status;
    const on: Delivery = {
      onBytes: (count) => {
        record.bytesSent += count;
        if (isSlice(reply.body) && reply.body.isOriginal) this.bytesSent += count;
      },
      bytesPerSecond: this.#options.bytesPerSecond,
    };
    this.#countStream(reply, req.method === 'HEAD', res);
    if (fault?.kind === 'cut') on.onBytes(await sendCut(res, reply, fault.bytes));
    else if (fault?.kind === 'drip') await sendDrip(res, reply, fault, on);
    else await deliver(res, reply, req.method === 'HEAD', on);
  }

  #countStream({ body }: Reply, isHead: boolean, res: ServerResponse): void {
    if (isHead || !isSlice(body) || !body.isOriginal) return;
    this.openStreams += 1;
    res.once('close', () => {
      this.openStreams -= 1;
    });
  }
}

export async function startFakeImmich(options: FakeImmichOptions): Promise<FakeImmich> {
  const fake = new FakeImmich(options);
  await fake.start();
  return fake;
}
