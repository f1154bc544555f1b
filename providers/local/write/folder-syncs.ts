/** A folder that is held open. */
export interface SyncedFolder {
  /** The same for whoever holds this folder. */
  readonly identity: string;
  sync(): Promise<void>;
}

interface Syncs {
  /** False: it begins when all have come who are here in this moment, such as a group of uploads that was placed together. */
  hasBegun: boolean;
  running: Promise<void>;
  /** Begins when that one is over; null: nobody waits for another one. */
  next: Promise<void> | null;
}

/**
 * Brings folders to the disk, once for all who wait for it. A sync covers what was done before it began, so whoever comes
 * while one runs waits for the next one, with all others who came meanwhile: eight uploads at once into one folder then
 * cost the disk two or three syncs and not eight.
 */
export class FolderSyncs {
  readonly #byFolder = new Map<string, Syncs>();

  /**
   * Resolves when what was done in the folder until now outlasts a power cut. Rejects with the error of the disk.
   * @param folder held open by the caller until then.
   */
  async sync(folder: SyncedFolder): Promise<void> {
    const key = folder.identity;
    const syncs = this.#byFolder.get(key);
    if (syncs === undefined) return await this.#run(folder, key);
    if (!syncs.hasBegun) return await syncs.running;
    const run = () => this.#run(folder, key);
    syncs.next ??= syncs.running.then(run, run);
    await syncs.next;
  }

  #run(folder: SyncedFolder, key: string): Promise<void> {
    const running = Promise.resolve().then(() => {
      syncs.hasBegun = true;
      return folder.sync();
    });
    const syncs: Syncs = { hasBegun: false, running, next: null };
    this.#byFolder.set(key, syncs);
    const forget = () => {
      if (syncs.next === null) this.#byFolder.delete(key);
    };
    running.then(forget, forget);
    return running;
  }
}

/** Of all uploads of this process. */
export const FOLDER_SYNCS = new FolderSyncs();
