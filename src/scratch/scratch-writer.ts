import type { Readable } from 'node:stream';
import { CodedError } from '../model/coded-error.ts';
import type { CopyWrite, MoveWrite, Over, PutWrite, TreeWriter, WriteFailure } from '../model/write.ts';
import { type ScratchEntry, type ScratchStore, versionOf } from './scratch-store.ts';

/** Writes to the scratch store the way sources are written to. Paths are keys of the whole tree. */
export class ScratchWriter implements TreeWriter {
  readonly paths = 'stored';
  readonly #store: ScratchStore;

  constructor(store: ScratchStore) {
    this.#store = store;
  }

  async put(path: string, content: Readable, { claims, over }: PutWrite, signal: AbortSignal): Promise<void> {
    this.#check(path, over);
    await this.#store.put(path, content, claims.modifiedMs);
    signal.throwIfAborted();
  }

  /** What it holds is changed in one go, and nobody asks twice. */
  async undisturbed<T>(work: () => Promise<T>): Promise<T> {
    return await work();
  }

  async makeCollection(path: string): Promise<void> {
    this.#store.makeCollection(path);
  }

  async remove(path: string): Promise<readonly WriteFailure[]> {
    if (!this.#store.removeTree(path)) throw missing();
    return [];
  }

  async move(from: string, to: string, { over }: MoveWrite): Promise<readonly WriteFailure[]> {
    this.#check(to, over);
    if (this.#store.at(from) === null) throw missing();
    this.#store.moveTree(from, to);
    return [];
  }

  async copy(from: string, to: string, { over, isDeep }: CopyWrite): Promise<readonly WriteFailure[]> {
    this.#check(to, over);
    const entry = this.#store.at(from);
    if (entry === null) throw missing();
    this.#store.removeTree(to);
    await this.#copyEntry(entry, to, isDeep);
    return [];
  }

  /** Nothing of it is in views. */
  async copyAsset(): Promise<boolean> {
    return false;
  }

  async setModifiedTime(path: string, modifiedMs: number): Promise<void> {
    this.#store.setModifiedTime(path, modifiedMs);
  }

  async checkSpace(): Promise<void> {
    // There is always room: the oldest goes.
  }

  async #copyEntry(entry: ScratchEntry, to: string, isDeep: boolean): Promise<void> {
    if (entry.kind === 'content') {
      const content = this.#store.open(entry);
      try {
        await this.#store.put(to, content, entry.modifiedMs);
      } finally {
        content.destroy();
      }
      return;
    }
    this.#store.makeCollection(to);
    if (!isDeep) return;
    for (const member of this.#store.members(entry.path)) {
      await this.#copyEntry(member, to + member.path.slice(entry.path.length), isDeep);
    }
  }

  #check(path: string, over: Over): void {
    const entry = this.#store.at(path);
    if (over === 'nothing' && entry !== null) throw new CodedError('exists', 'Something is there already.');
    if (typeof over === 'object' && (entry === null || versionOf(entry) !== over.version)) {
      throw new CodedError('changed', 'It was changed meanwhile.');
    }
  }
}

function missing(): CodedError {
  return new CodedError('not-found', 'There is nothing of that name.');
}
