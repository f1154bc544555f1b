import type { ErrorCode } from '../../src/model/coded-error.ts';
import type { Over } from '../../src/model/write.ts';
import type { StatFacts } from './stat-facts.ts';

/*
 * What passes between the main thread and the one that waits for a disk. Thousands of entries pass at once, so they
 * are columns: copying an object for each would cost more than asking the disk.
 */

/** The resolved path of the source's top and what `stat` said of it. */
export interface Root {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** What a listing tells of the type of an entry. */
export type ListedType = (typeof LISTED)[keyof typeof LISTED];
/** Some file systems tell no type: `unknown`. */
export const LISTED = { unknown: 0, file: 1, folder: 2, link: 3, special: 4 } as const;

/** What a look finds behind a name. */
export type FoundType = (typeof FOUND)[keyof typeof FOUND];
export const FOUND = {
  nothing: 0,
  file: 1,
  folder: 2,
  unreadable: 3,
  linkOutside: 4,
  linkToFolder: 5,
  nameNotUtf8: 6,
} as const;

/** Some of the names in a folder, sorted by code units over all parts. */
export interface NamesPart {
  readonly names: readonly string[];
  /** A `ListedType` each. */
  readonly types: Uint8Array;
  /** Asks for the next part; null: this was the last. */
  readonly restId: number | null;
}

/** The first part, with what is known only of the whole. */
export interface Listing extends NamesPart {
  /** There is no name in it that a person has given. */
  readonly isEmpty: boolean;
}

/** What was found behind names, in their order. */
export interface FoundColumns {
  /** A `FoundType` each. */
  readonly types: Uint8Array;
  readonly refIds: readonly string[];
  readonly versions: readonly string[];
  /** Four for each name: size, modified, created (NaN: unknown), status changed. */
  readonly numbers: Float64Array;
}

/** One question each, with the type of its answer. */
export interface DiskQuestions {
  /** Where is this folder really? Null: it is none. */
  readonly root: { readonly ask: { readonly path: string }; readonly answer: Root | null };
  /** What is listed in a folder? */
  readonly list: { readonly ask: { readonly path: string }; readonly answer: Listing };
  readonly listRest: { readonly ask: { readonly restId: number }; readonly answer: NamesPart };
  /** The rest of a listing is not wanted any more. */
  readonly dropRest: { readonly ask: { readonly restId: number }; readonly answer: null };
  /** What is behind these names in a folder? */
  readonly look: { readonly ask: LookAsk; readonly answer: FoundColumns };
  /** At which of these paths is a file of this version, with no other name? 1 for each of them. */
  readonly unchanged: { readonly ask: UnchangedAsk; readonly answer: Uint8Array };
  /** What is in this range of a file, and what file is it? */
  readonly read: { readonly ask: ReadAsk; readonly answer: ShortRead };
  /** Takes in a new file beside its place. See `DiskWrites` for this one and those that follow. */
  readonly stage: { readonly ask: StageAsk; readonly answer: StagedFile };
  readonly place: { readonly ask: PlaceAsk; readonly answer: PlacedFile | null };
  readonly weigh: { readonly ask: WeighAsk; readonly answer: null };
  readonly drop: { readonly ask: DropAsk; readonly answer: null };
  /** Is there no name in this folder that a person has given? */
  readonly isEmpty: { readonly ask: { readonly path: string }; readonly answer: boolean };
}

export interface LookAsk {
  readonly rootPath: string;
  readonly rootDevice: bigint;
  /** Relative to the root; `''` for the root. */
  readonly folderPath: string;
  readonly names: readonly string[];
}

export interface UnchangedAsk {
  readonly rootPath: string;
  /** Relative to the root. */
  readonly paths: readonly string[];
  /** One for each path. */
  readonly versions: readonly string[];
}

/** A folder by its descriptor, and where it has to be. */
export interface FolderAsk {
  /** Null: it is not open. */
  readonly fd: number | null;
  /** Absolute. */
  readonly path: string;
}

export interface StageAsk {
  /** Of the source, as it was configured; must lead to `root` still. */
  readonly givenPath: string;
  readonly root: Root;
  /** Opened anew where it is not open, or not at its path any more. */
  readonly folder: FolderAsk;
  /** It is another disk when that is mounted, so it must not be an empty folder. */
  readonly mayBeUnmounted: boolean;
  readonly stagingName: string;
  /** What the file begins with; handed over. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** There is no more than that: all of it is on the disk before this is answered. */
  readonly isWhole: boolean;
  /** The time that a whole file is to have. */
  readonly modifiedMs: number | null;
}

/** Descriptors for whoever asked, who sees to their being closed. */
export interface StagedFile {
  readonly fd: number;
  /** That of the ask, or a new one. */
  readonly folderFd: number;
  /** The same for all descriptors of one folder. */
  readonly folderIdentity: string;
}

export interface WeighAsk {
  readonly root: Root;
  readonly folder: FolderAsk;
  readonly name: string;
  readonly over: Over;
}

export interface PlaceAsk extends WeighAsk {
  /** Of the source. */
  readonly path: string;
  readonly stagingName: string;
  readonly kind: 'asset' | 'collection';
  /** Of the staged file, if it is open. */
  readonly fd: number | null;
}

export interface PlacedFile {
  readonly file: StatFacts;
  /** The folders above it, outermost first. */
  readonly above: readonly StatFacts[];
}

export interface DropAsk {
  readonly folder: FolderAsk;
  readonly stagingName: string;
  readonly fd: number | null;
}

export interface ReadAsk {
  readonly path: string;
  readonly startByte: number;
  readonly lengthBytes: number;
}

/** What a short read has found; what it means, the caller decides. */
export interface ShortRead {
  /** As many as there were, up to those asked for; null when it is nothing that can be read at a position. */
  readonly bytes: Uint8Array | null;
  /** Of the open file, as is `version`; both taken after the last byte was read. */
  readonly isFile: boolean;
  /** If it is the promised one now, the bytes are of it. */
  readonly version: string;
  /** Where the open file really is, whatever links were in the way. */
  readonly path: string;
  /** How long the disk took, for who chooses between two ways of asking. */
  readonly tookMs: number;
}

export type Question = keyof DiskQuestions;

/** What is asked in one turn of the event loop passes as one message, as do the answers to it. */
export interface DiskRequest<Q extends Question = Question> {
  readonly id: number;
  readonly question: Q;
  readonly ask: DiskQuestions[Q]['ask'];
}

export interface DiskReply {
  readonly id: number;
  readonly answer: unknown;
  /** Symbolic errno, such as `ENOENT`, instead of an answer. */
  readonly errno: string | null;
  /** What was decided there, instead of an answer. */
  readonly refusal?: { readonly code: ErrorCode; readonly message: string };
}

/** What a thread counts in memory that both sides see, so that it is known although the thread waits. */
export interface DiskThreadStart {
  /** `THREAD_COUNTS`, 64 bits each. */
  readonly counts: SharedArrayBuffer;
}

/** Where in it is what. */
export const THREAD_COUNTS = {
  /** What was asked of the disk so far, so that a slow one is told from one that hangs. */
  calls: 0,
  /** What the disk has not answered yet, also where nobody waits for it any more. */
  underWay: 1,
} as const;

const NUMBERS_EACH = 4;

/** Filled by the thread, one name after the other. */
export class FoundBuilder implements FoundColumns {
  readonly types: Uint8Array;
  readonly refIds: string[] = [];
  readonly versions: string[] = [];
  readonly numbers: Float64Array;
  #count = 0;

  constructor(length: number) {
    this.types = new Uint8Array(length);
    this.numbers = new Float64Array(length * NUMBERS_EACH);
  }

  /** @param facts of a file or a folder. */
  add(type: FoundType, facts: StatFacts | null = null): void {
    const at = this.#count;
    this.#count += 1;
    this.types[at] = type;
    this.refIds.push(facts?.refId ?? '');
    this.versions.push(facts?.version ?? '');
    if (facts === null) return;
    const { sizeBytes, modifiedMs, createdMs, statusChangedMs } = facts;
    this.numbers.set([sizeBytes, modifiedMs, createdMs ?? Number.NaN, statusChangedMs], at * NUMBERS_EACH);
  }

  /** What is to be posted: class instances do not pass between threads. */
  columns(): FoundColumns {
    const { types, refIds, versions, numbers } = this;
    return { types, refIds, versions, numbers };
  }
}

/** The facts of a file or a folder in a row of what was found. */
export function factsAt(found: FoundColumns, at: number): StatFacts {
  const number = (column: number) => found.numbers[at * NUMBERS_EACH + column] ?? Number.NaN;
  const createdMs = number(2);
  return {
    refId: found.refIds[at] ?? '',
    version: found.versions[at] ?? '',
    sizeBytes: number(0),
    modifiedMs: number(1),
    createdMs: Number.isNaN(createdMs) ? null : createdMs,
    statusChangedMs: number(3),
  };
}
