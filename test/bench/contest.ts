import { median } from './measure.ts';
import type { Comparison } from './result.ts';

/** One server's turn at a task. @returns how many milliseconds it took. */
export interface Contestant {
  readonly name: string;
  run(): Promise<number>;
}

export interface ContestOptions {
  readonly rounds: number;
  /** Rounds before those, which are not counted. */
  readonly warmUps?: number;
  /** What our time divided by that of the peer of this name is to be at most. */
  readonly atMost?: Readonly<Record<string, number>>;
}

/**
 * Lets all take turns, each round beginning with another one, so that a machine whose speed drifts slows all alike.
 * One or more before the first warm up and are not counted. The medians go to standard error at once: all takes minutes.
 * @returns one comparison with each peer.
 */
export async function contest(
  name: string,
  ours: Contestant,
  peers: readonly Contestant[],
  { rounds, warmUps = 1, atMost = {} }: ContestOptions,
): Promise<Comparison[]> {
  const contestants = [ours, ...peers];
  const times = new Map<string, number[]>(contestants.map((each) => [each.name, []]));
  for (let round = 0; round < warmUps + rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + round) % contestants.length];
      const ms = await contestant?.run();
      if (round >= warmUps && contestant !== undefined && ms !== undefined)
        times.get(contestant.name)?.push(ms);
    }
  }
  const medians = [...times].map(([each, values]) => `${each} ${median(values).toFixed(1)}`);
  process.stderr.write(`\n${name}, ms: ${medians.join(', ')}`);
  const oursMs = times.get(ours.name) ?? [];
  return peers.map((peer) => {
    const peersMs = times.get(peer.name) ?? [];
    const ratio = median(oursMs.map((ms, round) => ms / (peersMs[round] ?? Number.NaN)));
    const aim = atMost[peer.name];
    return { name, peer: peer.name, oursMs, peersMs, ratio, ...(aim === undefined ? {} : { atMost: aim }) };
  });
}
