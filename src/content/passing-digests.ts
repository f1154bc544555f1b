import { type Readable, Transform, type TransformCallback } from 'node:stream';
import type { CatalogWriter } from '../catalog/catalog.ts';
import { type Digests, UNKNOWN_MEDIA } from '../model/asset.ts';
import { codeOf, messageOf } from '../model/coded-error.ts';
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

  /**
   * The same bytes; destroying the result destroys `whole`. Nothing is noted unless they come to their end. The
   * result is `whole` itself where there is nothing to find out.
   * @param whole all bytes of the node's asset, in the version that the node has.
   */
  follow(node: AssetNode, whole: Readable): Readable {
    const { ref, digests } = node.asset;
    const key = `${node.sourceId}/${ref.id}`;
    const isKnown = ALL_DIGESTS.every((algorithm) => digests[algorithm] !== undefined);
    if (!this.#options.sourceIds.has(node.sourceId)) return whole;
    if (isKnown || this.#underWay.has(key)) return whole;
    this.#underWay.add(key);
    const passing = digesting(whole, (found) => void this.#note(node, found));
    passing.once('close', () => this.#underWay.delete(key));
    return passing;
  }

  /** Never rejects: whoever reads the bytes has them all. */
  async #note({ sourceId, asset }: AssetNode, digests: Digests): Promise<void> {
    const { writer, logger } = this.#options;
    try {
      const algorithm = contradictionIn(asset.digests, digests);
      if (algorithm !== null) {
        const fields = { path: asset.ref.path };
        logger.warn(`a source gave other bytes than its ${algorithm} says`, fields);
        return;
      }
      const found = { digests, media: UNKNOWN_MEDIA, contentType: null };
      await writer.enrich(sourceId, asset.ref.id, asset.version, found);
    } catch (error) {
      const fields = { code: codeOf(error), reason: messageOf(error) };
      logger.warn('digests of what was read could not be noted', fields);
    }
  }
}

function digesting(source: Readable, onEnd: (digests: Digests) => void): Readable {
  const digests = new RunningDigests(ALL_DIGESTS);
  const passing = new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      digests.update(chunk);
      callback(null, chunk);
    },
    flush(callback) {
      onEnd(digests.end());
      callback();
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
