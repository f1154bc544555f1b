export interface RetryWaits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Of a scan or a reading that failed as a whole: no source, or no room for the catalog, is over when somebody has seen to it. */
export const RUN_WAITS: RetryWaits = { firstMs: 5_000, longestMs: 5 * 60_000 };

/** How long to wait after so many failures in a row, in milliseconds: doubled with each. */
export function waitAfter(failures: number, { firstMs, longestMs }: RetryWaits): number {
  return Math.min(firstMs * 2 ** (failures - 1), longestMs);
}
