import type { Readable } from 'node:stream';
import type { AssetFacts, SourceRef } from '../model/asset.ts';
import type { ByteRange } from '../model/byte-range.ts';
import type { Landing } from '../model/landing.ts';
import type { Space } from '../model/space.ts';
import type { Over, WriteFailure } from '../model/write.ts';

/**
 * The whole contract of a plug-in: what `providers/` may import besides `src/model/`.
 *
 * A provider speaks for one configured place that holds media. It translates foreign errors into `CodedError`
 * (keeping `cause`) and does nothing that all providers need: checking arguments, counting bytes, deadlines,
 * retries, limits and logging are `src/source/`'s, once for all.
 */
export interface Provider {
  readonly traits: Traits;

  /**
   * Every resource of the source. A collection is told before anything in it. The consumer may stop early;
   * the generator then releases what it holds.
   *
   * Whatever could not be read is told as `kept`, so that it does not look like a removal. What need not be read, because
   * `call.held` tells that it is as it was, is told as `unchanged`. Throws
   * `unavailable` when the source as a whole cannot be read (unmounted, unreachable, refused): then nothing is
   * removed at all. Throws `denied` or `invalid` with one clear sentence for what waiting will not heal.
   */
  scan(call: ScanCall): AsyncIterable<ScanEvent>;

  /** What the source says of one asset now. Rejects `not-found` when it is gone. */
  describe(ref: SourceRef, call: Call): Promise<AssetFacts>;

  /**
   * Exactly `want.range` (or everything) of exactly `want.version`. Rejects `changed`, `not-found`, `denied`,
   * `throttled` or `unavailable` before the first byte. The caller destroys the stream, on every path; aborting `call.signal`
   * destroys it too. A provider does not retry here: the caller does, before the first byte.
   */
  open(ref: SourceRef, want: Want, call: Call): Promise<Readable>;

  /** Releases connections and handles. No call follows. */
  close(): Promise<void>;

  // Optional powers: present, it works; absent, `Source` answers `unsupported`. There is no flag beside them.

  /**
   * Tells where something may have changed, until `call.signal` ends it. Covers what `scan` and `look` tell from the
   * first `next` on, so whoever wants to miss nothing watches first and scans then. One at a time.
   */
  watch?(call: Call): AsyncIterable<WatchHint>;

  /**
   * What is at one path now. First the collections above it, outermost first, without their other members; then what
   * is there itself, and below a collection everything, as `scan` would tell it; or `gone`. Nothing at all when the
   * path is not one to be shown. May tell other places whose facts the same change has touched.
   *
   * Throws `unavailable` where `scan` would: an unmounted disk must never look like removals.
   * @param path as in `SourceRef.path`; not the top itself, for that is `scan`.
   */
  look?(path: string, call: ScanCall): AsyncIterable<LookEvent>;

  /**
   * Those of the paths at which the asset of this version still is, and nothing else about it can have changed: for who has
   * many to make sure of at once, and would be told nothing new by `look`.
   */
  unchangedAt?(versions: ReadonlyMap<string, string>, call: Call): Promise<readonly string[]>;

  /**
   * The bytes that `open` would give, as one piece; asked only for what is short. Rejects as `open` does, and with
   * `changed` also when the content was written to while it was read. Present: cheaper than a stream.
   */
  read?(ref: SourceRef, want: Want, call: Call): Promise<Buffer>;
  /**
   * Exactly `want.version` as an open file of this machine, so that another thread can read it without its bytes
   * passing through this one. Rejects as `open` does; there is no range, whoever has the file reads where it likes.
   */
  openFile?(ref: SourceRef, want: Want, call: Call): Promise<OpenFile>;

  /**
   * Assets that match the words somebody has typed, best first where the source can tell, at most `limit`. Nothing of it
   * is ingested. Rejects `unavailable`, `throttled`.
   */
  search?(words: string, limit: number, call: Call): Promise<readonly AssetFacts[]>;

  /** Names of the collections from the top down below which it can be written to; absent: everywhere. */
  readonly writesBelow?: readonly string[];

  /** How much room there is where the source keeps its content. Rejects `unavailable` when the source is away. */
  space?(call: Call): Promise<Space>;

  // Powers to write. Paths are as in `SourceRef.path`; of a source that has no `look`, and so tells what became of things
  // (`WriteCall.tell`), they are made of the names that are shown. Each rejects `denied` for a path that is not shown or that leads
  // out of the source, `parent-missing` where no collection is above it, `no-space`, `unavailable`; then nothing was
  // changed, unless `WriteCall.goesOn` was told. Nothing is ever tried again. What `call.signal` ends leaves nothing behind.

  /**
   * Takes in a content beside its place, on the same disk, where nobody is shown it; everything of it is on the disk
   * when this resolves. Rejects with the error of `content`, which the caller destroys.
   * @param want `modifiedMs` since 1970; null: now.
   */
  receive?(
    path: string,
    content: Readable,
    want: { readonly modifiedMs: number | null },
    call: WriteCall,
  ): Promise<Staged>;

  /**
   * Copies what is shown at `from`, with its times, to beside its new place. Rejects `not-found`, and `changed` when
   * something was written to while it was copied.
   * @param want `isDeep` false: a collection without its members.
   */
  copy?(from: string, to: string, want: { readonly isDeep: boolean }, call: WriteCall): Promise<StagedCopy>;

  /**
   * Shows an asset at one more place, by the id of its ref, also one that only views show: for a source that keeps one asset
   * at several places itself, so that no bytes pass. Rejects `not-found`, and as `copy` does. Absent: its bytes are put there.
   */
  copyAsset?(refId: string, to: string, call: WriteCall): Promise<Staged>;

  /**
   * Moves whatever is shown at `from`, with all in it, at once; nothing that is shown may be at `to`, except for an
   * asset when an asset is moved. Rejects `not-found`, and as `Staged.place` does.
   * @returns false when that cannot be done at once, because the places are on two disks; then nothing was done.
   */
  move?(from: string, to: string, over: Over, call: WriteCall): Promise<boolean>;

  /** Rejects `exists`. */
  makeCollection?(path: string, call: WriteCall): Promise<void>;

  /**
   * Removes what is shown at the path and below it, and what systems leave in folders by themselves. What is not shown
   * stays, with all that is above it. Rejects `not-found`, and for an asset also what kept it from being removed.
   * @returns what is still there; empty: nothing is, at the path itself neither.
   */
  remove?(path: string, call: WriteCall): Promise<readonly WriteFailure[]>;

  /**
   * Takes what is shown at the path out of the way of something else that is about to be placed there, and keeps it whole
   * until that is certain. After an end of the process in between it is shown again, unless that is there. Rejects as `remove`. Absent: what is in
   * the way is removed first.
   * @param by what is to be placed there: a path of the source, or what was staged.
   */
  setAside?(path: string, by: string | Staged, call: WriteCall): Promise<SetAside>;

  /** @param modifiedMs since 1970. Rejects `not-found`. */
  setModifiedTime?(path: string, modifiedMs: number, call: WriteCall): Promise<void>;

  /** Bytes that may still be written below a collection; `''`: the top. */
  freeBytes?(path: string, call: WriteCall): Promise<number>;
}

/** What has made room. Without failures, whoever asked for it calls one of the three, once. */
export interface SetAside {
  /** What could not be removed, so that nothing was done. */
  readonly failures: readonly WriteFailure[];
  putBack(): Promise<void>;
  /** Rejects when not all of it goes now: the rest goes with a later scan, and never comes back. */
  remove(): Promise<void>;
  /** Leaves it to the next scan, as an end of the process does. */
  leave(): Promise<void>;
}

/** Something whole that is held beside its place and not shown. Whoever asked for it discards it, placed or not. */
export interface Staged {
  readonly sizeBytes: number;
  /**
   * Shows it at its place, in one step: nobody sees half of it, and after a power cut all of it is there or none. Of what is there before,
   * only an asset is replaced, and only by an asset. Rejects `exists` when something is there that is not to be
   * replaced, `changed` for another version than that of `over`, `denied` for what is not shown; nothing was changed
   * then, and it may be placed again.
   * @returns what is there now, with the collections above it, as `look` would tell it, so that nobody has to look; undefined where only a look tells,
   *   or where it is told by `WriteCall.tell`.
   */
  place(over: Over): Promise<readonly PlaceEvent[] | undefined>;
  /**
   * Resolves when what was placed outlasts a power cut: nobody may be told before that it is stored. Others may be placed
   * meanwhile, so that one wait for the disk does for all. Does nothing when nothing was placed.
   */
  persist(): Promise<void>;
  /** Lets go of it, and throws it away unless it was placed. */
  discard(): Promise<void>;
}

export interface StagedCopy extends Staged {
  /**
   * The second half of a move between two disks, when the copy is placed and outlasts a power cut: removes what it was made
   * of, as far as that is as it was copied. What was changed or came since stays, with all above it; of an asset that rejects
   * `changed`. Otherwise as `Provider.remove`. Absent where `Provider.move` never needs it.
   */
  removeOriginal?(call: WriteCall): Promise<readonly WriteFailure[]>;
}

/** A file that is held open. Whoever asked for it closes it. */
export interface OpenFile {
  /** Valid in every thread of this process until `close`. */
  readonly fd: number;
  /** Fills the buffer from this position on. @returns how many bytes there were, 0 at the end. Rejects `unavailable`. */
  readInto(buffer: Buffer, position: number): Promise<number>;
  /** Rejects `changed` when the file is not the wanted version any more, so that what was read of it may be of two. */
  verify(): Promise<void>;
  close(): Promise<void>;
}

/** A hint carries no truth: it says where to look. */
export type WatchHint =
  /** Something at or below the path may have changed. `''`: anywhere in the source. */
  | { readonly kind: 'path'; readonly path: string }
  /** Hints may be missing from now on or for some time already: only a scan tells. */
  | {
      readonly kind: 'lost';
      /** One sentence for people that says what helps, if anything does. */
      readonly reason: string;
    };

/** Facts that no method can show. The conformance suite holds a provider to each one it declares. */
export interface Traits {
  /** Does a ref's id survive a rename? `path`: the id is the path. */
  readonly identity: 'stable' | 'path';
  /** `native`: reads only the range. `whole`: reads from the start and throws away. */
  readonly ranges: 'native' | 'whole';
  /** `one`: an asset lives in one collection, a move keeps its node. `many`: albums may share it. */
  readonly membership: 'one' | 'many';
  /** `disk`: names are unique as they are, case included. `free`: anything may repeat, so names get tagged. */
  readonly naming: 'disk' | 'free';
}

export interface Want {
  /** The version the caller promised its own client. */
  readonly version: string;
  /** Size of that version. */
  readonly sizeBytes: number;
  /** Absent: the whole content. Present: lies within the size. */
  readonly range?: ByteRange;
  /**
   * Called before the first byte, where the version does not name the bytes and the source tells which state of them it
   * is about to give (an ETag). Throws when that is not the one that other parts of them came from.
   */
  readonly onState?: (state: string) => void;
  /**
   * Has room for all that is wanted. The stream may give bytes that were put there, in their order and nothing between them;
   * whoever reads it finds out by where they lie.
   */
  readonly landing?: Landing;
}

export interface Call {
  /** Ends when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /**
   * Runs one request that may safely be repeated; what fails with `throttled` or `unavailable` is tried again
   * with growing waits. The only retry layer there is. In `open` and `describe` it runs the work once.
   */
  attempt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface ScanCall extends Call {
  /**
   * Is the asset at this path (as in `SourceRef.path`) to be shown at all? Asking early saves a look at the file
   * itself; what is told all the same is dropped.
   */
  accepts(path: string): boolean;
  /** Is the collection at this path to be shown, and entered, at all? */
  enters(path: string): boolean;
  /**
   * Counts something a person may want to know, such as `a hidden name`. Shown as a number per reason.
   * @param place its path, from a source that can `look`; else its name.
   */
  warn(reason: string, place: string): void;
  readonly held: Held;
}

/** As for a look: what is shown is what may be written. `attempt` is only for what may be repeated, and is never cut off. */
export interface WriteCall extends Omit<ScanCall, 'warn'> {
  /**
   * What the write has made of the source, told as soon as that is certain; in order. Only for a provider without `look`.
   * Nothing of it is lost when the call rejects afterwards.
   */
  tell(event: WriteEvent): void;
  /**
   * Told of a write that rejects with `unavailable` although some of it may yet be done, because the source does not answer.
   * @param over resolves when nothing of it happens any more: only then it can be found out what became of it. Never rejects.
   */
  goesOn(over: Promise<void>): void;
}

/** What is held of this source by whoever asks, for a provider that has to compare with what it said before. */
export interface Held {
  /**
   * The ref told last for what is at this path (as in `SourceRef.path`, or in the powers to write); null when nothing is,
   * or no path tells.
   */
  refAt(path: string): Promise<string | null>;
  /** Paths of the assets whose ref begins with this, at most 100. */
  pathsOf(refPrefix: string): Promise<readonly string[]>;
  /**
   * The version that a `complete` event told last for a collection, or for the whole source (null), if what is held is
   * still exactly that; else null. Never one from before the settings of the source changed.
   */
  versionOf(collection: string | null): Promise<string | null>;
  /**
   * The version that a `complete` event of a scan that ended well told last for a collection, or for what the provider calls
   * like one; null when that scan, or a later one that had nothing to be `kept`, did not tell of it. Also from before
   * the settings of the source changed, and where the layout shows its members at several places, and `versionOf` can tell nothing. What is held may be another content: it
   * only tells what the source said last.
   */
  toldVersionOf(collection: string): Promise<string | null>;
  /** What is held of one asset, by the id of its ref: facts told before, and what was found in its bytes. */
  factsOf(refId: string): Promise<AssetFacts | null>;
  /** Where one collection shows an asset, by the ids of their refs: once for each name that it has there. */
  placesOf(refId: string, collection: string): Promise<readonly HeldPlace[]>;
}

/** A place of an asset in a collection of the source. */
export interface HeldPlace {
  /** As in the powers to write. */
  readonly path: string;
  readonly name: string;
}

/** What is at one place. */
export type PlaceEvent = CollectionEvent | AssetEvent | KeptEvent;
export type ScanEvent = PlaceEvent | UnchangedEvent | CompleteEvent | NoteEvent;
export type LookEvent = PlaceEvent | GoneEvent;
export type WriteEvent = CollectionEvent | WrittenEvent | GoneEvent | RemovedEvent;

/** A folder or an album. */
export interface CollectionEvent {
  readonly kind: 'collection';
  readonly ref: string;
  /** Ref of the collection it is in; null at the top. */
  readonly parent: string | null;
  readonly name: string;
  readonly modifiedMs: number;
  readonly createdMs: number | null;
  /**
   * Made up by the provider, so its time is that of its last change, and settings on folders by type do not mean it. `view`:
   * one of several views of the whole, right at the top, which stays when it is empty. `group`: one within a view.
   */
  readonly made?: 'view' | 'group';
}

/** An asset at one place. */
export interface AssetEvent {
  readonly kind: 'asset';
  /** Ref of the collection it is in; null at the top. */
  readonly collection: string | null;
  readonly name: string;
  readonly facts: AssetFacts;
}

/**
 * An asset that a write has put into a collection. A name that is not its own is kept, over scans and restarts; where the
 * asset has another name in that collection already, it has both from then on.
 */
export interface WrittenEvent extends AssetEvent {
  /** What is shown at this path is this place from now on: it was moved, or its content was replaced. */
  readonly takes?: string;
  /** The source itself knows nothing of it: it is shown until it is taken by something else, or gone. */
  readonly isHeldBack?: boolean;
  /** Id of an asset that the collection does not show for as long as this one is held back. */
  readonly hides?: string;
}

/** The collection exists but its content could not be read now: what the catalog holds below it stays. */
export interface KeptEvent {
  readonly kind: 'kept';
  readonly collection: string | null;
  /** Waiting may help, so the source is to be read anew before long. */
  readonly mayHeal?: boolean;
}

/**
 * What `held.versionOf` tells of the collection is its present version: its content is not told again, and stays as it is
 * held. The collection itself is told before. Null: the whole source is as it was, and nothing else of it is told.
 */
export interface UnchangedEvent {
  readonly kind: 'unchanged';
  readonly collection: string | null;
}

/**
 * Everything in the collection, or in the whole source (null), was told by this scan or is unchanged. `held.versionOf`
 * answers with this version once the scan has ended well and what was not told is removed.
 */
export interface CompleteEvent {
  readonly kind: 'complete';
  readonly collection: string | null;
  /** Only the provider knows what it means. */
  readonly version: string;
}

/** One sentence about the source as a whole that people should know. Holds until a scan that reads does not tell it. */
export interface NoteEvent {
  readonly kind: 'note';
  readonly text: string;
}

/** There is nothing to be shown at this path, or below it. */
export interface GoneEvent {
  readonly kind: 'gone';
  readonly path: string;
}

/** What has this ref, collection or asset, is shown nowhere any more. */
export interface RemovedEvent {
  readonly kind: 'removed';
  readonly ref: string;
}

/** Makes the provider of one configured source. Must not do I/O: an unreachable source is no reason not to start. */
export type ProviderFactory<Settings> = (settings: Settings) => Provider;
