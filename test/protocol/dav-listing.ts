import { SaxesParser } from 'saxes';

/** One resource of a multistatus, as a client understands it. */
export interface DavResource {
  /** Decoded, without the slash at the end of a collection; `''` is the top of the listing. */
  readonly path: string;
  readonly isCollection: boolean;
  readonly displayName: string;
  /** Null for a collection. */
  readonly sizeBytes: number | null;
  readonly contentType: string | null;
  readonly etag: string | null;
  /** As the server writes it, an HTTP date. */
  readonly lastModified: string;
}

/** Everything below `url` by path, found as clients do: one PROPFIND of depth 1 a collection. */
export async function listTree(url: string): Promise<Map<string, DavResource>> {
  const found = new Map<string, DavResource>();
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const resource of await listMembers(url, path)) {
      if (found.has(resource.path)) throw new Error(`listed twice: ${resource.path}`);
      found.set(resource.path, resource);
      if (resource.isCollection) waiting.push(resource.path);
    }
  }
  return found;
}

/** The members of one collection below `url`. Throws when the answer is not a well-formed 207. */
export async function listMembers(url: string, path = ''): Promise<DavResource[]> {
  const answer = await propfind(url, path);
  const text = await answer.text();
  if (answer.status !== 207) throw new Error(`PROPFIND /${path} was answered ${answer.status}: ${text}`);
  const base = decodeURIComponent(new URL(url).pathname).replace(/\/$/, '');
  const own = path === '' ? base : `${base}/${path}`;
  const all = readMultistatus(text).map((resource) => ({
    ...resource,
    path: resource.path.slice(base.length + 1),
  }));
  const self = own.slice(base.length + 1);
  const members = all.filter((resource) => resource.path !== self);
  if (members.length !== all.length - 1)
    throw new Error(`PROPFIND /${path} did not list the collection itself`);
  return members;
}

/** The answer to a PROPFIND of depth 1 with all properties, whatever its status. */
export async function propfind(url: string, path = ''): Promise<Response> {
  return await fetch(urlOf(url, path), { method: 'PROPFIND', headers: { Depth: '1' } });
}

/** `path` is not encoded yet. */
export function urlOf(url: string, path: string): string {
  return `${url}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

function readMultistatus(text: string): DavResource[] {
  const resources: DavResource[] = [];
  let fields = new Map<string, string>();
  let value = '';
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ uri, local }) => {
    value = '';
    if (uri === 'DAV:' && local === 'response') fields = new Map();
    if (uri === 'DAV:' && local === 'collection') fields.set('collection', '');
  });
  parser.on('text', (part) => {
    value += part;
  });
  parser.on('closetag', ({ uri, local }) => {
    if (uri !== 'DAV:') return;
    if (local === 'response') resources.push(resourceOf(fields));
    else if (local !== 'collection') fields.set(local, value);
    value = '';
  });
  parser.write(text).close();
  return resources;
}

function resourceOf(fields: ReadonlyMap<string, string>): DavResource {
  const size = fields.get('getcontentlength');
  return {
    path: decodeURIComponent(fields.get('href') ?? '').replace(/\/$/, ''),
    isCollection: fields.has('collection'),
    displayName: fields.get('displayname') ?? '',
    sizeBytes: size === undefined ? null : Number(size),
    contentType: fields.get('getcontenttype') ?? null,
    etag: fields.get('getetag') ?? null,
    lastModified: fields.get('getlastmodified') ?? '',
  };
}
