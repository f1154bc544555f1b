import type { WriteCall } from '../../../src/provider/provider.ts';
import type { Root } from '../disk-messages.ts';
import { hangs, WRITE_PATIENCE_MS } from '../pool-share.ts';

/** The calls of the system that one write is made of. */
export interface WriteSteps {
  /**
   * To be called before each that changes something, and between others that may be many: as long as it is called, the disk
   * answers. Throws `unavailable` when the write was given up: its client was told so, and others may be at work there.
   */
  next(): void;
}

/** A write that is made of steps. */
export interface SteppedWriting {
  readonly root: Root;
  readonly call: WriteCall;
  readonly steps: WriteSteps;
}

/**
 * A write that others wait for, in the turn of its source. When one of its steps takes longer than a disk that answers, it is
 * given up and rejects with `unavailable`. The call of the system it stands in cannot be ended and may yet be done, at any
 * time; nothing is begun after it, and `WriteCall.goesOn` tells when it is over. Rejects as the write does besides.
 */
export function inSteps<T>(call: WriteCall, write: (steps: WriteSteps) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let isGivenUp = false;
    const patience = setTimeout(() => {
      isGivenUp = true;
      call.goesOn(over);
      reject(hangs());
    }, WRITE_PATIENCE_MS).unref();
    const next = () => {
      if (isGivenUp) throw hangs();
      patience.refresh();
    };
    const over = write({ next })
      .then(resolve, reject)
      .finally(() => clearTimeout(patience));
  });
}
