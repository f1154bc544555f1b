import { createHash, type Hash } from 'node:crypto';
import type { Digests } from './asset.ts';

export const ALL_DIGESTS: readonly (keyof Digests)[] = ['sha256', 'sha1', 'md5'];

/** Several digests of the same bytes, in one pass over them. */
export class RunningDigests {
  readonly #hashes: readonly (readonly [keyof Digests, Hash])[];

  constructor(
    algorithms: readonly (keyof Digests)[],
    hashOf: (algorithm: keyof Digests) => Hash = createHash,
  ) {
    this.#hashes = algorithms.map((algorithm) => [algorithm, hashOf(algorithm)]);
  }

  /** One of the same bytes so far, for two ways to go on. */
  copy(): RunningDigests {
    const hashes = new Map(this.#hashes);
    return new RunningDigests([...hashes.keys()], (algorithm) => (hashes.get(algorithm) as Hash).copy());
  }

  update(bytes: Uint8Array): void {
    for (const [, hash] of this.#hashes) hash.update(bytes);
  }

  /** Lower-case hexadecimal. Nothing can follow. */
  end(): Digests {
    return Object.fromEntries(this.#hashes.map(([algorithm, hash]) => [algorithm, hash.digest('hex')]));
  }
}

/** The algorithm by which both cannot be digests of the same bytes; null when they can. */
export function contradictionIn(told: Digests, found: Digests): keyof Digests | null {
  const differs = (one: string | undefined, other: string | undefined) =>
    one !== undefined && other !== undefined && one !== other;
  return ALL_DIGESTS.find((algorithm) => differs(told[algorithm], found[algorithm])) ?? null;
}
