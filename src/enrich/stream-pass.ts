import { RunningDigests } from '../model/running-digests.ts';
import { edgeReader, memoryReader } from './byte-reader.ts';
import { MAX_KEPT_BYTES, type Pass } from './file-pass.ts';
import type { MediaJob } from './media-job.ts';

/** Of a larger file: what is kept of its start, and at least what is kept of its end. */
const EDGE_BYTES = 16 * 1024 * 1024;

/** The same as `passOverFile` for bytes that come chunk by chunk and cannot be read again. */
export class StreamPass {
  readonly #job: MediaJob;
  readonly #digests: RunningDigests;
  readonly #keepsWhole: boolean;
  readonly #head: Buffer;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #count = 0;

  constructor(job: MediaJob) {
    this.#job = job;
    this.#digests = new RunningDigests(job.algorithms);
    this.#keepsWhole = job.sizeBytes <= MAX_KEPT_BYTES;
    const headBytes = this.#keepsWhole ? job.sizeBytes : EDGE_BYTES;
    this.#head = Buffer.allocUnsafeSlow(job.namedType === null ? 0 : headBytes);
  }

  get count(): number {
    return this.#count;
  }

  /** @param bytes used again by the caller afterwards. */
  add(bytes: Uint8Array): void {
    this.#digests.update(bytes);
    if (this.#count < this.#head.length) {
      this.#head.set(bytes.subarray(0, this.#head.length - this.#count), this.#count);
    }
    if (this.#job.namedType !== null && !this.#keepsWhole) this.#keepTail(Buffer.from(bytes));
    this.#count += bytes.length;
  }

  /** @returns null when there were not as many bytes as there should be. */
  end(): Pass | null {
    if (this.#count !== this.#job.sizeBytes) return null;
    const digests = this.#digests.end();
    if (this.#keepsWhole) {
      return { digests, content: { reader: memoryReader(this.#head), whole: this.#head } };
    }
    const reader = edgeReader(this.#head, Buffer.concat(this.#tail), this.#count);
    return { digests, content: { reader, whole: null } };
  }

  #keepTail(bytes: Buffer): void {
    this.#tail.push(bytes);
    this.#tailBytes += bytes.length;
    while (this.#tailBytes - (this.#tail[0]?.length ?? 0) >= EDGE_BYTES) {
      this.#tailBytes -= this.#tail.shift()?.length ?? 0;
    }
  }
}
