import { parentPort, workerData } from 'node:worker_threads';
import type { DiskReply, DiskRequest, DiskThreadStart } from './disk-messages.ts';
import { DiskReads } from './disk-reads.ts';
import { errnoOf } from './translate-error.ts';

/* The thread that waits for the disk of one source. An error that is not the disk's is a bug and ends it. */
const counter = new BigInt64Array((workerData as DiskThreadStart).counter);
const reads = new DiskReads(() => void Atomics.add(counter, 0, 1n));

parentPort?.on('message', (request: DiskRequest) => parentPort?.postMessage(replyTo(request)));

function replyTo({ id, question, ask }: DiskRequest): DiskReply {
  try {
    return { id, answer: reads[question](ask as never), errno: null };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === '') throw error;
    return { id, answer: null, errno };
  }
}
