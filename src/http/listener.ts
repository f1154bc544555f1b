import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { CodedError, messageOf } from '../model/coded-error.ts';
import { type Logger, withFields } from '../model/logger.ts';
import { refuseSocket } from './client-error.ts';
import { plainWording, sendAnswer, sendError, type Wording } from './error-status.ts';
import { type Exchange, newRequestId, parseRequestTarget, type Reply } from './exchange.ts';

export interface ListenerLimits {
  /** Request line and headers together. Beyond: 431. */
  readonly headerBytes: number;
  /** Beyond: 431. */
  readonly headerCount: number;
  /** Length of the request target. Beyond: 414. */
  readonly urlLength: number;
  /** For all headers of a request to arrive. Beyond: 408. Bodies have deadlines of their own. */
  readonly headersTimeoutMs: number;
  /** How long an idle connection is kept for a next request. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves for this long, in either direction, is closed. */
  readonly idleTimeoutMs: number;
}

export const DEFAULT_LIMITS: ListenerLimits = {
  headerBytes: 48 * 1024,
  headerCount: 100,
  urlLength: 16 * 1024,
  headersTimeoutMs: 20_000,
  keepAliveTimeoutMs: 30_000,
  idleTimeoutMs: 10 * 60_000,
};

export interface ListenerOptions {
  /**
   * Answers one request. Resolves when the response is finished (`res.end` was called), or the client has left;
   * one that resolves sooner is answered with a 500. Whatever it throws becomes a status (see `sendError`).
   * Requests of one connection come one after the other (RFC 9112 section 9.3.2).
   */
  readonly handle: (exchange: Exchange) => Promise<void>;
  readonly log: Logger;
  /**
   * How failures of a request are worded, its being malformed included; null where nobody can tell what it asked for.
   * Default: as plain text.
   */
  readonly wordingFor?: (req: IncomingMessage | null) => Wording;
  /** PEM texts. Present: HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly limits?: Partial<ListenerLimits>;
}

export interface ListenAddress {
  readonly host: string;
  /** The real one, also when 0 was asked for. */
  readonly port: number;
  /** `http://127.0.0.1:8000`, without a slash at its end. */
  readonly url: string;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The setting a person changes when the port is taken. Default: `PORT`. */
  readonly portSetting?: string;
}

export interface Listener {
  /** @throws CodedError `unavailable` with a sentence that names the setting to change. Call it once. */
  listen(options: ListenOptions): Promise<ListenAddress>;
  /**
   * Stops accepting, lets running requests end for `graceMs`, then destroys what is left and waits a moment for
   * its handlers. Safe to call more than once, and before `listen`.
   */
  close(graceMs?: number): Promise<void>;
}

/** Requests one connection may send ahead of their answers. */
const MAX_PIPELINED = 32;
/** How long what is left of a request's body may take once it was answered. */
const LINGER_MS = 2_000;
/** How long `close` waits for handlers whose sockets were destroyed. */
const SETTLE_MS = 1_000;

/**
 * The HTTP or HTTPS server under all edges.
 * @throws CodedError `invalid` when certificate and key do not fit together.
 */
export function createListener(options: ListenerOptions): Listener {
  const { handle, log, wordingFor = () => plainWording } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = createNodeServer(options, limits);
  const connections = new WeakMap<Duplex, Connection>();
  const sockets = new Set<Socket>();
  const running = new Set<Promise<void>>();
  let isClosing = false;
  let closed: Promise<void> | undefined;

  const accept = (req: IncomingMessage, res: ServerResponse): void => {
    const connection = connections.get(req.socket) ?? openConnection(req.socket, connections);
    if (connection.pending.size >= MAX_PIPELINED) {
      req.socket.destroy();
      return;
    }
    const pending: Pending = { req, res, controller: new AbortController() };
    connection.pending.add(pending);
    const turn = connection.lastTurn.then(async () => {
      if (isClosing) res.shouldKeepAlive = false;
      await serve(pending, { handle, log, limits, wordingFor });
      connection.pending.delete(pending);
      running.delete(turn);
    });
    connection.lastTurn = turn;
    running.add(turn);
    res.once('close', () => {
      if (!res.writableFinished) abort(pending);
      if (isClosing) setImmediate(() => server.closeIdleConnections());
    });
  };

  server.on('request', accept);
  server.on('checkContinue', (req, res) => {
    continueOnRead(req, res);
    accept(req, res);
  });
  server.on('clientError', (error, socket) => {
    log.debug('a client sent no valid request', { error: error.message });
    const connection = connections.get(socket);
    const pending = [...(connection?.pending ?? [])].at(-1);
    if (connection === undefined || pending === undefined) {
      refuseSocket(error, socket, wordingFor(null));
    } else if (pending.req.complete) {
      // The rubbish came behind a good request: that one still gets its answer.
      if (!connection.isSpoilt) pending.res.once('close', () => socket.destroy());
      connection.isSpoilt = true;
    } else {
      abort(pending);
      if (pending.res.headersSent || pending.res.socket === null) socket.destroy();
      else refuseSocket(error, socket, wordingFor(pending.req));
    }
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (error) => log.debug('a TLS handshake failed', { error: error.message }));

  return {
    async listen({ host, port, portSetting = 'PORT' }) {
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen({ host, port }, () => {
            server.off('error', reject);
            resolve();
          });
        });
      } catch (cause) {
        throw new CodedError('unavailable', listenProblem(cause, host, port, portSetting), { cause });
      }
      server.on('error', (error) => log.error('the listener failed', { error: error.message }));
      const address = server.address() as AddressInfo;
      const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      const scheme = options.tls === undefined ? 'http' : 'https';
      return { host: address.address, port: address.port, url: `${scheme}://${shown}:${address.port}` };
    },

    close(graceMs = 0) {
      closed ??= (async () => {
        isClosing = true;
        const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
        await within(graceMs, Promise.all([stopped, ...running]));
        for (const socket of sockets) socket.destroy();
        await stopped;
        await within(SETTLE_MS, Promise.all(running));
      })();
      return closed;
    },
  };
}

/** A request that was received and not yet answered. */
interface Pending {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly controller: AbortController;
}

interface Connection {
  readonly pending: Set<Pending>;
  /** Settles, never rejects, when the last request so far has been handled. */
  lastTurn: Promise<void>;
  /** Rubbish has come; it is closed after the answers it is still owed. */
  isSpoilt: boolean;
}

function createNodeServer(options: ListenerOptions, limits: ListenerLimits): Server {
  const nodeOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    // It would end long uploads; whoever reads a body sets the deadline.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.headersTimeoutMs / 4)),
  };
  let server: Server;
  if (options.tls === undefined) {
    server = createServer(nodeOptions);
  } else {
    try {
      server = createTlsServer({ ...nodeOptions, ...options.tls });
    } catch (cause) {
      const message = 'The texts of TLS_CERT_FILE and TLS_KEY_FILE are no certificate with its private key.';
      throw new CodedError('invalid', message, { cause });
    }
  }
  server.maxHeadersCount = limits.headerCount;
  server.setTimeout(limits.idleTimeoutMs);
  return server;
}

/** Watches a socket for the client's leaving: the end of its sending counts, as a client that is gone shows no more. */
function openConnection(socket: Socket, connections: WeakMap<Duplex, Connection>): Connection {
  const connection: Connection = { pending: new Set(), lastTurn: Promise.resolve(), isSpoilt: false };
  connections.set(socket, connection);
  const abortAll = (): void => {
    for (const pending of connection.pending) {
      if (!pending.res.writableFinished) abort(pending);
    }
  };
  socket.once('end', abortAll).once('close', abortAll);
  return connection;
}

function abort({ controller }: Pending): void {
  controller.abort(new CodedError('cancelled', 'The client closed the connection.'));
}

/** Runs the handler for one request and sees to it that the response is ended. Never rejects. */
async function serve(
  { req, res, controller }: Pending,
  options: Required<Pick<ListenerOptions, 'handle' | 'log' | 'wordingFor'>> & {
    readonly limits: ListenerLimits;
  },
): Promise<void> {
  const { handle, limits } = options;
  const { signal } = controller;
  if (signal.aborted) return;
  const id = newRequestId();
  const log = withFields(options.log, { request: id });
  const startedMs = performance.now();
  const reply: Reply = { req, res, id, signal, log, wording: options.wordingFor(req) };
  // Without listeners, an error of a stream ends the process.
  req.on('error', (error) => log.debug('the request was cut', { error: error.message }));
  res.on('error', (error) => log.debug('the response was cut', { error: error.message }));
  res.once('finish', () => finishRequest(req));
  res.setHeader('X-Request-Id', id);

  let exchange: Exchange | undefined;
  try {
    if ((req.url ?? '').length > limits.urlLength) {
      const answer = { status: 414, headers: {}, body: 'The address is too long.' };
      sendAnswer(reply, reply.wording(answer, 'too-large'));
      return;
    }
    const target = parseRequestTarget(req);
    // Whatever reads `url` further inside gets the origin form only.
    if (target.path !== '*') req.url = target.query === '' ? target.path : `${target.path}?${target.query}`;
    exchange = { ...reply, target, user: null };
    await handle(exchange);
    if (!res.writableEnded && !signal.aborted)
      throw new Error('the handler left a request without an answer');
  } catch (error) {
    endWithError(reply, error);
  }
  const durationMs = Math.round(performance.now() - startedMs);
  const user = exchange?.user ?? null;
  log.debug('request', { method: req.method, url: req.url, status: res.statusCode, user, durationMs });
}

function endWithError(reply: Reply, error: unknown): void {
  try {
    sendError(reply, error);
  } catch (second) {
    reply.log.error('an error could not be answered', { error: messageOf(second), cause: second });
    reply.res.destroy();
  }
}

/**
 * The response is out; what is left of the body is read and dropped for a while, because closing at once would
 * reset the connection and could cost the client the response (RFC 9112 section 9.6).
 */
function finishRequest(req: IncomingMessage): void {
  if (req.complete) return;
  req.unpipe();
  req.resume();
  const timer = setTimeout(() => {
    if (!req.complete) req.socket.destroy();
  }, LINGER_MS);
  req.once('close', () => clearTimeout(timer));
}

/** `Expect: 100-continue` (RFC 9110 section 10.1.1): asks for the body only when somebody starts to read it. */
function continueOnRead(req: IncomingMessage, res: ServerResponse): void {
  const read = req._read;
  let isAsked = false;
  req._read = function readAfterAsking(sizeBytes: number): void {
    if (!isAsked && !res.headersSent) res.writeContinue();
    isAsked = true;
    read.call(this, sizeBytes);
  };
}

/** Waits for `work`, which never rejects, but no longer than `limitMs`. */
async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function listenProblem(cause: unknown, host: string, port: number, portSetting: string): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is already in use; set ${portSetting} to another one.`;
    case 'EACCES':
      return `Port ${port} on ${host} may not be used by this user; set ${portSetting} to one above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine; set HOST to one that is.`;
    default:
      return `Listening on ${host}, port ${port} (${portSetting}) failed: ${messageOf(cause)}`;
  }
}
