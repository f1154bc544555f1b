import type { BigIntStats } from 'node:fs';
import { chmod, chown, link, lstat, rename, rm, unlink } from 'node:fs/promises';
import type { AssetFacts } from '../../../src/model/asset.ts';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { Over } from '../../../src/model/write.ts';
import type { Staged } from '../../../src/provider/provider.ts';
import type { Root } from '../disk-messages.ts';
import { fileFactsOf } from '../file-facts.ts';
import { statFactsOf } from '../stat-facts.ts';
import { errnoOf } from '../translate-error.ts';
import { FOLDER_SYNCS } from './folder-syncs.ts';
import type { HeldPlace } from './held-folder.ts';
import { checkOver } from './place-rules.ts';
import { translateWriteError } from './translate-write-error.ts';

export interface StagedEntryOptions {
  readonly root: Root;
  /** Where it belongs. Closed when it is discarded. */
  readonly place: HeldPlace;
  /** What it is called in the same folder until then. */
  readonly stagingName: string;
  readonly kind: 'asset' | 'collection';
  readonly sizeBytes: number;
}

/** Where a file system knows no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
const PERMISSIONS = 0o7777;

/** A whole file or folder under a hidden name, all of it on the disk. */
export class StagedEntry implements Staged {
  readonly sizeBytes: number;
  readonly #options: StagedEntryOptions;
  #state: 'staged' | 'placed' | 'over' = 'staged';

  constructor(options: StagedEntryOptions) {
    this.#options = options;
    this.sizeBytes = options.sizeBytes;
  }

  async place(over: Over): Promise<AssetFacts | undefined> {
    const { root, place, kind } = this.#options;
    if (this.#state !== 'staged') throw new Error('a staged entry was placed twice');
    try {
      await place.folder.verify();
      const there = await place.folder.member(place.name);
      await checkOver(root, place, there, kind === 'collection' ? 'nothing' : over);
      if (kind === 'collection') await this.#rename();
      else if (there === null) await this.#appear();
      else await this.#replace(there);
    } catch (error) {
      throw translateWriteError(error);
    }
    this.#state = 'placed';
    return kind === 'asset' ? await this.#factsNow() : undefined;
  }

  async persist(): Promise<void> {
    try {
      if (this.#state === 'placed') await FOLDER_SYNCS.sync(this.#options.place.folder);
    } catch (error) {
      throw translateWriteError(error);
    }
  }

  async discard(): Promise<void> {
    const before = this.#state;
    if (before === 'over') return;
    this.#state = 'over';
    const { place, stagingName } = this.#options;
    try {
      if (before === 'staged') await rm(place.folder.at(stagingName), { recursive: true, force: true });
    } finally {
      await place.folder.close();
    }
  }

  /** Undefined where there is more to it, or it is gone again: a look will tell. */
  async #factsNow(): Promise<AssetFacts | undefined> {
    const { root, place } = this.#options;
    const stats = await lstat(place.folder.at(place.name), { bigint: true }).catch(() => null);
    if (stats === null || !stats.isFile() || stats.nlink !== 1n) return undefined;
    return fileFactsOf(statFactsOf(stats, root.device, place.path), place.path);
  }

  /** Never takes the place of what somebody else has put there in this very moment. */
  async #appear(): Promise<void> {
    const { place, stagingName } = this.#options;
    try {
      await link(place.folder.at(stagingName), place.folder.at(place.name));
    } catch (error) {
      if (!NO_LINKS.has(errnoOf(error))) throw error;
      await this.#rename();
      return;
    }
    await unlink(place.folder.at(stagingName));
  }

  /** Whoever might read and change the file before still may. */
  async #replace(before: BigIntStats): Promise<void> {
    const { place, stagingName } = this.#options;
    if (!before.isSymbolicLink()) {
      const staged = place.folder.at(stagingName);
      const own = await place.folder.member(stagingName);
      if (own === null) throw new CodedError('unavailable', 'What was uploaded was taken away meanwhile.');
      const isOwned = own.uid === before.uid && own.gid === before.gid;
      // Only an administrator may give files away; the order matters, as `chown` takes rights back.
      if (!isOwned && process.getuid?.() === 0) await chown(staged, Number(before.uid), Number(before.gid));
      if (own.mode !== before.mode) await chmod(staged, Number(before.mode) & PERMISSIONS);
    }
    await this.#rename();
  }

  async #rename(): Promise<void> {
    const { place, stagingName } = this.#options;
    await rename(place.folder.at(stagingName), place.folder.at(place.name));
  }
}
