import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import axios, { type AxiosInstance } from 'axios';
import { CodedError } from '../../src/model/coded-error.ts';
import { ByteConnections } from './byte-connections.ts';
import { translateNetworkError } from './translate-error.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'HEAD' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, or bytes whose length is in the headers. */
  readonly body?: string | Readable;
  /** Until the first byte, and the longest silence while a text arrives, in milliseconds; 0: for ever. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A GET. */
export type StreamRequest = Omit<TransportRequest, 'method' | 'body'>;

export interface UploadRequest extends TransportRequest {
  /** The caller destroys it. */
  readonly body: Readable;
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Body;
}

/** Whoever looks at the log of the server, or of a proxy before it, sees who asks (RFC 9110 section 10.1.5). */
const NAMED = { 'user-agent': 'mediadav' };

/** Agents that make axios give up a connection that does not come about. */
interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/**
 * The only place that knows axios: one request, one answer of whatever status, no redirects, no retries. Errors are
 * CodedErrors and mean that no whole answer came. Only originals pass it by where they can, for what it costs to bring
 * many bytes through `http` of Node; what they come by keeps to the same rules.
 *
 * Listings and originals have connections of their own, so that stalled downloads never keep a listing waiting.
 * Proxies of the environment are not used: a source is reached by its own URL and nothing else.
 */
export class Transport {
  readonly #listings: Agents;
  readonly #originals: Agents;
  readonly #plain: ByteConnections;
  readonly #axios: AxiosInstance;

  constructor(options: { connectMs: number; maxJsonBytes: number }) {
    this.#listings = makeAgents(options.connectMs, 16);
    this.#originals = makeAgents(options.connectMs, Number.POSITIVE_INFINITY);
    this.#plain = new ByteConnections(options.connectMs);
    this.#axios = axios.create({
      proxy: false,
      maxRedirects: 0,
      validateStatus: null,
      transformRequest: [(data: unknown) => data],
      transformResponse: [(data: unknown) => data],
      maxContentLength: options.maxJsonBytes,
      transitional: { clarifyTimeoutError: true },
    });
  }

  /** The whole answer as text. */
  async readText(request: TransportRequest): Promise<Answer<string>> {
    return this.#send<string>(request, this.#listings, { responseType: 'text' });
  }

  /**
   * The whole answer as text to a request with a long body. The timeout is for silence: until more of the body is taken,
   * and from its end until the answer. That of axios would be for all of it.
   */
  async upload({ body, timeoutMs, ...request }: UploadRequest): Promise<Answer<string>> {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(tooSilent()), timeoutMs);
    const watched = Readable.from(
      passing(body, () => timer.refresh()),
      { objectMode: false },
    );
    const signal = AbortSignal.any([request.signal, silence.signal]);
    try {
      const options = { responseType: 'text', maxBodyLength: -1 } as const;
      return await this.#send<string>(
        { ...request, body: watched, timeoutMs: 0, signal },
        this.#originals,
        options,
      );
    } finally {
      clearTimeout(timer);
      watched.destroy();
    }
  }

  /** The answer with its body still to come, not unpacked. The caller consumes or destroys it. */
  async openStream(request: StreamRequest): Promise<Answer<Readable>> {
    if (ByteConnections.canReach(request.url)) {
      try {
        return await this.#plain.get({ ...request, headers: { ...NAMED, ...request.headers } });
      } catch (error) {
        throw translateNetworkError(error, request.signal);
      }
    }
    return this.#send<Readable>({ ...request, method: 'GET' }, this.#originals, {
      responseType: 'stream',
      decompress: false,
      maxContentLength: -1,
    });
  }

  /** A long listing with its body still to come, unpacked. The caller consumes or destroys it. */
  async openListing(request: TransportRequest): Promise<Answer<Readable>> {
    return this.#send<Readable>(request, this.#listings, { responseType: 'stream', maxContentLength: -1 });
  }

  /** Breaks every connection, those in use too. */
  close(): void {
    for (const agents of [this.#listings, this.#originals]) {
      agents.http.destroy();
      agents.https.destroy();
    }
    this.#plain.close();
  }

  async #send<Body>(
    request: TransportRequest,
    agents: Agents,
    options: {
      responseType: 'text' | 'stream';
      decompress?: boolean;
      maxContentLength?: number;
      maxBodyLength?: number;
    },
  ): Promise<Answer<Body>> {
    try {
      const response = await this.#axios.request<Body>({
        ...options,
        method: request.method,
        url: request.url,
        headers: { ...NAMED, ...request.headers },
        ...(request.body === undefined ? {} : { data: request.body }),
        timeout: request.timeoutMs,
        signal: request.signal,
        httpAgent: agents.http,
        httpsAgent: agents.https,
      });
      return { status: response.status, headers: response.headers, body: response.data };
    } catch (error) {
      throw translateNetworkError(error, request.signal);
    }
  }
}

async function* passing(body: Readable, onChunk: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    onChunk();
    yield chunk as Buffer;
  }
}

function tooSilent(): CodedError {
  return new CodedError('unavailable', 'The Immich server did not go on with an upload.');
}

function makeAgents(connectMs: number, maxSockets: number): Agents {
  const options = { keepAlive: true, maxSockets, maxFreeSockets: 16 };
  return {
    http: withConnectDeadline(new HttpAgent(options), 'connect', connectMs),
    https: withConnectDeadline(new HttpsAgent(options), 'secureConnect', connectMs),
  };
}

/** Node has no deadline for connecting: to a host that is switched off it would be the system's two minutes. */
function withConnectDeadline<A extends HttpAgent>(agent: A, connectedEvent: string, connectMs: number): A {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = connect(options, callback);
    if (!socket) return socket;
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' }));
    }, connectMs);
    const stop = () => clearTimeout(timer);
    socket.once(connectedEvent, stop);
    socket.once('close', stop);
    return socket;
  };
  return agent;
}
