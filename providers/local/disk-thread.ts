import { parentPort, workerData } from 'node:worker_threads';
import type { DiskReply, DiskRequest, DiskThreadStart, ShortRead } from './disk-messages.ts';
import { DiskReads } from './disk-reads.ts';
import { errnoOf } from './translate-error.ts';

/* The thread that waits for the disk of one source. An error that is not the disk's is a bug and ends it. */
const counter = new BigInt64Array((workerData as DiskThreadStart).counter);
const reads = new DiskReads(() => void Atomics.add(counter, 0, 1n));

/** After this long, what is answered already does not wait for the rest: the disk is slow. */
const GATHER_MS = 2;

parentPort?.on('message', (requests: readonly DiskRequest[]) => {
  let replies: DiskReply[] = [];
  let sinceMs = performance.now();
  for (const request of requests) {
    replies.push(replyTo(request));
    if (performance.now() - sinceMs < GATHER_MS) continue;
    send(replies);
    replies = [];
    sinceMs = performance.now();
  }
  if (replies.length > 0) send(replies);
});

/** Bytes are handed over, not copied. */
function send(replies: readonly DiskReply[]): void {
  const handedOver = replies.flatMap(({ answer }) => {
    const bytes = (answer as Partial<ShortRead> | null)?.bytes ?? null;
    return bytes === null ? [] : [bytes.buffer as ArrayBuffer];
  });
  parentPort?.postMessage(replies, handedOver);
}

function replyTo({ id, question, ask }: DiskRequest): DiskReply {
  try {
    return { id, answer: reads[question](ask as never), errno: null };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === '') throw error;
    return { id, answer: null, errno };
  }
}
