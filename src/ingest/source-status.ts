import type { ScanWarning } from '../source/source.ts';
import type { SourceFailure } from './scan-outcomes.ts';

export type SourceState = 'waiting' | 'scanning' | 'ready' | 'failing';

/** How a source is doing, for people and for `/api/health`. */
export interface SourceStatus {
  readonly name: string;
  readonly state: SourceState;
  readonly assetCount: number;
  readonly collectionCount: number;
  readonly sizeBytes: number;
  /** End of the last scan that read everything; survives restarts. */
  readonly completedMs: number | null;
  readonly lastScanDurationMs: number | null;
  readonly lastError: SourceFailure | null;
  readonly warnings: readonly ScanWarning[];
  /** What people should know of the source as a whole, in sentences. */
  readonly notes: readonly string[];
  /** Every change is noticed as it happens; false: at the next scan. */
  readonly watching: boolean;
}
