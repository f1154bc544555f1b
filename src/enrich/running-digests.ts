import { createHash, type Hash } from 'node:crypto';
import type { Digests } from '../model/asset.ts';

/** Several digests of the same bytes, in one pass over them. */
export class RunningDigests {
  readonly #hashes: readonly (readonly [keyof Digests, Hash])[];

  constructor(algorithms: readonly (keyof Digests)[]) {
    this.#hashes = algorithms.map((algorithm) => [algorithm, createHash(algorithm)]);
  }

  update(bytes: Uint8Array): void {
    for (const [, hash] of this.#hashes) hash.update(bytes);
  }

  /** Lower-case hexadecimal. Nothing can follow. */
  end(): Digests {
    return Object.fromEntries(this.#hashes.map(([algorithm, hash]) => [algorithm, hash.digest('hex')]));
  }
}
