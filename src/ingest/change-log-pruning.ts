import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CatalogWriter } from '../catalog/catalog.ts';
import type { Chore } from './housekeeping.ts';

/** Removals forgotten in one transaction: a few milliseconds. */
const BATCH = 500;
const MS_PER_DAY = 86_400_000;

/** Forgets removals that are older than some days; whoever has not asked for so long lists anew. */
export function changeLogPruning(
  writer: Pick<CatalogWriter, 'pruneTombstones'>,
  keptDays: number,
  now: () => number = Date.now,
): Chore {
  return {
    name: 'forgot old removals',
    async run(signal) {
      const beforeMs = now() - keptDays * MS_PER_DAY;
      let forgotten = 0;
      while (!signal.aborted) {
        const count = await writer.pruneTombstones(beforeMs, BATCH);
        forgotten += count;
        if (count < BATCH) break;
        await yieldToEventLoop();
      }
      return forgotten;
    },
  };
}
