/** Bytes `start` to `end`, both inclusive and counted from 0, as in RFC 9110 section 14.1.2. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** How many bytes a range holds. */
export function lengthOf(range: ByteRange): number {
  return range.end - range.start + 1;
}
