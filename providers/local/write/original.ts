import type { BigIntStats } from 'node:fs';
import { CodedError } from '../../../src/model/coded-error.ts';
import { versionOf } from '../stat-facts.ts';

/** What was copied, by its paths in the source, in the state in which that was done: nothing else may go with it. */
export class Original {
  readonly #states = new Map<string, string>();

  /** @param stats taken before its first byte was read; of a link, those of the file behind it. */
  note(path: string, stats: BigIntStats): void {
    this.#states.set(path, stateOf(stats));
  }

  /** @throws CodedError `changed` for what was written to, or is another thing, since it was noted, or was not noted. */
  check(path: string, stats: BigIntStats): void {
    if (this.#states.get(path) !== stateOf(stats)) throw changed();
  }
}

function stateOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return stats.ino.toString(36);
  // Who writes a file may give it its old time again.
  return `${versionOf(stats)}-${stats.ctimeNs.toString(36)}`;
}

function changed(): CodedError {
  return new CodedError('changed', 'It was changed meanwhile, so it stays where it is.');
}
