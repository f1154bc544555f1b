/** A WebDAV lock (RFC 4918 section 6). It is on a place of the tree, not on what happens to be there. */
export interface LockRecord {
  /** `urn:uuid:…`; whoever submits it holds the lock, whoever they are. */
  readonly token: string;
  /** `ResourcePath.key` of the lock root. */
  readonly path: string;
  readonly depth: '0' | 'infinity';
  readonly scope: 'exclusive' | 'shared';
  /** The `owner` element as the client wrote it, whole and self-contained; `''` when there was none. */
  readonly owner: string;
  /** The login that took it; null without logins. It is for people to read: rights come from the token. */
  readonly user: string | null;
  /** Milliseconds since 1970 UTC. From then on the lock is no more. */
  readonly expiresMs: number;
}

/**
 * The locks of the mount. They are kept across restarts and however the process ends, because a client that holds one
 * counts on it. Every call is told what time it is; a lock that has expired is never seen.
 */
export interface LockStore {
  /**
   * Takes a lock unless it would contradict one that is there (RFC 4918 section 6.2): nothing beside an exclusive one,
   * above, at or, for depth infinity, below the place. Rejects `no-space` when there are far too many locks.
   * @returns the locks in the way; empty when it was taken.
   */
  take(lock: LockRecord, nowMs: number): Promise<readonly LockRecord[]>;
  /** Locks that a place is under: its own, and those of depth infinity above it. Outermost first. */
  covering(path: string, nowMs: number): Promise<readonly LockRecord[]>;
  /** Locks on places below this one, near or far; not its own. By path. */
  below(path: string, nowMs: number): Promise<readonly LockRecord[]>;
  /** Moves the end of a lock. @returns null when there is no such lock (any more). */
  refresh(token: string, expiresMs: number, nowMs: number): Promise<LockRecord | null>;
  /** @returns false when there was no such lock. */
  release(token: string): Promise<boolean>;
  /** Forgets the locks at a place that is no more, and below it (RFC 4918 section 9.6). */
  releaseTree(path: string): Promise<void>;
  /** Only those below: something else took the place over, and its own lock stays with it (section 7.7). */
  releaseBelow(path: string): Promise<void>;
}

/** A client that takes more than this does not mean to work with them. */
export const MAX_LOCKS = 10_000;
