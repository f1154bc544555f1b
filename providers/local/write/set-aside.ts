import { lstat, mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SetAside, Staged } from '../../../src/provider/provider.ts';
import type { Root } from '../disk-messages.ts';
import { holdPlace } from './held-folder.ts';
import { leaveToScan } from './leave-to-scan.ts';
import { missing, shownFile } from './place-rules.ts';
import { whatStays } from './remove.ts';
import { StagedEntry } from './staged-entry.ts';
import { asideIsOver, freePlace, newAsideName, newStagingName, stagingIsOver } from './staging-name.ts';
import { translateWriteError } from './translate-write-error.ts';
import { inSteps, type SteppedWriting, type WriteSteps } from './write-steps.ts';

export interface SettingAside extends SteppedWriting {
  readonly writer: string;
}

/** See `Provider.setAside`. In a hidden folder beside it, under its own name, so that a scan can put it back. */
export async function setAside(setting: SettingAside, path: string, by: string | Staged): Promise<SetAside> {
  const { root, call, steps, writer } = setting;
  const inode = await inodeOf(root, by);
  const { folder, name } = await holdPlace(root, path, call);
  const asideName = newAsideName(writer, inode);
  const aside = folder.at(asideName);
  const kept = join(aside, name);
  const letGo = async () => {
    asideIsOver(asideName);
    await folder.close();
  };
  try {
    const there = await folder.member(name);
    if (there === null) throw missing();
    if (!there.isDirectory() && (await shownFile(root, { folder, name, path }, there)) === null)
      throw missing();
    const failures = there.isDirectory() ? await whatStays(setting, { folder, name, path }) : [];
    if (failures.length > 0) {
      await letGo();
      const nothing = async () => undefined;
      return { failures, putBack: nothing, remove: nothing, leave: nothing };
    }
    steps.next();
    await mkdir(aside);
    try {
      steps.next();
      await rename(folder.at(name), kept);
      // Nobody would see to it any more: it is left to the scan that follows.
      steps.next();
    } catch (error) {
      await leaveToScan(() => rmdir(aside));
      throw error;
    }
  } catch (error) {
    await letGo();
    throw translateWriteError(error);
  }
  /** Whatever is done with it then, it is done once, and the folder is let go of. */
  const ending = (work: () => Promise<void>) => async () => {
    try {
      await work();
    } catch (error) {
      throw translateWriteError(error);
    } finally {
      await letGo();
    }
  };
  const putBack = async (each: WriteSteps) => {
    // What somebody else has put there meanwhile stays, with this one beside it.
    const place = await freePlace(folder.own, name);
    each.next();
    await rename(kept, place);
    each.next();
    await rmdir(aside);
    each.next();
    await folder.sync();
  };
  return {
    failures: [],
    putBack: () => inSteps(call, (each) => ending(() => putBack(each))()),
    remove: ending(async () => {
      // Under a name from which nothing comes back, should not all of it go now.
      const doomedName = newStagingName(writer);
      const doomed = folder.at(doomedName);
      try {
        await rename(aside, doomed);
        await rm(doomed, { recursive: true, force: true });
      } finally {
        stagingIsOver(doomedName);
      }
    }),
    leave: ending(async () => undefined),
  };
}

/** Of what is to be placed: by that a scan can tell whether it was. */
async function inodeOf(root: Root, by: string | Staged): Promise<bigint> {
  try {
    if (by instanceof StagedEntry) return await by.inode();
    if (typeof by === 'string') return (await lstat(join(root.path, by), { bigint: true })).ino;
  } catch (error) {
    throw translateWriteError(error);
  }
  throw new Error('something was staged that is not of this source');
}
