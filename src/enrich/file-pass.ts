import { readSync } from 'node:fs';
import type { Digests } from '../model/asset.ts';
import { RunningDigests } from '../model/running-digests.ts';
import { fileReader, memoryReader } from './byte-reader.ts';
import { SNIFF_BYTES, sniffContentType } from './content-sniff.ts';
import type { MediaContent } from './find-media.ts';
import { CHUNK_BYTES, type MediaJob } from './media-job.ts';

/** Files up to this size are kept while they are read, so that looking into them reads nothing again. */
export const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Where chunks of large files go; made when the first one comes. */
let scratch: Buffer | null = null;

/** What one pass over the bytes of a file leaves behind. */
export interface Pass {
  readonly digests: Digests;
  readonly content: MediaContent;
}

/**
 * Reads a file from its first to its last byte, once; where no digest is wanted, only what is looked for in it is read.
 * Blocks the thread.
 * @param onBytes told how many bytes were read so far.
 * @returns null when the file ends before its size.
 * @throws errors of the disk as Node has them.
 */
export function passOverFile(fd: number, job: MediaJob, onBytes: (count: number) => void): Pass | null {
  if (job.algorithms.length === 0) {
    return { digests: {}, content: { reader: fileReader(fd, job.sizeBytes), whole: null } };
  }
  const digests = new RunningDigests(job.algorithms);
  const kept = keepsWhole(fd, job) ? Buffer.allocUnsafeSlow(job.sizeBytes) : null;
  let at = 0;
  while (at < job.sizeBytes) {
    const wanted = Math.min(CHUNK_BYTES, job.sizeBytes - at);
    const target = kept?.subarray(at, at + wanted) ?? scratchBuffer();
    const count = readSync(fd, target, 0, wanted, at);
    if (count === 0) return null;
    digests.update(target.subarray(0, count));
    at += count;
    onBytes(at);
  }
  const reader = kept === null ? fileReader(fd, job.sizeBytes) : memoryReader(kept);
  return { digests: digests.end(), content: { reader, whole: kept } };
}

/** Only pictures: of a video little more than its index is looked at. */
function keepsWhole(fd: number, { namedType, sizeBytes }: MediaJob): boolean {
  if (namedType === null || sizeBytes === 0 || sizeBytes > MAX_KEPT_BYTES) return false;
  const head = fileReader(fd, sizeBytes).read(0, SNIFF_BYTES);
  const sniffed = sniffContentType(head, namedType);
  return (sniffed?.contentType ?? namedType).startsWith('image/');
}

function scratchBuffer(): Buffer {
  scratch ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
  return scratch;
}
