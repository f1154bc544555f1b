import { setImmediate as breathe } from 'node:timers/promises';
import type { AssetFacts } from '../../src/model/asset.ts';

/** Sorted in one go; 100,000 would hold up everything else for longer than a frame of a film. */
const RUN_LENGTH = 4_000;

/** The same assets by time, then id, so that a fresh catalog always hands out the same names. */
export async function inTimeOrder(assets: readonly AssetFacts[]): Promise<Iterable<AssetFacts>> {
  const runs: AssetFacts[][] = [];
  for (let from = 0; from < assets.length; from += RUN_LENGTH) {
    runs.push(assets.slice(from, from + RUN_LENGTH).sort(byTime));
    await breathe();
  }
  return merged(runs);
}

function* merged(runs: readonly (readonly AssetFacts[])[]): Generator<AssetFacts, void, undefined> {
  const heads = runs.map((run) => ({ run, at: 0 }));
  for (;;) {
    let first: { facts: AssetFacts; head: (typeof heads)[number] } | null = null;
    for (const head of heads) {
      const facts = head.run[head.at];
      if (facts !== undefined && (first === null || byTime(facts, first.facts) < 0)) first = { facts, head };
    }
    if (first === null) return;
    first.head.at += 1;
    yield first.facts;
  }
}

function byTime(left: AssetFacts, right: AssetFacts): number {
  const difference = (left.createdMs ?? 0) - (right.createdMs ?? 0);
  if (difference !== 0) return difference;
  return left.ref.id < right.ref.id ? -1 : 1;
}
