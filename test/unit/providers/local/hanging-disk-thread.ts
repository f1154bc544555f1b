import { openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { DiskReply, DiskRequest } from '../../../../providers/local/disk-messages.ts';

/*
 * A thread whose disk hangs: opening a pipe that nobody writes to is a call of the system that nothing ends, as is a
 * look at a network share whose server is gone. Other questions are answered at once.
 */
parentPort?.on('message', (requests: readonly DiskRequest[]) => {
  for (const { id, question, ask } of requests) {
    if (question === 'list') openSync((ask as { path: string }).path, 'r');
    parentPort?.postMessage([{ id, answer: null, errno: null }] satisfies DiskReply[]);
  }
});
