import type { ByteRange } from '../../model/byte-range.ts';
import { BLOCK_BYTES } from './blocks.ts';

const MAX_AHEAD_BLOCKS = 8;
/** Contents that are remembered; those read longest ago are forgotten first. */
const MAX_CONTENTS = 256;

/**
 * Some clients read a file by many short ranges, one behind the other. Whoever goes on where the last range ended is
 * likely to go on further: then more is asked for than was wanted, twice as much each time, up to a limit.
 */
export class ReadAhead {
  readonly #last = new Map<string, { readonly end: number; readonly blocks: number }>();

  /** How many blocks beyond this range to ask for. */
  blocksFor(key: string, range: ByteRange): number {
    const last = this.#last.get(key);
    const isOnward = last !== undefined && range.start > last.end && range.start <= last.end + BLOCK_BYTES;
    const blocks = isOnward ? Math.min(Math.max(1, last.blocks * 2), MAX_AHEAD_BLOCKS) : 0;
    this.#last.delete(key);
    this.#last.set(key, { end: range.end, blocks });
    if (this.#last.size > MAX_CONTENTS) {
      const [oldest] = this.#last.keys();
      if (oldest !== undefined) this.#last.delete(oldest);
    }
    return blocks;
  }
}
