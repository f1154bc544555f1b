import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Node } from '../../model/node.ts';

/** A node takes about a kilobyte. */
const MAX_NODES = 2_000;

/**
 * Nodes that were looked up last, for as long as nothing is committed. Every request looks up each folder of its path,
 * and making a node of three dozen columns takes ten times as long as asking SQLite whether anything has changed.
 */
export class RecentNodes {
  readonly #version: StatementSync;
  readonly #nodes = new Map<string, Node>();
  #seenVersion: unknown = null;

  /** @param database a connection that only reads: its own changes are not told of. */
  constructor(database: DatabaseSync) {
    // Another value when another connection has committed since (https://sqlite.org/pragma.html#pragma_data_version).
    this.#version = database.prepare('PRAGMA data_version');
    this.#version.setReturnArrays(true);
  }

  /** The node of this key, from here or by `look`. What is not there is looked for each time. Throws what `look` does. */
  find<N extends Node>(key: string, look: () => N | null): N | null {
    // Before the look: what is committed between the two empties this the next time.
    this.#forgetOutdated();
    const known = this.#nodes.get(key);
    if (known !== undefined) return known as N;
    const found = look();
    if (found === null) return null;
    const [oldest] = this.#nodes.size < MAX_NODES ? [] : this.#nodes.keys();
    if (oldest !== undefined) this.#nodes.delete(oldest);
    this.#nodes.set(key, found);
    return found;
  }

  #forgetOutdated(): void {
    const [version] = this.#version.get() as unknown as unknown[];
    if (version === this.#seenVersion) return;
    this.#nodes.clear();
    this.#seenVersion = version;
  }
}
