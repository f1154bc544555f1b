import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../../../src/model/coded-error.ts';
import type { StagedCopy, WriteCall } from '../../../src/provider/provider.ts';
import type { Disk } from '../disk.ts';
import type { Root } from '../disk-messages.ts';
import type { PoolShare } from '../pool-share.ts';
import { toMs } from '../stat-facts.ts';
import { MAX_DEPTH } from '../walk.ts';
import { type HeldFolder, type HeldPlace, holdPlace, leftOut } from './held-folder.ts';
import { leaveToScan } from './leave-to-scan.ts';
import { Original } from './original.ts';
import { isShown, missing, openShownFile } from './place-rules.ts';
import { remove } from './remove.ts';
import { compareThings } from './same-thing.ts';
import { StagedEntry, type StagedEntryOptions } from './staged-entry.ts';
import { translateWriteError } from './translate-write-error.ts';
import { inSteps } from './write-steps.ts';

export interface Copying {
  readonly disk: Disk;
  readonly root: Root;
  readonly call: WriteCall;
  readonly stagingName: string;
  /** Of the thread pool, for bringing to the disk what was shown. */
  readonly share: PoolShare;
}

/** A file system that can share the blocks of two equal files does. */
const HOW = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;

/** See `Provider.copy`. */
export async function copy(
  copying: Copying,
  from: string,
  to: string,
  { isDeep }: { readonly isDeep: boolean },
): Promise<StagedCopy> {
  const { disk, root, call, stagingName, share } = copying;
  const original = new Original();
  const source = await holdPlace(root, from, call);
  try {
    const there = await source.folder.member(source.name);
    if (there === null) throw missing();
    const kind = there.isDirectory() ? 'collection' : 'asset';
    if (!(kind === 'asset' ? call.accepts(to) : call.enters(to))) throw leftOut();
    if ((await compareThings(root, from, to)) === 'own-name') {
      throw new CodedError('denied', 'On the disk, source and destination are the same.');
    }
    const place = await holdPlace(root, to, call);
    const staged = place.folder.at(stagingName);
    try {
      let sizeBytes = 0;
      if (kind === 'asset') sizeBytes = await copyAsset(root, source, { staged, original });
      else {
        original.note(from, there);
        await mkdir(staged);
        if (isDeep) await copyMembers(copying, source, { staged, original });
        await syncFolder(staged);
      }
      const { folder } = place;
      const options: StagedEntryOptions = {
        ...{ disk, root, path: to, stagingName, kind, sizeBytes, fd: null },
        folder: {
          asked: folder.asked,
          identity: await folder.identity(),
          sync: () => share.runInTime(() => folder.sync()),
          letGo: () => folder.close(),
        },
      };
      return new StagedCopyEntry(options, (later) =>
        inSteps(later, (steps) => remove({ root, call: later, steps }, from, original)),
      );
    } catch (error) {
      await leaveToScan(() => rm(staged, { recursive: true, force: true }));
      await place.folder.close();
      throw error;
    }
  } catch (error) {
    throw translateWriteError(error);
  } finally {
    await source.folder.close();
  }
}

class StagedCopyEntry extends StagedEntry implements StagedCopy {
  readonly removeOriginal: NonNullable<StagedCopy['removeOriginal']>;

  constructor(options: StagedEntryOptions, removeOriginal: NonNullable<StagedCopy['removeOriginal']>) {
    super(options);
    this.removeOriginal = removeOriginal;
  }
}

interface CopyTarget {
  readonly staged: string;
  /** To be filled. */
  readonly original: Original;
}

/** @returns its size in bytes. */
async function copyAsset(root: Root, source: HeldPlace, { staged, original }: CopyTarget): Promise<number> {
  const { handle, path, stats } = await openShownFile(root, source);
  try {
    original.note(source.path, stats);
    await copyFile(path, staged, HOW);
    original.check(source.path, await handle.stat({ bigint: true }));
    const copied = await open(staged, constants.O_RDONLY);
    try {
      await copied.utimes(Date.now() / 1000, toMs(stats.mtimeNs) / 1000);
      await copied.sync();
    } finally {
      await copied.close();
    }
    return Number(stats.size);
  } finally {
    await handle.close();
  }
}

interface CopyStep {
  readonly folder: HeldFolder;
  readonly staged: string;
  readonly depth: number;
}

/** Folder by folder; what is not shown stays behind. */
async function copyMembers(
  { root, call }: Copying,
  source: HeldPlace,
  { staged, original }: CopyTarget,
): Promise<void> {
  const visit = async ({ folder, staged: into, depth }: CopyStep): Promise<void> => {
    for (const name of await readdir(folder.own)) {
      call.signal.throwIfAborted();
      const place = { folder, name, path: `${folder.path}/${name}` };
      const target = join(into, name);
      const there = await lstat(folder.at(name), { bigint: true });
      if (!(await isShown(root, place, there, call))) continue;
      if (!there.isDirectory()) {
        await copyAsset(root, place, { staged: target, original });
        continue;
      }
      original.note(place.path, there);
      await mkdir(target);
      if (depth >= MAX_DEPTH) continue;
      const below = await folder.enter(name);
      try {
        await visit({ folder: below, staged: target, depth: depth + 1 });
      } finally {
        await below.close();
      }
      await syncFolder(target);
    }
  };
  const folder = await source.folder.enter(source.name);
  try {
    await visit({ folder, staged, depth: source.path.split('/').length });
  } finally {
    await folder.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
