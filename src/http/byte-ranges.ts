import type { ByteRange } from '../model/byte-range.ts';

/** More than this in one request is nobody's way of reading a file (RFC 9110 section 17.15). */
const MAX_RANGES = 100;
/** RFC 9110 section 14.2: more than two overlapping ranges are a sign of an attack. */
const MAX_OVERLAPS = 2;

/**
 * What a `Range` header asks of a content of known size.
 * - `whole`: no header, or one to ignore; answer 200.
 * - `ranges`: one or more, inside the size, apart from each other, in the order asked for; answer 206.
 * - `unsatisfiable`: all of them lie behind the end; answer 416.
 */
export type RangeRequest =
  | { readonly kind: 'whole' }
  | { readonly kind: 'ranges'; readonly ranges: readonly [ByteRange, ...ByteRange[]] }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeRequest = { kind: 'whole' };
const UNSATISFIABLE: RangeRequest = { kind: 'unsatisfiable' };

/**
 * Reads a `Range` header (RFC 9110 section 14.1). Another unit, a malformed set and a set that looks like an
 * attack are ignored. Ends are clamped; overlapping and adjacent ranges become one. An empty content has no byte
 * to point at, so there any `Range` is ignored: players send `bytes=0-` with every request.
 */
export function parseRanges(header: string | undefined, sizeBytes: number): RangeRequest {
  const set = /^\s*bytes\s*=(.*)$/i.exec(header ?? '')?.[1];
  if (set === undefined || sizeBytes === 0) return WHOLE;

  const specs = set
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (specs.length === 0 || specs.length > MAX_RANGES) return WHOLE;

  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, sizeBytes);
    if (range === 'malformed') return WHOLE;
    if (range !== null) ranges.push(range);
  }
  if (countOverlaps(ranges) > MAX_OVERLAPS) return WHOLE;
  const [first, ...others] = coalesce(ranges);
  return first === undefined ? UNSATISFIABLE : { kind: 'ranges', ranges: [first, ...others] };
}

/** The value of `Content-Range` (RFC 9110 section 14.4). Without a range: the one of a 416. */
export function contentRangeText(range: ByteRange | undefined, sizeBytes: number): string {
  return range === undefined ? `bytes */${sizeBytes}` : `bytes ${range.start}-${range.end}/${sizeBytes}`;
}

/**
 * One range-spec (RFC 9110 section 14.1.2); null when it is well formed but lies behind the end. Numbers beyond
 * 2^53 lose digits in `Number`, which changes nothing: they lie behind the end of every content all the same.
 */
function parseSpec(spec: string, sizeBytes: number): ByteRange | null | 'malformed' {
  const [, first, last] = /^(\d*)-(\d*)$/.exec(spec) ?? [];
  if (first === undefined || last === undefined) return 'malformed';
  if (first === '') {
    if (last === '') return 'malformed';
    const suffixBytes = Math.min(Number(last), sizeBytes);
    return suffixBytes === 0 ? null : { start: sizeBytes - suffixBytes, end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (end < start) return 'malformed';
  return start >= sizeBytes ? null : { start, end: Math.min(end, sizeBytes - 1) };
}

function countOverlaps(ranges: readonly ByteRange[]): number {
  let overlaps = 0;
  let reached = -1;
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    if (range.start <= reached) overlaps += 1;
    reached = Math.max(reached, range.end);
  }
  return overlaps;
}

/** Joins what overlaps or touches; the rest keeps the order it was asked in (RFC 9110 section 15.3.7.2). */
function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const joined: { start: number; end: number; order: number }[] = [];
  const byStart = ranges.map((range, order) => ({ ...range, order })).sort((a, b) => a.start - b.start);
  for (const range of byStart) {
    const previous = joined.at(-1);
    if (previous !== undefined && range.start <= previous.end + 1) {
      previous.end = Math.max(previous.end, range.end);
      previous.order = Math.min(previous.order, range.order);
    } else {
      joined.push(range);
    }
  }
  return joined.sort((a, b) => a.order - b.order).map(({ start, end }) => ({ start, end }));
}
