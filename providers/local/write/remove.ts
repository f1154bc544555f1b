import { lstat, readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { CodedError, codeOf, messageOf } from '../../../src/model/coded-error.ts';
import type { WriteFailure } from '../../../src/model/write.ts';
import type { WriteCall } from '../../../src/provider/provider.ts';
import type { Root } from '../disk-messages.ts';
import { errnoOf } from '../translate-error.ts';
import { MAX_DEPTH } from '../walk.ts';
import { type HeldFolder, type HeldPlace, holdPlace } from './held-folder.ts';
import type { Original } from './original.ts';
import { isShown, missing, shownFile } from './place-rules.ts';
import { isStagingName } from './staging-name.ts';
import { translateWriteError } from './translate-write-error.ts';
import type { SteppedWriting, WriteSteps } from './write-steps.ts';

/** What systems put into folders by themselves, and nobody misses. */
const LITTER = /^(\.DS_Store|\._.*|\.localized|Thumbs\.db|ehthumbs\.db|desktop\.ini)$/i;
/** What is told of one removal; whoever tries again is told of more. */
const MAX_FAILURES = 100;

/**
 * See `Provider.remove`.
 * @param original only what is as it is noted there, see `StagedCopy.removeOriginal`; null: whatever there is.
 */
export async function remove(
  writing: SteppedWriting,
  path: string,
  original: Original | null = null,
): Promise<readonly WriteFailure[]> {
  const { root, call, steps } = writing;
  const { folder, name } = await holdPlace(root, path, call);
  try {
    const there = await folder.member(name);
    if (there === null && original !== null) return [];
    if (there === null) throw missing();
    if (there.isDirectory()) {
      original?.check(path, there);
      const removal = new Removal(writing, { isTrial: false, original });
      await removal.removeFolder(folder, name);
      steps.next();
      await folder.sync();
      return removal.failures;
    }
    const shown = await shownFile(root, { folder, name, path }, there);
    if (shown === null) throw missing();
    original?.check(path, shown);
    steps.next();
    await unlink(folder.at(name));
    steps.next();
    await folder.sync();
    return [];
  } catch (error) {
    throw translateWriteError(error);
  } finally {
    await folder.close();
  }
}

/** What of a folder would stay if it were removed; empty: nothing. Nothing is done. */
export async function whatStays(
  writing: SteppedWriting,
  { folder, name }: HeldPlace,
): Promise<readonly WriteFailure[]> {
  const trial = new Removal(writing, { isTrial: true, original: null });
  await trial.removeFolder(folder, name);
  return trial.failures;
}

interface RemovalOptions {
  /** Only finds out what would stay. */
  readonly isTrial: boolean;
  /** See `remove`. */
  readonly original: Original | null;
}

class Removal {
  readonly failures: WriteFailure[] = [];
  readonly #root: Root;
  readonly #call: WriteCall;
  readonly #steps: WriteSteps;
  readonly #isTrial: boolean;
  readonly #original: Original | null;

  constructor({ root, call, steps }: SteppedWriting, { isTrial, original }: RemovalOptions) {
    this.#root = root;
    this.#call = call;
    this.#steps = steps;
    this.#isTrial = isTrial;
    this.#original = original;
  }

  /** @returns whether all of it is gone. */
  async removeFolder(parent: HeldFolder, name: string): Promise<boolean> {
    const path = parent.path === '' ? name : `${parent.path}/${name}`;
    try {
      const folder = await parent.enter(name);
      try {
        if (!(await this.#removeMembers(folder))) return false;
      } finally {
        await folder.close();
      }
      if (this.#isTrial) return true;
      this.#steps.next();
      await rmdir(parent.at(name));
      return true;
    } catch (error) {
      this.#fail(path, error);
      return false;
    }
  }

  /** Litter goes last: while something else stays, it is none of ours. */
  async #removeMembers(folder: HeldFolder): Promise<boolean> {
    const names = await readdir(folder.own);
    const isLitter = (name: string) => LITTER.test(name) || isStagingName(name);
    let isAllGone = true;
    for (const name of names.filter((each) => !isLitter(each))) {
      if (!(await this.#removeMember(folder, name))) isAllGone = false;
    }
    if (!isAllGone) return false;
    if (this.#isTrial) return true;
    for (const name of names.filter(isLitter)) {
      this.#steps.next();
      // A folder of such a name is somebody's.
      await (isStagingName(name) ? rm(folder.at(name), { recursive: true }) : unlink(folder.at(name)));
    }
    return true;
  }

  async #removeMember(folder: HeldFolder, name: string): Promise<boolean> {
    const path = `${folder.path}/${name}`;
    this.#steps.next();
    try {
      const there = await lstat(folder.at(name), { bigint: true });
      const isDeep = path.split('/').length > MAX_DEPTH;
      if (isDeep || !(await isShown(this.#root, { folder, name, path }, there, this.#call))) {
        const text = 'The folder holds something that is not shown here, so it stays.';
        throw new CodedError('denied', text);
      }
      this.#original?.check(path, (await shownFile(this.#root, { folder, name, path }, there)) ?? there);
      if (there.isDirectory()) return await this.removeFolder(folder, name);
      if (this.#isTrial) return true;
      this.#steps.next();
      await unlink(folder.at(name));
      return true;
    } catch (error) {
      // Somebody else was faster.
      if (errnoOf(error) === 'ENOENT') return true;
      this.#fail(path, error);
      return false;
    }
  }

  #fail(path: string, error: unknown): void {
    const translated = translateWriteError(error);
    if (this.failures.length >= MAX_FAILURES) return;
    this.failures.push({ path, code: codeOf(translated), message: messageOf(translated) });
  }
}
