import type { Exchange } from '../http/exchange.ts';
import { CodedError } from '../model/coded-error.ts';
import type { ListedNode, Node } from '../model/node.ts';
import { encodeSegment, ResourcePath } from '../model/resource-path.ts';
import type { Vfs } from '../vfs/vfs.ts';
import type { DavStores } from './dav-stores.ts';
import type { RenderedListings } from './rendered-listings.ts';
import type { DavConfig } from './settings.ts';

/** What every request is answered from. */
export interface DavRooms {
  readonly vfs: Vfs;
  readonly stores: DavStores;
  readonly config: DavConfig;
}

/** What the edge itself holds for all requests. */
export interface DavEdge extends DavRooms {
  readonly listings: RenderedListings;
}

export interface DavRequestOptions {
  readonly exchange: Exchange;
  readonly path: ResourcePath;
  readonly rooms: DavEdge;
  readonly prefix: string;
  readonly allow: string;
}

/** One WebDAV request on its way to a method: the exchange, the parsed path and the resource behind it. */
export class DavRequest {
  readonly exchange: Exchange;
  readonly path: ResourcePath;
  readonly vfs: Vfs;
  readonly stores: DavStores;
  readonly listings: RenderedListings;
  readonly config: DavConfig;
  /** Methods that work on resources like this one, as in `Allow`. */
  readonly allow: string;
  /** What the URLs of this edge start with: `''` on the WebDAV port, `/dav` on the other. */
  readonly prefix: string;
  #node: Promise<Node> | null = null;

  constructor({ exchange, path, rooms, prefix, allow }: DavRequestOptions) {
    this.exchange = exchange;
    this.path = path;
    this.vfs = rooms.vfs;
    this.stores = rooms.stores;
    this.listings = rooms.listings;
    this.config = rooms.config;
    this.prefix = prefix;
    this.allow = allow;
  }

  /** The resource at the request's path, looked up once. Rejects `not-found`. */
  node(): Promise<Node> {
    this.#node ??= this.vfs.resolve(this.path);
    return this.#node;
  }

  /** Path-absolute href (RFC 4918 section 8.3) of the requested resource; of a collection it ends in `/`. */
  hrefOf(node: Pick<Node, 'kind'>): string {
    const path = this.prefix + this.path.encode();
    return node.kind === 'collection' && !path.endsWith('/') ? `${path}/` : path;
  }

  /** Href of the top of the tree. */
  get rootHref(): string {
    return `${this.prefix}/`;
  }

  /** Href of the collection that the requested resource is in. */
  parentHref(): string {
    const path = this.prefix + this.path.parent.encode();
    return path.endsWith('/') ? path : `${path}/`;
  }

  /** Href of a member of the requested collection, whose own href is `collectionHref`. */
  static memberHref(collectionHref: string, member: ListedNode): string {
    const href = collectionHref + encodeSegment(member.name);
    return member.kind === 'collection' ? `${href}/` : href;
  }

  /** Path-absolute href of a path that may be of nothing. */
  hrefAt(path: ResourcePath): string {
    return this.prefix + path.encode();
  }

  /** Href of a place by its `ResourcePath.key`. */
  hrefOfKey(key: string): string {
    return this.hrefAt(ResourcePath.of(key.split('/').slice(1).filter(Boolean)));
  }

  /** A 405, which says what is allowed instead (RFC 9110 section 15.5.6). */
  notAllowed(message: string): CodedError {
    this.exchange.res.setHeader('Allow', this.allow);
    return new CodedError('exists', message);
  }

  header(name: string): string | undefined {
    const value = this.exchange.req.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

/** A WebDAV method: answers the request completely, or throws before the first byte of the answer. */
export type DavMethod = (request: DavRequest) => Promise<void>;
