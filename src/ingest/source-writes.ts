import type { Readable } from 'node:stream';
import { CodedError, codeOf, messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';
import type {
  CopyWrite,
  MoveWrite,
  Over,
  Permit,
  PutWrite,
  TreeWriter,
  WriteFailure,
} from '../model/write.ts';
import type { Held, SetAside, Staged, StagedCopy, WriteEvent } from '../provider/provider.ts';
import type { SourceWriting, WriteScope } from '../source/source-writing.ts';
import type { Aftermath } from './aftermath.ts';
import { Placings } from './placings.ts';
import type { Turns } from './turns.ts';
import type { UnfinishedWrites } from './unfinished-writes.ts';

export interface SourceWritesOptions {
  readonly writing: SourceWriting;
  readonly aftermath: Aftermath;
  readonly held: Held;
  readonly turns: Turns;
  readonly unfinished: UnfinishedWrites;
  readonly logger: Logger;
  /** Resolves when the source is known to be there; rejects `unavailable` when it is not. */
  readonly ready: () => Promise<void>;
  /** Called when the catalog could not be brought in line with a write: only a scan helps. */
  readonly onMissed: () => void;
}

/** One write: what the provider is handed, and what it has told. */
interface Scope extends WriteScope {
  readonly told: WriteEvent[];
  /** What has made room, and is to be seen to when the write has ended: see `#clearing`. */
  readonly asides: SetAside[];
  /** Resolves when nothing of it happens any more, after it was given up; null: it was not. See `WriteCall.goesOn`. */
  over: Promise<void> | null;
}

/** Something that is placed where something else is. */
interface Overwriting {
  readonly path: string;
  readonly by: string | Staged;
  readonly scope: Scope;
}

interface Copied {
  readonly staged: StagedCopy;
  /** What could not be removed, so that nothing was copied. */
  readonly inTheWay: readonly WriteFailure[];
}

interface Work<T> {
  /** Where something may be another than before. */
  readonly touched: readonly string[];
  /** All that is there afterwards was written by us, to its end. */
  readonly isWhole: boolean;
  readonly scope: Scope;
  /** Makes the change. @param gone to be filled with those of `touched` at which nothing is any more. */
  work(gone: Set<string>): Promise<T>;
}

/**
 * Changes a source, and with it what the catalog knows (`Aftermath`): so catalog and change log have it before anybody is
 * told that it was done. The bytes of an upload come in beside all that; only what shows them takes a turn.
 */
export class SourceWrites implements TreeWriter {
  readonly #options: SourceWritesOptions;
  readonly #placings: Placings;

  constructor(options: SourceWritesOptions) {
    this.#options = options;
    this.#placings = new Placings(options);
  }

  get paths(): TreeWriter['paths'] {
    return this.#options.aftermath.paths;
  }

  async put(
    path: string,
    content: Readable,
    { claims, over, permit, onShown }: PutWrite,
    signal: AbortSignal,
  ): Promise<void> {
    const { writing, aftermath, unfinished, ready } = this.#options;
    await ready();
    unfinished.checkNoneAt(path);
    await aftermath.check?.(path);
    const scope = this.#newScope();
    const staged = await writing.receive(path, content, claims, signal, scope);
    await this.#showing(staged, () =>
      this.#placings.place({ staged, path, over, permit, onShown, told: scope.told, signal }),
    );
  }

  async makeCollection(path: string, signal: AbortSignal, permit?: Permit): Promise<void> {
    const { writing, aftermath } = this.#options;
    await this.#readyToChange();
    const scope = this.#newScope();
    const work = async () => {
      await aftermath.check?.(path);
      await permit?.();
      await writing.makeCollection(path, signal, scope);
    };
    await this.#change({ touched: [path], isWhole: true, scope, work });
  }

  async remove(path: string, signal: AbortSignal, permit?: Permit): Promise<readonly WriteFailure[]> {
    const { writing } = this.#options;
    await this.#readyToChange();
    const scope = this.#newScope();
    const work = async (gone: Set<string>) => {
      await permit?.();
      const failures = await writing.remove(path, signal, scope);
      if (failures.length === 0) gone.add(path);
      return failures;
    };
    return await this.#change({ touched: [path], isWhole: false, scope, work });
  }

  async move(
    from: string,
    to: string,
    write: MoveWrite,
    signal: AbortSignal,
  ): Promise<readonly WriteFailure[]> {
    const { writing, aftermath } = this.#options;
    const { over } = write;
    await this.#readyToChange();
    let isElsewhere = false;
    const scope = this.#newScope();
    const work = async (gone: Set<string>) => {
      await aftermath.check?.(to, from);
      await write.permit?.();
      const inTheWay = await this.#overwriting({ path: to, by: from, scope }, over, signal, async () => {
        isElsewhere = !(await writing.move(from, to, over, signal, scope));
      });
      if (inTheWay.length === 0 && !isElsewhere) gone.add(from);
      return inTheWay;
    };
    const inTheWay = await this.#clearing(scope, () =>
      this.#change({ touched: [from, to], isWhole: false, scope, work }),
    );
    return isElsewhere ? await this.#carry(from, to, write, signal) : inTheWay;
  }

  async copy(
    from: string,
    to: string,
    write: CopyWrite,
    signal: AbortSignal,
  ): Promise<readonly WriteFailure[]> {
    return (await this.#copy(from, to, write, signal)).inTheWay;
  }

  async #copy(
    from: string,
    to: string,
    { isDeep, ...write }: CopyWrite,
    signal: AbortSignal,
  ): Promise<Copied> {
    const { writing, aftermath } = this.#options;
    await this.#readyToChange();
    await aftermath.check?.(to);
    const scope = this.#newScope();
    const staged = await writing.copy(from, to, isDeep, signal, scope);
    const inTheWay = await this.#placeCopy(staged, { to, scope, ...write }, signal);
    return { inTheWay, staged };
  }

  async copyAsset(
    refId: string,
    to: string,
    write: Omit<CopyWrite, 'isDeep'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { writing, aftermath } = this.#options;
    await this.#readyToChange();
    await aftermath.check?.(to);
    const scope = this.#newScope();
    const staged = await writing.copyAsset(refId, to, signal, scope);
    if (staged === null) return false;
    const [inTheWay] = await this.#placeCopy(staged, { to, scope, ...write }, signal);
    if (inTheWay !== undefined) throw new CodedError(inTheWay.code, inTheWay.message);
    return true;
  }

  async setModifiedTime(
    path: string,
    modifiedMs: number,
    signal: AbortSignal,
    permit?: Permit,
  ): Promise<void> {
    const { writing } = this.#options;
    await this.#readyToChange();
    const scope = this.#newScope();
    const work = async () => {
      await permit?.();
      await writing.setModifiedTime(path, modifiedMs, signal, scope);
    };
    await this.#change({ touched: [path], isWhole: false, scope, work });
  }

  async undisturbed<T>(work: () => Promise<T>): Promise<T> {
    return await this.#options.turns.between(work);
  }

  async checkSpace(path: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
    const { writing, ready } = this.#options;
    await ready();
    if ((await writing.freeBytes(path, signal, this.#newScope())) >= sizeBytes) return;
    throw new CodedError('no-space', 'The disk has not enough space left.');
  }

  /** @returns what was in the way and could not be removed, so that nothing was copied. */
  async #placeCopy(
    staged: Staged,
    { to, scope, over, permit }: Omit<CopyWrite, 'isDeep'> & { readonly to: string; readonly scope: Scope },
    signal: AbortSignal,
  ): Promise<readonly WriteFailure[]> {
    const work = async () => {
      signal.throwIfAborted();
      await this.#options.aftermath.check?.(to);
      await permit?.();
      const place = async () => void (await staged.place(over));
      return await this.#overwriting({ path: to, by: staged, scope }, over, signal, place);
    };
    return await this.#clearing(scope, () =>
      this.#showing(staged, () => this.#change({ touched: [to], isWhole: true, scope, work })),
    );
  }

  /** To another disk: all of it is there before anything goes here, and what was changed meanwhile does not go. */
  async #carry(
    from: string,
    to: string,
    { onCopied, mayRemove, ...write }: MoveWrite,
    signal: AbortSignal,
  ): Promise<readonly WriteFailure[]> {
    const { inTheWay, staged } = await this.#copy(from, to, { ...write, isDeep: true }, signal);
    if (inTheWay.length > 0) return inTheWay;
    await onCopied?.();
    const scope = this.#newScope();
    const work = async (gone: Set<string>) => {
      await mayRemove?.();
      const failures = await this.#options.writing.removeOriginal(staged, signal, scope);
      if (failures.length === 0) gone.add(from);
      return failures;
    };
    return await this.#change({ touched: [from], isWhole: false, scope, work });
  }

  /** @returns what was in the way and could not be removed, so that the work was not done. */
  async #overwriting(
    { path, by, scope }: Overwriting,
    over: Over,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<readonly WriteFailure[]> {
    try {
      await work();
      return [];
    } catch (error) {
      if (over !== 'anything' || codeOf(error) !== 'exists') throw error;
    }
    const aside = await this.#options.writing.setAside(path, by, signal, scope);
    if (aside.failures.length > 0) return aside.failures;
    try {
      // Who is told and not looked at has to know that it is gone.
      const told = scope.told.splice(0);
      await this.#options.aftermath.follow({ touched: [], gone: new Set(), isWhole: false, told });
      await work();
    } catch (error) {
      // What may yet come would take the place of what is put back, and nobody would have that any more.
      if (scope.over !== null) scope.asides.push(aside);
      else {
        const failure = 'what was to be written over is hidden until a scan puts it back';
        const isBack = await this.#after(() => aside.putBack(), failure);
        // Of what was given up a scan tells when it is over, see `#readLater`.
        if (!isBack && scope.over === null) this.#options.onMissed();
      }
      throw error;
    }
    scope.asides.push(aside);
    return [];
  }

  /**
   * What has made room goes when what came in its place outlasts a power cut; that not all of it goes at once is no failure
   * of the write. Of a write that failed later than that, the next scan sees what is there.
   */
  async #clearing<T>(scope: Scope, write: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await write();
    } catch (error) {
      if (scope.over === null) await this.#leaveAsides(scope);
      throw error;
    }
    for (const aside of scope.asides) {
      await this.#after(() => aside.remove(), 'something that was written over is still there, hidden');
    }
    return result;
  }

  async #leaveAsides({ asides }: Scope): Promise<void> {
    for (const aside of asides) await this.#after(() => aside.leave(), 'a folder could not be closed');
  }

  /**
   * After a write that was given up. It would hang as well to look what became of it, and until it is over that would not be
   * certain. Then a scan tells, which also sees to what has made room. Does not reject.
   */
  async #readLater(over: Promise<void>, touched: readonly string[], scope: Scope): Promise<void> {
    // Before anybody else has a turn.
    this.#options.unfinished.add(over, touched);
    await over;
    await this.#leaveAsides(scope);
    this.#options.onMissed();
  }

  /** Nothing is left of what was staged, unless it is shown. */
  async #showing<T>(staged: Staged, show: () => Promise<T>): Promise<T> {
    try {
      const result = await show();
      // Beside the turns of others, so that many who upload wait for the disk together.
      await staged.persist();
      return result;
    } finally {
      await this.#after(() => staged.discard(), 'what was staged for a write could not be let go of');
    }
  }

  /**
   * What is seen to when it is certain how a write went, and is told to the log instead of that. Does not reject.
   * @returns whether it went well.
   */
  async #after(work: () => Promise<void>, failure: string): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#options.logger.warn(failure, { reason: messageOf(error) });
      return false;
    }
  }

  async #readyToChange(): Promise<void> {
    await this.#options.ready();
    this.#options.unfinished.checkNone();
  }

  async #change<T>({ touched, isWhole, scope, work }: Work<T>): Promise<T> {
    const { turns, aftermath, unfinished, onMissed } = this.#options;
    const { told } = scope;
    return await turns.between(async () => {
      // Again: it may be one that had its turn just before.
      unfinished.checkNone();
      aftermath.begin?.(touched);
      const gone = new Set<string>();
      let result: T;
      try {
        result = await work(gone);
      } catch (error) {
        // It may have failed because the catalog was wrong, or halfway.
        if (scope.over === null)
          await aftermath.followFailure({ touched, gone: new Set(), isWhole: false, told }, error);
        else void this.#readLater(scope.over, touched, scope);
        throw error;
      }
      try {
        await aftermath.follow({ touched, gone, isWhole, told });
      } catch (error) {
        onMissed();
        throw error;
      }
      return result;
    });
  }

  #newScope(): Scope {
    const told: WriteEvent[] = [];
    const scope: Scope = {
      ...{ held: this.#options.held, told, asides: [], over: null },
      tell: (event) => void told.push(event),
      goesOn: (over) => {
        scope.over = over;
      },
    };
    return scope;
  }
}
