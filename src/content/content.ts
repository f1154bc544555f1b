import type { Readable } from 'node:stream';
import type { Catalog } from '../catalog/catalog.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { AssetNode } from '../model/node.ts';
import type { OpenFile, Source } from '../source/source.ts';
import type { PassingDigests } from './passing-digests.ts';

export interface ContentOptions {
  readonly catalog: Catalog;
  /** Sources by their id in the catalog. */
  readonly sources: ReadonlyMap<number, Source>;
  /** Why a source cannot be read as a whole now, or null. */
  readonly obstacleOf: (sourceId: number) => string | null;
  /** Looks at assets of which everything passes. Without it nobody does. */
  readonly passing?: PassingDigests;
}

/** The bytes of the version that the catalog promised, from wherever they are. */
export class Content {
  readonly #catalog: Catalog;
  readonly #sources: ReadonlyMap<number, Source>;
  readonly #obstacleOf: (sourceId: number) => string | null;
  readonly #passing: PassingDigests | undefined;

  constructor(options: ContentOptions) {
    this.#catalog = options.catalog;
    this.#sources = options.sources;
    this.#obstacleOf = options.obstacleOf;
    this.#passing = options.passing;
  }

  /**
   * Opens `range` of the node's asset, or all of it. Rejects `changed` when the source holds another version
   * (see `refresh`), `not-found`, `unavailable` or `denied`. The caller destroys the stream.
   */
  async open(node: AssetNode, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable> {
    const opened = this.#sourceOf(node).open(node.asset.ref, wantOf(node, range), signal);
    const stream = await this.#explained(node, opened);
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

  /** The node's asset as an open file; null where it is none of this machine. Rejects as `open` does. */
  openFile(node: AssetNode, signal: AbortSignal): Promise<OpenFile> | null {
    const source = this.#sourceOf(node);
    if (!source.holdsFiles) return null;
    return this.#explained(node, source.openFile(node.asset.ref, wantOf(node, undefined), signal));
  }

  /** Asks the source what it holds now and returns the node with the new facts, which the catalog then has too. */
  async refresh(node: AssetNode, signal: AbortSignal): Promise<AssetNode> {
    const facts = await this.#sourceOf(node).describe(node.asset.ref, signal);
    await this.#catalog.writer.refreshAsset(node.sourceId, facts);
    const current = await this.#catalog.reader.node(node.id);
    if (current?.kind !== 'asset') throw new CodedError('not-found', 'The asset is not there any more.');
    return current;
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
