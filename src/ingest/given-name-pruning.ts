import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CatalogWriter } from '../catalog/catalog.ts';
import type { Chore } from './housekeeping.ts';

/** Names looked at in one transaction: a few milliseconds. */
const BATCH = 500;
const MS_PER_DAY = 86_400_000;

/**
 * Forgets names that clients gave to assets which are gone, or in collections which are, for as many days as removals are
 * remembered. Until then both may come back, from the trash of their server or with another choice of albums, and the asset
 * has its name again. One that has only left the collection keeps its name for when it is put back there.
 */
export function givenNamePruning(
  writer: Pick<CatalogWriter, 'pruneGivenNames'>,
  keptDays: number,
  now: () => number = Date.now,
): Chore {
  return {
    name: 'forgot names of what is gone',
    async run(signal) {
      const nowMs = now();
      const goneBeforeMs = nowMs - keptDays * MS_PER_DAY;
      let forgotten = 0;
      let after: number | null = 0;
      while (after !== null && !signal.aborted) {
        const pruned = await writer.pruneGivenNames(nowMs, goneBeforeMs, { after, limit: BATCH });
        forgotten += pruned.forgotten;
        after = pruned.next;
        await yieldToEventLoop();
      }
      return forgotten;
    },
  };
}
