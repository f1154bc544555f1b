import type { Readable } from 'node:stream';
import type { AssetFacts, Digests } from './asset.ts';
import type { ErrorCode } from './coded-error.ts';

/**
 * What may be at a place that something is written to: nothing; anything that is shown there; or exactly one version
 * of an asset.
 */
export type Over = 'nothing' | 'anything' | { readonly version: string };

/** What the sender has told of a content. */
export interface ContentClaims {
  /** Null: not known before the end. */
  readonly sizeBytes: number | null;
  /** Those that the content must have. */
  readonly digests: Digests;
  /** The time that the asset is to have, in milliseconds since 1970; null: now. */
  readonly modifiedMs: number | null;
}

/** One of many things that could not be changed, while others were. */
export interface WriteFailure {
  /** Of the source, as in `SourceRef.path`. */
  readonly path: string;
  readonly code: ErrorCode;
  /** One sentence for clients. */
  readonly message: string;
}

/**
 * Changes a source, and what the catalog knows of it in the same moment: when a call has resolved, listings and the
 * change log have it. Paths are those of the source: see `paths`. Nothing here asks whether a client may.
 *
 * Rejects `denied` (hidden, left out by the settings, no right, a link in the way), `parent-missing`, `exists`,
 * `changed` (another version than that of `Over`), `not-found`, `no-space`, `invalid`, `unavailable`, `cancelled`.
 * Unless something else is said, nothing was changed then.
 */
export interface TreeWriter {
  /** Which names of the catalog make up the paths: the source's own, or, where those may repeat, the shown ones. */
  readonly paths: 'stored' | 'shown';
  /** A whole content as the asset at `path`. The caller owns `content` and destroys it; cut short, it changes nothing. */
  put(path: string, content: Readable, write: PutWrite, signal: AbortSignal): Promise<void>;
  /** Rejects `exists`. */
  makeCollection(path: string, signal: AbortSignal, permit?: Permit): Promise<void>;
  /** With everything below that is shown. @returns what is still there, with all above it; empty: all is gone. */
  remove(path: string, signal: AbortSignal, permit?: Permit): Promise<readonly WriteFailure[]>;
  /**
   * With `over` as `anything`, a collection in the way is put aside first, and goes when this is there.
   * @returns what was in the way at `to` and could not be removed, so that nothing was moved; or, between two disks,
   *   what could not be removed at `from`, or was changed or came there meanwhile. Empty: all was moved.
   *   An asset that was changed meanwhile rejects `changed`: it stays, and what it was before is at `to`.
   */
  move(from: string, to: string, write: MoveWrite, signal: AbortSignal): Promise<readonly WriteFailure[]>;
  /**
   * All or nothing of it.
   * @param write `isDeep` false: of a collection only itself, without its members.
   * @returns what was in the way at `to` and could not be removed, so that nothing was copied.
   */
  copy(from: string, to: string, write: CopyWrite, signal: AbortSignal): Promise<readonly WriteFailure[]>;
  /**
   * Shows an asset of this source that lies where it has no path (in a view) at one more place, without its bytes passing.
   * @param refId the source's own id of it.
   * @returns false when the source cannot do that, so that nothing was done and the bytes have to be put.
   */
  copyAsset(
    refId: string,
    to: string,
    write: Omit<CopyWrite, 'isDeep'>,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** @param modifiedMs since 1970. */
  setModifiedTime(path: string, modifiedMs: number, signal: AbortSignal, permit?: Permit): Promise<void>;
  /** Runs the work while nothing shows or goes: whoever was permitted to change something has done it before, or asks after it. */
  undisturbed<T>(work: () => Promise<T>): Promise<T>;
  /** Rejects `no-space` when so many bytes will not fit below the collection at `path`; `''`: the top. */
  checkSpace(path: string, sizeBytes: number, signal: AbortSignal): Promise<void>;
}

/**
 * Asked again in the moment before something shows or goes, as its bytes may have taken hours to come in, or others had
 * their turn first. What it rejects with
 * ends the write, and nothing was changed.
 */
export type Permit = () => Promise<void>;

export interface PutWrite {
  readonly claims: ContentClaims;
  readonly over: Over;
  /** Absent: there is nothing to be asked. */
  readonly permit?: Permit;
  /**
   * Called when the catalog has it, before somebody else may change it again: what is there then is this content. Whatever
   * it rejects with, `put` does. A place of which nobody is told (system litter) does not call it.
   * @param facts those that the catalog has; null where only it can tell.
   */
  readonly onShown?: (facts: AssetFacts | null) => Promise<void>;
}

export interface CopyWrite {
  readonly over: Over;
  readonly isDeep: boolean;
  readonly permit?: Permit;
}

export interface MoveWrite {
  readonly over: Over;
  readonly permit?: Permit;
  /**
   * Called between two disks, when all is at its new place as something new, and still at the old one: whoever keeps
   * anything with the old one takes it over now.
   */
  readonly onCopied?: () => Promise<void>;
  /**
   * Asked between two disks in the moment before the original goes: copying may have taken hours. What it rejects with is
   * the outcome, and all is at both places then.
   */
  readonly mayRemove?: Permit;
}
