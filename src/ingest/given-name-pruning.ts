import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { CatalogWriter } from '../catalog/catalog.ts';
import type { Chore } from './housekeeping.ts';

/** Names looked at in one transaction: a few milliseconds. */
const BATCH = 500;
const MS_PER_DAY = 86_400_000;

/**
 * Forgets names that clients gave to assets which are gone for as many days as removals are remembered. Until then an asset
 * may come back, from the trash of its server or with another choice of albums, and has its name again.
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
