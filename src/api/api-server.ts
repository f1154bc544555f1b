import Fastify, { type FastifyInstance } from 'fastify';
import { answerOf } from '../http/error-status.ts';
import type { Exchange } from '../http/exchange.ts';
import { frontPage } from './front-page.ts';
import type { MountLine, StatusReport } from './status-report.ts';

export interface ApiServerOptions {
  readonly status: () => Promise<StatusReport>;
  readonly mountLines: () => readonly MountLine[];
}

const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/** The HTTP API and the front page: what lives on `PORT` beside `/dav/`. */
export class ApiServer {
  readonly #fastify: FastifyInstance;

  private constructor(fastify: FastifyInstance) {
    this.#fastify = fastify;
  }

  static async create(options: ApiServerOptions): Promise<ApiServer> {
    const fastify = Fastify();
    addProblemDetails(fastify);
    fastify.get('/', async (_request, reply) => {
      const page = frontPage(await options.status(), options.mountLines());
      return await reply.headers(PAGE_HEADERS).send(page);
    });
    fastify.get('/api/health', async (_request, reply) => {
      return await reply.header('Cache-Control', 'no-store').send(await options.status());
    });
    await fastify.ready();
    return new ApiServer(fastify);
  }

  /** Answers one request, whose user the caller has checked. Resolves when the response is closed. */
  async handle(exchange: Exchange): Promise<void> {
    const { req, res } = exchange;
    const closed = new Promise<void>((resolve) => res.once('close', resolve));
    this.#fastify.routing(req, res);
    await closed;
  }

  async close(): Promise<void> {
    await this.#fastify.close();
  }
}

/** Errors as RFC 9457 problem details. */
function addProblemDetails(fastify: FastifyInstance): void {
  fastify.setNotFoundHandler((request, reply) => {
    const title = `There is no ${request.method} ${request.url.split('?')[0]} here.`;
    return reply.status(404).type('application/problem+json').send({ status: 404, title });
  });
  fastify.setErrorHandler((error, request, reply) => {
    const answer = answerOf(error, request.id);
    if (answer === null) return reply.raw.destroy();
    const { status, headers, body } = answer;
    return reply
      .status(status)
      .headers(headers)
      .type('application/problem+json')
      .send({ status, title: body });
  });
}
