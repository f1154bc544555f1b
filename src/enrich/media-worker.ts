import { parentPort, workerData } from 'node:worker_threads';
import { type Pass, passOverFile } from './file-pass.ts';
import type { FoundMedia } from './find-media.ts';
import type { MediaJob, WorkerReply, WorkerRequest, WorkerStart } from './media-job.ts';
import { StreamPass } from './stream-pass.ts';

/*
 * A worker thread of the pool: hashes one file at a time, then looks into it. Whatever goes wrong here ends this
 * thread at most. The parsers are loaded with the first file that needs them.
 */
const NOTHING = () => undefined;
const counter = new BigInt64Array((workerData as WorkerStart).counter);
// What parsers have to say about a file is of no use in our log.
Object.assign(console, { log: NOTHING, info: NOTHING, warn: NOTHING, error: NOTHING, debug: NOTHING });

let stream: { readonly job: MediaJob; readonly pass: StreamPass } | null = null;

parentPort?.on('message', (request: WorkerRequest) => {
  switch (request.kind) {
    case 'file':
      return void finish(request.job, () => passOverFile(request.fd, request.job, count));
    case 'stream':
      stream = { job: request.job, pass: new StreamPass(request.job) };
      return;
    case 'chunk':
      stream?.pass.add(new Uint8Array(request.buffer, 0, request.length));
      count(stream?.pass.count ?? 0);
      return reply({ kind: 'free', buffer: request.buffer }, [request.buffer]);
    case 'end': {
      const ended = stream;
      stream = null;
      if (ended !== null) void finish(ended.job, () => ended.pass.end());
    }
  }
});

async function finish(job: MediaJob, read: () => Pass | null): Promise<void> {
  let pass: Pass | null;
  try {
    pass = read();
  } catch (error) {
    const errno = (error as { code?: unknown }).code;
    return reply({ kind: 'failed', errno: typeof errno === 'string' ? errno : 'EIO' });
  }
  if (pass === null) return reply({ kind: 'failed', errno: '' });
  reply({ kind: 'digests', digests: pass.digests });
  reply({ kind: 'done', found: job.namedType === null ? null : await look(pass, job.namedType) });
}

async function look(pass: Pass, namedType: string): Promise<FoundMedia> {
  const { findMedia } = await import('./find-media.ts');
  return await findMedia(pass.content, namedType);
}

/** Seen from the main thread at once, also while this one blocks. */
function count(bytes: number): void {
  Atomics.store(counter, 0, BigInt(bytes));
}

function reply(message: WorkerReply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}
