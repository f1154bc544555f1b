import { mkdir, rename, statfs, unlink } from 'node:fs/promises';
import type { Over } from '../../../src/model/write.ts';
import type { Provider, WriteCall } from '../../../src/provider/provider.ts';
import type { Disk } from '../disk.ts';
import type { Root } from '../disk-messages.ts';
import { PoolShare, WRITE_PATIENCE_MS } from '../pool-share.ts';
import { errnoOf } from '../translate-error.ts';
import { copy } from './copy.ts';
import { HeldFolder, holdPlace, leftOut } from './held-folder.ts';
import { missing, openShownFile, shownFile } from './place-rules.ts';
import { receive } from './receive.ts';
import { remove } from './remove.ts';
import { compareThings } from './same-thing.ts';
import { setAside } from './set-aside.ts';
import { newStagingName, stagingIsOver } from './staging-name.ts';
import { StagingQueue } from './staging-queue.ts';
import { translateWriteError } from './translate-write-error.ts';
import { inSteps, type SteppedWriting } from './write-steps.ts';

/** Calls of uploads at once: with reads, short uploads and copies less than the pool has, which is for all sources. */
const MAX_WRITES = 8;
const MAX_COPIES = 8;
/** One call copies a whole film, and a folder is many of them: only who never comes to an end is not waited for. */
const COPY_PATIENCE_MS = 3_600_000;

export interface WritingOptions {
  /** Where to write. Rejects `unavailable` when it is not there. */
  readonly root: () => Promise<Root>;
  /** The same as it was found last, without looking: for who has it looked at together with what follows. */
  readonly knownRoot: () => Promise<Root>;
  /** Where that is, as it was configured. */
  readonly givenPath: string;
  /** Of these writes alone. */
  readonly disk: Disk;
  readonly writer: string;
}

type Powers =
  | 'receive'
  | 'copy'
  | 'move'
  | 'makeCollection'
  | 'remove'
  | 'setAside'
  | 'setModifiedTime'
  | 'freeBytes';

interface Named {
  readonly disk: Disk;
  readonly call: WriteCall;
  readonly stagingName: string;
}

/** The powers of a local folder that may be changed. */
export function createWriting(options: WritingOptions): Required<Pick<Provider, Powers>> {
  const { root, knownRoot, givenPath, disk, writer } = options;
  /** What is staged has the name until it is discarded; what could not be staged is nobody's any more. */
  const staging = async <T>(call: WriteCall, stage: (named: Named) => Promise<T>): Promise<T> => {
    const stagingName = newStagingName(writer);
    try {
      return await stage({ disk, call, stagingName });
    } catch (error) {
      stagingIsOver(stagingName);
      throw error;
    }
  };
  const queue = new StagingQueue(disk);
  const share = new PoolShare({ maxTrips: MAX_WRITES, patienceMs: WRITE_PATIENCE_MS });
  const copies = new PoolShare({ maxTrips: MAX_COPIES, patienceMs: COPY_PATIENCE_MS });
  const changing = async <T>(call: WriteCall, write: (writing: SteppedWriting) => Promise<T>): Promise<T> => {
    const known = await root();
    return await inSteps(call, (steps) => write({ root: known, call, steps }));
  };
  return {
    receive: (path, content, want, call) =>
      staging(call, async (named) =>
        receive({ ...named, root: await knownRoot(), queue, share, givenPath }, path, content, want),
      ),
    copy: (from, to, want, call) =>
      staging(call, async (named) => {
        const copying = { ...named, root: await root(), share };
        return await copies.run(() => copy(copying, from, to, want), call.signal);
      }),
    move: (from, to, over, call) => changing(call, (each) => move({ ...each, disk }, from, to, over)),
    makeCollection: (path, call) => changing(call, (each) => makeCollection(each, path)),
    remove: (path, call) => changing(call, (each) => remove(each, path)),
    setAside: (path, by, call) => changing(call, (each) => setAside({ ...each, writer }, path, by)),
    setModifiedTime: (path, ms, call) => changing(call, (each) => setModifiedTime(each, path, ms)),
    freeBytes: async (path, call) => {
      const known = await root();
      return await share.runInTime(() => freeBytes(known, path, call), call.signal);
    },
  };
}

interface Moving extends SteppedWriting {
  readonly disk: Disk;
}

async function move(
  { disk, root, call, steps }: Moving,
  from: string,
  to: string,
  over: Over,
): Promise<boolean> {
  const source = await holdPlace(root, from, call);
  try {
    const target = await holdPlace(root, to, call);
    try {
      const there = await source.folder.member(source.name);
      const isFolder = there?.isDirectory() === true;
      if (there === null || !(isFolder || (await shownFile(root, source, there)) !== null)) throw missing();
      if (!(isFolder ? call.enters(to) : call.accepts(to))) throw leftOut();
      // Before anything is weighed: what is in the way there stays until all of this has arrived.
      steps.next();
      const relation = await compareThings(root, from, to);
      if (!(await target.folder.isOnDiskOf(there))) return false;
      if (relation === 'other') {
        const { folder, name } = target;
        await disk.ask('weigh', { root, folder: folder.asked, name, over: isFolder ? 'nothing' : over });
      }
      steps.next();
      // Of two names of one file, a rename would leave both.
      if (relation === 'hard-link') await unlink(source.folder.at(source.name));
      else await rename(source.folder.at(source.name), target.folder.at(target.name));
      steps.next();
      await target.folder.sync();
      steps.next();
      await source.folder.sync();
      return true;
    } finally {
      await target.folder.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') return false;
    throw translateWriteError(error);
  } finally {
    await source.folder.close();
  }
}

async function makeCollection({ root, call, steps }: SteppedWriting, path: string): Promise<void> {
  if (!call.enters(path)) throw leftOut();
  const { folder, name } = await holdPlace(root, path, call);
  try {
    steps.next();
    await mkdir(folder.at(name));
    steps.next();
    await folder.sync();
  } catch (error) {
    throw translateWriteError(error);
  } finally {
    await folder.close();
  }
}

async function setModifiedTime(
  { root, call, steps }: SteppedWriting,
  path: string,
  modifiedMs: number,
): Promise<void> {
  const place = await holdPlace(root, path, call);
  try {
    const isFolder = (await place.folder.member(place.name))?.isDirectory() === true;
    const opened = isFolder
      ? await place.folder.enter(place.name)
      : (await openShownFile(root, place)).handle;
    try {
      steps.next();
      await opened.utimes(Date.now() / 1000, modifiedMs / 1000);
    } finally {
      await opened.close();
    }
  } catch (error) {
    throw translateWriteError(error);
  } finally {
    await place.folder.close();
  }
}

async function freeBytes(root: Root, path: string, call: WriteCall): Promise<number> {
  const folder = await HeldFolder.open(root, path, call);
  try {
    const { bavail, bsize } = await statfs(folder.own);
    return bavail * bsize;
  } catch (error) {
    throw translateWriteError(error);
  } finally {
    await folder.close();
  }
}
