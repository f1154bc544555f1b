import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Comparison } from './result.ts';

const run = promisify(execFile);

export type { Comparison } from './result.ts';

/** Whom we are measured against. */
export interface Peer {
  readonly name: string;
  readonly run: () => Promise<unknown>;
  /** What the ratio is to be at most. */
  readonly atMost?: number;
}

/** Runs both in turn, so that a machine whose speed drifts slows both alike; the first round warms up. */
export async function compare(
  name: string,
  ours: () => Promise<unknown>,
  peer: Peer,
  rounds = 5,
): Promise<Comparison> {
  const oursMs: number[] = [];
  const peersMs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const mine = await timed(ours);
    const theirs = await timed(peer.run);
    if (round === 0) continue;
    oursMs.push(mine);
    peersMs.push(theirs);
  }
  const ratio = median(oursMs.map((ms, index) => ms / (peersMs[index] ?? Number.NaN)));
  const aim = peer.atMost === undefined ? {} : { atMost: peer.atMost };
  return { name, peer: peer.name, oursMs, peersMs, ratio, ...aim };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/** True when the program can be started. */
export async function hasProgram(name: string): Promise<boolean> {
  return await run('which', [name]).then(
    () => true,
    () => false,
  );
}

/** The value that all but `share` of the values do not exceed, such as 0.05 for the 95th percentile. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * (1 - share)) - 1] ?? Number.NaN;
}
