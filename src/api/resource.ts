import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../http/error-status.ts';
import type { Exchange } from '../http/exchange.ts';
import { CodedError } from '../model/coded-error.ts';
import { type ParameterTable, type ParameterValues, readParameters } from './parameter.ts';
import { PROBLEM_TYPE } from './problem.ts';

/** One thing that can be asked for: its documentation, its checks and its answer. */
export interface Resource {
  /** GET answers HEAD too. */
  readonly method: 'GET' | 'POST';
  /** As Fastify writes it: `/api/v1/nodes/:id`. */
  readonly path: string;
  readonly tag: 'List' | 'Change feed' | 'Server';
  readonly summary: string;
  readonly description?: string;
  readonly params?: ParameterTable;
  readonly query?: ParameterTable;
  /** For the document: the resource reads them itself. */
  readonly headers?: ParameterTable;
  /** What a success looks like, and the statuses of the failures that are its own. */
  readonly answers: AnswerTable;
  /** Sends the whole answer; resolves when nothing is left to do. What it throws becomes a problem. */
  handle(exchange: Exchange, given: Given): Promise<void>;
}

export interface AnswerTable {
  readonly success: {
    readonly status?: number;
    readonly description: string;
    readonly mediaType: string;
    readonly schema?: object;
    readonly example?: unknown;
  };
  /** Answers to conditions and ranges: 206, 304. */
  readonly others?: Readonly<Record<number, string>>;
  readonly failures?: Readonly<Record<number, string>>;
}

/** The checked parameters of a request. */
export interface Given {
  readonly params: ParameterValues;
  readonly query: ParameterValues;
}

/** The exchange that a request of Fastify belongs to. */
export type ExchangeOf = (request: FastifyRequest) => Exchange;

/** All that can reach the listener; CONNECT has an event of its own there, and nobody listens to that. */
const ALL_METHODS = METHODS.filter((method) => method !== 'CONNECT');

/**
 * Makes the router know every method, so that a wrong one is told from a wrong address, and look at no body: no resource
 * reads one so far, and whatever comes is left to the listener.
 */
export function prepareMethods(fastify: FastifyInstance): void {
  for (const method of ALL_METHODS) {
    fastify.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
}

/**
 * Registers a resource: its answer, its documentation, and 405 for whatever else is asked of its path. After
 * `prepareMethods`.
 */
export function addResource(fastify: FastifyInstance, resource: Resource, exchangeOf: ExchangeOf): void {
  const { method, path } = resource;
  const params = resource.params ?? {};
  const query = resource.query ?? {};
  const answer = answering(exchangeOf, async (exchange, request) => {
    const given = {
      params: readParameters(request.params as Record<string, unknown>, params),
      query: readParameters(request.query as Record<string, unknown>, query),
    };
    await resource.handle(exchange, given);
  });
  fastify.route({ method, url: path, schema: schemaOf(resource), handler: answer });
  if (method === 'GET') fastify.route({ method: 'HEAD', url: path, schema: HIDDEN, handler: answer });

  const known = method === 'GET' ? ['GET', 'HEAD', 'OPTIONS'] : [method, 'OPTIONS'];
  const allow = known.join(', ');
  const tell = answering(exchangeOf, async ({ res }) => {
    res.writeHead(204, { Allow: allow });
    res.end();
  });
  fastify.route({ method: 'OPTIONS', url: path, schema: HIDDEN, handler: tell });
  const refuse = answering(exchangeOf, async (exchange) => {
    const error = new CodedError('unsupported', `This address only knows ${allow}.`);
    sendError(exchange, error, { unsupported: 405, allow });
  });
  const others = ALL_METHODS.filter((other) => !known.includes(other));
  fastify.route({ method: others, url: path, schema: HIDDEN, handler: refuse });
}

const HIDDEN = { hide: true };

/** Answers are written to the raw response, because most of them are streams with rules of their own. */
function answering(
  exchangeOf: ExchangeOf,
  handle: (exchange: Exchange, request: FastifyRequest) => Promise<void>,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async (request, reply) => {
    const exchange = exchangeOf(request);
    reply.hijack();
    try {
      await handle(exchange, request);
    } catch (error) {
      sendError(exchange, error);
    }
  };
}

/** What the OpenAPI document says of it. Fastify itself checks nothing by it: see `readParameters`. */
function schemaOf(resource: Resource): object {
  const { params, query, headers } = resource;
  const { success, others = {} } = resource.answers;
  const failures: Record<number, string> = {
    401: 'A login, or a key, is needed.',
    ...resource.answers.failures,
  };
  if (params !== undefined || query !== undefined) failures[400] ??= 'A parameter is wrong.';
  const problems = Object.entries(failures).map(([status, description]) => [
    status,
    { description, content: { [PROBLEM_TYPE]: { schema: { $ref: 'Problem#' } } } },
  ]);
  const media = {
    schema: success.schema ?? { type: 'string', format: 'binary' },
    ...(success.example === undefined ? {} : { example: success.example }),
  };
  const content = { [success.mediaType]: media };
  const answered = { description: success.description, content };
  const further = Object.entries(others).map(([status, description]) => [
    status,
    status === '304' ? { description, type: 'null' } : { description, content },
  ]);
  return {
    tags: [resource.tag],
    operationId: operationIdOf(resource),
    summary: resource.summary,
    ...(resource.description === undefined ? {} : { description: resource.description }),
    ...(params === undefined ? {} : { params: { type: 'object', properties: params } }),
    ...(query === undefined ? {} : { querystring: { type: 'object', properties: query } }),
    ...(headers === undefined ? {} : { headers: { type: 'object', properties: headers } }),
    response: {
      [success.status ?? 200]: answered,
      ...Object.fromEntries(further),
      ...Object.fromEntries(problems),
    },
  };
}

/** What generated clients call it: `getNodesPath` for GET of `/api/v1/nodes/:id/path`. */
function operationIdOf({ method, path }: Resource): string {
  const words = path
    .replace(/^\/api(\/v1)?\//, '/')
    .split(/[/.]/)
    .filter((word) => word !== '' && !word.startsWith(':'))
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  return `${method.toLowerCase()}${words.join('') || 'FrontPage'}`;
}
