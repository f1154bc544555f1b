import type { IncomingMessage } from 'node:http';
import { authenticate, type Call, type Route, requirePermission } from './call.ts';
import { errorReply, HttpError } from './errors.ts';
import type { Library } from './library.ts';
import { commonHeaders, json, type Reply } from './reply.ts';
import { ALBUM_WRITE_ROUTES } from './routes-album-writes.ts';
import { ALBUM_ROUTES } from './routes-albums.ts';
import { ASSET_WRITE_ROUTES } from './routes-asset-writes.ts';
import { ASSET_ROUTES } from './routes-assets.ts';
import { BYTES_ROUTES } from './routes-bytes.ts';
import { SEARCH_ROUTES } from './routes-search.ts';
import { SERVER_ROUTES } from './routes-server.ts';
import { UPLOAD_ROUTES } from './routes-uploads.ts';
import { VIEW_ROUTES } from './routes-views.ts';
import type { Traits } from './versions.ts';

const ROUTES: readonly Route[] = [
  ...SERVER_ROUTES,
  ...ALBUM_ROUTES,
  ...SEARCH_ROUTES,
  ...ASSET_ROUTES,
  ...BYTES_ROUTES,
  ...ALBUM_WRITE_ROUTES,
  ...ASSET_WRITE_ROUTES,
  ...UPLOAD_ROUTES,
  ...VIEW_ROUTES,
];

export interface World {
  readonly traits: Traits;
  readonly library: Library;
  readonly hasUnstableOrder: boolean;
}

/** The answer to a request, errors included. */
export async function answer(request: IncomingMessage, world: World): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await route(request, world);
  } catch (error) {
    reply = errorReply(world.traits, error);
  }
  return { ...reply, headers: { ...commonHeaders(world.traits), ...reply.headers } };
}

async function route(request: IncomingMessage, world: World): Promise<Reply> {
  const url = new URL(request.url ?? '/', 'http://fake');
  if (url.pathname === '/.well-known/immich') return json({ api: { endpoint: '/api' } });
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!url.pathname.startsWith('/api/') && isRead) return webPage();
  const path = url.pathname.slice('/api'.length);
  // Express reads the body before anything else looks at the request: broken JSON is 400 even without a key.
  const body = await jsonBody(request);
  const found = findRoute(request.method ?? 'GET', path, world.traits);
  if (found === undefined) throw new HttpError(404, `Cannot ${request.method} ${url.pathname}`);
  const [{ permission, isOldPermission, handle }, params] = found;
  const query = Object.fromEntries(url.searchParams);
  const { library, traits } = world;
  const principal = permission === 'public' ? NOBODY : authenticate(library, request.headers, query);
  const isChecked = traits.permissions === 'all' || isOldPermission === true;
  if (permission !== null && permission !== 'public' && isChecked)
    requirePermission(principal.key, permission);
  const method = request.method ?? 'GET';
  return handle({
    method,
    path,
    params,
    query,
    headers: request.headers,
    body,
    request,
    ...principal,
    ...world,
  });
}

/** Public routes look at nobody; a handler that did would fail on the missing fields. */
const NOBODY = {} as Pick<Call, 'user' | 'key'>;

function findRoute(
  method: string,
  path: string,
  traits: Traits,
): [Route, Record<string, string>] | undefined {
  const wanted = method === 'HEAD' ? 'GET' : method;
  for (const route of ROUTES) {
    if (route.method !== wanted || route.exists?.(traits) === false) continue;
    const params = match(route.path, path);
    if (params !== undefined) return [route, params];
  }
  return undefined;
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.replace(/(.)\/$/, '$1').split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return undefined;
  }
  return params;
}

/** Only a body that says it is JSON is read; any other stays unread, and the search answers as if nothing had been asked. */
async function jsonBody(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(request.headers['content-type'] ?? '')) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const refusal = new HttpError(400, error instanceof Error ? error.message : String(error));
    refusal.hasCorrelationId = false;
    throw refusal;
  }
}

/** Everything outside `/api` is the web app: a client with the wrong base address gets 200 and HTML. */
function webPage(): Reply {
  const body = Buffer.from('<!doctype html><html><head><title>Immich</title></head><body></body></html>');
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-length': String(body.length) },
    body,
  };
}
