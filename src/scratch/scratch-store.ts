import type { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import { openScratchDatabase, prepareStatements, type Statements, translating } from './scratch-database.ts';

/** Something that a system has left at a path. */
export interface ScratchEntry {
  /** Made anew with each content, never used twice. */
  readonly id: number;
  /** `ResourcePath.key`, as all paths here. */
  readonly path: string;
  readonly kind: 'collection' | 'content';
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly createdMs: number;
}

/** Names one exact content. */
export function versionOf({ id }: ScratchEntry): string {
  return `scratch-${id}`;
}

export interface ScratchLimits {
  readonly entries: number;
  readonly totalBytes: number;
  readonly entryBytes: number;
}

export interface ScratchStoreOptions {
  /** Absolute path. Its folder is there. */
  readonly file: string;
  readonly logger: Logger;
  /** Default: `SCRATCH_LIMITS`. */
  readonly limits?: ScratchLimits;
}

export const SCRATCH_LIMITS: ScratchLimits = {
  entries: 10_000,
  totalBytes: 256 * 1024 * 1024,
  // Applications save through a folder of temporary items, so whole photos pass.
  entryBytes: 128 * 1024 * 1024,
};

/** Contents are kept in pieces of this size: none takes longer than a moment to write or to read. */
const PIECE_BYTES = 128 * 1024;
/** Pieces deleted in one turn of the event loop. */
const PIECES_A_TURN = 32;

/**
 * Where system litter goes instead of into a source: written ones can be read back at their path, and nobody else ever
 * sees them. Bounded by count and bytes; what was written longest ago goes first. One file of SQLite in DATA_DIR, owned
 * by this store; it may be deleted while the server is down.
 */
export class ScratchStore {
  readonly #database: DatabaseSync;
  readonly #logger: Logger;
  readonly #limits: ScratchLimits;
  readonly #statements: Statements;
  /** Entries being written now; those without a path that are not among them can go. */
  readonly #pending = new Set<number>();
  #cleaning: Promise<void> | null = null;
  #isClosed = false;

  constructor({ file, logger, limits = SCRATCH_LIMITS }: ScratchStoreOptions) {
    this.#database = openScratchDatabase(file, logger);
    this.#logger = logger;
    this.#limits = limits;
    this.#statements = prepareStatements(this.#database);
    this.#clean();
  }

  at(path: string): ScratchEntry | null {
    const row = this.#statements.at.get(path);
    return row === undefined ? null : entryOf(row);
  }

  /** Null when it was replaced or removed. */
  byId(id: number): ScratchEntry | null {
    const row = this.#statements.byId.get(id);
    return row === undefined ? null : entryOf(row);
  }

  /** Direct members of a collection, by name. */
  members(path: string): ScratchEntry[] {
    const below = this.#statements.below.all(...rangeBelow(path));
    return below.map(entryOf).filter((entry) => !entry.path.slice(path.length + 1).includes('/'));
  }

  /**
   * A whole content at `path`, in place of what is there. The caller owns `content`; cut short, it changes nothing.
   * Rejects `too-large` beyond the limit of one entry, `exists` where a collection is.
   * @param modifiedMs null: now.
   */
  async put(path: string, content: Readable, modifiedMs: number | null): Promise<ScratchEntry> {
    if (this.at(path)?.kind === 'collection') throw new CodedError('exists', 'A folder has that name.');
    const nowMs = Date.now();
    const id = this.#insert('content', modifiedMs ?? nowMs);
    this.#pending.add(id);
    try {
      const sizeBytes = await this.#store(id, content);
      this.#replace(path, id, sizeBytes);
    } finally {
      this.#pending.delete(id);
      this.#clean();
    }
    const entry = this.at(path);
    if (entry === null) throw new Error('what was just written is not there');
    return entry;
  }

  /** Rejects `exists`. */
  makeCollection(path: string): void {
    if (this.at(path) !== null) throw new CodedError('exists', 'There is something of that name already.');
    const nowMs = Date.now();
    const id = this.#insert('collection', nowMs);
    this.#replace(path, id, 0);
  }

  /** The bytes of a content, or a range of them. The caller destroys it. Fails with `changed` once it is replaced. */
  open({ id, sizeBytes }: ScratchEntry, range: ByteRange = { start: 0, end: sizeBytes - 1 }): Readable {
    const piece = this.#statements.piece;
    function* pieces(): Generator<Uint8Array> {
      for (let at = range.start; at <= range.end; ) {
        const bytes = piece.get(id, Math.floor(at / PIECE_BYTES))?.bytes;
        if (!(bytes instanceof Uint8Array)) throw new CodedError('changed', 'The content was replaced.');
        const from = at % PIECE_BYTES;
        const part = bytes.subarray(from, Math.min(bytes.length, from + range.end - at + 1));
        yield part;
        at += part.length;
      }
    }
    return Readable.from(pieces(), { objectMode: false });
  }

  setModifiedTime(path: string, modifiedMs: number): void {
    this.#statements.setTime.run(modifiedMs, path);
  }

  /** With everything below it. @returns false when there was nothing. */
  removeTree(path: string): boolean {
    const here = this.#statements.drop.run(path).changes;
    const below = this.#statements.dropBelow.run(...rangeBelow(path)).changes;
    this.#clean();
    return Number(here) + Number(below) > 0;
  }

  /** What is at `from` and below it goes to `to`, in place of all that is there. */
  moveTree(from: string, to: string): void {
    this.removeTree(to);
    const [after, before] = rangeBelow(from);
    this.#statements.moveTree.run(to, from, after, before);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#cleaning;
    this.#database.close();
  }

  /** @returns the id of an entry without a place yet. */
  #insert(kind: ScratchEntry['kind'], modifiedMs: number): number {
    return translating(() =>
      Number(this.#statements.insert.run(kind, modifiedMs, Date.now()).lastInsertRowid),
    );
  }

  async #store(id: number, content: Readable): Promise<number> {
    let sizeBytes = 0;
    let at = 0;
    let held: Buffer[] = [];
    let heldBytes = 0;
    const write = (bytes: Buffer): void => {
      translating(() => this.#statements.writePiece.run(id, at, bytes));
      at += 1;
    };
    for await (const chunk of content as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > this.#limits.entryBytes) {
        throw new CodedError('too-large', `System files are kept up to ${this.#limits.entryBytes} bytes.`);
      }
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < PIECE_BYTES) continue;
      const bytes = Buffer.concat(held, heldBytes);
      let from = 0;
      for (; heldBytes - from >= PIECE_BYTES; from += PIECE_BYTES)
        write(bytes.subarray(from, from + PIECE_BYTES));
      held = [bytes.subarray(from)];
      heldBytes -= from;
    }
    if (heldBytes > 0) write(Buffer.concat(held, heldBytes));
    return sizeBytes;
  }

  /** Gives the entry its place and makes room: in one transaction, so that there is always the old or the new one. */
  #replace(path: string, id: number, sizeBytes: number): void {
    translating(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        this.#statements.drop.run(path);
        this.#statements.place.run(path, sizeBytes, id);
        this.#makeRoom(id);
        this.#database.exec('COMMIT');
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #makeRoom(keptId: number): void {
    let { count = 0, bytes = 0 } = this.#statements.total.get() as { count?: number; bytes?: number };
    while (count > this.#limits.entries || bytes > this.#limits.totalBytes) {
      const oldest = this.#statements.oldest.get(keptId);
      if (oldest === undefined) return;
      this.#statements.drop.run(String(oldest.path));
      count -= 1;
      bytes -= Number(oldest.size_bytes);
    }
  }

  /** Deletes the contents of entries without a path, a few pieces at a time. One run serves all who ask for it. */
  #clean(): void {
    this.#cleaning ??= this.#cleanAll()
      .catch((error: unknown) => this.#logger.warn('old system files could not be deleted', { error }))
      .finally(() => {
        this.#cleaning = null;
      });
  }

  async #cleanAll(): Promise<void> {
    for (let id = this.#nextLost(); id !== null && !this.#isClosed; id = this.#nextLost()) {
      while (Number(this.#statements.deletePieces.run(id, id, PIECES_A_TURN).changes) > 0) {
        await yieldToEventLoop();
        if (this.#isClosed) return;
      }
      this.#statements.delete.run(id);
    }
  }

  #nextLost(): number | null {
    const ids = this.#statements.lost.all().map((row) => Number(row.id));
    return ids.find((id) => !this.#pending.has(id)) ?? null;
  }
}

/** The open range of all paths below one: `0` is the character after `/`. */
function rangeBelow(key: string): [after: string, before: string] {
  return key === '/' ? ['/', '0'] : [`${key}/`, `${key}0`];
}

function entryOf(row: Record<string, unknown>): ScratchEntry {
  return {
    id: Number(row.id),
    path: String(row.path),
    kind: row.kind === 'collection' ? 'collection' : 'content',
    sizeBytes: Number(row.size_bytes),
    modifiedMs: Number(row.modified_ms),
    createdMs: Number(row.created_ms),
  };
}
