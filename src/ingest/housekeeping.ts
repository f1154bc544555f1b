import { setTimeout as wait } from 'node:timers/promises';
import cron, { type ScheduledTask } from 'node-cron';
import { messageOf } from '../model/coded-error.ts';
import type { Logger } from '../model/logger.ts';

/** Something that keeps a folder or table of our own from growing for ever. */
export interface Chore {
  /** Completes "keeping house: …". */
  readonly name: string;
  /** In bounded steps, ending between two of them when the signal is aborted. @returns how many things went. */
  run(signal: AbortSignal): Promise<number>;
}

/** When nobody looks at photos, here. */
const DAILY = '23 4 * * *';
/** A machine that is off at night still has its chores done, but not while it is busy with starting. */
const FIRST_AFTER_MS = 5 * 60_000;

/** Does the chores once after the start and then every night, one after the other. */
export class Housekeeping {
  readonly #chores: readonly Chore[];
  readonly #logger: Logger;
  readonly #firstAfterMs: number;
  readonly #stop = new AbortController();
  #task: ScheduledTask | null = null;
  #running: Promise<void> | null = null;

  constructor(chores: readonly Chore[], logger: Logger, firstAfterMs = FIRST_AFTER_MS) {
    this.#chores = chores;
    this.#logger = logger;
    this.#firstAfterMs = firstAfterMs;
  }

  start(): void {
    this.#task = cron.schedule(DAILY, () => this.run());
    const first = wait(this.#firstAfterMs, undefined, { signal: this.#stop.signal, ref: false });
    first.then(
      () => this.run(),
      () => this.#logger.debug('stopped before the first housekeeping'),
    );
  }

  /** Does all of them now; joins a round that is under way. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#round().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Resolves when the chore that runs has come to the end of its step. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#task?.destroy();
    await this.#running;
  }

  async #round(): Promise<void> {
    for (const { name, run } of this.#chores) {
      if (this.#stop.signal.aborted) return;
      try {
        const count = await run(this.#stop.signal);
        if (count > 0) this.#logger.info(`keeping house: ${name}`, { count });
      } catch (error) {
        this.#logger.warn(`keeping house failed: ${name}`, { error: messageOf(error) });
      }
    }
  }
}
