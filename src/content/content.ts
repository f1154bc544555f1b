import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Catalog } from '../catalog/catalog.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { AssetNode } from '../model/node.ts';
import type { OpenFile, Source } from '../source/source.ts';
import type { RemoteContent } from './cache/cached-content.ts';
import type { ContentReader } from './cache/content-reader.ts';
import type { RemoteCache } from './cache/remote-cache.ts';
import type { PassingDigests } from './passing-digests.ts';

export interface ContentOptions {
  readonly catalog: Catalog;
  /** Sources by their id in the catalog. */
  readonly sources: ReadonlyMap<number, Source>;
  /** Why a source cannot be read as a whole now, or null. */
  readonly obstacleOf: (sourceId: number) => string | null;
  /** Looks at assets of which everything passes. Without it nobody does. */
  readonly passing?: PassingDigests;
  /** Keeps what sources give that hold no files of this machine. Without it every byte comes from them. */
  readonly cache?: RemoteCache;
}

/** A content that can be read like a file. Whoever asked for it closes it. */
export type ReadableFile = Pick<OpenFile, 'readInto' | 'verify' | 'close'> & Partial<Pick<OpenFile, 'fd'>>;

/** A content that comes in pieces which nobody changes any more. Whoever asked for it closes it. */
export type ReadablePieces = Pick<ContentReader, 'next' | 'nextAtHand' | 'sent' | 'close'>;

/** The bytes of the version that the catalog promised, from wherever they are. */
export class Content {
  readonly #catalog: Catalog;
  readonly #sources: ReadonlyMap<number, Source>;
  readonly #obstacleOf: (sourceId: number) => string | null;
  readonly #passing: PassingDigests | undefined;
  readonly #cache: RemoteCache | undefined;

  constructor(options: ContentOptions) {
    this.#catalog = options.catalog;
    this.#sources = options.sources;
    this.#obstacleOf = options.obstacleOf;
    this.#passing = options.passing;
    this.#cache = options.cache;
  }

  /**
   * Opens `range` of the node's asset, or all of it. Rejects `changed` when the source holds another version
   * (see `refresh`), `not-found`, `unavailable` or `denied`. The caller destroys the stream.
   */
  async open(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable> {
    const source = this.#sourceOf(node);
    if (this.#cache !== undefined && !source.holdsFiles) {
      const cached = this.#cache.open(this.#remoteOf(node, source), range, signal);
      if (cached !== null) return await this.#explained(node, cached);
    }
    const stream = await this.#explained(node, source.open(node.asset.ref, wantOf(node, range), signal));
    return range === undefined ? (this.#passing?.follow(node, stream) ?? stream) : stream;
  }

  /**
   * The same as one piece, where that is cheaper than a stream; null where it is not: see `Source.readShort`. Neither this
   * way nor `openFile` works out digests: sources that have them read files of their own accord.
   */
  readShort(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Buffer> | null {
    const bytes = this.#sourceOf(node).readShort(node.asset.ref, wantOf(node, range), signal);
    return bytes === null ? null : this.#explained(node, bytes);
  }

  /** The node's asset as an open file of this machine; null where it is none. Rejects as `open` does. */
  openFile(node: AssetNode, signal: AbortSignal): Promise<ReadableFile> | null {
    const source = this.#sourceOf(node);
    if (!source.holdsFiles) return null;
    return this.#explained(node, source.openFile(node.asset.ref, wantOf(node, undefined), signal));
  }

  /** `range` of the node's asset by way of the cache; null where it is to be streamed. Rejects as `open` does. */
  openPieces(
    node: AssetNode,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<ReadablePieces> | null {
    const source = this.#sourceOf(node);
    if (source.holdsFiles) return null;
    const pieces = this.#cache?.openPieces(this.#remoteOf(node, source), range, signal) ?? null;
    return pieces === null ? null : this.#explained(node, pieces);
  }

  /** Asks the source what it holds now and returns the node with the new facts, which the catalog then has too. */
  async refresh(node: AssetNode, signal: AbortSignal): Promise<AssetNode> {
    const facts = await this.#sourceOf(node).describe(node.asset.ref, signal);
    await this.#catalog.writer.refreshAsset(node.sourceId, facts);
    const current = await this.#catalog.reader.node(node.id);
    if (current?.kind !== 'asset') throw new CodedError('not-found', 'The asset is not there any more.');
    return current;
  }

  #remoteOf(node: AssetNode, source: Source): RemoteContent {
    const { ref, version, sizeBytes, digests } = node.asset;
    const name = JSON.stringify([source.name, ref.id, version, sizeBytes]);
    return {
      ...{ sizeBytes, digests, path: ref.path },
      // A source's id and version name the bytes: another rendition is another version.
      key: createHash('sha256').update(name).digest('hex'),
      wantsDigests: this.#passing?.wants(node) ?? false,
      onDigests: (found) => void this.#passing?.note(node, found),
      fetch: (range, signal, onState, landing) => {
        return source.open(ref, { ...wantOf(node, range), onState, landing }, signal);
      },
    };
  }

  async #explained<T>(node: AssetNode, outcome: Promise<T>): Promise<T> {
    try {
      return await outcome;
    } catch (error) {
      // What a source in trouble does not find (an Immich with an empty database) is not gone.
      const obstacle = codeOf(error) === 'not-found' ? this.#obstacleOf(node.sourceId) : null;
      throw obstacle === null ? error : new CodedError('unavailable', obstacle, { cause: error });
    }
  }

  #sourceOf(node: AssetNode): Source {
    const source = this.#sources.get(node.sourceId);
    if (source === undefined) throw new CodedError('unavailable', 'The source is not configured any more.');
    return source;
  }
}

function wantOf({ asset }: AssetNode, range: ByteRange | undefined) {
  const { version, sizeBytes } = asset;
  return range === undefined ? { version, sizeBytes } : { version, sizeBytes, range };
}
