import { SaxesParser } from 'saxes';

/** A property as `{namespace}local`, such as `{DAV:}getetag`. */
export type ClarkName = string;

export interface MultistatusResponse {
  readonly href: string;
  /** Status line to the properties that have it; a property's value is its text and the names of its elements. */
  readonly propstats: ReadonlyMap<string, ReadonlyMap<ClarkName, string>>;
  /** Properties that are there, by local name where they are of `DAV:`, else by Clark name. */
  readonly found: ReadonlyMap<string, string>;
  /** Names of properties that are not there. */
  readonly missing: readonly string[];
  /** Status line of a response without properties; null for all others. */
  readonly status: string | null;
}

/** The answer to a sync-collection REPORT (RFC 6578 section 6.4). */
export interface SyncAnswer {
  readonly responses: readonly MultistatusResponse[];
  readonly token: string;
}

const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
const FOUND = 'HTTP/1.1 200 OK';
const MISSING = 'HTTP/1.1 404 Not Found';
/** Of properties that could not be set (RFC 4918 section 9.2.1). */
const REFUSED = new Set([
  'HTTP/1.1 403 Forbidden',
  'HTTP/1.1 409 Conflict',
  'HTTP/1.1 424 Failed Dependency',
  'HTTP/1.1 507 Insufficient Storage',
]);

/** Reads a multistatus body as strictly as XML can be read. Throws when it is not well-formed or not one. */
export function readMultistatus(body: Buffer): MultistatusResponse[] {
  const { responses, token } = read(body);
  if (token !== null) throw new Error('a sync-token where none was asked for');
  return responses;
}

/** The same with the token that it must end in. */
export function readSyncAnswer(body: Buffer): SyncAnswer {
  const { responses, token } = read(body);
  if (token === null) throw new Error('no sync-token');
  return { responses, token };
}

function read(body: Buffer): { responses: MultistatusResponse[]; token: string | null } {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  const responses: MultistatusResponse[] = [];
  const path: string[] = [];
  let href = '';
  let status = '';
  let own: string | null = null;
  let token: string | null = null;
  let value = '';
  let properties = new Map<ClarkName, string>();
  let propstats = new Map<string, Map<ClarkName, string>>();

  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ uri, local }) => {
    path.push(`{${uri}}${local}`);
    if (path.length === 1 && path[0] !== '{DAV:}multistatus')
      throw new Error(`not a multistatus: ${path[0]}`);
    if (path.length === 2) {
      propstats = new Map();
      own = null;
    }
    if (path.length === 3) properties = new Map();
    if (path.length <= 5) value = '';
    else value += `<${local}>`;
  });
  parser.on('text', (part) => {
    value += part;
  });
  parser.on('closetag', () => {
    const name = path.pop() ?? '';
    if (path.length === 4 && path[3] === '{DAV:}prop') properties.set(name, value);
    if (path.length === 3 && name === '{DAV:}status') status = value;
    if (path.length === 2 && name === '{DAV:}href') href = value;
    if (path.length === 2 && name === '{DAV:}propstat') {
      if (propstats.has(status)) throw new Error(`two propstats of ${href} say ${status}`);
      propstats.set(status, properties);
    }
    if (path.length === 2 && name === '{DAV:}status') own = value;
    if (path.length === 1 && name === '{DAV:}sync-token') token = value;
    else if (path.length === 1) responses.push(responseOf(href, propstats, own));
  });
  parser.write(text).close();
  return { responses, token };
}

/** The only response there is. */
export function onlyResponse(body: Buffer): MultistatusResponse {
  const responses = readMultistatus(body);
  const [only] = responses;
  if (only === undefined || responses.length > 1)
    throw new Error(`${responses.length} responses instead of one`);
  return only;
}

/** A propfind body that names properties: of `DAV:`, or `{namespace}local`. */
export function propBody(...names: readonly string[]): string {
  const elements = names.map((name) => {
    const [, namespace, local] = /^\{(.*)\}(.+)$/.exec(name) ?? [undefined, 'DAV:', name];
    if (namespace === 'DAV:') return `<D:${local}/>`;
    if (namespace === XML_NAMESPACE) return `<xml:${local}/>`;
    return namespace === '' ? `<${local}/>` : `<x:${local} xmlns:x="${namespace}"/>`;
  });
  return `<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>${elements.join('')}</D:prop></D:propfind>`;
}

function responseOf(
  href: string,
  propstats: Map<string, Map<ClarkName, string>>,
  own: string | null,
): MultistatusResponse {
  if (own !== null && propstats.size > 0) throw new Error(`${href} has a status and properties`);
  for (const status of propstats.keys()) {
    if (status !== FOUND && status !== MISSING && !REFUSED.has(status))
      throw new Error(`a status no client knows: ${status}`);
  }
  const found = [...(propstats.get(FOUND) ?? [])].map(([name, value]) => [shortName(name), value] as const);
  const missing = [...(propstats.get(MISSING)?.keys() ?? [])].map(shortName);
  return { href, propstats, found: new Map(found), missing, status: own };
}

function shortName(name: ClarkName): string {
  return name.startsWith('{DAV:}') ? name.slice('{DAV:}'.length) : name;
}
