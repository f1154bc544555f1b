import { readFile } from 'node:fs/promises';
import { isWithin } from './names.ts';

/** Mounting tells no watch. Reading the list takes a fraction of a millisecond. */
const LOOK_EVERY_MS = 5_000;
const MOUNTS_FILE = '/proc/self/mountinfo';

export interface MountWatchOptions {
  /** Absolute path of the root, resolved as soon as that is known. */
  readonly rootPath: () => string;
  /** Called with the path relative to the root; `''` when the root itself may be on another disk now. */
  readonly onChange: (path: string) => void;
  readonly everyMs?: number;
  readonly mountsFile?: string;
}

/** Notices disks that are mounted or unmounted below or above a folder. Does nothing where there is no `/proc`. */
export class MountWatch {
  readonly #options: MountWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #before: ReadonlyMap<string, string> | null = null;
  #isLooking = false;

  constructor(options: MountWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), options.everyMs ?? LOOK_EVERY_MS).unref();
    void this.#look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** One at a time: of two, the older might be the last to come back. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const text = await readFile(this.#options.mountsFile ?? MOUNTS_FILE, 'utf8').catch(() => null);
    this.#isLooking = false;
    if (text === null) return this.close();
    this.#compare(text);
  }

  #compare(text: string): void {
    const { onChange } = this.#options;
    const rootPath = this.#options.rootPath();
    const now = mountsAround(rootPath, text);
    const before = this.#before ?? now;
    this.#before = now;
    for (const point of new Set([...before.keys(), ...now.keys()])) {
      if (before.get(point) === now.get(point)) continue;
      const isBelow = point !== rootPath && isWithin(rootPath, point);
      onChange(isBelow ? point.slice(rootPath === '/' ? 1 : rootPath.length + 1) : '');
    }
  }
}

/** Mount points at, above and below the root, with what tells one mount there from the next. */
function mountsAround(rootPath: string, text: string): Map<string, string> {
  const mounts = new Map<string, string>();
  for (const line of text.split('\n')) {
    // https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    const [id, , device, , escaped] = line.split(' ');
    if (escaped === undefined) continue;
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    // A later line at the same point covers the earlier one.
    if (isWithin(rootPath, point) || isWithin(point, rootPath)) mounts.set(point, `${id} ${device}`);
  }
  return mounts;
}
