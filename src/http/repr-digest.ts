import type { Digests } from '../model/asset.ts';

/** Names of RFC 9530 section 5 and of its registry, the strongest first. */
const ALGORITHMS: readonly { readonly name: string; readonly of: keyof Digests }[] = [
  { name: 'sha-256', of: 'sha256' },
  { name: 'sha', of: 'sha1' },
  { name: 'md5', of: 'md5' },
];

const SHA256_ALONE: ReadonlyMap<string, number> = new Map([['sha-256', 1]]);

/**
 * `Repr-Digest` (RFC 9530 section 3) of a content, as a header: a digest of the whole content, also beside a part of it.
 * The one that `Want-Repr-Digest` prefers among those known; SHA-256 for who says nothing, as the others are no
 * protection. No header when there is nothing to tell.
 */
export function reprDigestHeader(
  digests: Digests,
  want: string | string[] | undefined,
): Readonly<Record<string, string>> {
  const weights = want === undefined ? SHA256_ALONE : weightsOf(String(want));
  let best: { readonly text: string; readonly weight: number } | null = null;
  for (const { name, of } of ALGORITHMS) {
    const digest = digests[of];
    const weight = weights.get(name) ?? 0;
    if (digest === undefined || weight <= (best?.weight ?? 0)) continue;
    best = { text: `${name}=:${Buffer.from(digest, 'hex').toString('base64')}:`, weight };
  }
  return best === null ? {} : { 'Repr-Digest': best.text };
}

/** A dictionary of integers from 0 to 10 (section 4); what is none does not count. */
function weightsOf(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of header.split(',')) {
    const [, name, weight] = /^\s*([a-z*][\w.*-]*)\s*=\s*(\d{1,2})\s*$/.exec(member) ?? [];
    if (name !== undefined && Number(weight) <= 10) weights.set(name, Number(weight));
  }
  return weights;
}
