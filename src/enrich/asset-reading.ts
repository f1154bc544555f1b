import type { AssetFacts } from '../model/asset.ts';
import { CodedError, codeOf } from '../model/coded-error.ts';
import type { Source } from '../source/source.ts';
import type { JobResult, MediaJob } from './media-job.ts';
import { type JobBytes, WorkerLostError } from './pool-worker.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface AssetReading {
  readonly source: Source;
  readonly pool: WorkerPool;
  readonly facts: AssetFacts;
  readonly job: MediaJob;
  readonly signal: AbortSignal;
  /** Called when the bytes begin to be read, with a way to see how far that is. */
  readonly onStart: (bytesRead: () => number) => void;
}

/**
 * What the bytes of one version of an asset hold. Whatever ended its thread before the digests were there is read
 * again for them alone. Rejects `changed` when the source holds another version afterwards; else as `Source.open`
 * and `WorkerPool.run` do.
 */
export async function readAsset(reading: AssetReading): Promise<JobResult> {
  try {
    return await readOnce(reading);
  } catch (error) {
    const { job } = reading;
    if (!(error instanceof WorkerLostError) || job.namedType === null) throw error;
    const result = await readOnce({ ...reading, job: { ...job, namedType: null } });
    return { ...result, problem: 'a file that stopped its reader' };
  }
}

async function readOnce(reading: AssetReading): Promise<JobResult> {
  const { source, facts, signal } = reading;
  const want = { version: facts.version, sizeBytes: facts.sizeBytes };
  try {
    const file = await source.openFile(facts.ref, want, signal);
    try {
      const result = await run(reading, { fd: file.fd });
      await file.verify();
      return result;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) !== 'unsupported') throw error;
  }
  const result = await run(reading, { open: () => source.open(facts.ref, want, signal) });
  const after = await source.describe(facts.ref, signal);
  if (after.version !== facts.version) {
    throw new CodedError('changed', 'The file has changed while it was read.');
  }
  return result;
}

async function run({ pool, job, signal, onStart }: AssetReading, bytes: JobBytes): Promise<JobResult> {
  return await pool.run({ job, bytes, signal, onStart });
}
