import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { CatalogReader, ShownSource } from '../catalog/catalog.ts';
import type { ChangeBell } from '../catalog/change-bell.ts';
import type { Content } from '../content/content.ts';
import type { Thumbnails } from '../content/thumbnails.ts';
import { sendAnswer, sendError } from '../http/error-status.ts';
import type { Exchange } from '../http/exchange.ts';
import { CodedError, type ErrorCode } from '../model/coded-error.ts';
import { feedResources } from './feed.ts';
import { feedStreamResource, type StreamLimits } from './feed-stream.ts';
import { healthResources } from './health.ts';
import { imageResource } from './image.ts';
import { listResources } from './list.ts';
import { openApiResources, prepareOpenApi } from './openapi.ts';
import { problemWording } from './problem.ts';
import { addResource, prepareMethods, type Resource } from './resource.ts';
import { scanResource } from './scan.ts';
import { SourcePlaces } from './source-places.ts';
import type { MountLine, StatusReport } from './status-report.ts';
import { thumbnailResource } from './thumbnail.ts';

export interface ApiServerOptions {
  readonly version: string;
  readonly reader: CatalogReader;
  readonly bell: ChangeBell;
  readonly content: Content;
  readonly thumbnails: Thumbnails;
  /** The sources that are the tree. */
  readonly sources: readonly ShownSource[];
  /** By the name of the source: starts a scan of it without waiting. */
  readonly scans: ReadonlyMap<string, () => void>;
  readonly status: () => Promise<StatusReport>;
  readonly mountLines: () => readonly MountLine[];
  readonly streamLimits?: Partial<StreamLimits>;
}

/** Longer names of a path are answered by whoever checks them, not with "no such address". */
const MAX_PARAM_LENGTH = 4096;

/** The HTTP API and the front page: what lives on `PORT` beside `/dav/`. */
export class ApiServer {
  readonly #fastify: FastifyInstance;
  readonly #closing: AbortController;
  readonly #exchanges: WeakMap<IncomingMessage, Exchange>;

  private constructor(
    fastify: FastifyInstance,
    closing: AbortController,
    exchanges: WeakMap<IncomingMessage, Exchange>,
  ) {
    this.#fastify = fastify;
    this.#closing = closing;
    this.#exchanges = exchanges;
  }

  static async create(options: ApiServerOptions): Promise<ApiServer> {
    const closing = new AbortController();
    const exchanges = new WeakMap<IncomingMessage, Exchange>();
    const exchangeOf = (request: FastifyRequest): Exchange => {
      const exchange = exchanges.get(request.raw);
      if (exchange === undefined) throw new Error('a request without an exchange');
      return exchange;
    };
    const fastify = createFastify(exchangeOf);
    await prepareOpenApi(fastify, options.version);
    const places = new SourcePlaces(options.reader, options.sources);
    const rooms = { ...options, places };
    const limits = options.streamLimits ?? {};
    const resources: Resource[] = [
      ...listResources(rooms),
      imageResource(rooms),
      thumbnailResource(rooms),
      ...feedResources(rooms),
      feedStreamResource({ ...rooms, closing: closing.signal, limits }),
      ...healthResources(options),
      scanResource(options),
      ...openApiResources(fastify),
    ];
    for (const resource of resources) addResource(fastify, resource, exchangeOf);
    await fastify.ready();
    return new ApiServer(fastify, closing, exchanges);
  }

  /** Answers one request, whose user the caller has checked. Resolves when the response is closed. */
  async handle(exchange: Exchange): Promise<void> {
    const { req, res } = exchange;
    this.#exchanges.set(req, { ...exchange, wording: problemWording });
    const closed = new Promise<void>((resolve) => res.once('close', resolve));
    this.#fastify.routing(req, res);
    await closed;
  }

  /** Ends what would never end by itself. Before the listener waits for running requests. */
  endStreams(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    this.endStreams();
    await this.#fastify.close();
  }
}

function createFastify(exchangeOf: (request: FastifyRequest) => Exchange): FastifyInstance {
  const fastify = Fastify({
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH },
    exposeHeadRoutes: false,
    frameworkErrors: (error, request, reply) => {
      reply.hijack();
      sendError(exchangeOf(request), codedOf(error));
    },
  });
  // Parameters are checked by `readParameters` and answers written by hand: schemas are for the document.
  fastify.setValidatorCompiler(() => () => true);
  fastify.setSerializerCompiler(() => JSON.stringify);
  prepareMethods(fastify);
  fastify.setErrorHandler((error, request, reply) => {
    reply.hijack();
    sendError(exchangeOf(request), codedOf(error));
  });
  fastify.setNotFoundHandler(async (request, reply) => {
    reply.hijack();
    sendNotFound(exchangeOf(request));
  });
  return fastify;
}

/**
 * An address that there is not. Below `/api/` this is a problem as everywhere; outside of it clients of the `/list`
 * reference expect its text, so they get that unless they ask for JSON.
 */
function sendNotFound(exchange: Exchange): void {
  const { req, target } = exchange;
  const detail = `There is no ${req.method} ${target.path} here.`;
  const wantsJson = /\bjson\b/i.test(req.headers.accept ?? '');
  if (wantsJson || target.path === '/api' || target.path.startsWith('/api/')) {
    sendError(exchange, new CodedError('not-found', detail));
  } else {
    sendAnswer(exchange, { status: 404, headers: {}, body: `Error 404: Not Found\n${detail}` });
  }
}

/** What Fastify itself refuses, such as a path with broken escapes, is the client's to mend. */
function codedOf(error: unknown): unknown {
  if (error instanceof CodedError) return error;
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return error;
  const code: ErrorCode = status === 404 ? 'not-found' : status === 413 ? 'too-large' : 'invalid';
  return new CodedError(code, 'The request is malformed.', { cause: error });
}
