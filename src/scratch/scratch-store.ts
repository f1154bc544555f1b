import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { ByteRange } from '../model/byte-range.ts';
import { CodedError } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type { ResourcePath } from '../model/resource-path.ts';

/** Something that a system has left at a path. */
export interface ScratchEntry {
  /** Made anew with each content, never used twice. */
  readonly id: number;
  readonly path: string;
  readonly kind: 'collection' | 'content';
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly createdMs: number;
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

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA journal_size_limit = 8388608;
  CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT UNIQUE,                -- null: not whole yet, or waiting to be deleted
    kind TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ms REAL NOT NULL,
    created_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS piece (
    entry_id INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (entry_id, at)
  ) STRICT;
`;

const COLUMNS = 'id, path, kind, size_bytes, modified_ms, created_ms';

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
    this.#database = new DatabaseSync(file);
    this.#logger = logger;
    this.#limits = limits;
    this.#database.exec(SCHEMA);
    this.#statements = prepare(this.#database);
    this.#clean();
  }

  at(path: ResourcePath): ScratchEntry | null {
    const row = this.#statements.at.get(path.key);
    return row === undefined ? null : entryOf(row);
  }

  /** Direct members of a collection, by name. */
  members(path: ResourcePath): ScratchEntry[] {
    const below = this.#statements.below.all(...rangeBelow(path.key));
    return below.map(entryOf).filter((entry) => !entry.path.slice(path.key.length + 1).includes('/'));
  }

  /**
   * A whole content at `path`, in place of what is there. The caller owns `content`; cut short, it changes nothing.
   * Rejects `too-large` beyond the limit of one entry, `exists` where a collection is.
   * @param modifiedMs null: now.
   */
  async put(path: ResourcePath, content: Readable, modifiedMs: number | null): Promise<ScratchEntry> {
    if (this.at(path)?.kind === 'collection') throw new CodedError('exists', 'A folder has that name.');
    const nowMs = Date.now();
    const id = Number(this.#statements.insert.run('content', modifiedMs ?? nowMs, nowMs).lastInsertRowid);
    this.#pending.add(id);
    try {
      const sizeBytes = await this.#store(id, content);
      this.#replace(path.key, id, sizeBytes);
    } finally {
      this.#pending.delete(id);
      this.#clean();
    }
    const entry = this.at(path);
    if (entry === null) throw new Error('what was just written is not there');
    return entry;
  }

  /** Rejects `exists`. */
  makeCollection(path: ResourcePath): void {
    if (this.at(path) !== null) throw new CodedError('exists', 'There is something of that name already.');
    const nowMs = Date.now();
    const id = Number(this.#statements.insert.run('collection', nowMs, nowMs).lastInsertRowid);
    this.#replace(path.key, id, 0);
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

  setModifiedTime(path: ResourcePath, modifiedMs: number): void {
    this.#statements.setTime.run(modifiedMs, path.key);
  }

  /** With everything below it. @returns false when there was nothing. */
  removeTree(path: ResourcePath): boolean {
    const here = this.#statements.drop.run(path.key).changes;
    const below = this.#statements.dropBelow.run(...rangeBelow(path.key)).changes;
    this.#clean();
    return Number(here) + Number(below) > 0;
  }

  /** What is at `from` and below it goes to `to`, in place of all that is there. */
  moveTree(from: ResourcePath, to: ResourcePath): void {
    this.removeTree(to);
    const [after, before] = rangeBelow(from.key);
    this.#statements.moveTree.run(to.key, from.key, after, before);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#cleaning;
    this.#database.close();
  }

  async #store(id: number, content: Readable): Promise<number> {
    let sizeBytes = 0;
    let at = 0;
    let held: Buffer[] = [];
    let heldBytes = 0;
    const write = (bytes: Buffer): void => {
      this.#statements.writePiece.run(id, at, bytes);
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

type Statements = ReturnType<typeof prepare>;

function prepare(database: DatabaseSync) {
  const statements = {
    at: `SELECT ${COLUMNS} FROM entry WHERE path = ?`,
    below: `SELECT ${COLUMNS} FROM entry WHERE path > ? AND path < ? ORDER BY path`,
    insert: 'INSERT INTO entry (path, kind, size_bytes, modified_ms, created_ms) VALUES (NULL, ?, 0, ?, ?)',
    place: 'UPDATE entry SET path = ?, size_bytes = ? WHERE id = ?',
    setTime: 'UPDATE entry SET modified_ms = ? WHERE path = ?',
    drop: 'UPDATE entry SET path = NULL WHERE path = ?',
    dropBelow: 'UPDATE entry SET path = NULL WHERE path > ? AND path < ?',
    moveTree:
      'UPDATE entry SET path = ?1 || substr(path, length(?2) + 1) WHERE path = ?2 OR (path > ?3 AND path < ?4)',
    total:
      'SELECT count(*) AS count, coalesce(sum(size_bytes), 0) AS bytes FROM entry WHERE path IS NOT NULL',
    oldest: 'SELECT path, size_bytes FROM entry WHERE path IS NOT NULL AND id <> ? ORDER BY id LIMIT 1',
    lost: 'SELECT id FROM entry WHERE path IS NULL',
    delete: 'DELETE FROM entry WHERE id = ?',
    writePiece: 'INSERT INTO piece (entry_id, at, bytes) VALUES (?, ?, ?)',
    piece: 'SELECT bytes FROM piece WHERE entry_id = ? AND at = ?',
    deletePieces:
      'DELETE FROM piece WHERE entry_id = ? AND at IN (SELECT at FROM piece WHERE entry_id = ? ORDER BY at DESC LIMIT ?)',
  } as const;
  const prepared = Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)] as const);
  return Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>;
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
