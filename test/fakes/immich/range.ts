/** Bytes `start` up to, not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * As the `range-parser` package under Express reads a `Range` header, with its quirks: a suffix longer than the file fails, several
 * ranges are joined where they touch. `malformed` is not told apart from `none` by its older releases.
 */
export function parseRange(header: string, size: number): Range[] | 'none' | 'malformed' {
  const ranges: Range[] = [];
  let isReadable = false;
  for (const part of header.slice(header.indexOf('=') + 1).split(',')) {
    const [first = '', last = ''] = part.split('-');
    let start = Number.parseInt(first, 10);
    let end = Number.parseInt(last, 10);
    if (Number.isNaN(start)) {
      start = size - end;
      end = size - 1;
    } else if (Number.isNaN(end)) {
      end = size - 1;
    }
    end = Math.min(end, size - 1);
    if (!Number.isNaN(start) && !Number.isNaN(end)) isReadable = true;
    if (start >= 0 && start <= end) ranges.push({ start, end: end + 1 });
  }
  if (ranges.length === 0) return isReadable ? 'none' : 'malformed';
  return joined(ranges);
}

function joined(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const before = result.at(-1);
    if (before === undefined || range.start > before.end) result.push(range);
    else result[result.length - 1] = { start: before.start, end: Math.max(before.end, range.end) };
  }
  return result;
}
