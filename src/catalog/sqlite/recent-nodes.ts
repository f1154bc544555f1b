import type { DatabaseSync } from 'node:sqlite';
import type { Node } from '../../model/node.ts';

/** A node takes about a kilobyte. */
const MAX_NODES = 2_000;

/**
 * Nodes that were looked up last, for as long as nothing is committed. Every request looks up each folder of its path,
 * and making a node of three dozen columns takes ten times as long as asking SQLite whether anything has changed.
 */
export class RecentNodes {
  readonly #version: () => unknown;
  readonly #nodes = new Map<string, Node | string>();
  #seenVersion: unknown = null;

  /** @param version another value after each commit. */
  constructor(version: () => unknown) {
    this.#version = version;
  }

  /**
   * The node of this key, or the ref of one, from here or by `look`. What is not there is looked for each time. Throws what
   * `look` does.
   */
  find<N extends Node | string>(key: string, look: () => N | null): N | null {
    // Before the look: what is committed between the two empties this the next time.
    this.#forgetOutdated();
    const known = this.#nodes.get(key);
    if (known !== undefined) return known as N;
    const found = look();
    if (found !== null) this.put(key, found);
    return found;
  }

  /** To be called by a `look`, with what it came by. */
  put(key: string, found: Node | string): void {
    const [oldest] = this.#nodes.size < MAX_NODES ? [] : this.#nodes.keys();
    if (oldest !== undefined) this.#nodes.delete(oldest);
    this.#nodes.set(key, found);
  }

  #forgetOutdated(): void {
    const version = this.#version();
    if (version === this.#seenVersion) return;
    this.#nodes.clear();
    this.#seenVersion = version;
  }
}

/**
 * Another value when another connection has committed since (https://sqlite.org/pragma.html#pragma_data_version), for who
 * does not know who writes. @param database a connection that only reads: its own changes are not told of.
 */
export function dataVersionOf(database: DatabaseSync): () => unknown {
  const statement = database.prepare('PRAGMA data_version');
  statement.setReturnArrays(true);
  return () => (statement.get() as unknown as unknown[])[0];
}
