import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import axios, { type AxiosInstance } from 'axios';
import { translateNetworkError } from './translate-error.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'HEAD' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, or bytes whose length is in the headers; the caller destroys the stream. */
  readonly body?: string | Readable;
  /** Until the first byte, and the longest silence while a text arrives, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Body;
}

/** Agents that make axios give up a connection that does not come about. */
interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/**
 * The only place that knows axios: one request, one answer of whatever status, no redirects, no retries. Errors are
 * CodedErrors and mean that no whole answer came.
 *
 * Listings and originals have connections of their own, so that stalled downloads never keep a listing waiting.
 * Proxies of the environment are not used: a source is reached by its own URL and nothing else.
 */
export class Transport {
  readonly #listings: Agents;
  readonly #originals: Agents;
  readonly #axios: AxiosInstance;

  constructor(options: { connectMs: number; maxJsonBytes: number }) {
    this.#listings = makeAgents(options.connectMs, 16);
    this.#originals = makeAgents(options.connectMs, Number.POSITIVE_INFINITY);
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

  /** The whole answer as text to a request with a long body; the timeout is for silence on the way. */
  async upload(request: TransportRequest): Promise<Answer<string>> {
    return this.#send<string>(request, this.#originals, { responseType: 'text', maxBodyLength: -1 });
  }

  /** The answer with its body still to come, not unpacked. The caller consumes or destroys it. */
  async openStream(request: TransportRequest): Promise<Answer<IncomingMessage>> {
    return this.#send<IncomingMessage>(request, this.#originals, {
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
        headers: { ...request.headers },
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
