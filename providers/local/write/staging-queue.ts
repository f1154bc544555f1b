import type { Disk } from '../disk.ts';
import type { StageAsk, StagedFile } from '../disk-messages.ts';

/** Of one group; more would hold up too many for one slow sync. */
const MAX_FILES = 64;
/** Longer than a slow disk takes for a group; one of which something hangs is waited for no longer by who comes next. */
const PATIENCE_MS = 2_000;

/** Takes part in the queue until it is over, whatever became of it. */
export interface QueuedFile {
  readonly staged: StagedFile;
  /** To be called once, when it is shown or dropped. */
  readonly leave: () => void;
}

interface Waiting {
  readonly ask: StageAsk;
  readonly resolve: (queued: QueuedFile) => void;
  readonly reject: (error: unknown) => void;
}

/** Files that go together. */
interface Group {
  readonly size: number;
  /** Of them, those that wait for the disk. */
  unstaged: number;
  /** Of them, those that are not over. */
  left: number;
}

/**
 * Short uploads on their way to the disk and into the catalog. They go in groups: one message to the thread for all of a
 * group, one wait for the disk, and then one transaction. Each on its own would cost several times as much.
 *
 * Two groups at most are under way: the disk has one while the other is shown. Who comes alone begins at once. Beside a
 * group that is being shown, one begins when it is as large, or when that one is over: so however many clients there are,
 * half of them make a group each. Waiting is for speed only: of a disk that hangs, the disk itself has to tell who comes next.
 */
export class StagingQueue {
  readonly #disk: Pick<Disk, 'ask'>;
  readonly #patienceMs: number;
  readonly #underWay = new Set<Group>();
  #waiting: Waiting[] = [];
  #isDue = false;

  constructor(disk: Pick<Disk, 'ask'>, { patienceMs = PATIENCE_MS } = {}) {
    this.#disk = disk;
    this.#patienceMs = patienceMs;
  }

  /** See `DiskWrites.stage`. @param ask of a whole content. Rejects as `Disk.ask`; then there is nothing to be left. */
  stage(ask: StageAsk): Promise<QueuedFile> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ask, resolve, reject });
      this.#beginSoon();
    });
  }

  /** Others of this turn of the event loop go along. */
  #beginSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (this.#mayBegin()) this.#begin();
    });
  }

  #mayBegin(): boolean {
    const [other, another] = this.#underWay;
    if (this.#waiting.length === 0 || another !== undefined) return false;
    return other === undefined || (other.unstaged === 0 && this.#waiting.length >= other.size);
  }

  #begin(): void {
    const some = this.#waiting.splice(0, MAX_FILES);
    const group: Group = { size: some.length, unstaged: some.length, left: some.length };
    this.#underWay.add(group);
    const end = () => {
      this.#underWay.delete(group);
      this.#beginSoon();
    };
    const patience = setTimeout(end, this.#patienceMs).unref();
    const leave = () => {
      group.left -= 1;
      if (group.left > 0) return;
      clearTimeout(patience);
      end();
    };
    const onAnswer = () => {
      group.unstaged -= 1;
      // Before these ask to be shown: both go to the thread in one message.
      if (group.unstaged === 0) this.#beginSoon();
    };
    for (const { ask, resolve, reject } of some) {
      this.#disk.ask('stage', ask).then(
        (staged) => {
          onAnswer();
          resolve({ staged, leave });
        },
        (error: unknown) => {
          onAnswer();
          leave();
          reject(error);
        },
      );
    }
  }
}
