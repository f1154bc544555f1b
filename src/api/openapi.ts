import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { docsPage, type OpenApiDocument } from './docs-page.ts';
import { sendPage } from './page.ts';
import type { Resource } from './resource.ts';
import { SCHEMAS } from './schemas.ts';
import { sendJson } from './send-json.ts';

/** Prepares for the document; before any resource is added. */
export async function prepareOpenApi(fastify: FastifyInstance, version: string): Promise<void> {
  for (const schema of SCHEMAS) fastify.addSchema(schema);
  const options: FastifyDynamicSwaggerOptions = {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'mediadav',
        version,
        description: 'What mediadav holds, by content and by change. Errors are problem details (RFC 9457).',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This one.' }],
      tags: [
        { name: 'List', description: 'What is there, by the digest of its content.' },
        { name: 'Change feed', description: 'What has changed since one last asked.' },
        { name: 'Server', description: 'How it is doing.' },
      ],
      components: {
        securitySchemes: {
          login: { type: 'http', scheme: 'basic', description: 'AUTH_USERNAME and AUTH_PASSWORD' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'One of API_KEYS' },
          bearer: { type: 'http', scheme: 'bearer', description: 'One of API_KEYS' },
        },
      },
      security: [{}, { login: [] }, { apiKey: [] }, { bearer: [] }],
    },
    // Under their own names; by default they would be `def-0`, `def-1`, …
    refResolver: { buildLocalReference: (json, _base, _fragment, at) => String(json.$id ?? `Schema${at}`) },
  };
  await fastify.register(swagger, options);
}

/** The document and its page. */
export function openApiResources(fastify: FastifyInstance): Resource[] {
  const document = (): OpenApiDocument => fastify.swagger() as unknown as OpenApiDocument;
  return [
    {
      method: 'GET',
      path: '/api/openapi.json',
      tag: 'Server',
      summary: 'This API for programs',
      answers: {
        success: { description: 'OpenAPI 3.1.', mediaType: 'application/json', schema: { type: 'object' } },
      },
      handle: async (exchange) => sendJson(exchange, document()),
    },
    {
      method: 'GET',
      path: '/api/docs',
      tag: 'Server',
      summary: 'This API for people',
      answers: { success: { description: 'A page.', mediaType: 'text/html', schema: { type: 'string' } } },
      handle: async (exchange) => sendPage(exchange, docsPage(document())),
    },
  ];
}
