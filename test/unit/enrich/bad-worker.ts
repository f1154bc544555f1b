import { setTimeout as wait } from 'node:timers/promises';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import type { WorkerReply, WorkerRequest, WorkerStart } from '../../../src/enrich/media-job.ts';

/* A thread of the pool that behaves as badly as the type of its job says; `late`: after it has told the digests. */
const counter = new BigInt64Array((workerData as WorkerStart).counter);

parentPort?.on('message', (request: WorkerRequest) => {
  if (request.kind === 'file') void work(request.job.namedType ?? '');
});

async function work(what: string): Promise<void> {
  const isLate = what.startsWith('late ');
  if (isLate) reply({ kind: 'digests', digests: { sha256: 'good' } });
  switch (what.replace('late ', '')) {
    case 'exit':
      process.exit(7);
      break;
    case 'throw':
      setImmediate(() => {
        throw new Error('for the test');
      });
      return;
    case 'reject':
      throw new Error('for the test');
    case 'memory': {
      const hoard: unknown[] = [];
      for (;;) hoard.push({ more: [...Array(1000).keys()] });
    }
    case 'loop':
      for (;;) Math.random();
    case 'slow':
      for (let step = 1n; step <= 15n; step++) {
        await wait(150);
        Atomics.store(counter, 0, step);
      }
  }
  if (!isLate) reply({ kind: 'digests', digests: { sha256: what === 'id' ? `${threadId}` : 'good' } });
  reply({ kind: 'done', found: null });
}

function reply(message: WorkerReply): void {
  parentPort?.postMessage(message);
}
