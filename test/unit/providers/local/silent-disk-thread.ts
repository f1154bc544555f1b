import { parentPort } from 'node:worker_threads';
import type { DiskReply, DiskRequest } from '../../../../providers/local/disk-messages.ts';

/* A thread that answers its first question, and then waits for a disk that is silent. */
let answered = 0;
parentPort?.on('message', (requests: readonly DiskRequest[]) => {
  for (const { id } of requests) {
    answered += 1;
    if (answered > 1) return;
    parentPort?.postMessage([{ id, answer: null, errno: 'EIO' }] satisfies DiskReply[]);
  }
});
