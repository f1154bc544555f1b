import type { Digests } from '../model/asset.ts';

const DIGEST_BY_NAME: Readonly<Record<string, { algorithm: keyof Digests; length: number }>> = {
  sha1: { algorithm: 'sha1', length: 40 },
  md5: { algorithm: 'md5', length: 32 },
  sha256: { algorithm: 'sha256', length: 64 },
};

/**
 * What a client says a content's digests are, as ownCloud's clients write it in `OC-Checksum` and `oc:checksums`:
 * `SHA1:<hex>`, several with white space or a comma between. Algorithms that nobody here knows are let be.
 * @returns null: it is malformed.
 */
export function readChecksums(text: string): Digests | null {
  const digests: { -readonly [algorithm in keyof Digests]: Digests[algorithm] } = {};
  for (const claim of text.split(/[\s,]+/).filter(Boolean)) {
    const [name = '', digest = ''] = claim.split(':', 2);
    const known = DIGEST_BY_NAME[name.toLowerCase().replace('-', '')];
    if (known === undefined) continue;
    const isWhole = digest.length === known.length && /^[0-9a-f]+$/i.test(digest);
    if (!isWhole) return null;
    digests[known.algorithm] = digest.toLowerCase();
  }
  return digests;
}

/** Does nothing of what is claimed contradict what is known? */
export function agreesWith(known: Digests, claimed: Digests): boolean {
  return (Object.keys(claimed) as (keyof Digests)[]).every(
    (algorithm) => known[algorithm] === undefined || known[algorithm] === claimed[algorithm],
  );
}
