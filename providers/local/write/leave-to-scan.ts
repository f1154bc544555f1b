import { errnoOf } from '../translate-error.ts';

/**
 * Cleans up behind a failure that somebody is about to be told of. What the disk does not let go of is a leftover, which
 * the next scan removes; that must not be told in place of the failure. A bug of ours has no errno, and is thrown.
 */
export async function leaveToScan(cleanUp: () => Promise<unknown>): Promise<void> {
  try {
    await cleanUp();
  } catch (error) {
    throwBugs(error);
  }
}

/** The same for calls that the thread of a disk waits for. */
export function leaveToScanSync(cleanUp: () => void): void {
  try {
    cleanUp();
  } catch (error) {
    throwBugs(error);
  }
}

function throwBugs(error: unknown): void {
  if (errnoOf(error) === '') throw error;
}
