import type { Readable } from 'node:stream';
import type { CatalogReader, DigestAlgorithm } from '../catalog/catalog.ts';
import type { Content } from '../content/content.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError, codeOf, type ErrorCode, messageOf } from '../model/coded-error.ts';
import type { AssetNode } from '../model/node.ts';
import type { SourcePlaces } from './source-places.ts';

/** What one place may fail with while another still has the content. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'not-found',
  'changed',
  'denied',
  'unavailable',
  'throttled',
]);

export interface ContentRooms {
  readonly reader: CatalogReader;
  readonly places: SourcePlaces;
  readonly content: Content;
}

/** Content known by its digest, wherever it is. */
export class StoredContent {
  /** Of the first place that has it. */
  readonly node: AssetNode;
  readonly #nodes: readonly AssetNode[];
  readonly #content: Content;

  private constructor(nodes: readonly [AssetNode, ...AssetNode[]], content: Content) {
    this.node = nodes[0];
    this.#nodes = nodes;
    this.#content = content;
  }

  /** Rejects `not-found` when no place of the tree holds that content. */
  static async find(rooms: ContentRooms, algorithm: DigestAlgorithm, digest: string): Promise<StoredContent> {
    const found = await rooms.reader.byDigest(algorithm, digest);
    // Two albums may show one asset, which is asked once.
    const byAsset = new Map(found.map((node) => [`${node.sourceId}/${node.asset.ref.id}`, node]));
    const [first, ...rest] = [...byAsset.values()].filter((node) => rooms.places.shows(node));
    if (first === undefined)
      throw new CodedError('not-found', `There is nothing with that ${algorithm} digest.`);
    return new StoredContent([first, ...rest], rooms.content);
  }

  /**
   * The bytes from the first place that still has them. A place that holds something else by now is brought up to
   * date in the catalog. Rejects `unavailable` or `throttled` when it may yet be had later, else `not-found`.
   */
  async open(range: ByteRange | undefined, { log, signal }: Exchange): Promise<Readable> {
    let failure = new CodedError('not-found', 'The content is not there any more.');
    for (const node of this.#nodes) {
      try {
        return await this.#content.open(node, range, signal);
      } catch (error) {
        const code = codeOf(error);
        if (signal.aborted || !PASSING.has(code)) throw error;
        log.debug('a place of the content cannot give it', { node: node.id, code });
        if (code === 'changed') await this.#refresh(node, log, signal);
        if (code === 'unavailable' || code === 'throttled') failure = error as CodedError;
      }
    }
    throw failure;
  }

  async #refresh(node: AssetNode, log: Exchange['log'], signal: AbortSignal): Promise<void> {
    try {
      await this.#content.refresh(node, signal);
    } catch (error) {
      log.debug('a changed place could not be looked at', { node: node.id, error: messageOf(error) });
    }
  }
}
