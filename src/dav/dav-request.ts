import type { Exchange } from '../http/exchange.ts';
import type { ListedNode, Node } from '../model/node.ts';
import { encodeSegment, type ResourcePath } from '../model/resource-path.ts';
import type { Vfs } from '../vfs/vfs.ts';

/** One WebDAV request on its way to a method: the exchange, the parsed path and the resource behind it. */
export class DavRequest {
  readonly exchange: Exchange;
  readonly path: ResourcePath;
  readonly vfs: Vfs;
  /** What the URLs of this edge start with: `''` on the WebDAV port, `/dav` on the other. */
  readonly #prefix: string;
  #node: Promise<Node> | null = null;

  constructor(exchange: Exchange, path: ResourcePath, vfs: Vfs, prefix: string) {
    this.exchange = exchange;
    this.path = path;
    this.vfs = vfs;
    this.#prefix = prefix;
  }

  /** The resource at the request's path, looked up once. Rejects `not-found`. */
  node(): Promise<Node> {
    this.#node ??= this.vfs.resolve(this.path);
    return this.#node;
  }

  /** Path-absolute href (RFC 4918 section 8.3) of the requested resource; of a collection it ends in `/`. */
  hrefOf(node: Pick<Node, 'kind'>): string {
    const path = this.#prefix + this.path.encode();
    return node.kind === 'collection' && !path.endsWith('/') ? `${path}/` : path;
  }

  /** Href of the collection that the requested resource is in. */
  parentHref(): string {
    const path = this.#prefix + this.path.parent.encode();
    return path.endsWith('/') ? path : `${path}/`;
  }

  /** Href of a member of the requested collection, whose own href is `collectionHref`. */
  static memberHref(collectionHref: string, member: ListedNode): string {
    const href = collectionHref + encodeSegment(member.name);
    return member.kind === 'collection' ? `${href}/` : href;
  }

  header(name: string): string | undefined {
    const value = this.exchange.req.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

/** A WebDAV method: answers the request completely, or throws before the first byte of the answer. */
export type DavMethod = (request: DavRequest) => Promise<void>;
