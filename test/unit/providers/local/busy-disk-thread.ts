import { parentPort, threadId, workerData } from 'node:worker_threads';
import {
  type DiskReply,
  type DiskRequest,
  type DiskThreadStart,
  THREAD_COUNTS,
} from '../../../../providers/local/disk-messages.ts';

/*
 * A thread that answers which one it is, and has something at the disk after that, as a sync that was given up goes on:
 * until it is asked for `dropRest`.
 */
const counts = new BigInt64Array((workerData as DiskThreadStart).counts);

parentPort?.on('message', (requests: readonly DiskRequest[] | null) => {
  if (requests === null) return parentPort?.close();
  for (const { id, question } of requests) {
    Atomics.store(counts, THREAD_COUNTS.underWay, question === 'dropRest' ? 0n : 1n);
    parentPort?.postMessage([{ id, answer: threadId, errno: null }] satisfies DiskReply[]);
  }
});
