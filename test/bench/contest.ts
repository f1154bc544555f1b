import { median } from './measure.ts';

/** One server's turn at a task. @returns what was measured, in the unit of the contest. */
export interface Contestant {
  readonly name: string;
  run(): Promise<number>;
}

/** What every server reached at one task, round by round. */
export interface Contest {
  readonly task: string;
  readonly unit: 'ms' | 'req/s' | 'MB/s';
  /** By server, in the order they took their turns in the first round. */
  readonly results: ReadonlyMap<string, readonly number[]>;
}

/** A limit that the figures are held against. */
export interface Aim {
  readonly text: string;
  readonly value: number;
  readonly limit: number;
  readonly isAtMost: boolean;
  readonly unit: '×' | 'ms' | 'MB';
}

/**
 * Lets all take turns, each round beginning with another one, so that a machine whose speed drifts slows all alike.
 * A round before the first warms up and is not counted. The medians go to standard error at once: all takes minutes.
 */
export async function contest(
  task: string,
  unit: Contest['unit'],
  contestants: readonly Contestant[],
  rounds = 5,
): Promise<Contest> {
  const results = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + round) % contestants.length];
      const result = await contestant?.run();
      if (round > 0 && contestant !== undefined && result !== undefined) {
        results.get(contestant.name)?.push(result);
      }
    }
  }
  const medians = [...results].map(([name, values]) => `${name} ${median(values).toFixed(1)}`);
  process.stderr.write(`${task}, ${unit}: ${medians.join(', ')}\n`);
  return { task, unit, results };
}

/** Median over the rounds of the one's result divided by the other's of the same round. */
export function ratioOf({ results, task }: Contest, name: string, other: string): number {
  const ours = results.get(name) ?? [];
  const theirs = results.get(other);
  if (theirs === undefined) throw new Error(`"${other}" took no part in "${task}"`);
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/** A table of all contests as Markdown: medians, and behind them how many times as much as the first server's. */
export function contestTable(contests: readonly Contest[], missing: readonly string[]): string {
  const names = [...new Set(contests.flatMap(({ results }) => [...results.keys()])), ...missing];
  const ours = names[0] ?? '';
  const rows = contests.map((each) => {
    const cells = names.map((name) => {
      const values = each.results.get(name);
      if (missing.includes(name)) return 'not installed';
      if (values === undefined) return '–';
      const digits = each.unit === 'req/s' ? 0 : 1;
      const text = median(values).toFixed(digits);
      return name === ours ? `**${text}**` : `${text} (${ratioOf(each, ours, name).toFixed(2)}×)`;
    });
    return [`${each.task}, ${each.unit}`, ...cells];
  });
  return markdown([['', ...names], ...rows]);
}

/** The aims as Markdown, and whether they are reached. */
export function aimTable(aims: readonly Aim[]): string {
  const rows = aims.map(({ text, value, limit, isAtMost, unit }) => {
    const isReached = isAtMost ? value <= limit : value >= limit;
    const digits = unit === '×' ? 2 : 1;
    return [
      text,
      `${isAtMost ? '≤' : '≥'} ${limit} ${unit}`,
      `${value.toFixed(digits)} ${unit}`,
      isReached ? 'reached' : '**missed**',
    ];
  });
  return markdown([['aim', 'limit', 'measured', ''], ...rows]);
}

function markdown(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
  const rule = `|${(rows[0] ?? []).map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`;
  return [head, rule, ...body].join('\n');
}
