import type { Digests } from '../model/asset.ts';
import type { FoundMedia } from './find-media.ts';

/** What is to be done with the bytes of one file. */
export interface MediaJob {
  readonly sizeBytes: number;
  readonly algorithms: readonly (keyof Digests)[];
  /** The type the name stands for, when the content is to be looked into; null: digests only. */
  readonly namedType: string | null;
}

/** What the pool says to a worker. The bytes come from a descriptor of this process, or in chunks. */
export type WorkerRequest =
  | { readonly kind: 'file'; readonly job: MediaJob; readonly fd: number }
  | { readonly kind: 'stream'; readonly job: MediaJob }
  /** The buffer is handed over, and comes back as `free`. */
  | { readonly kind: 'chunk'; readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly kind: 'end' };

/** What a worker answers. `digests` comes before the content is looked into, so that they survive its death. */
export type WorkerReply =
  | { readonly kind: 'free'; readonly buffer: ArrayBuffer }
  | { readonly kind: 'digests'; readonly digests: Digests }
  | { readonly kind: 'done'; readonly found: FoundMedia | null }
  /** The bytes could not be read to their end; `errno` such as `EIO`, or `''` when there were too few. */
  | { readonly kind: 'failed'; readonly errno: string };

/** Given to each worker at its start: where it counts the bytes of its present file, for whoever watches. */
export interface WorkerStart {
  readonly counter: SharedArrayBuffer;
}

/** What a job has brought. */
export interface JobResult {
  readonly digests: Digests;
  /** Null when the content was not to be looked into, or when looking into it ended the worker. */
  readonly found: FoundMedia | null;
  /** What kept the content from being looked into, for people; null when nothing did. */
  readonly problem: string | null;
}

/** Bytes that are read, hashed and handed over at once. Measured: less costs time, more costs memory. */
export const CHUNK_BYTES = 1024 * 1024;
