import { parentPort, workerData } from 'node:worker_threads';
import type { SenderReply, SenderRequest, SenderThreadStart } from '../../../src/http/file-sender.ts';

/* A thread that sends files and never comes back from its first call to the disk. */
const { diskCalls } = workerData as SenderThreadStart;
parentPort?.on('message', (request: SenderRequest) => {
  if (request.kind === 'stop') return;
  Atomics.add(new Int32Array(diskCalls), 0, 1);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
parentPort?.postMessage({ kind: 'ready' } satisfies SenderReply);
