import type { DigestAlgorithm } from '../catalog/catalog.ts';
import { CodedError } from '../model/coded-error.ts';
import { quote } from '../model/setting-parser.ts';
import type { TextParameter } from './parameter.ts';

export const DIGEST_ALGORITHMS = ['sha256', 'sha1', 'md5'] as const satisfies readonly DigestAlgorithm[];

const HEX_DIGITS: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha1: 40, md5: 32 };

/** The query parameter that chooses a digest. */
export function hashParameter(fallback: DigestAlgorithm, description: string): TextParameter {
  return { type: 'string', description, enum: DIGEST_ALGORITHMS, default: fallback };
}

/** The path parameter that holds one; `readDigest` checks it, because its length depends on the algorithm. */
export const DIGEST_PARAMETER: TextParameter = {
  type: 'string',
  description: 'Digest of the whole content in hexadecimal: SHA-256, unless "hash" says otherwise.',
  maxLength: 1024,
  example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};

/**
 * A digest in lower case.
 * @throws CodedError `invalid` when it is none of that algorithm.
 */
export function readDigest(text: string, algorithm: DigestAlgorithm): string {
  const digits = HEX_DIGITS[algorithm];
  if (text.length === digits && /^[0-9a-f]+$/i.test(text)) return text.toLowerCase();
  throw new CodedError(
    'invalid',
    `${quote(text)} is no ${algorithm} digest: that has ${digits} hexadecimal digits.`,
  );
}
