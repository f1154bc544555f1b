import type { CacheReport } from '../content/cache/remote-cache.ts';
import type { ErrorCode } from '../model/coded-error.ts';

/** How the whole server is doing: what `/api/health` answers and the front page shows. */
export interface StatusReport {
  /** `ok`: every source is up to date or being read. `degraded`: some source cannot be read now. */
  readonly status: 'ok' | 'degraded';
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly sources: readonly SourceReport[];
  /** Of the bytes of remote sources; null: there is none. */
  readonly cache: CacheReport | null;
}

export interface SourceReport {
  readonly name: string;
  readonly provider: string;
  /** Path of its collection below the mount's root, such as `/photos/`. */
  readonly mount: string;
  readonly state: 'waiting' | 'scanning' | 'ready' | 'failing';
  readonly assets: number;
  readonly collections: number;
  readonly sizeBytes: number;
  /** ISO 8601 in UTC: end of the last scan that read everything; null before the first. */
  readonly lastScan: string | null;
  readonly lastError: { readonly code: ErrorCode; readonly message: string; readonly at: string } | null;
  /** What people should know of the source as a whole, in sentences. */
  readonly notes: readonly string[];
  /** What is there and not shown, and how often: as the last scan met it, and whoever looked at single places since. */
  readonly warnings: readonly { readonly reason: string; readonly count: number; readonly example: string }[];
  /** The same for files that are there now and could not be looked into as they should. */
  readonly fileProblems: SourceReport['warnings'];
  /** Files that are being looked into for digests and metadata; null when none is. */
  readonly enriching: { readonly filesDone: number; readonly filesTotal: number } | null;
}

/** One way to mount the tree, as a line to copy. */
export interface MountLine {
  readonly client: string;
  readonly line: string;
  /** Where to put it, when that is no command line. */
  readonly hint?: string;
}
