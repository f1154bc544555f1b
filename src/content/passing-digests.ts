import { type Readable, Transform, type TransformCallback } from 'node:stream';
import type { CatalogWriter } from '../catalog/catalog.ts';
import { type Digests, UNKNOWN_MEDIA } from '../model/asset.ts';
import { CodedError, codeOf, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { AssetNode } from '../model/node.ts';
import { ALL_DIGESTS, contradictionIn, RunningDigests } from '../model/running-digests.ts';

export interface PassingDigestsOptions {
  /** Sources whose assets nobody reads for their digests. */
  readonly sourceIds: ReadonlySet<number>;
  readonly writer: Pick<CatalogWriter, 'enrich'>;
  readonly logger: Logger;
}

/** Works out the digests of assets while all of their bytes pass to somebody anyway, and has the catalog note them. */
export class PassingDigests {
  readonly #options: PassingDigestsOptions;
  /** Assets on their way now. Each is noted once, however many read it. */
  readonly #underWay = new Set<string>();

  constructor(options: PassingDigestsOptions) {
    this.#options = options;
  }

  /** Is somebody to work out the digests of this asset when all of its bytes pass? */
  wants({ sourceId, asset }: AssetNode): boolean {
    const isKnown = ALL_DIGESTS.every((algorithm) => asset.digests[algorithm] !== undefined);
    return this.#options.sourceIds.has(sourceId) && !isKnown;
  }

  /**
   * The same bytes; destroying the result destroys `whole`. Nothing is noted unless they come to their end. Ends as
   * `corrupt`, before the last of them, when they are not those that the source tells a digest of. The result is `whole`
   * itself where there is nothing to find out.
   * @param whole all bytes of the node's asset, in the version that the node has.
   */
  follow(node: AssetNode, whole: Readable): Readable {
    const { ref } = node.asset;
    const key = `${node.sourceId}/${ref.id}`;
    if (!this.wants(node) || this.#underWay.has(key)) return whole;
    this.#underWay.add(key);
    const passing = digesting(whole, (found) => this.#judge(node, found));
    passing.once('close', () => this.#underWay.delete(key));
    return passing;
  }

  /** Has the catalog note what was found in all bytes of the asset. Never rejects: whoever reads them has them all. */
  async note({ sourceId, asset }: AssetNode, digests: Digests): Promise<void> {
    const { writer, logger } = this.#options;
    try {
      const found = { digests, media: UNKNOWN_MEDIA, contentType: null };
      await writer.enrich(sourceId, asset.ref.id, asset.version, found);
    } catch (error) {
      const fields = { code: codeOf(error), reason: messageOf(error) };
      logger.warn('digests of what was read could not be noted', fields);
    }
  }

  #judge(node: AssetNode, found: Digests): CodedError | null {
    const algorithm = contradictionIn(node.asset.digests, found);
    if (algorithm === null) {
      void this.note(node, found);
      return null;
    }
    this.#options.logger.warn(`a source gave other bytes than its ${algorithm} says`, {
      path: node.asset.ref.path,
    });
    return new CodedError('corrupt', `The source gave other bytes than its ${algorithm} says.`);
  }
}

/** @param judge what is wrong with bytes of these digests; null: nothing. */
function digesting(source: Readable, judge: (digests: Digests) => CodedError | null): Readable {
  const digests = new RunningDigests(ALL_DIGESTS);
  let last: Buffer | undefined;
  const passing = new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      digests.update(chunk);
      const previous = last;
      last = chunk;
      callback(null, previous);
    },
    flush(callback) {
      const error = judge(digests.end());
      if (error === null) callback(null, last);
      else callback(error);
    },
    destroy(error, callback) {
      source.destroy();
      callback(error);
    },
  });
  source.once('error', (error) => passing.destroy(error));
  source.once('close', () => {
    if (!source.readableEnded && !passing.destroyed) passing.destroy();
  });
  return source.pipe(passing);
}
