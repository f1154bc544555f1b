import type { Disk } from '../disk.ts';
import type { StageAsk, StagedFile } from '../disk-messages.ts';

/** Of one group; more would hold up too many for one slow sync. */
const MAX_FILES = 64;
/** One is at the disk while the other is shown. */
const GROUPS = 2;
/** One in so many of those who are missing is not counted any more by the next group. */
const FORGETTING = 8;
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
  /** Those that wait for the disk. */
  unstaged: number;
  /** Those that are not over. */
  left: number;
}

/**
 * Short uploads on their way to the disk and into the catalog. They go in groups: one message to the thread for all of a
 * group (for eight each of a large one), one wait for the disk, and then one transaction. Each on its own would cost several
 * times as much.
 *
 * Two groups at most are under way: the disk has one while the other is shown. Who comes alone begins at once; otherwise a
 * group is half of those who upload at a time, however many that are. Were it all who are there, groups of one and of all
 * others would take turns, and the disk would idle while the large one is shown. Waiting is for speed only: of a disk that
 * hangs, the disk itself has to tell who comes next.
 */
export class StagingQueue {
  readonly #disk: Pick<Disk, 'ask' | 'post'>;
  readonly #patienceMs: number;
  readonly #underWay = new Set<Group>();
  #waiting: Waiting[] = [];
  #isDue = false;
  /** How many upload at a time, as was seen lately. */
  #crowd = 1;

  constructor(disk: Pick<Disk, 'ask' | 'post'>, { patienceMs = PATIENCE_MS } = {}) {
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
    if (this.#waiting.length === 0 || this.#underWay.size === GROUPS) return false;
    const [other] = this.#underWay;
    return other === undefined || (other.unstaged === 0 && this.#waiting.length >= this.#share());
  }

  /** Files of a group. */
  #share(): number {
    return Math.min(MAX_FILES, Math.ceil(this.#crowd / GROUPS));
  }

  #begin(): void {
    const [other] = this.#underWay;
    const present = this.#waiting.length + (other?.left ?? 0);
    // Those who were just answered are not there for a moment, so it shrinks little by little. By a part of who is missing:
    // by one each, the few who go on after many would wait for these as many times.
    this.#crowd = Math.max(present, this.#crowd - Math.ceil((this.#crowd - present) / FORGETTING));
    const some = this.#waiting.splice(0, this.#share());
    const group: Group = { unstaged: some.length, left: some.length };
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
    this.#disk.post();
  }
}
