import { median } from './measure.ts';

/** One thing measured against a peer, in turns, in the same run. */
export interface Comparison {
  readonly name: string;
  readonly peer: string;
  readonly oursMs: readonly number[];
  readonly peersMs: readonly number[];
  /** Ours divided by the peer's, pair by pair; the median of those. */
  readonly ratio: number;
  /** What the ratio is to be at most; undefined where no aim was set. */
  readonly atMost?: number;
}

/** Something measured that has a limit instead of a peer. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
  readonly unit: 'ms' | 'MB' | 'requests';
}

export type Result = Comparison | Figure;

/** The results as a table in Markdown, for people and for `docs/benchmarks.md`. */
export function markdownOf(results: readonly Result[]): string {
  const rows = [['What', 'mediadav', 'Peer', 'Ratio', 'Aim', ''], ...results.map(cellsOf)];
  const widths = rows[0]?.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [
    lineOf(head),
    lineOf(head.map((_, column) => '-'.repeat(widths?.[column] ?? 3))),
    ...body.map(lineOf),
  ].join('\n');
}

/** `met`, or by how much not. */
export function verdictOf(result: Result): string {
  const { atMost } = result;
  if (atMost === undefined) return '';
  const value = 'ratio' in result ? result.ratio : result.value;
  return value <= atMost ? 'met' : `missed by ${Math.ceil((value / atMost - 1) * 100)} %`;
}

function cellsOf(result: Result): string[] {
  if (!('ratio' in result)) {
    const { name, value, atMost, unit } = result;
    return [name, `${value.toFixed(1)} ${unit}`, '', '', `≤ ${atMost} ${unit}`, verdictOf(result)];
  }
  const { name, peer, oursMs, peersMs, ratio, atMost } = result;
  return [
    ...[name, `${median(oursMs).toFixed(1)} ms`, `${peer}: ${median(peersMs).toFixed(1)} ms`],
    ...[`${ratio.toFixed(2)}×`, atMost === undefined ? '' : `≤ ${atMost.toFixed(2)}×`, verdictOf(result)],
  ];
}
