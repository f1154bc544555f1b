import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { ShownSource } from '../catalog.ts';
import { translating } from './database.ts';
import { SHOWN_KEY } from './schema.ts';

/** What is kept under `SHOWN_KEY`. */
interface Stored {
  readonly shown: readonly ShownSource[];
  /** Ids of the sources that were shown once and are not now. */
  readonly hiddenIds: readonly number[];
}

/** Which of the catalog's sources are the tree: one row of JSON, read by every process that shows something. */
export class ShownSources {
  readonly #read: StatementSync;
  readonly #sourceIds: StatementSync;
  readonly #write: StatementSync;

  constructor(database: DatabaseSync) {
    this.#read = database.prepare('SELECT value FROM catalog WHERE key = ?');
    this.#sourceIds = database.prepare('SELECT id FROM source');
    this.#write = database.prepare(
      'INSERT INTO catalog (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2',
    );
  }

  read(): readonly ShownSource[] {
    return this.#stored()?.shown ?? [];
  }

  /**
   * Called inside a transaction of the writer.
   * @returns whether a source that readers have seen left the tree or came back to it.
   */
  write(shown: readonly ShownSource[]): boolean {
    const shownIds = new Set(shown.map(({ sourceId }) => sourceId));
    const before = this.#stored();
    // A catalog of before this was noted has shown all that it holds.
    const wereShown = before?.shown.map(({ sourceId }) => sourceId) ?? this.#allIds();
    const wereHidden = before?.hiddenIds ?? [];
    const left = wereShown.filter((id) => !shownIds.has(id));
    const stayAway = wereHidden.filter((id) => !shownIds.has(id));
    const stored: Stored = { shown, hiddenIds: [...stayAway, ...left] };
    // With nothing to write a server starts on a full disk, too.
    if (!isDeepStrictEqual(before, stored)) this.#write.run(SHOWN_KEY, JSON.stringify(stored));
    return left.length > 0 || stayAway.length < wereHidden.length;
  }

  #stored(): Stored | null {
    const row = translating(() => this.#read.get(SHOWN_KEY));
    return row === undefined ? null : (JSON.parse(String(row.value)) as Stored);
  }

  #allIds(): number[] {
    return this.#sourceIds.all().map((row) => Number(row.id));
  }
}
